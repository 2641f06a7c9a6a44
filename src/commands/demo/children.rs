//! The demo's processes: started in their own groups, stopped for certain.

use super::client::Product;
use crate::cli::DemoArgs;
use anyhow::{Context as _, bail};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;
use tokio::io::AsyncWriteExt as _;
use tokio::process::{Child, Command};

/// What the demo started, in order.
#[derive(Debug, Default)]
pub(super) struct Children(Vec<(&'static str, Child)>);

impl Children {
    pub(super) fn spawn_shop(&mut self, args: &DemoArgs, dir: &Path) -> anyhow::Result<()> {
        let mut command = Command::new(sibling("testbed")?);
        command
            .args(["up", "--dir"])
            .arg(dir)
            .args(["--redis-url", &args.redis, "--elasticsearch-url", &args.elasticsearch])
            .arg("--prometheus-targets-dir")
            .arg(&args.targets);
        self.spawn("the shop", command, &args.dir.join("shop.log"))
    }

    pub(super) fn spawn_product(&mut self, args: &DemoArgs) -> anyhow::Result<()> {
        let mut command = Command::new("/proc/self/exe");
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(args.dir.join("aiops"))
            .args(["--listen", &args.listen.to_string(), "--discover", "false", "--index", "shop-logs*"])
            .args(["--prometheus", &args.prometheus, "--elasticsearch", &args.elasticsearch])
            // What it learned from: the shop as it is now, and not the faults of yesterday's demo.
            .env("AIOPS_BACKFILL_MINS", "40");
        self.spawn("aiops", command, &args.dir.join("aiops.log"))
    }

    fn spawn(&mut self, name: &'static str, mut command: Command, log: &Path) -> anyhow::Result<()> {
        let log = File::create(log).with_context(|| format!("create {}", log.display()))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("start {name}"))?;
        self.0.push((name, child));
        Ok(())
    }

    /// Fails when one of them has ended.
    pub(super) fn still_running(&mut self) -> anyhow::Result<()> {
        for (name, child) in &mut self.0 {
            if let Some(status) = child.try_wait()? {
                bail!("{name} ended early ({status}); its log says why");
            }
        }
        Ok(())
    }

    /// Creates the admin, so that the demo can log in.
    pub(super) async fn create_admin(&self, dir: &Path, name: &str, password: &str) -> anyhow::Result<()> {
        let mut child = Command::new("/proc/self/exe")
            .args(["user", "add", name, "--role", "admin", "--data-dir"])
            .arg(dir.join("aiops"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .context("create the admin")?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(format!("{password}\n").as_bytes()).await?;
        }
        if !child.wait().await?.success() {
            bail!("the admin could not be created");
        }
        Ok(())
    }

    /// Installs the shop's scripts, cases, monitors and policies in the product.
    pub(super) async fn register(&self, dir: &Path, product: &Product) -> anyhow::Result<()> {
        let output = Command::new(sibling("testbed")?)
            .args(["catalog", "--aiops-url", product.base(), "--dir"])
            .arg(dir.join("shop"))
            .env("AIOPS_TOKEN", product.token())
            .stdin(Stdio::null())
            .output()
            .await
            .context("install the shop's catalog")?;
        if !output.status.success() {
            bail!("the shop's catalog was not installed: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        Ok(())
    }

    /// Stops all, newest first: asks, waits, then kills the group.
    pub(super) async fn stop(&mut self) {
        while let Some((name, mut child)) = self.0.pop() {
            signal(&child, rustix::process::Signal::TERM);
            if tokio::time::timeout(Duration::from_secs(20), child.wait()).await.is_err() {
                super::super::complain(&format!("{name} did not stop; killing it"));
                signal(&child, rustix::process::Signal::KILL);
                if let Err(error) = child.wait().await {
                    super::super::complain(&format!("{name}: {error}"));
                }
            }
        }
    }
}

/// Signals the child's process group; one that has gone already is fine.
fn signal(child: &Child, signal: rustix::process::Signal) {
    let pid = child.id().and_then(|id| i32::try_from(id).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid
        && let Err(error) = rustix::process::kill_process_group(pid, signal)
        && error != rustix::io::Errno::SRCH
    {
        super::super::complain(&format!("signal to process group {}: {error}", pid.as_raw_nonzero()));
    }
}

/// A program beside this one.
fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let path = std::env::current_exe()?.with_file_name(name);
    if !path.exists() {
        bail!("{} is missing; build the whole workspace", path.display());
    }
    Ok(path)
}
