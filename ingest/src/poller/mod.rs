//! Polls every enabled monitor on its interval and sends what it brought to the analyzer.
//!
//! One task a monitor; a supervisor starts, changes and ends them as the catalog changes. A slow source holds only its
//! own permits. The stored checkpoint is moved by the analyzer after its commit, never here: a crash reads again what
//! was not committed.

mod backfill;
mod fetch;
pub mod judge;
pub mod plan;
mod report;
mod seen;
mod worker;

use crate::telemetry::{IngestStats, StatsSnapshot};
use domain::Id;
use domain::catalog::{DetectorSpec, Monitor, MonitorSpec};
use domain::clock::Clock;
use domain::ports::{AnalyzerStore, Bus, CatalogStore, Sources, StatusStore, Topic, Wake};
use domain::trace::TraceContext;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Gives the context of the current span; the binary supplies it from its tracer.
pub type TraceFn = Arc<dyn Fn() -> TraceContext + Send + Sync>;

/// Tells whether this process polls a monitor; for replicas that share the monitors among them.
pub type OwnsFn = Arc<dyn Fn(Id) -> bool + Send + Sync>;

/// Settings of the poller.
#[derive(Clone)]
pub struct PollerConfig {
    /// Polls at once, over all sources.
    pub max_concurrent: usize,
    /// Polls at once on one source.
    pub per_source: usize,
    /// Time limit of one whole poll, pages and windows included.
    pub poll_timeout: Duration,
    /// How often the catalog is read without a wake.
    pub catalog_tick: Duration,
    /// Bounds of the windows.
    pub limits: plan::Limits,
    /// Log lines in one page.
    pub log_page: u32,
    /// Log lines in one poll at most; the rest follows at once in the next.
    pub log_lines: usize,
    /// Bytes of log messages in one poll at most.
    pub log_bytes: usize,
    /// Log lines remembered against doubles.
    pub log_seen: usize,
    /// Context of the current span.
    pub trace: TraceFn,
    /// Which monitors are polled here.
    pub owns: OwnsFn,
    /// Which monitors are still learning, as the analyzer says.
    pub learning: OwnsFn,
    /// Counters; give the same ones to go on counting with another poller.
    pub stats: Arc<IngestStats>,
}

impl std::fmt::Debug for PollerConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PollerConfig")
            .field("max_concurrent", &self.max_concurrent)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl Default for PollerConfig {
    fn default() -> Self {
        Self {
            max_concurrent: 32,
            per_source: 4,
            poll_timeout: Duration::from_secs(120),
            catalog_tick: Duration::from_secs(5),
            limits: plan::Limits::default(),
            log_page: 1_000,
            log_lines: 20_000,
            log_bytes: 32 << 20,
            log_seen: 200_000,
            trace: Arc::new(TraceContext::random),
            owns: Arc::new(|_| true),
            learning: Arc::new(|_| false),
            stats: Arc::default(),
        }
    }
}

/// Monitors of one source that read history at once; polls of the others go on meanwhile.
const HISTORY_AT_ONCE: usize = 2;

/// What all tasks share.
struct Context {
    sources: Arc<dyn Sources>,
    status: Arc<dyn StatusStore>,
    checkpoint: Arc<dyn AnalyzerStore>,
    bus: Arc<dyn Bus>,
    wake: Arc<dyn Wake>,
    clock: Arc<dyn Clock>,
    config: PollerConfig,
    stats: Arc<IngestStats>,
    all: Semaphore,
    per_source: Mutex<HashMap<Id, Arc<Semaphore>>>,
    /// Whose turn it is to read history, for each source.
    history: Mutex<HashMap<Id, Arc<Semaphore>>>,
    reported: Mutex<HashMap<Id, report::Last>>,
}

impl Context {
    fn permits(&self, source: Id) -> Arc<Semaphore> {
        let mut all = self.per_source.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(source).or_insert_with(|| Arc::new(Semaphore::new(self.config.per_source.max(1)))))
    }

    fn history_turns(&self, source: Id) -> Arc<Semaphore> {
        let mut all = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(source).or_insert_with(|| Arc::new(Semaphore::new(HISTORY_AT_ONCE))))
    }
}

