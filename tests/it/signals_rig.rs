//! Poller, analyzer and database in this process, over a scripted Prometheus.

use analyzer::engine::{Analyzer, AnalyzerDeps, AnalyzerStats};
use async_trait::async_trait;
use domain::catalog::{Monitor, MonitorSpec, SourceSpec};
use domain::clock::{Clock as _, FixedClock, from_millis};
use domain::identity::Audit;
use domain::incident::Incident;
use domain::ports::{AnalyzerStore as _, Bus, BusReceiver, CatalogStore, StatusStore as _, Topic, Wake, WakeListener};
use domain::resource::Draft;
use domain::signal::Batch;
use domain::status::{Status, StatusOf};
use domain::{Error, Id, Result};
use ingest::poller::plan::Limits;
use ingest::{IngestStats, Poller, PollerConfig, SourceRegistry};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use store::Database;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

pub(crate) const NOW: i64 = 1_800_000_000;
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Sender(mpsc::Sender<Batch>);
#[derive(Debug)]
struct Receiver(mpsc::Receiver<Batch>);

#[async_trait]
impl Bus for Sender {
    async fn send(&self, batch: Batch) -> Result<()> {
        self.0.send(batch).await.map_err(|_| Error::unavailable("closed"))
    }
}

#[async_trait]
impl BusReceiver for Receiver {
    async fn receive(&mut self) -> Option<Batch> {
        self.0.recv().await
    }
}

/// Nobody wakes anybody: the ticks do.
#[derive(Debug)]
struct Silent;

impl Wake for Silent {
    fn wake(&self, _: Topic) {}
    fn listen(&self, _: Topic) -> Box<dyn WakeListener> {
        Box::new(Self)
    }
}

#[async_trait]
impl WakeListener for Silent {
    async fn wait(&mut self, tick: Duration) {
        tokio::time::sleep(tick).await;
    }
}

/// A question as the scripted server gets it: query, first and last row, step, in seconds.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) query: String,
    pub(crate) from: i64,
    pub(crate) to: i64,
    pub(crate) step: i64,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        let url = request.url.query_pairs().into_owned().collect::<Vec<_>>();
        let body = url::form_urlencoded::parse(&request.body).into_owned().collect::<Vec<_>>();
        let all: HashMap<String, String> = url.into_iter().chain(body).collect();
        let number = |name: &str| all.get(name).and_then(|v| v.parse::<f64>().ok()).map_or(0, |v| v as i64);
        let query = all.get("query").cloned().unwrap_or_default();
        let at = number("time");
        let (from, to) = if at > 0 { (at, at) } else { (number("start"), number("end")) };
        Self { query, from, to, step: number("step").max(1) }
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = i64> + use<> {
        let (from, step) = (self.from, self.step);
        (0..=(self.to - self.from) / self.step).map(move |n| from + n * step)
    }

    /// One series with a value a row, as text.
    pub(crate) fn series(&self, labels: &Value, value: impl Fn(i64) -> String) -> Value {
        let values: Vec<Value> = self.rows().map(|at| json!([at, value(at)])).collect();
        json!({"metric": labels, "values": values})
    }
}

pub(crate) fn matrix(result: &Value) -> ResponseTemplate {
    let data = json!({"resultType": "matrix", "result": result});
    ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": data}))
}

pub(crate) fn number(value: u64) -> ResponseTemplate {
    let data = json!({"resultType": "vector", "result": [{"metric": {}, "value": [NOW, value.to_string()]}]});
    ResponseTemplate::new(200).set_body_json(json!({"status": "success", "data": data}))
}

type Script = Arc<Mutex<Box<dyn Fn(&Asked) -> ResponseTemplate + Send>>>;

/// Everything from the scripted server to the database, in this process.
pub(crate) struct Rig {
    pub(crate) server: MockServer,
    script: Script,
    pub(crate) database: Arc<Database>,
    pub(crate) clock: FixedClock,
    source: Id,
    pub(crate) ingest: Arc<IngestStats>,
    pub(crate) analyzer: Arc<AnalyzerStats>,
    stop: CancellationToken,
    tasks: Vec<tokio::task::JoinHandle<()>>,
    pub(crate) dir: tempfile::TempDir,
}

impl Rig {
    pub(crate) async fn start(
        backfill_secs: u64,
        monitors: &[(&str, Value)],
        script: impl Fn(&Asked) -> ResponseTemplate + Send + 'static,
    ) -> Self {
        let script: Script = Arc::new(Mutex::new(Box::new(script)));
        let server = MockServer::start().await;
        let answers = Arc::clone(&script);
        let answer = move |request: &Request| (answers.lock().expect("a script"))(&Asked::of(request));
        Mock::given(wiremock::matchers::any()).respond_with(answer).mount(&server).await;
        let dir = tempfile::tempdir().expect("a folder");
        let url = format!("sqlite://{}?mode=rwc", dir.path().join("a.db").display());
        let database = Arc::new(Database::connect(&url).await.expect("a database"));
        database.migrate().await.expect("a schema");
        let spec: SourceSpec =
            serde_json::from_value(json!({"kind": "prometheus", "url": server.uri(), "timeout_secs": 2}))
                .expect("a source");
        let draft = Draft { name: "scripted".to_owned(), tags: vec![], spec };
        let source = database.create(draft, Audit::new("test", "source.create")).await.expect("stored").id;
        let mut rig = Self {
            server,
            script,
            database,
            clock: FixedClock::at(from_millis(NOW * 1_000 + 1_500)),
            source,
            ingest: Arc::default(),
            analyzer: Arc::default(),
            stop: CancellationToken::new(),
            tasks: Vec::new(),
            dir,
        };
        for (name, more) in monitors {
            rig.monitor(name, more).await;
        }
        rig.run(backfill_secs);
        rig
    }

