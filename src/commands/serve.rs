//! `aiops serve`: wires the parts together and runs them until told to stop.

mod watch;

use crate::actions::Actions;
use crate::backtest::Backtests;
use crate::cli::{Given, Role, ServeArgs};
use crate::detection::Detection;
use crate::discovery::Discoveries;
use crate::exporter::Exporter;
use crate::retention::{Retention, RetentionStats};
use crate::settings::Settings;
use crate::{bootstrap, killpoint, known, telemetry, topology, wake};
use anyhow::{Context as _, bail};
use domain::catalog::SourceKind;
use domain::clock::{Clock, SystemClock};
use domain::ports::{KnownSecrets, Sources, Wake};
use healer::runtime::local::{LocalLimits, LocalRuntime};
use healer::{HealerConfig, HealerDeps, Masks, Runtimes};
use ingest::SourceRegistry;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use store::Database;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// What every role shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) database: Arc<Database>,
    pub(crate) blobs: Arc<store::Blobs>,
    pub(crate) logs: Arc<store::LogStore>,
    pub(crate) sources: Arc<dyn Sources>,
    pub(crate) wake: Arc<dyn Wake>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) settings: Arc<Settings>,
}

impl Shared {
    /// Secrets that runs are given.
    fn vault(&self) -> anyhow::Result<Arc<dyn domain::ports::SecretStore>> {
        Ok(Arc::new(self.database.vault().context("the database has no secret key")?))
    }
}

pub(crate) async fn run(mut settings: Settings, args: ServeArgs) -> anyhow::Result<ExitCode> {
    settings.listen = args.listen.unwrap_or(settings.listen);
    settings.data_dir = args.data_dir.clone().unwrap_or(settings.data_dir);
    settings.database_url = args.database_url.clone().unwrap_or(settings.database_url);
    let settings = settings.checked()?;
    let postgres = settings.database_url.starts_with("postgres");
    let parts = Parts::of(&args.roles, postgres)?;
    check_given(&args.given)?;
    let telemetry = telemetry::start(settings.log_json)?;
    killpoint::arm();
    let database = Arc::new(super::open(&settings).await?);
    let blobs = Arc::new(file_storage(&settings)?);
    let logs = Arc::new(store::LogStore::new((*database).clone(), Arc::clone(&blobs) as _));
    let stop = CancellationToken::new();
    let wake = wake::start(&settings, &database, &stop)?;
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
    let outcome = roles(&shared, &args, parts, &stop).await;
    database.close().await;
    telemetry.stop().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// The file storage that is set, or a folder beside the database.
fn file_storage(settings: &Settings) -> anyhow::Result<store::Blobs> {
    Ok(match settings.bucket()? {
        Some(bucket) => store::Blobs::bucket(&bucket)?,
        None => store::Blobs::folder(&std::path::absolute(settings.blob_folder())?)?,
    })
}

/// The parts that this process runs.
#[derive(Debug, Clone, Copy)]
struct Parts {
    api: bool,
    detection: bool,
    healer: bool,
}

impl Parts {
    /// The parts of the named roles. Apart they find each other's work in the database, which must be PostgreSQL.
    fn of(roles: &[Role], postgres: bool) -> anyhow::Result<Self> {
        let has = |role| roles.is_empty() || roles.contains(&Role::All) || roles.contains(&role);
        let [api, ingest, analyzer, healer] = [Role::Api, Role::Ingest, Role::Analyzer, Role::Healer].map(has);
        if ingest != analyzer {
            bail!("--role: ingest and analyzer hand samples over in memory; give both to one process");
        }
        if !(postgres || api && ingest && healer) {
            bail!("--role: roles in processes of their own need PostgreSQL; set database_url, or leave --role out");
        }
        Ok(Self { api, detection: ingest, healer })
    }
}

/// Addresses that can never answer are refused before anything is made.
fn check_given(given: &Given) -> anyhow::Result<()> {
    let index = Some(given.index.as_str());
    let wanted =
        [(SourceKind::Prometheus, &given.prometheus, None), (SourceKind::Elasticsearch, &given.elasticsearch, index)];
    for (kind, url, index) in wanted {
        if let Some(url) = url {
            bootstrap::source_draft(kind, "given", url, index)?;
        }
    }
    Ok(())
}

async fn roles(shared: &Shared, args: &ServeArgs, parts: Parts, stop: &CancellationToken) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind(shared.settings.listen)
        .await
        .with_context(|| format!("listen: cannot use {}; another program may have it", shared.settings.listen))?;
    bootstrap::local_manager(&*shared.database).await?;
    tell_setup(shared).await?;
    let edges = topology::Edges::default();
    let detection = Detection::new(shared, Arc::clone(&edges));
    let known = known_secrets(shared)?;
    let masks = Masks::new(known.known_secrets().await?);
    masks.learn(known::own_passwords(&shared.settings));
    let healer = healer(shared, known, masks)?;
    let removed = Arc::<RetentionStats>::default();
    let exporter = Exporter {
        removed: Arc::clone(&removed),
        ingest: Arc::clone(&detection.ingest),
        analyzer: Arc::clone(&detection.analyzer),
        healer: Arc::clone(&healer.stats),
    };
    let router = api(shared, exporter, healer.runtimes.clone(), stop).await?;
    let mut tasks = JoinSet::new();
    tasks.spawn(until_signal(stop.clone()));
    if parts.detection {
        tasks.spawn(detection.run(stop.clone()));
        tasks.spawn(keeper(shared, edges).run(stop.clone()));
        tasks.spawn(watch::given(shared.clone(), args.given.clone(), stop.clone()));
    }
    if parts.healer {
        tasks.spawn(healer::run(healer, stop.clone()));
        tasks.spawn(retention(shared, removed).run(stop.clone()));
    }
    let server = async {
        if parts.api {
            info!(address = %shared.settings.listen, "aiops serves");
            return api::serve(listener, router, stop.clone()).await;
        }
        info!("aiops works without an API");
        drop(listener);
        stop.cancelled().await;
        Ok(())
    };
    let served = until_something_ends(server, &mut tasks).await;
    stop.cancel();
    drain(tasks, Duration::from_secs(shared.settings.grace_secs)).await;
    served
}

