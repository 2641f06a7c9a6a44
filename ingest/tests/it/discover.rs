//! Discovery over a scripted metric source.

use crate::fakes::{Metrics, Range, complete};
use crate::secs;
use domain::catalog::DetectorSpec;
use domain::signal::{MetricAnswer, Point, Series, SignalKind};
use domain::{Id, Labels, Result};
use ingest::discover::{Options, log_monitor, propose};

fn series(labels: &[(&str, &str)]) -> Series {
    let labels: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Series { labels, points: vec![Point { at_ms: 0, value: 1.0 }] }
}

/// A shop of services with OpenTelemetry names, beside a node exporter and a Prometheus without a service label.
fn shop(range: &Range) -> Result<MetricAnswer> {
    let names = [
        "http_server_request_duration_seconds_bucket",
        "http_server_request_duration_seconds_count",
        "http_server_request_duration_seconds_sum",
        "http_requests_total",
        "db_client_connections_usage",
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "cache_hits_total",
        "cache_misses_total",
        "process_open_fds",
        "process_max_fds",
        "node_memory_MemAvailable_bytes",
        "node_memory_MemTotal_bytes",
        "up",
    ];
    let query = range.query.as_str();
    if query.starts_with("count by (__name__)") {
        return complete(names.iter().map(|n| series(&[("__name__", n)])).collect());
    }
    if query == "up[3m]" {
        let mut raw = series(&[("job", "shop")]);
        raw.points = (0..10).map(|n| Point { at_ms: n * 5_000 + n % 3, value: 1.0 }).collect();
        return complete(vec![raw]);
    }
    if query.ends_with("(up)") || query.ends_with("(process_cpu_seconds_total)") {
        return complete(vec![series(&[("job", "shop"), ("service", "checkout")]), series(&[("job", "prometheus")])]);
    }
    if query.ends_with("(process_max_fds)") {
        return complete(vec![series(&[("job", "prometheus")])]);
    }
    if query.ends_with("(process_open_fds)") {
        return complete(vec![series(&[("job", "shop"), ("service", "checkout")]), series(&[("job", "prometheus")])]);
    }
    complete(vec![series(&[("job", "shop"), ("service", "checkout"), ("http_response_status_code", "500")])])
}

fn options(max_monitors: usize) -> Options {
    Options { source_id: Id::from_u128(9), now: secs(1_000), scrape_interval: None, max_monitors }
}

#[tokio::test]
async fn proposes_rate_errors_duration_saturation_and_presence() {
    let proposal = propose(&Metrics(Box::new(shop)), &options(100)).await.unwrap();
    assert_eq!(proposal.scrape_interval_secs, 5);
    let query = |part: &str| {
        let all: Vec<_> = proposal.monitors.iter().filter(|m| m.spec.query.contains(part)).collect();
        assert!(!all.is_empty(), "no monitor asks for {part}");
        all
    };
    for draft in &proposal.monitors {
        draft.check().unwrap();
        assert_eq!((draft.spec.source_id, draft.spec.interval_secs), (Id::from_u128(9), 5));
        assert!(!draft.spec.query.contains('§') && !draft.spec.query.contains("{}"), "{}", draft.spec.query);
    }
    let names: std::collections::BTreeSet<_> = proposal.monitors.iter().map(|m| &m.name).collect();
    assert_eq!(names.len(), proposal.monitors.len());
    for kind in [SignalKind::Latency, SignalKind::Errors, SignalKind::Traffic] {
        let found = query("http_server_request_duration_seconds").into_iter().find(|m| m.spec.signal == kind).unwrap();
        assert_eq!(found.spec.entity_labels, ["service"]);
    }
    assert!(query("histogram_quantile(0.95, sum by (le, service)")[0].spec.query.contains("[20s]"));
    assert!(query("db_client_connections_usage{state=\"used\"}")[0].spec.signal == SignalKind::Saturation);
    let up = query("(up{");
    assert_eq!(up.len(), 2, "those with a service and those with a job alone");
    assert!(up.iter().all(|m| matches!(m.spec.detector, DetectorSpec::Threshold { .. })));
    assert!(
        proposal.monitors.iter().all(|m| !m.spec.query.contains("http_requests_total")),
        "the older counter adds nothing"
    );
    query("1 - node_memory_MemAvailable_bytes");
}

#[tokio::test]
async fn p05_counters_are_watched_as_rates_alone() {
    let proposal = propose(&Metrics(Box::new(shop)), &options(100)).await.unwrap();
    for draft in proposal.monitors {
        let query = draft.spec.query;
        for (at, _) in
            query.match_indices("_total").chain(query.match_indices("_bucket")).chain(query.match_indices("_count"))
        {
            let start = query[..at].rfind('(').unwrap();
            assert!(query[..start].ends_with("rate") || query[..start].ends_with("increase"), "{query}");
        }
    }
}

#[tokio::test]
async fn a_share_is_proposed_only_where_both_of_its_metrics_are() {
    let proposal = propose(&Metrics(Box::new(shop)), &options(100)).await.unwrap();
    let names = |part: &str| -> Vec<_> {
        proposal.monitors.iter().filter(|m| m.name.starts_with(part)).map(|m| m.name.as_str()).collect()
    };
    assert_eq!(names("Open files by"), ["Open files by service", "Open files by job"]);
    assert_eq!(names("Open file share"), ["Open file share by job"], "no limit is known of the services");
}

#[tokio::test]
async fn the_bound_keeps_the_first_and_tells_the_rest() {
    let whole = propose(&Metrics(Box::new(shop)), &options(100)).await.unwrap();
    let few = propose(&Metrics(Box::new(shop)), &options(4)).await.unwrap();
    assert_eq!(few.monitors[..], whole.monitors[..4]);
    let cut = few.left_out.iter().filter(|l| l.why.starts_with("beyond the 4 monitors")).count();
    assert_eq!((cut, few.left_out_total), (whole.monitors.len() - 4, few.left_out.len() as u64));
}

#[test]
fn all_log_lines_are_one_monitor() {
    let draft = log_monitor(Id::from_u128(9), "Logs");
    draft.check().unwrap();
    assert_eq!((draft.spec.detector, draft.spec.signal), (DetectorSpec::Logs, SignalKind::Logs));
}
