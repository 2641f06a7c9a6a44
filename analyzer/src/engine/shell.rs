//! The thin loop around the engine: receives batches, reads what it must, commits, wakes the next stage.

use super::Engine;
use super::series::FORGET;
use super::stats::AnalyzerStats;
use crate::cause::Topology;
use chrono::TimeDelta;
use domain::anomaly::Anomaly;
use domain::catalog::{Monitor, MonitorSpec};
use domain::clock::Clock;
use domain::error::Result;
use domain::feedback::MEMORY_DAYS;
use domain::ports::{
    AlertQueue, AnalyzerCommit, AnalyzerStore, BusReceiver, CatalogStore, ChangeStore, FeedbackStore, IncidentWrite,
    MemoryStore, Parked, TemplateStore, Topic, Wake,
};
use domain::signal::Batch;
use domain::trace::TraceContext;
use domain::{Error, Kind};
use fail::fail_point;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info_span, warn};

/// Tick for incidents that got well without new rows.
const TICK: Duration = Duration::from_secs(5);
/// Time between sweeps of old memories.
const SWEEP: TimeDelta = TimeDelta::hours(6);
/// Tries of what the database refuses before the batch is parked.
const REFUSALS: u32 = 4;
/// Alerts that are placed in one transaction.
const ALERTS: u32 = 5_000;

/// What the analyzer needs.
#[derive(Clone)]
pub struct AnalyzerDeps {
    /// Its tables.
    pub store: Arc<dyn AnalyzerStore>,
    /// Alerts from outside that wait for their incident, and members that people moved.
    pub alerts: Arc<dyn AlertQueue>,
    /// What was said of anomalies.
    pub feedback: Arc<dyn FeedbackStore>,
    /// Log templates and the rules on them.
    pub templates: Arc<dyn TemplateStore>,
    /// Upkeep of its tables.
    pub memory: Arc<dyn MemoryStore>,
    /// Monitors.
    pub monitors: Arc<dyn CatalogStore<MonitorSpec>>,
    /// Wakes the healer and the live streams.
    pub wake: Arc<dyn Wake>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes a span the child of a batch's span.
    pub adopt: fn(&Span, &TraceContext),
    /// Who depends on whom, as last seen by ingest.
    pub topology: Arc<std::sync::RwLock<Vec<domain::topology::Edge>>>,
    /// What was changed.
    pub changes: Arc<dyn ChangeStore>,
    /// Monitors whose detectors have not learned yet; written here, read by ingest.
    pub learning: Arc<std::sync::RwLock<std::collections::HashSet<domain::Id>>>,
}

impl std::fmt::Debug for AnalyzerDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnalyzerDeps").finish_non_exhaustive()
    }
}

/// The analyzer role.
#[derive(Debug)]
pub struct Analyzer {
    pub(super) deps: AnalyzerDeps,
    stats: Arc<AnalyzerStats>,
    pub(super) engine: Engine,
    monitors: HashMap<domain::Id, Monitor>,
    dirty: bool,
    /// Last move of a member by a person that is known here.
    moved: i64,
    swept: domain::Time,
}

impl Analyzer {
    /// An analyzer that has not read anything yet.
    #[must_use]
    pub fn new(deps: AnalyzerDeps) -> Self {
        let swept = domain::clock::from_millis(0);
        let (engine, monitors) = (Engine::default(), HashMap::new());
        Self { deps, stats: Arc::default(), engine, monitors, dirty: true, moved: 0, swept }
    }

    /// Counts on in these counters, which an earlier one began.
    #[must_use]
    pub fn counting(mut self, stats: Arc<AnalyzerStats>) -> Self {
        self.stats = stats;
        self
    }

    /// Counters, shared.
    #[must_use]
    pub fn stats(&self) -> Arc<AnalyzerStats> {
        Arc::clone(&self.stats)
    }

