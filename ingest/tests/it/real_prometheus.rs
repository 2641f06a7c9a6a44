//! The Prometheus source against real servers, an old and a new one.

use crate::{real, spec};
use domain::Kind;
use domain::catalog::SourceKind;
use domain::clock::{Clock, SystemClock};
use domain::ports::MetricSource;
use domain::signal::Completeness;
use ingest::Prometheus;
use ingest::discover::{Options, propose};
use std::time::Duration;

/// The real servers that are given.
pub(crate) fn sources(test: &str) -> Vec<Prometheus> {
    ["AIOPS_TEST_PROMETHEUS_URL", "AIOPS_TEST_PROMETHEUS3_URL"]
        .iter()
        .filter_map(|variable| real(test, variable))
        .map(|url| Prometheus::new(&spec(SourceKind::Prometheus, &url)).unwrap())
        .collect()
}

#[tokio::test]
async fn real_prometheus_answers() {
    for source in sources("real_prometheus_answers") {
        let now = SystemClock.now();
        let version = source.check().await.unwrap();
        assert!(version.starts_with("Prometheus"), "{version}");
        let scalar = source.instant("vector(0)/0", now).await.unwrap();
        assert!(scalar.series[0].points[0].value.is_nan());
        let from = now - chrono::TimeDelta::days(30);
        let long = source.range("vector(time())", from, now, Duration::from_secs(60)).await.unwrap();
        let points = &long.series[0].points;
        assert!(
            points.len() >= 43_200 && points.windows(2).all(|w| w[1].at_ms - w[0].at_ms == 60_000),
            "{}",
            points.len()
        );
        assert_eq!(long.completeness, Completeness::Complete);
        let wrong = source.instant("rate(up[", now).await.unwrap_err();
        assert_eq!(wrong.kind, Kind::Invalid, "{wrong}");
        let text = source.instant("\"text\"", now).await.unwrap_err();
        assert!(text.message.contains("string"), "{text}");
    }
}

#[tokio::test]
async fn real_remarks_of_promql_do_not_make_an_answer_partial() {
    for source in sources("real_remarks_of_promql_do_not_make_an_answer_partial") {
        // rate() of a gauge: newer servers remark on it.
        let answer = source.instant("rate(up[5m])", SystemClock.now()).await.unwrap();
        assert_eq!(answer.completeness, Completeness::Complete);
    }
}

#[tokio::test]
async fn real_proposals_are_answered_by_the_server_they_are_made_for() {
    for source in sources("real_proposals_are_answered_by_the_server_they_are_made_for") {
        let now = SystemClock.now();
        let options = Options { source_id: domain::new_id(), now, scrape_interval: None, max_monitors: 60 };
        let proposal = propose(&source, &options).await.unwrap();
        for draft in &proposal.monitors {
            draft.check().unwrap();
            source.instant(&draft.spec.query, now).await.unwrap_or_else(|e| panic!("{}: {e}", draft.spec.query));
        }
        let (monitors, left) = (proposal.monitors.len(), proposal.left_out_total);
        eprintln!("proposed {monitors} monitors, left out {left}, of {} metrics", proposal.metrics_total);
        let metadata = source.metadata().await.unwrap();
        assert!(metadata.iter().any(|m| m.name == "go_goroutines" && m.kind == domain::discovery::MetricType::Gauge));
        assert!(proposal.left_out.iter().any(|l| l.what.starts_with("go_") && l.why.contains("Go runtime")));
        let has_up = !source.instant("up", now).await.unwrap().series.is_empty();
        assert_eq!(proposal.monitors.iter().any(|m| m.spec.query.contains("up")), has_up);
    }
}