fn keeper(shared: &Shared, edges: topology::Edges) -> topology::Keeper {
    topology::Keeper {
        catalog: Arc::clone(&shared.database) as _,
        sources: Arc::clone(&shared.sources),
        store: Arc::clone(&shared.database) as _,
        changes: Arc::clone(&shared.database) as _,
        clock: Arc::clone(&shared.clock),
        file: shared.settings.topology(),
        every: Duration::from_secs(shared.settings.topology_secs),
        edges,
    }
}

fn retention(shared: &Shared, stats: Arc<RetentionStats>) -> Retention {
    Retention {
        store: Arc::clone(&shared.database) as _,
        blobs: Arc::clone(&shared.blobs) as _,
        clock: Arc::clone(&shared.clock),
        keep: shared.settings.keep(),
        stats,
    }
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
    super::say(
        "secrets are sealed with a key: unless one was given, secret.key in the data folder; keep a copy, apart from backups",
    );
    Ok(())
}

fn write_private(file: &std::path::Path, text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut out = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(file)?;
    writeln!(out, "{text}")
}

/// Every secret that is stored, and what the product itself was started with.
fn known_secrets(shared: &Shared) -> anyhow::Result<Arc<dyn KnownSecrets>> {
    Ok(Arc::new(known::Stored { database: Arc::clone(&shared.database), vault: shared.vault()? }))
}

fn healer(shared: &Shared, known: Arc<dyn KnownSecrets>, masks: Masks) -> anyhow::Result<HealerDeps> {
    // The link of the running image: it stays right when an upgrade replaces the file on disk.
    let supervisor = vec![PathBuf::from("/proc/self/exe"), PathBuf::from("supervise")];
    let runs = std::path::absolute(shared.settings.data_dir.join("runs"))?;
    let runtime = LocalRuntime::new(runs, supervisor, LocalLimits::default()).context("the local runtime")?;
    let database = &shared.database;
    let mut config = HealerConfig::new(format!("aiops@{}", shared.settings.listen));
    config.lease = Duration::from_secs(shared.settings.lease_secs);
    config.observe = Duration::from_secs(shared.settings.observe_secs);
    config.adopt = telemetry::adopt;
    config.masks = masks;
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
        secrets: shared.vault()?,
        known_secrets: known,
        schedules: Arc::clone(database) as _,
        windows: Arc::clone(database) as _,
        managers: Arc::clone(database) as _,
        channels: Arc::clone(database) as _,
        status: Arc::clone(database) as _,
        history: Arc::clone(database) as _,
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

async fn api(
    shared: &Shared,
    exporter: Exporter,
    runtimes: Runtimes,
    stop: &CancellationToken,
) -> anyhow::Result<api::Router> {
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
        schedules: Arc::clone(database) as _,
        windows: Arc::clone(database) as _,
        managers: Arc::clone(database) as _,
        policies: Arc::clone(database) as _,
        channels: Arc::clone(database) as _,
        status: Arc::clone(database) as _,
        health: Arc::clone(database) as _,
        try_manager: Arc::new(healer::Tries(runtimes)),
        incidents: Arc::clone(database) as _,
        alerts: Arc::clone(database) as _,
        feedback: Arc::clone(database) as _,
        templates: Arc::clone(database) as _,
        topology: Arc::clone(database) as _,
        changes: Arc::clone(database) as _,
        work: Arc::clone(database) as _,
        heal: Arc::clone(database) as _,
        runs: Arc::clone(database) as _,
        queue: Arc::clone(database) as _,
        logs: Arc::clone(&shared.logs) as _,
        results: Arc::clone(database) as _,
        blobs: Arc::clone(&shared.blobs) as _,
        outbox: Arc::clone(database) as _,
        users: Arc::clone(database) as _,
        api_keys: Arc::clone(database) as _,
        secrets: shared.vault()?,
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
