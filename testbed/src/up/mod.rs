//! The supervisor: starts services and load, offers the control API, keeps the truth, leaves nothing behind.
mod control;
mod fleet;
mod layout;
mod load;
mod observe;
pub(crate) mod process;
pub(crate) mod proxy;
mod truth;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio_util::sync::CancellationToken;

pub(crate) use control::FaultOrder;
pub(crate) use layout::Handle;
pub(crate) use load::Slo;
pub(crate) use truth::{Action, Injection};

use control::Supervisor;
use fleet::{Backends, Fleet};
use layout::{Layout, Target};
use load::{Ledger, Traffic};

use crate::service::ServiceName;

/// Command line of the supervisor.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct UpArgs {
    /// Folder for data, logs and testbed.json.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Port of the control API on 127.0.0.1; 0 picks a free one.
    #[arg(long, default_value_t = 0)]
    pub(crate) control_port: u16,
    /// PostgreSQL address; without it each service has a SQLite file.
    #[arg(long)]
    pub(crate) database_url: Option<String>,
    /// A shared Redis, reached through a private proxy; without it a private redis-server is started.
    #[arg(long)]
    pub(crate) redis_url: Option<url::Url>,
    /// Elasticsearch that gets the logs; without it they are in files only.
    #[arg(long)]
    pub(crate) elasticsearch_url: Option<url::Url>,
    /// Folder that Prometheus reads scrape targets from (file_sd).
    #[arg(long)]
    pub(crate) prometheus_targets_dir: Option<PathBuf>,
    /// Seed of the traffic.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Mean user requests a second; 0 switches the load off.
    #[arg(long, default_value_t = 8.0)]
    pub(crate) rate: f64,
    /// Length of one compressed day of the traffic, in seconds.
    #[arg(long, default_value_t = 600.0)]
    pub(crate) period_secs: f64,
    /// Bearer token; a random one is made when absent.
    #[arg(long, env = "TESTBED_TOKEN", hide_env_values = true)]
    pub(crate) token: Option<String>,
    /// Stop when standard input ends, so that the testbed never outlives who started it.
    #[arg(long)]
    pub(crate) watch_stdin: bool,
}

/// Runs until SIGTERM or Ctrl-C, then stops everything it started.
pub(crate) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    if args.watch_stdin {
        crate::service::watch_parent(&stop)?;
    }
    let layout = Layout::open(&args.dir)?;
    if let Ok(other) = Handle::read(&args.dir)
        && crate::procfs::command_holds(other.pid, "up")
    {
        bail!("--dir {}: a testbed runs there already (pid {})", args.dir.display(), other.pid);
    }
    let token = args.token.clone().unwrap_or_else(|| uuid::Uuid::new_v4().simple().to_string());
    let backends = Backends {
        database_url: args.database_url.clone(),
        redis_url: args.redis_url.clone(),
        elasticsearch_url: args.elasticsearch_url.clone(),
    };
    let ledger = Arc::new(Ledger::default());
    let fleet = Fleet::new(layout.clone(), backends, token.clone())?;
    let supervisor = Arc::new(Supervisor::new(fleet, Arc::clone(&ledger), token.clone()));
    let served = serve(&args, &layout, &supervisor, ledger, &stop).await;
    stop.cancel();
    supervisor.fleet.stop_all().await?;
    remove(&layout.handle());
    served
}

/// Starts all, serves the control API, and returns at the signal to stop. The caller stops the processes.
async fn serve(
    args: &UpArgs,
    layout: &Layout,
    supervisor: &Arc<Supervisor>,
    ledger: Arc<Ledger>,
    stop: &CancellationToken,
) -> anyhow::Result<()> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.control_port));
    let listener = tokio::net::TcpListener::bind(address).await;
    let listener = listener.with_context(|| format!("--control-port: listen on {address}"))?;
    let control_url = format!("http://{}", listener.local_addr()?);
    tokio::select! {
        started = supervisor.fleet.start_all() => started?,
        stopped = crate::service::wait_for_stop(stop) => return stopped,
    }
    let targets_file = args.prometheus_targets_dir.as_deref().map(|folder| write_targets(folder, supervisor));
    let targets_file = targets_file.transpose()?;
    let handle = Handle {
        control_url: control_url.clone(),
        token: supervisor.token.clone(),
        pid: std::process::id(),
        storefront_url: supervisor.fleet.url("storefront"),
        name: layout.key_prefix(),
        targets_file: targets_file.clone(),
    };
    handle.write(&layout.handle())?;
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(observe::run(Arc::clone(supervisor), stop.clone()));
    if args.rate > 0.0 {
        let traffic = Traffic { rate: args.rate, period_secs: args.period_secs.max(1.0), seed: args.seed };
        tasks.spawn(load::run(handle.storefront_url.parse()?, traffic, ledger, stop.clone()));
    }
    let router = control::router(Arc::clone(supervisor));
    let shutdown = stop.clone().cancelled_owned();
    tasks.spawn(async move { drop(axum::serve(listener, router).with_graceful_shutdown(shutdown).await) });
    crate::say::line(&format!("testbed is up: control {control_url}, shop {}", handle.storefront_url));
    crate::service::wait_for_stop(stop).await?;
    stop.cancel();
    tasks.close();
    drop(tokio::time::timeout(Duration::from_secs(3), tasks.wait()).await);
    if let Some(file) = targets_file {
        remove(&file);
    }
    Ok(())
}

fn write_targets(folder: &Path, supervisor: &Supervisor) -> anyhow::Result<PathBuf> {
    let targets: Vec<Target> = ServiceName::ALL
        .iter()
        .map(|name| Target { service: name.as_str().into(), port: supervisor.fleet.port(name.as_str()) })
        .collect();
    let file = folder.join("shop.json");
    crate::settings::write_json(&file, &layout::targets_json(&targets))?;
    Ok(file)
}

fn remove(file: &Path) {
    if let Err(error) = std::fs::remove_file(file)
        && error.kind() != std::io::ErrorKind::NotFound
    {
        crate::say::warn(&format!("{} could not be removed: {error}", file.display()));
    }
}
