//! `aiops serve`: wires the parts together and runs them until told to stop.

use super::given;
use crate::actions::Actions;
use crate::backtest::Backtests;
use crate::cli::{Role, ServeArgs};
use crate::discovery::Discoveries;
use crate::exporter::Exporter;
use crate::settings::Settings;
use crate::{bootstrap, killpoint, local, telemetry, topology};
use analyzer::engine::{Analyzer, AnalyzerDeps};
use anyhow::{Context as _, bail};
use domain::catalog::{Channel, Source};
use domain::clock::{Clock, SystemClock};
use domain::ports::{BusReceiver, CatalogStore as _, Sources, Wake};
use healer::mask::Masker;
use healer::runtime::local::{LocalLimits, LocalRuntime};
use healer::{HealerConfig, HealerDeps, Runtimes};
use ingest::{Poller, PollerConfig, SourceRegistry};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::Database;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

/// What every role shares.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) database: Arc<Database>,
    blobs: Arc<store::Blobs>,
    logs: Arc<store::LogStore>,
    pub(super) sources: Arc<dyn Sources>,
    pub(super) wake: Arc<dyn Wake>,
    pub(super) clock: Arc<dyn Clock>,
    settings: Arc<Settings>,
}

pub(crate) async fn run(mut settings: Settings, args: ServeArgs) -> anyhow::Result<ExitCode> {
    settings.listen = args.listen.unwrap_or(settings.listen);
    settings.data_dir = args.data_dir.clone().unwrap_or(settings.data_dir);
    settings.database_url = args.database_url.clone().unwrap_or(settings.database_url);
    let settings = settings.checked()?;
    check_roles(&args.roles)?;
    given::check(&args.given)?;
    let telemetry = telemetry::start(settings.log_json)?;
    killpoint::arm();
    let database = Arc::new(super::open(&settings).await?);
    let blobs = Arc::new(file_storage(&settings)?);
    let logs = Arc::new(store::LogStore::new((*database).clone(), Arc::clone(&blobs) as _));
    let wake: Arc<dyn Wake> = Arc::new(local::LocalWake::default());
    let registry = SourceRegistry::new(Arc::clone(&database) as _);
    let shared = Shared {
        database: Arc::clone(&database),
        blobs,
        logs,
        sources: Arc::new(registry),
        wake,
        clock: Arc::new(SystemClock),
        settings: Arc::new(settings),
    };
    let stop = CancellationToken::new();
    let outcome = roles(&shared, &args, &stop).await;
    database.close().await;
    telemetry.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The file storage that is set, or a folder beside the database.
fn file_storage(settings: &Settings) -> anyhow::Result<store::Blobs> {
    Ok(match settings.bucket()? {
        Some(bucket) => store::Blobs::bucket(&bucket)?,
        None => store::Blobs::folder(&std::path::absolute(settings.data_dir.join("files"))?)?,
    })
}

/// One process runs all roles: the bus between them is in memory.
fn check_roles(roles: &[Role]) -> anyhow::Result<()> {
    let all = [Role::Api, Role::Ingest, Role::Analyzer, Role::Healer];
    if roles.is_empty() || roles.contains(&Role::All) || all.iter().all(|r| roles.contains(r)) {
        return Ok(());
    }
    bail!(
        "--role: single roles need PostgreSQL and Redis between the processes; leave --role out to run all roles in one"
    );
}

async fn roles(shared: &Shared, args: &ServeArgs, stop: &CancellationToken) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(shared.settings.listen)
        .await
        .with_context(|| format!("listen: cannot use {}; another program may have it", shared.settings.listen))?;
    bootstrap::local_manager(&*shared.database).await?;
    tell_setup(shared).await?;
    let (bus, receiver) = local::bus();
    let edges = topology::Edges::default();
    let learning = Learning::default();
    let poller = poller(shared, Arc::new(bus), &learning);
    let analyzer = Analyzer::new(AnalyzerDeps {
        store: Arc::clone(&shared.database) as _,
        alerts: Arc::clone(&shared.database) as _,
        feedback: Arc::clone(&shared.database) as _,
        memory: Arc::clone(&shared.database) as _,
        monitors: Arc::clone(&shared.database) as _,
        wake: Arc::clone(&shared.wake),
        clock: Arc::clone(&shared.clock),
        adopt: telemetry::adopt,
        topology: Arc::clone(&edges),
        learning: Arc::clone(&learning),
    });
    let healer = healer(shared, known_secrets(shared).await?)?;
    let exporter =
        Exporter { ingest: poller.counters(), analyzer: analyzer.stats(), healer: Arc::clone(&healer.stats) };
    let router = api(shared, exporter, stop).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(until_signal(stop.clone()));
    let receiver: Box<dyn BusReceiver> = Box::new(receiver);
    let stopping = stop.clone();
    tasks.spawn(async move {
        if let Err(error) = analyzer.run(receiver, stopping).await {
            error!(%error, "the analyzer stopped");
        }
    });
    tasks.spawn(poller.run(stop.clone()));
    tasks.spawn(healer::run(healer, stop.clone()));
    let (catalog, sources, clock) =
        (Arc::clone(&shared.database), Arc::clone(&shared.sources), Arc::clone(&shared.clock));
    tasks.spawn(topology::keep(catalog, sources, clock, edges, stop.clone()));
    tasks.spawn(given::watch(shared.clone(), args.given.clone(), stop.clone()));
    info!(address = %shared.settings.listen, "aiops serves");
    let served = until_something_ends(api::serve(listener, router, stop.clone()), &mut tasks).await;
    stop.cancel();
    drain(tasks, Duration::from_secs(shared.settings.grace_secs)).await;
    served
}

