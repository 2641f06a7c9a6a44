//! Live sources, wakes, and the two ports that the binary implements.

use api::{ManualHeal, RunFactory};
use async_trait::async_trait;
use domain::backtest::{BacktestLimits, BacktestReport};
use domain::catalog::{Case, Language, Monitor, RuntimeManagerSpec, SourceSpec};
use domain::clock::from_millis;
use domain::decision::{Decision, Outcome};
use domain::discovery::{Discovered, LeftOut, Why};
use domain::ports::{
    Backtest, Discovery, LogSource, ManagerTry, MetricSource, Sources, Topic, TryManager, Wake, WakeListener,
};
use domain::run::{Run, RunPurpose, RunSpec};
use domain::signal::{Completeness, MetricAnswer, Point, Series};
use domain::{Error, Id, Kind, Labels, Result, Time, new_id};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Answers every query but those with `((`, which are wrong; `down` queries find no source.
#[derive(Debug)]
pub(crate) struct Prometheus;

fn answer(query: &str) -> Result<MetricAnswer> {
    if query.contains("((") {
        return Err(Error::new(Kind::Invalid, "parse error: unclosed parenthesis"));
    }
    if query.contains("down") {
        return Err(Error::new(Kind::Unauthenticated, "the source wants other credentials"));
    }
    let points = vec![Point { at_ms: 1, value: 2.0 }, Point { at_ms: 2, value: f64::NAN }];
    let series = vec![Series { labels: Labels::from([("a".to_owned(), "b".to_owned())]), points }];
    Ok(MetricAnswer { series, completeness: Completeness::Complete })
}

#[async_trait]
impl MetricSource for Prometheus {
    async fn instant(&self, query: &str, _at: Time) -> Result<MetricAnswer> {
        answer(query)
    }

    async fn range(&self, query: &str, _: Time, _: Time, _: Duration) -> Result<MetricAnswer> {
        answer(query)
    }

    async fn check(&self) -> Result<String> {
        Ok("Prometheus".to_owned())
    }
}

/// Every id is a metric source.
#[derive(Debug)]
pub(crate) struct LiveSources;

#[async_trait]
impl Sources for LiveSources {
    async fn metrics(&self, _id: Id) -> Result<Arc<dyn MetricSource>> {
        Ok(Arc::new(Prometheus))
    }

    async fn logs(&self, _id: Id) -> Result<Arc<dyn LogSource>> {
        Err(Error::unavailable("no log source here"))
    }

    async fn probe(&self, spec: &SourceSpec) -> Result<String> {
        if spec.url.contains("locked") {
            return Err(Error::new(Kind::Unauthenticated, "wrong password: check the credentials"));
        }
        Ok("Prometheus 3.0".to_owned())
    }
}

/// Wakes; every topic wakes every listener.
#[derive(Debug)]
pub(crate) struct Wakes(watch::Sender<u64>);

impl Wakes {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self(watch::channel(0).0))
    }
}

impl Wake for Wakes {
    fn wake(&self, _topic: Topic) {
        self.0.send_modify(|n| *n += 1);
    }

    fn listen(&self, _topic: Topic) -> Box<dyn WakeListener> {
        Box::new(Listener(self.0.subscribe()))
    }
}

#[derive(Debug)]
struct Listener(watch::Receiver<u64>);

#[async_trait]
impl WakeListener for Listener {
    async fn wait(&mut self, tick: Duration) {
        // Tests that hold the clock still poll often.
        let tick = tick.min(Duration::from_millis(20));
        drop(tokio::time::timeout(tick, self.0.changed()).await);
    }
}

/// Says yes to every heal, and makes runs of every case.
#[derive(Debug)]
pub(crate) struct Binary;

#[async_trait]
impl ManualHeal for Binary {
    async fn start(&self, incident: Id, policy: Id, actor: &str) -> Result<Decision> {
        Ok(Decision {
            id: new_id(),
            incident_id: incident,
            policy_id: Some(policy),
            policy_name: "restart".to_owned(),
            at: from_millis(0),
            outcome: Outcome::Run,
            reason: format!("started by {actor}"),
            step: 0,
            gates: Vec::new(),
            run_id: None,
            retry_at: None,
        })
    }
}

/// Docker engines answer unless their address has `down` in it; there is nothing else.
#[async_trait]
impl TryManager for Binary {
    async fn try_manager(&self, _id: Id, name: &str, spec: &RuntimeManagerSpec) -> ManagerTry {
        let endpoint = spec.endpoint.as_deref().unwrap_or("down");
        let ok = !endpoint.contains("down");
        let message = if ok { format!("{name}: Docker 27") } else { format!("{endpoint} refused; start it") };
        let platform = if ok { serde_json::json!({"cpus": 2}) } else { serde_json::Value::Null };
        ManagerTry { ok, message, latency_ms: 7, platform }
    }
}

/// A report without rows; queries with `((` are wrong and `busy` ones too many.
#[async_trait]
impl Backtest for Binary {
    async fn backtest(&self, monitor: Monitor, from: Time, to: Time, _: BacktestLimits) -> Result<BacktestReport> {
        if monitor.spec.query.contains("busy") {
            return Err(Error::new(Kind::TooMany, "other backtests are running"));
        }
        answer(&monitor.spec.query)?;
        Ok(BacktestReport {
            from,
            to,
            step_secs: monitor.spec.interval_secs,
            completeness: "complete".to_owned(),
            message: String::new(),
            rows: 0,
            series_total: 0,
            left_out: 0,
            events_total: 0,
            events: Vec::new(),
            series: Vec::new(),
        })
    }
}

/// Every source holds nothing, but for the first, which is not there.
#[async_trait]
impl Discovery for Binary {
    async fn discover(&self, source: Id) -> Result<Discovered> {
        if source == Id::from_u128(1) {
            return Err(Error::not_found("source"));
        }
        Ok(Discovered {
            monitors: Vec::new(),
            families: Vec::new(),
            scrape_interval_secs: 15,
            metrics_total: 3,
            series_total: 9,
            left_out: vec![LeftOut::new("go_gc", Why::Internal { of: "go".to_owned() }, Some(9))],
            left_out_total: 1,
        })
    }
}

#[async_trait]
impl RunFactory for Binary {
    async fn manual(
        &self,
        case: &Case,
        values: BTreeMap<String, serde_json::Value>,
        target: Option<String>,
        actor: &str,
    ) -> Result<Run> {
        let env = values.into_iter().map(|(k, v)| (k, v.to_string())).collect();
        Ok(Run {
            case_id: case.id,
            case_name: case.name.clone(),
            target: target.unwrap_or_default(),
            ..run(actor, env)
        })
    }
}

/// A queued run.
pub(crate) fn run(actor: &str, env: BTreeMap<String, String>) -> Run {
    let spec = RunSpec { language: Language::Sh, body: "true".to_owned(), env, timeout_secs: 10, ..RunSpec::default() };
    let case = (new_id(), "case".to_owned());
    let run = Run::new(case, RunPurpose::Manual, String::new(), spec, actor.to_owned(), from_millis(0));
    Run { run_key: "key".to_owned(), ..run }
}
