//! Fakes of the ports that the poller works with.

use async_trait::async_trait;
use domain::anomaly::Anomaly;
use domain::catalog::{MonitorSpec, SourceSpec};
use domain::clock::FixedClock;
use domain::identity::Audit;
use domain::incident::Incident;
use domain::page::{Page, PageRequest};
use domain::ports::{
    AnalyzerCommit, AnalyzerStore, Bus, CatalogStore, LogCursor, LogPage, LogQuery, LogSource, MetricSource, Sources,
    StateRow, StatusStore, Topic, Wake, WakeListener,
};
use domain::resource::{Draft, Resource, ResourceFilter, Spec};
use domain::signal::{Batch, Completeness, LogLevel, LogLine, MetricAnswer, Point, Series};
use domain::status::{Status, StatusOf};
use domain::{Error, Id, Kind, Labels, Result, Time};
use ingest::{Poller, PollerConfig};
use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

fn not_faked<T>() -> Result<T> {
    Err(Error::new(Kind::Internal, "not part of this fake"))
}

#[derive(Default)]
pub(crate) struct Catalog<T>(pub(crate) Mutex<Vec<Resource<T>>>);

#[async_trait]
impl<T: Spec> CatalogStore<T> for Catalog<T> {
    async fn list(&self, _: &ResourceFilter, _: &PageRequest) -> Result<Page<Resource<T>>> {
        not_faked()
    }
    async fn all(&self) -> Result<Vec<Resource<T>>> {
        Ok(self.0.lock().unwrap().clone())
    }
    async fn get(&self, id: Id) -> Result<Resource<T>> {
        self.0.lock().unwrap().iter().find(|r| r.id == id).cloned().ok_or_else(|| Error::not_found(T::KIND))
    }
    async fn by_name(&self, _: &str) -> Result<Option<Resource<T>>> {
        not_faked()
    }
    async fn create(&self, _: Draft<T>, _: Audit) -> Result<Resource<T>> {
        not_faked()
    }
    async fn update(&self, _: Id, _: i64, _: Draft<T>, _: Audit) -> Result<Resource<T>> {
        not_faked()
    }
    async fn archive(&self, _: Id, _: i64, _: Audit) -> Result<Resource<T>> {
        not_faked()
    }
}

#[derive(Default)]
pub(crate) struct Store {
    pub(crate) statuses: Mutex<Vec<Status>>,
    pub(crate) checkpoints: Mutex<HashMap<Id, Time>>,
}

#[async_trait]
impl StatusStore for Store {
    async fn put_status(&self, status: Status) -> Result<()> {
        self.statuses.lock().unwrap().push(status);
        Ok(())
    }
    async fn status(&self, of: StatusOf, id: Id) -> Result<Option<Status>> {
        Ok(self.statuses.lock().unwrap().iter().rfind(|s| s.of == of && s.id == id).cloned())
    }
    async fn statuses(&self, _: StatusOf) -> Result<Vec<Status>> {
        not_faked()
    }
}

#[async_trait]
impl AnalyzerStore for Store {
    async fn commit(&self, _: AnalyzerCommit) -> Result<Vec<(Id, Id)>> {
        not_faked()
    }
    async fn states(&self, _: Id) -> Result<Vec<StateRow>> {
        not_faked()
    }
    async fn live_anomalies(&self) -> Result<Vec<Anomaly>> {
        not_faked()
    }
    async fn recent_incidents(&self, _: Time) -> Result<Vec<Incident>> {
        not_faked()
    }
    async fn checkpoint(&self, monitor_id: Id) -> Result<Option<Time>> {
        Ok(self.checkpoints.lock().unwrap().get(&monitor_id).copied())
    }
    async fn set_checkpoint(&self, monitor_id: Id, to: Time) -> Result<()> {
        self.checkpoints.lock().unwrap().insert(monitor_id, to);
        Ok(())
    }
}

#[derive(Debug)]
struct BusFake(mpsc::UnboundedSender<Batch>);

#[async_trait]
impl Bus for BusFake {
    async fn send(&self, batch: Batch) -> Result<()> {
        self.0.send(batch).map_err(|_| Error::unavailable("bus closed"))
    }
}

