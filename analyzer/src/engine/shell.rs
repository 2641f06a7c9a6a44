//! The thin loop around the engine: receives batches, reads what it must, commits, wakes the next stage.

use super::Engine;
use crate::cause::Topology;
use domain::catalog::{Monitor, MonitorSpec};
use domain::clock::Clock;
use domain::error::Result;
use domain::ports::{AnalyzerCommit, AnalyzerStore, BusReceiver, CatalogStore, IncidentWrite, Topic, Wake};
use domain::signal::Batch;
use domain::trace::TraceContext;
use fail::fail_point;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span, info_span, warn};

/// Tick for incidents that got well without new rows.
const TICK: Duration = Duration::from_secs(5);

/// What the analyzer needs.
#[derive(Clone)]
pub struct AnalyzerDeps {
    /// Its tables.
    pub store: Arc<dyn AnalyzerStore>,
    /// Monitors.
    pub monitors: Arc<dyn CatalogStore<MonitorSpec>>,
    /// Wakes the healer and the live streams.
    pub wake: Arc<dyn Wake>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Makes a span the child of a batch's span.
    pub adopt: fn(&Span, &TraceContext),
    /// The service graph, as last seen by ingest.
    pub topology: Arc<std::sync::RwLock<Vec<(String, String)>>>,
    /// Monitors whose detectors have not learned yet; written here, read by ingest.
    pub learning: Arc<std::sync::RwLock<std::collections::HashSet<domain::Id>>>,
}

impl std::fmt::Debug for AnalyzerDeps {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AnalyzerDeps").finish_non_exhaustive()
    }
}

/// Counters for the product's own metrics.
#[derive(Debug, Default)]
pub struct AnalyzerStats {
    /// Batches worked through.
    pub batches: AtomicU64,
    /// Rows and lines scored.
    pub rows: AtomicU64,
    /// Anomalies opened.
    pub anomalies: AtomicU64,
    /// Incidents opened.
    pub incidents: AtomicU64,
    /// Questions to the database that failed and were asked again.
    pub retries: AtomicU64,
}

/// The analyzer role.
#[derive(Debug)]
pub struct Analyzer {
    deps: AnalyzerDeps,
    stats: Arc<AnalyzerStats>,
    engine: Engine,
    monitors: HashMap<domain::Id, Monitor>,
    dirty: bool,
}

impl Analyzer {
    /// An analyzer that has not read anything yet.
    #[must_use]
    pub fn new(deps: AnalyzerDeps) -> Self {
        Self { deps, stats: Arc::default(), engine: Engine::default(), monitors: HashMap::new(), dirty: true }
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
        let live = self.patiently(&stop, || self.deps.store.live_anomalies()).await?;
        self.engine = Engine::new(live);
        let mut catalog = self.deps.wake.listen(Topic::Catalog);
        let mut tick = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                () = catalog.wait(Duration::from_secs(10)) => self.dirty = true,
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
        let Some(monitor) = self.monitor(batch.monitor_id).await else { return };
        let span = info_span!("analyzer.batch", monitor = %monitor.name, rows = tracing::field::Empty);
        (self.deps.adopt)(&span, &batch.trace);
        let handled = self.handle(&monitor, &batch, stop).instrument(span).await;
        self.stats.batches.fetch_add(1, Ordering::Relaxed);
        if let Err(error) = handled {
            warn!(%error, monitor = %monitor.name, "batch given up at shutdown; it is read again at the next start");
        }
    }

    async fn handle(&mut self, monitor: &Monitor, batch: &Batch, stop: &CancellationToken) -> Result<()> {
        let now = self.deps.clock.now();
        if !self.engine.knows(monitor) {
            let rows = self.patiently(stop, || self.deps.store.states(monitor.id)).await?;
            self.engine.load(monitor, &rows, now);
        }
        let scored = self.engine.score(monitor, batch, now);
        self.note_learning(monitor.id, scored.learning);
        Span::current().record("rows", scored.rows);
        self.stats.rows.fetch_add(scored.rows, Ordering::Relaxed);
        if scored.changes.is_empty()
            && scored.ongoing.is_empty()
            && scored.points.is_empty()
            && scored.states.is_empty()
        {
            return Ok(());
        }
        let opened = scored.changes.iter().filter(|c| c.anomaly.ended_at.is_none()).count() as u64;
        self.stats.anomalies.fetch_add(opened, Ordering::Relaxed);
        let checkpoint = scored.checkpoint;
        let incidents =
            if scored.changes.is_empty() { Vec::new() } else { self.patiently(stop, || self.recent()).await? };
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

    /// Asks the database until it answers, or until `stop`: the rows were scored, what they led to must not be lost.
    async fn patiently<T, F>(&self, stop: &CancellationToken, ask: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) if stop.is_cancelled() => return Err(error),
                Err(error) => {
                    warn!(%error, cause = ?error.source, "the analyzer waits for the database");
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

    /// Incidents that got well without new rows, and the newest service graph.
    async fn settle(&mut self, stop: &CancellationToken) {
        if let Ok(edges) = self.deps.topology.read() {
            self.engine.set_topology(Topology::new(edges.iter().cloned()));
        }
        let now = self.deps.clock.now();
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

    async fn monitor(&mut self, id: domain::Id) -> Option<Monitor> {
        if self.dirty || !self.monitors.contains_key(&id) {
            match self.deps.monitors.all().await {
                Ok(all) => {
                    self.monitors = all.into_iter().map(|m| (m.id, m)).collect();
                    self.dirty = false;
                }
                Err(error) => warn!(%error, "monitors are those of before"),
            }
        }
        self.monitors.get(&id).cloned()
    }
}
