//! Runs one service of the shop: builds its parts, serves, and stops cleanly.
mod admin;
mod cache;
mod catalog;
mod checkout;
mod db;
mod disk;
mod effects;
mod log;
mod metrics;
mod ship;
mod shop;
mod storefront;
mod trace;
mod web;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use serde_json::json;
use tokio_util::sync::CancellationToken;

pub(crate) use admin::{ServiceState, Switch};
pub(crate) use catalog::PRODUCTS;

use crate::settings::Release;
use shop::{Parts, Peers, Shop};

/// Which service a process is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub(crate) enum ServiceName {
    /// Pages; calls the other two.
    Storefront,
    /// Orders; SQL and a data folder.
    Checkout,
    /// Products and stock; SQL and Redis.
    Catalog,
}

impl ServiceName {
    /// Every service.
    pub(crate) const ALL: [Self; 3] = [Self::Catalog, Self::Checkout, Self::Storefront];

    /// The name in labels, logs and URLs.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Storefront => "storefront",
            Self::Checkout => "checkout",
            Self::Catalog => "catalog",
        }
    }
}

/// Command line of one service.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct ServiceArgs {
    /// Which service to be.
    pub(crate) name: ServiceName,
    /// Port on 127.0.0.1.
    #[arg(long)]
    pub(crate) port: u16,
    /// Folder for log, data, flags and the SQLite file.
    #[arg(long)]
    pub(crate) dir: PathBuf,
    /// Name of this instance; the default is SERVICE-1.
    #[arg(long)]
    pub(crate) instance: Option<String>,
    /// Release file to run; the default is the built-in good release.
    #[arg(long)]
    pub(crate) release: Option<PathBuf>,
    /// Database: sqlite:PATH or postgres://...; the default is a SQLite file in the folder.
    #[arg(long, env = "TESTBED_DATABASE_URL", hide_env_values = true)]
    pub(crate) database_url: Option<String>,
    /// Redis of the catalog.
    #[arg(long, env = "TESTBED_REDIS_URL", hide_env_values = true)]
    pub(crate) redis_url: Option<String>,
    /// Prefix of keys in Redis, and name of the schema in PostgreSQL.
    #[arg(long, default_value = "shop")]
    pub(crate) key_prefix: String,
    /// Elasticsearch that gets the logs.
    #[arg(long)]
    pub(crate) elasticsearch_url: Option<url::Url>,
    /// Where checkout is (storefront only).
    #[arg(long)]
    pub(crate) checkout_url: Option<url::Url>,
    /// Where the catalog is (storefront only).
    #[arg(long)]
    pub(crate) catalog_url: Option<url::Url>,
    /// Quota of the data folder in MiB.
    #[arg(long, default_value_t = 64)]
    pub(crate) data_quota_mib: u64,
    /// Bearer token of the admin routes.
    #[arg(long, env = "TESTBED_TOKEN", hide_env_values = true)]
    pub(crate) token: String,
    /// Stop when standard input ends: set by the supervisor, so that no service outlives it.
    #[arg(long)]
    pub(crate) watch_stdin: bool,
}

/// Serves until SIGTERM, Ctrl-C, or the end of the supervisor.
pub(crate) async fn run(args: ServiceArgs) -> anyhow::Result<()> {
    let stop = CancellationToken::new();
    if args.watch_stdin {
        watch_parent(&stop)?;
    }
    let started_at_ms = chrono::Utc::now().timestamp_millis();
    let (shop, shipper) = build(&args, started_at_ms, &stop).await?;
    let background = tokio::spawn(keep_current(Arc::clone(&shop)));
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, args.port));
    let listener = tokio::net::TcpListener::bind(address).await.with_context(|| format!("listen on {address}"))?;
    shop.log.info(&format!("{} {} listens on {address}", shop.service, shop.release.version), json!({}));
    let router = router(args.name, &shop);
    let serving = tokio::spawn({
        let stop = stop.clone();
        async move { axum::serve(listener, router).with_graceful_shutdown(stop.cancelled_owned()).await }
    });
    wait_for_stop(&stop).await?;
    stop.cancel();
    // Requests in flight get a second; a caller that hangs on does not keep the service alive.
    let unfinished = tokio::time::timeout(Duration::from_secs(1), serving).await.is_err();
    shop.log.info("service stopped", json!({"requests_cut": unfinished}));
    if let Some(shipper) = shipper {
        drop(tokio::time::timeout(Duration::from_secs(2), shipper).await);
    }
    background.abort();
    let tracing = shop.tracing.clone();
    tokio::task::spawn_blocking(move || tracing.shutdown()).await?;
    Ok(())
}