#[derive(Debug, Clone)]
pub(crate) struct WakeFake(watch::Sender<u64>);

impl Wake for WakeFake {
    fn wake(&self, topic: Topic) {
        if topic == Topic::Catalog {
            self.0.send_modify(|n| *n += 1);
        }
    }
    fn listen(&self, _: Topic) -> Box<dyn WakeListener> {
        Box::new(Listener(self.0.subscribe()))
    }
}

#[derive(Debug)]
struct Listener(watch::Receiver<u64>);

#[async_trait]
impl WakeListener for Listener {
    async fn wait(&mut self, tick: Duration) {
        tokio::time::timeout(tick, self.0.changed()).await.ok();
    }
}

type Answer<Q, A> = Box<dyn Fn(&Q) -> Result<A> + Send + Sync>;

/// One range query as it was asked.
#[derive(Debug, Clone)]
pub(crate) struct Range {
    pub(crate) query: String,
    pub(crate) from: Time,
    pub(crate) to: Time,
    pub(crate) step: Duration,
}

pub(crate) struct Metrics(pub(crate) Answer<Range, MetricAnswer>);

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Metrics")
    }
}

#[async_trait]
impl MetricSource for Metrics {
    async fn instant(&self, query: &str, at: Time) -> Result<MetricAnswer> {
        (self.0)(&Range { query: query.to_owned(), from: at, to: at, step: Duration::ZERO })
    }
    async fn range(&self, query: &str, from: Time, to: Time, step: Duration) -> Result<MetricAnswer> {
        if query == "hang" {
            std::future::pending::<()>().await;
        }
        (self.0)(&Range { query: query.to_owned(), from, to, step })
    }
    async fn check(&self) -> Result<String> {
        not_faked()
    }
}

/// Log pages from a store of lines: exactly those in the window, by time, in pages.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) lines: Mutex<Vec<LogLine>>,
    pub(crate) missing: Mutex<bool>,
}

#[async_trait]
impl LogSource for Logs {
    async fn page(&self, query: &LogQuery, cursor: Option<LogCursor>) -> Result<LogPage> {
        if *self.missing.lock().unwrap() {
            return Err(Error::not_found("no index matches logs-2026.11.25; index"));
        }
        let mut lines: Vec<LogLine> =
            self.lines.lock().unwrap().iter().filter(|l| l.at > query.from && l.at <= query.to).cloned().collect();
        lines.sort_by_key(|l| l.at);
        let start = cursor.map_or(0, |c| usize::try_from(c.0.as_u64().unwrap()).unwrap());
        let end = (start + query.page_size as usize).min(lines.len());
        let next = (end < lines.len()).then(|| LogCursor(end.into()));
        Ok(LogPage { lines: lines[start..end].to_vec(), next, completeness: Completeness::Complete, malformed: 0 })
    }
    async fn check(&self) -> Result<String> {
        not_faked()
    }
}

#[derive(Debug)]
struct SourcesFake {
    metrics: Arc<dyn MetricSource>,
    logs: Arc<dyn LogSource>,
}

#[async_trait]
impl Sources for SourcesFake {
    async fn metrics(&self, _: Id) -> Result<Arc<dyn MetricSource>> {
        Ok(Arc::clone(&self.metrics))
    }
    async fn logs(&self, _: Id) -> Result<Arc<dyn LogSource>> {
        Ok(Arc::clone(&self.logs))
    }
    async fn probe(&self, _: &SourceSpec) -> Result<String> {
        not_faked()
    }
}

/// A running poller over fakes.
pub(crate) struct Rig {
    pub(crate) monitors: Arc<Catalog<MonitorSpec>>,
    pub(crate) store: Arc<Store>,
    pub(crate) wake: WakeFake,
    pub(crate) clock: FixedClock,
    pub(crate) batches: mpsc::UnboundedReceiver<Batch>,
    pub(crate) counters: Arc<ingest::IngestStats>,
    stop: CancellationToken,
    running: tokio::task::JoinHandle<()>,
}

/// A minute of history: one window, and no question for the number of series.
fn short_history() -> ingest::poller::plan::Limits {
    ingest::poller::plan::Limits { backfill: Duration::from_secs(60), ..Default::default() }
}

