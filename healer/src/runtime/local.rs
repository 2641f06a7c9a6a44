//! Local runs: each is owned by a small supervisor process that outlives us and records what it observed.
//!
//! A run's folder is `<root>/<run id>.<epoch>/`; making it is the start, so a second start finds it. In it:
//!
//! | file | written by | says |
//! |---|---|---|
//! | `spec.json` (0600) | us | environment, limits |
//! | `script` (0700) | us | the body, line ends normalised |
//! | `supervisor.lock` | supervisor | held (flock) while it lives |
//! | `secrets/` (0700) | us | values of secrets, a file (0600) a variable; removed when the script has ended |
//! | `artifacts/`, `result.json` | the script | what is kept of it beside its output |
//! | `started` | supervisor | written before the script is executed: from here on it may have run |
//! | `log.jsonl` | supervisor | one `LogRecord` a line |
//! | `cancel` | us | stop it; the grace in milliseconds |
//! | `exec_error` | the script's process | why it could not be executed |
//! | `status.json` | supervisor | how it ended; written whole or not at all |
//!
//! Reading them: `status.json` = ended; lock held = running; neither, but `started` = lost; none of them = nothing ran,
//! and starting the same epoch again starts the supervisor in the same folder. A second lock, `<root>/locks/<run id>`, is
//! held by the supervisor over all epochs of a run, and under it a supervisor refuses to start a script that an earlier
//! epoch may have started: a run is never executed twice at once, and with `at_most_once` never twice at all.

mod cgroup;
mod child;
mod collect;
pub(super) mod files;
pub(super) mod log;
mod platform;
pub(super) mod ring;
mod settle;
mod supervise;
mod tree;

pub use files::LocalLimits;
pub(crate) use log::CUT_MARK;
pub use supervise::supervise;

use super::{Handle, LogChunk, LogOffset, PlatformInfo, Progress, Result, Runtime, RuntimeError, StartRequest};
use async_trait::async_trait;
use domain::Id;
use domain::catalog::RuntimeKind;
use files::{Root, RunDir, cookie};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs scripts as processes of this host.
#[derive(Debug, Clone)]
pub struct LocalRuntime {
    root: Root,
    supervisor: Vec<PathBuf>,
    limits: LocalLimits,
    node: String,
}

impl LocalRuntime {
    /// Keeps run folders below `root` (made when absent) and starts supervisors by `supervisor`: program and leading
    /// arguments, to which the run's folder is added, for example `[current_exe, "supervise"]`.
    ///
    /// # Errors
    /// `Unavailable` when the folder cannot be made or written.
    pub fn new(root: impl Into<PathBuf>, supervisor: Vec<PathBuf>, limits: LocalLimits) -> Result<Self> {
        let root = Root::open(root.into())?;
        if supervisor.is_empty() {
            return Err(RuntimeError::Refused("supervisor: name the program that supervises runs".to_owned()));
        }
        let node = root.node()?;
        Ok(Self { root, supervisor, limits, node })
    }

    fn dir(&self, handle: Handle) -> RunDir {
        self.root.run(handle)
    }

    /// Spawns the supervisor; a thread of its own waits for it, so that it never stays a zombie of ours.
    fn spawn(&self, dir: &RunDir) -> Result<()> {
        let Some((program, arguments)) = self.supervisor.split_first() else {
            return Err(RuntimeError::Refused("supervisor: name the program that supervises runs".to_owned()));
        };
        let mut child = Command::new(program)
            .args(arguments)
            .arg(dir.path())
            .env_clear()
            .env("PATH", files::PATH)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::from(dir.supervisor_output()?))
            .current_dir("/")
            .spawn()
            .map_err(|e| RuntimeError::unavailable(format!("cannot start the supervisor {}", program.display()), e))?;
        let waiter = std::thread::Builder::new()
            .name("supervisor-wait".to_owned())
            .stack_size(64 * 1024)
            .spawn(move || child.wait());
        if let Err(e) = waiter {
            tracing::warn!(error = %e, "a supervisor is not waited for; it stays a zombie when it ends");
        }
        Ok(())
    }

    async fn blocking<T: Send + 'static>(&self, work: impl FnOnce(&Self) -> Result<T> + Send + 'static) -> Result<T> {
        let me = self.clone();
        tokio::task::spawn_blocking(move || work(&me))
            .await
            .map_err(|e| RuntimeError::unavailable("a task of the local runtime was stopped", e))?
    }

    fn start_now(&self, request: &StartRequest) -> Result<()> {
        let dir = self.dir(request.handle);
        let text = files::script_text(&request.spec)?;
        dir.create()?;
        if dir.progress()? != Progress::NotStarted {
            return Ok(());
        }
        dir.prepare(request, &text, &self.limits)?;
        self.spawn(&dir)?;
        dir.wait_begun(Duration::from_secs(5))
    }
}

#[async_trait]
impl Runtime for LocalRuntime {
    fn kind(&self) -> RuntimeKind {
        RuntimeKind::Local
    }

    fn node(&self) -> &str {
        &self.node
    }

    async fn start(&self, request: &StartRequest) -> Result<()> {
        let request = request.clone();
        self.blocking(move |me| me.start_now(&request)).await
    }

    async fn known(&self, run_id: Id) -> Result<Vec<i64>> {
        self.blocking(move |me| me.root.epochs(run_id)).await
    }

    async fn progress(&self, handle: Handle) -> Result<Progress> {
        self.blocking(move |me| me.dir(handle).progress()).await
    }

    async fn logs(&self, handle: Handle, from: LogOffset) -> Result<LogChunk> {
        self.blocking(move |me| log::read(&me.dir(handle).log(), from)).await
    }

    async fn collect(&self, handle: Handle, into: &mut crate::results::Harvest) -> Result<()> {
        collect::collect(&self.dir(handle), into).await
    }

    async fn cancel(&self, handle: Handle, grace: Duration) -> Result<()> {
        self.blocking(move |me| me.dir(handle).request_cancel(grace)).await
    }

    async fn reap(&self, handle: Handle) -> Result<()> {
        self.blocking(move |me| {
            let group = me.dir(handle).group();
            tree::kill_by_cookie(&cookie(handle));
            tree::kill_until_gone(|| group.processes(), || {}, Duration::from_secs(5));
            group.remove();
            let dir = me.dir(handle);
            dir.forget_secrets().map_err(|e| RuntimeError::unavailable("cannot remove the values of secrets", e))
        })
        .await
    }

    async fn cleanup(&self, handle: Handle) -> Result<()> {
        self.blocking(move |me| me.dir(handle).remove()).await
    }

    async fn all(&self) -> Result<Vec<Handle>> {
        self.blocking(|me| me.root.all()).await
    }

    async fn health(&self) -> Result<PlatformInfo> {
        self.blocking(|me| {
            me.root.writable()?;
            let running = me.root.all()?.into_iter().filter(|h| me.dir(*h).held()).count();
            Ok(platform::info(&me.node, u32::try_from(running).unwrap_or(u32::MAX)))
        })
        .await
    }
}