    pub(crate) async fn monitor(&self, name: &str, more: &Value) -> Monitor {
        let mut spec = json!({
            "source_id": self.source, "query": name, "interval_secs": 1, "signal": "saturation",
            "entity_labels": ["host"], "detector": {"kind": "learned"},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            spec[key] = value.clone();
        }
        let spec: MonitorSpec = serde_json::from_value(spec).expect("a monitor");
        let draft = Draft { name: name.to_owned(), tags: vec![], spec };
        self.database.create(draft, Audit::new("test", "monitor.create")).await.expect("stored")
    }

    /// Starts poller and analyzer; again after [`Rig::kill`].
    pub(crate) fn run(&mut self, backfill_secs: u64) {
        self.stop = CancellationToken::new();
        let (send, receive) = mpsc::channel(64);
        let (database, wake) = (&self.database, Arc::new(Silent));
        let limits = Limits { backfill: Duration::from_secs(backfill_secs), ..Limits::default() };
        let poller = Poller::new(
            Arc::clone(database) as _,
            Arc::new(SourceRegistry::new(Arc::clone(database) as _)),
            Arc::clone(database) as _,
            Arc::clone(database) as _,
            Arc::new(Sender(send)),
            Arc::clone(&wake) as _,
            Arc::new(self.clock.clone()),
            PollerConfig { limits, catalog_tick: Duration::from_millis(200), ..PollerConfig::default() },
        );
        let analyzer = Analyzer::new(AnalyzerDeps {
            store: Arc::clone(database) as _,
            alerts: Arc::clone(database) as _,
            feedback: Arc::clone(database) as _,
            memory: Arc::clone(database) as _,
            monitors: Arc::clone(database) as _,
            wake,
            clock: Arc::new(self.clock.clone()),
            adopt: |_, _| {},
            topology: Arc::default(),
            learning: Arc::default(),
        });
        (self.ingest, self.analyzer) = (poller.counters(), analyzer.stats());
        let (stop, stopping) = (self.stop.clone(), self.stop.clone());
        self.tasks = vec![
            tokio::spawn(poller.run(stop)),
            tokio::spawn(async move { drop(analyzer.run(Box::new(Receiver(receive)), stopping).await) }),
        ];
    }

    /// Ends both without a word, as a kill does.
    pub(crate) async fn kill(&mut self) {
        for task in self.tasks.drain(..) {
            task.abort();
            drop(task.await);
        }
        self.stop.cancel();
    }

    pub(crate) fn say(&self, script: impl Fn(&Asked) -> ResponseTemplate + Send + 'static) {
        *self.script.lock().expect("a script") = Box::new(script);
    }

    pub(crate) async fn until<T>(&self, what: &str, mut probe: impl AsyncFnMut() -> Option<T>) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(found) = probe().await {
                return found;
            }
            assert!(Instant::now() < end, "in vain: {what}; {:?}", self.ingest.snapshot());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Moves the clock on and waits until the analyzer has worked through a batch of each monitor more.
    pub(crate) async fn tick(&self, seconds: i64, batches: u64) {
        let before = self.analyzer.batches.load(Ordering::Relaxed);
        self.clock.advance(chrono::TimeDelta::seconds(seconds));
        self.batches(before + batches).await;
    }

    pub(crate) async fn batches(&self, count: u64) {
        let seen = || self.analyzer.batches.load(Ordering::Relaxed);
        self.until("batches", async || (seen() >= count).then_some(())).await;
    }

    pub(crate) async fn status(&self, monitor: &str, fits: impl Fn(&Status) -> bool) -> Status {
        let all: Vec<Monitor> = self.database.all().await.expect("monitors");
        let id = all.iter().find(|m| m.name == monitor).expect("the monitor").id;
        let asked = async || self.database.status(StatusOf::Monitor, id).await.ok().flatten().filter(|s| fits(s));
        self.until(&format!("a state of {monitor}"), asked).await
    }

    /// The id of the one monitor.
    pub(crate) async fn only_monitor(&self) -> Id {
        let all: Vec<Monitor> = self.database.all().await.expect("monitors");
        assert_eq!(all.len(), 1);
        all[0].id
    }

    pub(crate) async fn incidents(&self) -> Vec<Incident> {
        let since = self.clock.now() - chrono::TimeDelta::days(2);
        self.database.recent_incidents(since).await.expect("incidents")
    }
}