pub(crate) struct Start {
    pub(crate) monitors: Vec<Resource<MonitorSpec>>,
    pub(crate) metrics: Metrics,
    pub(crate) logs: Arc<Logs>,
    pub(crate) real_logs: Option<Arc<dyn LogSource>>,
    pub(crate) store: Arc<Store>,
    pub(crate) clock: FixedClock,
    pub(crate) config: PollerConfig,
}

impl Start {
    pub(crate) fn new(monitors: Vec<Resource<MonitorSpec>>, now: Time) -> Self {
        Self {
            monitors,
            metrics: Metrics(Box::new(|_| not_faked())),
            logs: Arc::default(),
            real_logs: None,
            store: Arc::default(),
            clock: FixedClock::at(now),
            config: PollerConfig { limits: short_history(), ..PollerConfig::default() },
        }
    }

    pub(crate) fn run(self) -> Rig {
        let (send, batches) = mpsc::unbounded_channel();
        let wake = WakeFake(watch::channel(0).0);
        let monitors = Arc::new(Catalog(Mutex::new(self.monitors)));
        let sources = SourcesFake { metrics: Arc::new(self.metrics), logs: self.real_logs.unwrap_or(self.logs) };
        let poller = Poller::new(
            monitors.clone(),
            Arc::new(sources),
            self.store.clone(),
            self.store.clone(),
            Arc::new(BusFake(send)),
            Arc::new(wake.clone()),
            Arc::new(self.clock.clone()),
            self.config,
        );
        let counters = poller.counters();
        let stop = CancellationToken::new();
        let running = tokio::spawn(poller.run(stop.clone()));
        Rig { monitors, store: self.store, wake, clock: self.clock, batches, counters, stop, running }
    }
}

impl Rig {
    /// The next batch; fails the test when none comes.
    pub(crate) async fn next(&mut self) -> Batch {
        tokio::time::timeout(Duration::from_secs(10), self.batches.recv())
            .await
            .expect("a batch in time")
            .expect("an open bus")
    }

    /// Moves the clock and waits for the batch of the poll that follows.
    pub(crate) async fn after(&mut self, seconds: i64) -> Batch {
        self.clock.advance(chrono::TimeDelta::seconds(seconds));
        self.next().await
    }

    /// The state written last after a batch; written after the batch is sent, so it is waited for.
    pub(crate) async fn status(&self, of: StatusOf, id: Id, fits: impl Fn(&Status) -> bool) -> Status {
        for _ in 0..1_000 {
            if let Some(status) = self.store.status(of, id).await.unwrap().filter(|s| fits(s)) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("no such state; written were {:?}", self.store.statuses.lock().unwrap());
    }

    pub(crate) async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.running)
            .await
            .expect("an end in time")
            .expect("a clean end");
    }
}

pub(crate) fn monitor(name: &str, query: &str, logs: bool) -> Resource<MonitorSpec> {
    let (signal, detector) = if logs { ("logs", "logs") } else { ("latency", "learned") };
    let spec: MonitorSpec = serde_json::from_value(serde_json::json!({
        "source_id": Id::from_u128(7), "query": query, "interval_secs": 1, "signal": signal, "detector": {"kind": detector},
    }))
    .unwrap();
    Draft { name: name.to_owned(), tags: vec![], spec }.into_resource(domain::new_id(), crate::secs(0))
}

/// A constant series over the grid of a range query.
pub(crate) fn constant(range: &Range, name: &str, value: f64) -> Series {
    let step = range.step.as_millis() as i64;
    let rows = (range.to.timestamp_millis() - range.from.timestamp_millis()) / step;
    let points = (0..=rows).map(|n| Point { at_ms: range.from.timestamp_millis() + n * step, value }).collect();
    Series { labels: Labels::from([("service".to_owned(), name.to_owned())]), points }
}

pub(crate) fn complete(series: Vec<Series>) -> Result<MetricAnswer> {
    Ok(MetricAnswer { series, completeness: Completeness::Complete })
}

pub(crate) fn line(id: &str, at: Time) -> LogLine {
    LogLine {
        index: "logs-1".to_owned(),
        id: id.to_owned(),
        at,
        level: LogLevel::Info,
        labels: Labels::new(),
        message: format!("line {id}"),
        trace_id: None,
    }
}