    /// Works until `stop`, or until the bus closes.
    ///
    /// # Errors
    /// When told to stop before the database answered.
    pub async fn run(mut self, mut bus: Box<dyn BusReceiver>, stop: CancellationToken) -> Result<()> {
        self.moved = self.patiently(&stop, || self.deps.alerts.last_move()).await?;
        let live = self.patiently(&stop, || self.deps.store.live_anomalies()).await?;
        self.engine = Engine::new(live);
        let mut catalog = self.deps.wake.listen(Topic::Catalog);
        let mut told = self.deps.wake.listen(Topic::Alerts);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = catalog.wait(Duration::from_secs(10)) => self.dirty = true,
                () = told.wait(TICK) => self.alerts(&stop).await,
                _ = tick.tick() => self.settle(&stop).await,
                batch = bus.receive() => match batch {
                    Some(batch) => self.take(batch, &stop).await,
                    None => return Ok(()),
                },
            }
        }
    }

    /// Works a batch through; a database that fails is waited for, so no row is skipped.
    async fn take(&mut self, batch: Batch, stop: &CancellationToken) {
        let Some(monitor) = self.monitor(batch.monitor_id, stop).await else { return };
        let span = info_span!("analyzer.batch", monitor = %monitor.name, rows = tracing::field::Empty);
        (self.deps.adopt)(&span, &batch.trace);
        let handled = self.handle(&monitor, &batch, stop).instrument(span).await;
        self.stats.batches.fetch_add(1, Ordering::Relaxed);
        let lag = (self.deps.clock.now() - batch.to).num_milliseconds();
        self.stats.lag_ms.store(u64::try_from(lag).unwrap_or_default(), Ordering::Relaxed);
        match handled {
            Ok(()) => {}
            Err(error) if stop.is_cancelled() => {
                warn!(%error, monitor = %monitor.name, "batch given up at shutdown; it is read again at the next start");
            }
            Err(error) => self.park(&monitor, &batch, &error).await,
        }
    }

    /// The database refused what a batch led to, and will again: it is written down and left, the next one goes on.
    async fn park(&mut self, monitor: &Monitor, batch: &Batch, error: &Error) {
        warn!(%error, cause = ?error.source, monitor = %monitor.name, "batch parked: its results cannot be stored");
        self.stats.parked.fetch_add(1, Ordering::Relaxed);
        let parked = Parked {
            monitor_id: monitor.id,
            at: self.deps.clock.now(),
            from: batch.from,
            to: batch.to,
            reason: error.message.clone(),
        };
        if let Err(error) = self.deps.memory.park(parked).await {
            warn!(%error, "a parked batch is not written down");
        }
        if let Err(error) = self.deps.store.set_checkpoint(monitor.id, batch.to).await {
            warn!(%error, "the parked batch is read again after a restart");
        }
        // What is in memory is not what is stored: with the next batch it is loaded again.
        self.engine.forget(monitor.id);
    }

    /// Loads a monitor's memory; what is closed by it is stored at once.
    async fn load(&mut self, monitor: &Monitor, stop: &CancellationToken) -> Result<()> {
        let now = self.deps.clock.now();
        let rows = self.patiently(stop, || self.deps.store.states(monitor.id)).await?;
        let closed = self.engine.load(monitor, &rows, now);
        self.close(closed, stop).await
    }

    /// Stores anomalies that were closed without a row.
    async fn close(&mut self, closed: Vec<Anomaly>, stop: &CancellationToken) -> Result<()> {
        if closed.is_empty() {
            return Ok(());
        }
        let incidents = self.patiently(stop, || self.recent()).await?;
        let commit = self.engine.closing(closed, &incidents, self.deps.clock.now());
        self.commit(commit, stop).await
    }

    async fn handle(&mut self, monitor: &Monitor, batch: &Batch, stop: &CancellationToken) -> Result<()> {
        let now = self.deps.clock.now();
        if self.engine.missed(monitor, batch) {
            let live = self.patiently(stop, || self.deps.store.live_anomalies()).await?;
            self.engine.forget(monitor.id);
            self.engine.adopt(monitor.id, live);
        }
        if !self.engine.knows(monitor) {
            self.load(monitor, stop).await?;
        }
        let mut scored = self.engine.score(monitor, batch, now);
        self.note_learning(monitor.id, scored.learning);
        Span::current().record("rows", scored.rows);
        self.stats.rows.fetch_add(scored.rows, Ordering::Relaxed);
        if scored.is_empty() {
            return Ok(());
        }
        let opened = scored.changes.iter().filter(|c| c.anomaly.ended_at.is_none()).count() as u64;
        self.stats.anomalies.fetch_add(opened, Ordering::Relaxed);
        let checkpoint = scored.checkpoint;
        self.show(std::mem::take(&mut scored.templates)).await;
        if !scored.changes.is_empty() {
            self.patiently(stop, || self.deps.alerts.moved_since(self.moved)).await.map(|m| self.take_moves(&m))?;
        }
        let incidents =
            if scored.changes.is_empty() { Vec::new() } else { self.patiently(stop, || self.recent()).await? };
        if !scored.changes.is_empty() {
            self.take_changes(&incidents).await;
        }
        let commit = self.engine.correlate(scored, &incidents, batch, now);
        self.commit(commit, stop).await?;
        if let Some(to) = checkpoint {
            self.patiently(stop, || self.deps.store.set_checkpoint(monitor.id, to)).await?;
        }
        Ok(())
    }

    fn note_learning(&self, monitor: domain::Id, learning: Option<bool>) {
        let (Some(learning), Ok(mut set)) = (learning, self.deps.learning.write()) else { return };
        if learning {
            set.insert(monitor);
        } else {
            set.remove(&monitor);
        }
    }

    /// Asks the database until it answers, or until `stop`: the rows were scored, what they led to must not be lost. What
    /// it refuses is tried a few times and then given back.
    async fn patiently<T, F>(&self, stop: &CancellationToken, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let mut refused = 0;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if stop.is_cancelled() => return Err(error),
                Err(error) if !may_pass(&error) && refused == REFUSALS => return Err(error),
                Err(error) => {
                    warn!(%error, cause = ?error.source, "the analyzer waits for the database");
                    refused += u32::from(!may_pass(&error));
                    self.stats.retries.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
    }

    async fn commit(&mut self, commit: AnalyzerCommit, stop: &CancellationToken) -> Result<()> {
        let news = !commit.incidents.is_empty();
        let opened = commit.incidents.iter().filter(|w| matches!(w, IncidentWrite::Open { .. })).count() as u64;
        if news {
            fail_point!("analyzer.before_commit");
        }
        let moved = self.patiently(stop, || self.deps.store.commit(commit.clone())).await?;
        for (from, to) in moved {
            self.engine.redirect(from, to);
        }
        if news {
            fail_point!("analyzer.after_commit");
            self.stats.incidents.fetch_add(opened, Ordering::Relaxed);
            self.deps.wake.wake(Topic::Incidents);
            self.deps.wake.wake(Topic::Outbox);
        }
        Ok(())
    }

    fn take_moves(&mut self, moves: &[domain::ports::Moved]) {
        self.engine.moved(moves);
        self.moved = moves.last().map_or(self.moved, |m| m.seq);
    }

    /// Alerts that wait for their incident. What cannot be placed now is still there at the next wake or tick.
    async fn alerts(&mut self, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            match self.place_some().await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    warn!(%error, "alerts wait for their incident");
                    return;
                }
            }
        }
    }

    /// Whether there may be more to place.
    async fn place_some(&mut self) -> Result<bool> {
        let alerts = self.deps.alerts.unplaced(ALERTS).await?;
        if alerts.is_empty() {
            return Ok(false);
        }
        let moves = self.deps.alerts.moved_since(self.moved).await?;
        self.take_moves(&moves);
        let incidents = self.recent().await?;
        self.take_changes(&incidents).await;
        let now = self.deps.clock.now();
        let (commit, placed) = self.engine.place_alerts(&alerts, &incidents, now);
        let opened = commit.incidents.iter().filter(|w| matches!(w, IncidentWrite::Open { .. })).count() as u64;
        for (from, to) in self.deps.alerts.place(commit, placed).await? {
            self.engine.redirect(from, to);
        }
        self.stats.incidents.fetch_add(opened, Ordering::Relaxed);
        self.deps.wake.wake(Topic::Incidents);
        self.deps.wake.wake(Topic::Outbox);
        Ok(alerts.len() == ALERTS as usize)
    }

    /// Incidents that got well without new rows, and the newest service graph.
    async fn settle(&mut self, stop: &CancellationToken) {
        if let Ok(edges) = self.deps.topology.read() {
            self.engine.set_topology(Topology::of(&edges));
        }
        self.refresh(stop).await;
        let now = self.deps.clock.now();
        match self.deps.alerts.moved_since(self.moved).await {
            Ok(moves) => self.take_moves(&moves),
            Err(_) => return,
        }
        let Ok(incidents) = self.recent().await else { return };
        let commit = self.engine.quiet(&incidents, now);
        if !commit.incidents.is_empty()
            && let Err(error) = self.commit(commit, stop).await
        {
            warn!(%error, "quiet incidents stay open until the next tick");
        }
    }

    async fn recent(&self) -> Result<Vec<domain::incident::Incident>> {
        self.deps.store.recent_incidents(self.deps.clock.now() - crate::correlate::LOOK_BACK).await
    }

    async fn monitor(&mut self, id: domain::Id, stop: &CancellationToken) -> Option<Monitor> {
        if !self.monitors.contains_key(&id) {
            self.dirty = true;
        }
        self.refresh(stop).await;
        self.monitors.get(&id).cloned()
    }

    /// Reads monitors and opinions when they may have changed, and closes what belongs to monitors that are gone.
    async fn refresh(&mut self, stop: &CancellationToken) {
        if !self.dirty {
            return;
        }
        let now = self.deps.clock.now();
        match self.deps.monitors.all().await {
            Ok(all) => self.monitors = all.into_iter().map(|m| (m.id, m)).collect(),
            Err(error) => {
                warn!(%error, "monitors are those of before");
                return;
            }
        }
        self.dirty = false;
        match self.deps.feedback.all_feedback(now - TimeDelta::days(MEMORY_DAYS)).await {
            Ok(said) => self.engine.set_feedback(said),
            Err(error) => warn!(%error, "opinions on anomalies are those of before"),
        }
        self.take_template_rules().await;
        let gone = self.engine.retire(&self.monitors, now);
        if let Err(error) = self.close(gone, stop).await {
            warn!(%error, "anomalies of monitors that are gone could not be closed");
        }
        if now - self.swept > SWEEP {
            self.swept = now;
            if let Err(error) = self.deps.memory.drop_states(now - FORGET).await {
                warn!(%error, "old memories are not dropped");
            }
        }
    }
}

/// Whether the same question may be answered later: the database is away or busy, and not of another mind.
const fn may_pass(error: &Error) -> bool {
    matches!(error.kind, Kind::Unavailable | Kind::Timeout | Kind::TooMany)
}
