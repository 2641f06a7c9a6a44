//! Samples from scripted sources: what is unknown stays unknown, and names stay data.

use super::*;
use crate::sample_values::{anomaly, t};
use async_trait::async_trait;
use domain::catalog::{Comparison, SourceSpec};
use domain::policy::PromCheck;
use domain::ports::{LogSource, MetricSource};
use domain::signal::{Point, Series};
use domain::{Error, Id, Result};
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Debug, Clone)]
struct Scripted(Arc<Mutex<Option<MetricAnswer>>>, Arc<Mutex<Vec<String>>>);

#[async_trait]
impl MetricSource for Scripted {
    async fn instant(&self, query: &str, _: Time) -> Result<MetricAnswer> {
        self.1.lock().expect("lock").push(query.to_owned());
        self.0.lock().expect("lock").clone().ok_or_else(|| Error::unavailable("prometheus does not answer"))
    }
    async fn range(&self, _: &str, _: Time, _: Time, _: Duration) -> Result<MetricAnswer> {
        Err(Error::unavailable("not here"))
    }
    async fn check(&self) -> Result<String> {
        Ok(String::new())
    }
}

#[async_trait]
impl Sources for Scripted {
    async fn metrics(&self, _: Id) -> Result<Arc<dyn MetricSource>> {
        Ok(Arc::new(self.clone()))
    }
    async fn logs(&self, _: Id) -> Result<Arc<dyn LogSource>> {
        Err(Error::unavailable("not here"))
    }
    async fn probe(&self, _: &SourceSpec) -> Result<String> {
        Ok(String::new())
    }
}

struct OneStatus(Option<Status>);

#[async_trait]
impl StatusStore for OneStatus {
    async fn put_status(&self, _: Status) -> Result<()> {
        Ok(())
    }
    async fn status(&self, _: StatusOf, _: Id) -> Result<Option<Status>> {
        Ok(self.0.clone())
    }
    async fn statuses(&self, _: StatusOf) -> Result<Vec<Status>> {
        Ok(vec![])
    }
}

fn answer(rows: &[(&str, f64, i64)]) -> MetricAnswer {
    let series = rows
        .iter()
        .map(|(service, value, at)| Series {
            labels: [("service".to_owned(), (*service).to_owned())].into(),
            points: vec![Point { at_ms: t(*at).timestamp_millis(), value: *value }],
        })
        .collect();
    MetricAnswer { series, completeness: Completeness::Complete }
}

async fn measure(given: Option<MetricAnswer>) -> (CheckSample, CheckSample, Vec<String>) {
    let sources = Scripted(Arc::new(Mutex::new(given)), Arc::default());
    let status = OneStatus(None);
    let sampler = Sampler { sources: &sources, status: &status, now: t(100), not_before: Some(t(90)), fresh_secs: 60 };
    let labels: Labels = [("service".to_owned(), "checkout".to_owned())].into();
    let mut a = anomaly();
    a.recovery = Recovery::Band { source_id: domain::new_id(), query: "q".into(), labels, lower: 0.0, upper: 2.0 };
    let check = PromCheck {
        source_id: domain::new_id(),
        query: "x{service=\"$entity_value\"}".into(),
        op: Comparison::Lt,
        value: 2.0,
    };
    let spec = VerificationSpec { checks: vec![check], ..VerificationSpec::default() };
    let mut round = sampler.round(&spec, "service=check\"out", &[a]).await;
    let asked = sources.1.lock().expect("lock").clone();
    let prom = round.pop().expect("the condition");
    (round.pop().expect("the band"), prom, asked)
}