/// The poller; see the module.
pub struct Poller {
    monitors: Arc<dyn CatalogStore<MonitorSpec>>,
    context: Arc<Context>,
}

impl std::fmt::Debug for Poller {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Poller").field("config", &self.context.config).finish_non_exhaustive()
    }
}

/// Whether a monitor asks for log lines instead of samples; what a metric of logs measures is samples too.
#[must_use]
pub fn reads_logs(spec: &MonitorSpec) -> bool {
    spec.detector == DetectorSpec::Logs
}

struct Task {
    version: i64,
    spec: watch::Sender<Arc<Monitor>>,
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

impl Poller {
    /// A poller over these ports; does nothing until [`Poller::run`].
    #[expect(clippy::too_many_arguments, reason = "one argument a port, named at the only place that wires them")]
    #[must_use]
    pub fn new(
        monitors: Arc<dyn CatalogStore<MonitorSpec>>,
        sources: Arc<dyn Sources>,
        status: Arc<dyn StatusStore>,
        checkpoint: Arc<dyn AnalyzerStore>,
        bus: Arc<dyn Bus>,
        wake: Arc<dyn Wake>,
        clock: Arc<dyn Clock>,
        config: PollerConfig,
    ) -> Self {
        let context = Context {
            sources,
            status,
            checkpoint,
            bus,
            wake,
            clock,
            all: Semaphore::new(config.max_concurrent.max(1)),
            stats: Arc::clone(&config.stats),
            config,
            per_source: Mutex::default(),
            history: Mutex::default(),
            reported: Mutex::default(),
        };
        Self { monitors, context: Arc::new(context) }
    }

    /// The counters now.
    #[must_use]
    pub fn stats(&self) -> StatsSnapshot {
        self.context.stats.snapshot()
    }

    /// The counters themselves, for an exporter that outlives [`Poller::run`].
    #[must_use]
    pub fn counters(&self) -> Arc<IngestStats> {
        Arc::clone(&self.context.stats)
    }

    /// Polls until `stop` is cancelled; returns when every task has ended. Polls under way are dropped.
    pub async fn run(self, stop: CancellationToken) {
        let mut tasks: HashMap<Id, Task> = HashMap::new();
        let mut changes = self.context.wake.listen(Topic::Catalog);
        loop {
            match self.monitors.all().await {
                Ok(monitors) => self.adjust(&mut tasks, monitors, &stop),
                Err(error) => {
                    tracing::warn!(error = %error, "monitors cannot be read; polling goes on with those known");
                }
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = changes.wait(self.context.config.catalog_tick) => {}
            }
        }
        for (_, task) in tasks {
            task.stop.cancel();
            if let Err(error) = task.handle.await {
                tracing::error!(error = %error, "a poll task died");
            }
        }
    }

    /// Starts, changes and ends tasks so that they are those of `monitors`.
    fn adjust(&self, tasks: &mut HashMap<Id, Task>, monitors: Vec<Monitor>, stop: &CancellationToken) {
        let wanted: HashMap<Id, Monitor> = monitors
            .into_iter()
            .filter(|m| m.spec.enabled && m.archived_at.is_none() && (self.context.config.owns)(m.id))
            .map(|m| (m.id, m))
            .collect();
        tasks.retain(|id, task| {
            let keep = wanted.contains_key(id) && !task.handle.is_finished();
            if !keep {
                task.stop.cancel();
            }
            keep
        });
        for (id, monitor) in wanted {
            match tasks.get_mut(&id) {
                Some(task) if task.version == monitor.version => {}
                Some(task) => {
                    task.version = monitor.version;
                    task.spec.send_replace(Arc::new(monitor));
                }
                None => {
                    tasks.insert(id, self.start(monitor, stop));
                }
            }
        }
    }

    fn start(&self, monitor: Monitor, stop: &CancellationToken) -> Task {
        let version = monitor.version;
        let (spec, changes) = watch::channel(Arc::new(monitor));
        let stop = stop.child_token();
        let worker = worker::Worker::new(Arc::clone(&self.context), changes, stop.clone());
        Task { version, spec, stop, handle: tokio::spawn(worker.run()) }
    }
}