/// Serves until the stop; a role that dies takes the process down, for what is half alive looks alive.
async fn until_something_ends(
    server: impl Future<Output = std::io::Result<()>>,
    tasks: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    tokio::pin!(server);
    loop {
        tokio::select! {
            ended = &mut server => return ended.context("the API stopped"),
            Some(ended) = tasks.join_next() => ended.context("a role died; the process stops so that it is started again")?,
        }
    }
}

/// Waits for the roles; what does not end in time is cut (local runs go on by themselves).
async fn drain(mut tasks: JoinSet<()>, grace: Duration) {
    let all = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(grace, all).await.is_err() {
        warn!(seconds = grace.as_secs(), "some work did not end in time and was cut");
    }
}

/// SIGTERM and Ctrl-C stop orderly; a second one at once.
async fn until_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return;
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        () = stop.cancelled() => return,
    }
    info!("stopping");
    stop.cancel();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        std::process::exit(130);
    });
}

/// At the first start: the one-time token, on standard output and in a file that only we can read.
async fn tell_setup(shared: &Shared) -> anyhow::Result<()> {
    let file = shared.settings.data_dir.join("setup-token");
    let Some(token) = api::setup::ensure_token(&*shared.database, &*shared.clock).await? else {
        match std::fs::remove_file(&file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => warn!(%error, "old setup token not removed"),
            _ => {}
        }
        return Ok(());
    };
    write_private(&file, &token).with_context(|| format!("write {}", file.display()))?;
    super::say(&format!("first start: open http://{}/setup#token={token}", shared.settings.listen));
    super::say("the token works once, for 30 minutes; it is also in the data folder, file setup-token");
    Ok(())
}

fn write_private(file: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    writeln!(out, "{text}")
}

/// Monitors that are still learning.
type Learning = Arc<std::sync::RwLock<std::collections::HashSet<domain::Id>>>;

fn poller(shared: &Shared, bus: Arc<dyn domain::ports::Bus>, learning: &Learning) -> Poller {
    let learning = Arc::clone(learning);
    let backfill = Duration::from_secs(shared.settings.backfill_mins * 60);
    let config = PollerConfig {
        limits: ingest::poller::plan::Limits { backfill, ..Default::default() },
        trace: Arc::new(telemetry::current),
        learning: Arc::new(move |id| learning.read().is_ok_and(|set| set.contains(&id))),
        ..PollerConfig::default()
    };
    Poller::new(
        Arc::clone(&shared.database) as _,
        Arc::clone(&shared.sources),
        Arc::clone(&shared.database) as _,
        Arc::clone(&shared.database) as _,
        bus,
        Arc::clone(&shared.wake),
        Arc::clone(&shared.clock),
        config,
    )
}

/// Secrets that the product keeps itself; they are masked in the logs of runs.
async fn known_secrets(shared: &Shared) -> anyhow::Result<Vec<String>> {
    let sources: Vec<Source> = shared.database.all().await?;
    let channels: Vec<Channel> = shared.database.all().await?;
    let of_sources = sources.into_iter().filter_map(|s| s.spec.credentials.into_secret());
    let of_channels = channels.into_iter().filter_map(|c| c.spec.secret);
    Ok(of_sources.chain(of_channels).filter(|s| s.len() >= 6).collect())
}

