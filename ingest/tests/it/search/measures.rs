//! Numbers made of documents: counts, ratios and percentiles by fields, over windows, against documents that are known.

use super::server::{BASE, Server};
use domain::clock::from_millis;
use domain::ports::MetricSource;
use domain::signal::{Completeness, MetricAnswer};
use domain::{Kind, Labels};
use ingest::SearchMetrics;
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: i64 = 60_000;

fn points(answer: &MetricAnswer, labels: &[(&str, &str)]) -> Vec<f64> {
    let labels: Labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let series = answer.series.iter().find(|s| s.labels == labels);
    series.unwrap_or_else(|| panic!("no {labels:?} in {answer:?}")).points.iter().map(|p| p.value).collect()
}

/// Ten documents a second of `pay` for three minutes, a quarter of them errors in the third; `cart` in the first alone.
async fn filled(server: &Server) -> SearchMetrics {
    let word = || json!({"type": "keyword"});
    let fields = json!({"@timestamp": {"type": "date"}, "level": word(), "took": {"type": "double"}, "service": {"properties": {"name": word()}}});
    let index = server.index("measured", fields).await;
    let mut documents: Vec<Value> = Vec::new();
    for n in 0..1_800i64 {
        let at = BASE + 1 + n * 100;
        let level = if n >= 1_200 && n % 4 == 0 { "error" } else { "info" };
        documents.push(json!({"@timestamp": at, "level": level, "took": (n % 100) + 1, "service": {"name": "pay"}}));
        if n < 600 && n % 10 == 0 {
            documents.push(json!({"@timestamp": at, "level": "info", "service": {"name": "cart"}}));
        }
    }
    server.add(&index, &documents).await;
    SearchMetrics::new(server.source(&index))
}

pub(super) async fn numbers(server: &Server) {
    let source = filled(server).await;
    let ask = async |query: &str| {
        let (from, to) = (from_millis(BASE + MINUTE), from_millis(BASE + 3 * MINUTE));
        let answer = source.range(query, from, to, Duration::from_secs(60)).await.unwrap();
        assert_eq!(answer.completeness, Completeness::Complete, "{query}");
        answer
    };
    let by = "by (service.name as service) over 1m offset 0s";
    let count = ask(&format!("count() {by}")).await;
    assert_eq!(points(&count, &[("service", "pay")]), [600.0, 600.0, 600.0]);
    assert_eq!(points(&count, &[("service", "cart")]), [60.0, 0.0, 0.0], "what falls silent is a zero");
    let all = ask("count() over 2m offset 0s").await;
    assert_eq!(points(&all, &[]), [660.0, 1_260.0, 1_200.0], "windows may overlap");
    let late = ask("count() over 1m offset 1m").await;
    assert_eq!(points(&late, &[]), [0.0, 660.0, 600.0]);
    let share = ask(&format!("ratio(level:(error OR fatal)) {by} where took:[1 TO 1000]")).await;
    assert_eq!(points(&share, &[("service", "pay")]), [0.0, 0.0, 0.25]);
    let two = ask("count() by (service.name as service, level) over 1m offset 0s").await;
    assert_eq!(points(&two, &[("service", "pay"), ("level", "error")]), [0.0, 0.0, 150.0]);
    let p = points(&ask(&format!("percentile(took, 90) {by}")).await, &[("service", "pay")]);
    assert!(p.iter().all(|v| (85.0..=95.0).contains(v)), "{p:?}");
    let max = ask(&format!("max(took) {by} top 1")).await;
    assert_eq!((max.series.len(), points(&max, &[("service", "pay")])), (1, vec![100.0; 3]), "the largest group alone");
    let kinds = ask("cardinality(level) over 1m offset 0s").await;
    assert_eq!(points(&kinds, &[]), [1.0, 1.0, 2.0]);
    // One value and a row of the same time are the same, as verification needs it.
    let instant = source.instant(&format!("count() {by}"), from_millis(BASE + 2 * MINUTE)).await.unwrap();
    assert_eq!(
        (points(&instant, &[("service", "pay")]), instant.series[0].points[0].at_ms),
        (vec![600.0], BASE + 2 * MINUTE)
    );
    // More rows than one search gives.
    let (from, to) = (from_millis(BASE), from_millis(BASE + 3 * MINUTE));
    let fine = source.range("count() over 1s offset 0s", from, to, Duration::from_millis(1_000)).await.unwrap();
    let rows = points(&fine, &[]);
    assert_eq!((rows.len(), rows.iter().sum::<f64>()), (181, 1_860.0));
}

pub(super) async fn nothing(server: &Server) {
    let source = filled(server).await;
    let at = from_millis(BASE + MINUTE);
    let empty = source.instant("avg(took) offset 0s where service.name:cart", at).await.unwrap();
    assert!(points(&empty, &[])[0].is_nan(), "{empty:?}");
    let none = source.instant("ratio(level:error) where service.name:nobody", at).await.unwrap();
    assert!(points(&none, &[])[0].is_nan(), "{none:?}");
    let absent = SearchMetrics::new(server.source(&server.name("absent-*")));
    let answer = absent.instant("count()", at).await.unwrap();
    assert_eq!((answer.series.len(), answer.completeness), (0, Completeness::Complete), "no index: absent, not broken");
    for wrong in ["up", "count() where n:[1 TO", "count() by (missing(x)"] {
        let error = source.instant(wrong, at).await.unwrap_err();
        assert_eq!(error.kind, Kind::Invalid, "{wrong}: {error}");
    }
}
