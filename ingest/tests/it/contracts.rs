//! The contracts of the source ports: on real servers where given, and on addresses where nobody listens.

use crate::real_elasticsearch::{Index, document};
use crate::real_prometheus::sources;
use crate::{real, spec};
use domain::catalog::SourceKind;
use domain::clock::{Clock, SystemClock, from_millis};
use domain::ports::LogQuery;
use domain::testing::contracts::signals as contract;
use ingest::{Elasticsearch, Prometheus};

fn query(from_ms: i64, to_ms: i64) -> LogQuery {
    LogQuery { query: String::new(), from: from_millis(from_ms), to: from_millis(to_ms), page_size: 50 }
}

/// An address where nobody listens.
fn nowhere() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

#[tokio::test]
async fn real_metric_sources_keep_the_contract() {
    for source in sources("real_metric_sources_keep_the_contract") {
        let now = SystemClock.now();
        contract::an_instant_is_one_sample_a_series(&source, now).await.unwrap();
        contract::a_range_is_sorted_and_whole(&source, now).await.unwrap();
        contract::wrong_promql_is_invalid(&source, now).await.unwrap();
    }
}

#[tokio::test]
async fn a_metric_source_that_is_not_there_keeps_the_contract() {
    let source = Prometheus::new(&spec(SourceKind::Prometheus, &nowhere())).unwrap();
    contract::a_dead_metric_source_fails(&source, SystemClock.now()).await.unwrap();
}

#[tokio::test]
async fn a_real_log_source_keeps_the_contract() {
    let Some(url) = real("a_real_log_source_keeps_the_contract", "AIOPS_TEST_ELASTICSEARCH_URL") else { return };
    let index = Index::create(&url).await;
    let base = 1_700_000_000_000;
    // Ten lines a millisecond: the smallest page ends between lines of one time.
    index.add(&(0..1_200).map(|n| document(n, from_millis(base + n / 10))).collect::<Vec<_>>()).await;
    let source = index.source();
    contract::pages_hold_every_line_once(&source, &query(base - 1, base + 200), 1_200).await.unwrap();
    // Lines at `from` stay out, lines at `to` come.
    contract::pages_hold_every_line_once(&source, &query(base, base + 20), 200).await.unwrap();
    contract::pages_hold_every_line_once(&source, &query(base + 200, base + 300), 0).await.unwrap();
    contract::a_wrong_log_query_is_invalid(&source, &query(base, base + 20)).await.unwrap();
    index.delete().await;
}

#[tokio::test]
async fn a_log_source_that_is_not_there_keeps_the_contract() {
    let source = Elasticsearch::new(&spec(SourceKind::Elasticsearch, &nowhere())).unwrap();
    contract::a_dead_log_source_fails(&source, &query(0, 1)).await.unwrap();
}