fn healer(shared: &Shared, secrets: Vec<String>) -> anyhow::Result<HealerDeps> {
    // The link of the running image: it stays right when an upgrade replaces the file on disk.
    let supervisor = vec![PathBuf::from("/proc/self/exe"), PathBuf::from("supervise")];
    let runs = std::path::absolute(shared.settings.data_dir.join("runs"))?;
    let runtime = LocalRuntime::new(runs, supervisor, LocalLimits::default()).context("the local runtime")?;
    let database = &shared.database;
    let mut config = HealerConfig::new(format!("aiops@{}", shared.settings.listen));
    config.lease = Duration::from_secs(shared.settings.lease_secs);
    config.observe = Duration::from_secs(shared.settings.observe_secs);
    config.adopt = telemetry::adopt;
    config.masker = Masker::new(secrets);
    Ok(HealerDeps {
        heal: Arc::clone(database) as _,
        incidents: Arc::clone(database) as _,
        runs: Arc::clone(database) as _,
        queue: Arc::clone(database) as _,
        logs: Arc::clone(&shared.logs) as _,
        results: Arc::clone(database) as _,
        blobs: Arc::clone(&shared.blobs) as _,
        policies: Arc::clone(database) as _,
        cases: Arc::clone(database) as _,
        scripts: Arc::clone(database) as _,
        versions: Arc::clone(database) as _,
        managers: Arc::clone(database) as _,
        channels: Arc::clone(database) as _,
        status: Arc::clone(database) as _,
        outbox: Arc::clone(database) as _,
        sources: Arc::clone(&shared.sources),
        wake: Arc::clone(&shared.wake),
        clock: Arc::clone(&shared.clock),
        runtimes: Runtimes::new(vec![Arc::new(runtime)]),
        notifiers: vec![Arc::new(healer::notify::Webhook::new(Arc::clone(&shared.clock))?)],
        stats: Arc::default(),
        config,
    })
}

async fn api(shared: &Shared, exporter: Exporter, stop: &CancellationToken) -> anyhow::Result<api::Router> {
    let database = &shared.database;
    let actions = Arc::new(Actions {
        heal: Arc::clone(database) as _,
        policies: Arc::clone(database) as _,
        cases: Arc::clone(database) as _,
        scripts: Arc::clone(database) as _,
        versions: Arc::clone(database) as _,
        wake: Arc::clone(&shared.wake),
        clock: Arc::clone(&shared.clock),
    });
    let deps = api::ApiDeps {
        sources: Arc::clone(database) as _,
        monitors: Arc::clone(database) as _,
        scripts: Arc::clone(database) as _,
        versions: Arc::clone(database) as _,
        cases: Arc::clone(database) as _,
        managers: Arc::clone(database) as _,
        policies: Arc::clone(database) as _,
        channels: Arc::clone(database) as _,
        status: Arc::clone(database) as _,
        incidents: Arc::clone(database) as _,
        alerts: Arc::clone(database) as _,
        feedback: Arc::clone(database) as _,
        work: Arc::clone(database) as _,
        heal: Arc::clone(database) as _,
        runs: Arc::clone(database) as _,
        queue: Arc::clone(database) as _,
        logs: Arc::clone(&shared.logs) as _,
        results: Arc::clone(database) as _,
        blobs: Arc::clone(&shared.blobs) as _,
        outbox: Arc::clone(database) as _,
        users: Arc::clone(database) as _,
        audit: Arc::clone(database) as _,
        live_sources: Arc::clone(&shared.sources),
        discovery: Arc::new(Discoveries(Arc::clone(&shared.sources), Arc::clone(&shared.clock))),
        backtest: Arc::new(Backtests::new(&shared.sources, database, &shared.clock)),
        wake: Arc::clone(&shared.wake),
        clock: Arc::clone(&shared.clock),
        metrics: Arc::new(move || exporter.text()),
        ready: readiness(shared, stop),
        manual_heal: Arc::clone(&actions) as _,
        run_factory: actions,
    };
    let config = api::ApiConfig {
        hsts: shared.settings.hsts,
        trusted_proxies: shared.settings.proxies()?,
        ..api::ApiConfig::default()
    };
    Ok(api::router(deps, config).await?)
}

/// The database answers, and no role is stopping. The answer is kept by a task, so that asking is cheap.
fn readiness(shared: &Shared, stop: &CancellationToken) -> Arc<dyn Fn() -> Vec<(String, bool, String)> + Send + Sync> {
    let answers = Arc::new(AtomicBool::new(true));
    let (database, kept, stopping) = (Arc::clone(&shared.database), Arc::clone(&answers), stop.clone());
    tokio::spawn(async move {
        while !stopping.is_cancelled() {
            kept.store(database.ping().await.is_ok(), Ordering::Relaxed);
            tokio::time::sleep(Duration::from_secs(2)).await;
        }
    });
    let stop = stop.clone();
    Arc::new(move || {
        let database = answers.load(Ordering::Relaxed);
        let running = !stop.is_cancelled();
        let line = |ok: bool, bad: &str| if ok { String::new() } else { bad.to_owned() };
        vec![
            ("database".to_owned(), database, line(database, "does not answer")),
            ("roles".to_owned(), running, line(running, "stopping")),
        ]
    })
}