#[tokio::test]
async fn answers_become_samples() {
    let partial =
        MetricAnswer { completeness: Completeness::Partial("capped".into()), ..answer(&[("checkout", 1.0, 100)]) };
    for (given, band, prom) in [
        (Some(answer(&[("checkout", 1.0, 100)])), Some(true), Some(true)),
        (Some(answer(&[("checkout", 4.0, 100)])), Some(false), Some(false)),
        (Some(answer(&[("checkout", 1.0, 100), ("cart", 9.0, 100)])), Some(true), Some(false)),
        (Some(answer(&[("cart", 1.0, 100)])), None, Some(true)),
        (Some(answer(&[])), None, None),
        (Some(answer(&[("checkout", f64::NAN, 100)])), None, None),
        (Some(answer(&[("checkout", 1.0, 80)])), None, None),
        (Some(partial), None, None),
        (None, None, None),
    ] {
        let (a, b, asked) = measure(given.clone()).await;
        assert_eq!((a.holds, b.holds), (band, prom), "{given:?}");
        assert_eq!(a.holds.is_none(), !a.note.is_empty(), "{a:?}");
        assert_eq!(asked[1], "x{service=\"check\\\"out\"}");
    }
    let (outside, _, _) = measure(Some(answer(&[("checkout", 4.0, 100)]))).await;
    assert_eq!(outside.distance, Some(1.0), "one band's width outside");
}

#[tokio::test]
async fn a_closed_anomaly_counts_only_while_its_monitor_has_fresh_data() {
    let status = |health, ok_at: Option<i64>| Status {
        of: StatusOf::Monitor,
        id: domain::new_id(),
        health,
        message: "m".into(),
        checked_at: t(99),
        ok_at: ok_at.map(t),
        latency_ms: 1,
        details: serde_json::Value::Null,
    };
    for (given, state, expected) in [
        (Some(status(Health::Ok, Some(99))), AnomalyState::Closed, Some(true)),
        (Some(status(Health::Ok, Some(99))), AnomalyState::Open, Some(false)),
        (Some(status(Health::SourceError, Some(85))), AnomalyState::Closed, None),
        (Some(status(Health::SourceError, Some(20))), AnomalyState::Closed, None),
        (Some(status(Health::NoData, None)), AnomalyState::Closed, None),
        (None, AnomalyState::Closed, None),
    ] {
        let sources = Scripted(Arc::default(), Arc::default());
        let store = OneStatus(given.clone());
        let sampler =
            Sampler { sources: &sources, status: &store, now: t(100), not_before: Some(t(90)), fresh_secs: 60 };
        let a = Anomaly { state, ..anomaly() };
        let round = sampler.round(&VerificationSpec::default(), "service=checkout", &[a]).await;
        assert_eq!(round[0].holds, expected, "{given:?}");
    }
}

#[test]
fn a_name_cannot_leave_its_quotes() {
    for (query, value, expected) in [
        (r#"up{s="$entity_value"}"#, "a", r#"up{s="a"}"#),
        (r#"up{s="$entity_value"}"#, r#"a"} or up{s=""#, r#"up{s="a\"} or up{s=\""}"#),
        (r#"up{s="$entity_value"}"#, "a\\", r#"up{s="a\\"}"#),
        (r#"up{s='$entity_value'}"#, "it's", r#"up{s='it\'s'}"#),
        ("up{s=$entity_value}", "a\"b", r#"up{s="a\"b"}"#),
        (r#"up{s="\"$entity_value"}"#, "x", r#"up{s="\"x"}"#),
        ("up{s=`$entity_value`}", "x", "up{s=`x`}"),
    ] {
        assert_eq!(substitute(query, value).expect("fine"), expected, "{query} with {value}");
    }
    assert!(substitute("up{s=`$entity_value`}", "a`b").is_err());
    assert_eq!(entity_value("service=checkout"), "checkout");
    assert_eq!(entity_value("checkout"), "checkout");
    assert_eq!(entity_value("service=checkout,k8s.zone=b=c"), "checkout");
    assert_eq!(entity_value("service=a, b,c"), "a, b,c", "a comma may be part of the value");
}

#[test]
fn open_ends_are_none_and_a_band_without_width_has_no_infinite_distance() {
    let sample = band("m", t(1), Ok(0.38), f64::MIN, 5e-9);
    assert_eq!(sample.healthy, Some((None, Some(5e-9))));
    assert_eq!((sample.holds, sample.distance), (Some(false), Some(FARTHEST)));
    let near = band("m", t(1), Ok(12.0), 0.0, 10.0);
    assert_eq!(near.distance, Some(0.2));
}