fn router(name: ServiceName, shop: &Arc<Shop>) -> Router {
    let routes = match name {
        ServiceName::Storefront => storefront::routes(),
        ServiceName::Checkout => checkout::routes(),
        ServiceName::Catalog => catalog::routes(),
    };
    let observed = axum::middleware::from_fn_with_state(Arc::clone(shop), web::observe);
    routes
        .route_layer(observed)
        .merge(admin::open_routes())
        .merge(admin::token_routes(shop))
        .with_state(Arc::clone(shop))
}

type Shipper = Option<tokio::task::JoinHandle<()>>;

async fn build(args: &ServiceArgs, started_ms: i64, stop: &CancellationToken) -> anyhow::Result<(Arc<Shop>, Shipper)> {
    let service = args.name.as_str().to_owned();
    let instance = args.instance.clone().unwrap_or_else(|| format!("{service}-1"));
    let release = match &args.release {
        Some(path) => Release::read(path)?,
        None => Release::good(),
    };
    let metrics = Arc::new(metrics::Metrics::new(&service, &instance, &release.version, started_ms / 1000)?);
    let (ship, shipper) = match &args.elasticsearch_url {
        Some(url) => {
            let (send, receive) = tokio::sync::mpsc::channel(ship::BUFFER);
            (Some(send), Some(tokio::spawn(ship::run(url.clone(), receive, stop.clone()))))
        }
        None => (None, None),
    };
    let version = release.version.clone();
    let origin = log::Origin { service: service.clone(), instance: instance.clone(), version: version.clone() };
    let log = log::Logger::new(origin, &args.dir.join("logs").join("app.log"), ship, Arc::clone(&metrics))?;
    let data = match args.name {
        ServiceName::Storefront | ServiceName::Catalog => None,
        ServiceName::Checkout => {
            Some(disk::DataFolder::open(&args.dir.join("data"), args.data_quota_mib * 1024 * 1024)?)
        }
    };
    let parts = Parts {
        db: open_database(args, &metrics).await?,
        cache: open_cache(args, &metrics)?,
        data,
        tracing: trace::Tracing::new(&service, &instance, &version)?,
        peers: Peers { checkout: args.checkout_url.clone(), catalog: args.catalog_url.clone() },
        flags_path: args.dir.join("flags.json"),
        token: args.token.clone(),
        service,
        release,
        log,
        metrics,
    };
    let shop = Arc::new(Shop::new(parts, started_ms, stop.clone())?);
    shop.reload_flags()?;
    Ok((shop, shipper))
}

async fn open_database(args: &ServiceArgs, metrics: &Arc<metrics::Metrics>) -> anyhow::Result<Option<db::Db>> {
    if args.name == ServiceName::Storefront {
        return Ok(None);
    }
    let file = args.dir.join("shop.db");
    let url = args.database_url.clone().unwrap_or_else(|| format!("sqlite:{}", file.display()));
    let db = db::Db::open(&url, &args.key_prefix, Arc::clone(metrics)).await?;
    if args.name == ServiceName::Catalog {
        catalog::prepare(&db).await.context("prepare the catalog's tables")?;
    } else {
        checkout::prepare(&db).await.context("prepare checkout's table")?;
    }
    Ok(Some(db))
}

fn open_cache(args: &ServiceArgs, metrics: &Arc<metrics::Metrics>) -> anyhow::Result<Option<cache::Cache>> {
    if args.name != ServiceName::Catalog {
        return Ok(None);
    }
    let url = args.redis_url.as_deref().context("the catalog needs --redis-url")?;
    cache::Cache::open(url, &args.key_prefix, Arc::clone(metrics)).map(Some)
}

/// Keeps flags and the `redis_up` gauge current.
async fn keep_current(shop: Arc<Shop>) {
    let mut round = 0_u64;
    loop {
        match shop.reload_flags() {
            Ok(Some(settings)) => shop.log.warn("runtime configuration changed", json!({"settings": settings})),
            Ok(None) => {}
            Err(error) => shop.log.error(&format!("runtime configuration is not readable: {error:#}"), json!({})),
        }
        if let (Some(cache), 0) = (&shop.cache, round % 4) {
            cache.ping().await;
        }
        round += 1;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}

/// Two guards against outliving the supervisor: the kernel's death signal, and the end of standard input.
pub(crate) fn watch_parent(stop: &CancellationToken) -> anyhow::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
        .context("ask for a signal at the supervisor's death")?;
    let stop = stop.clone();
    std::thread::spawn(move || {
        let mut rest = Vec::new();
        // The supervisor writes nothing: the read ends when the supervisor does.
        drop(std::io::Read::read_to_end(&mut std::io::stdin(), &mut rest));
        stop.cancel();
    });
    Ok(())
}

/// Waits for SIGTERM, Ctrl-C or the token.
pub(crate) async fn wait_for_stop(stop: &CancellationToken) -> anyhow::Result<()> {
    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    tokio::select! {
        _ = terminate.recv() => {}
        done = tokio::signal::ctrl_c() => done?,
        () = stop.cancelled() => {}
    }
    Ok(())
}
