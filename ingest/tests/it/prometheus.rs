//! Prometheus answers as they go wrong, from a scripted server.

use crate::{secs, spec};
use domain::catalog::{Credentials, SourceKind, SourceSpec};
use domain::ports::MetricSource;
use domain::signal::Completeness;
use domain::{Error, Kind};
use ingest::Prometheus;
use serde_json::{Value, json};
use std::time::Duration;
use wiremock::matchers::{header, method, path};
use wiremock::{Mock, MockServer, Request, ResponseTemplate};

async fn server(template: ResponseTemplate) -> (MockServer, Prometheus) {
    let server = MockServer::start().await;
    Mock::given(wiremock::matchers::any()).respond_with(template).mount(&server).await;
    let source = Prometheus::new(&spec(SourceKind::Prometheus, &server.uri())).unwrap();
    (server, source)
}

async fn error(template: ResponseTemplate) -> Error {
    let (_server, source) = server(template).await;
    source.instant("up", secs(1)).await.unwrap_err()
}

fn vector(result: Value) -> Value {
    json!({"status": "success", "data": {"resultType": "vector", "result": result}})
}

#[tokio::test]
async fn p01_not_a_number_is_no_value_and_the_healthy_series_stays() {
    let values = ["NaN", "+Inf", "-Inf", "0.02"];
    let series: Vec<Value> = values.iter().map(|v| json!({"metric": {"v": v}, "value": [5, v]})).collect();
    let (_server, source) = server(ResponseTemplate::new(200).set_body_json(vector(json!(series)))).await;
    for _ in 0..1_000 {
        let answer = source.instant("errors / requests", secs(5)).await.unwrap();
        let got: Vec<f64> = answer.series.iter().map(|s| s.points[0].value).collect();
        assert!(got[..3].iter().all(|v| v.is_nan()), "{got:?}");
        assert_eq!((got[3], &answer.completeness), (0.02, &Completeness::Complete));
    }
}

#[tokio::test]
async fn p01_histogram_series_are_without_value_and_times_are_repaired() {
    let body = json!({"status": "success", "data": {"resultType": "matrix", "result": [
        {"metric": {"a": "histogram"}, "histograms": [[1, {"count": "4", "sum": "9", "buckets": [[0, "0", "1", "4"]]}]]},
        {"metric": {"a": "healthy"}, "values": [[2, "1"], [2, "0.02"], [1, "3"]]},
    ]}});
    let (_server, source) = server(ResponseTemplate::new(200).set_body_json(body)).await;
    let answer = source.range("x", secs(1), secs(2), Duration::from_secs(1)).await.unwrap();
    let of = |name: &str| answer.series.iter().find(|s| s.labels["a"] == name).unwrap().points.clone();
    assert!(of("histogram").iter().all(|p| p.value.is_nan()));
    let healthy: Vec<(i64, f64)> = of("healthy").iter().map(|p| (p.at_ms, p.value)).collect();
    assert_eq!(healthy, [(1_000, 3.0), (2_000, 0.02)]);
}

/// Answers range queries as Prometheus does: refuses more than 11,000 steps, else one sample a step.
fn strict_range(request: &Request) -> ResponseTemplate {
    let of = |name: &str| {
        request.url.query_pairs().find(|(k, _)| k == name).map(|(_, v)| v.parse::<f64>().unwrap()).unwrap()
    };
    let (start, end, step) = (of("start") as i64, of("end") as i64, of("step") as i64);
    if (end - start) / step > 11_000 {
        let text = "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)";
        return ResponseTemplate::new(400)
            .set_body_json(json!({"status": "error", "errorType": "bad_data", "error": text}));
    }
    let values: Vec<Value> = (0..=(end - start) / step).map(|n| json!([start + n * step, "1"])).collect();
    let result = json!([{"metric": {"__name__": "x"}, "values": values}]);
    ResponseTemplate::new(200)
        .set_body_json(json!({"status": "success", "data": {"resultType": "matrix", "result": result}}))
}

#[tokio::test]
async fn p02_a_long_range_is_split_and_joined() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/query_range")).respond_with(strict_range).mount(&server).await;
    let source = Prometheus::new(&spec(SourceKind::Prometheus, &server.uri())).unwrap();
    let (from, to) = (secs(1_000_000), secs(1_000_000 + 43_199 * 60));
    let answer = source.range("x", from, to, Duration::from_secs(60)).await.unwrap();
    let at: Vec<i64> = answer.series[0].points.iter().map(|p| p.at_ms).collect();
    assert_eq!((answer.series.len(), at.len()), (1, 43_200));
    assert!(at.windows(2).all(|w| w[1] - w[0] == 60_000));
    assert!(server.received_requests().await.unwrap().len() <= 43_200usize.div_ceil(11_000) + 1);
}

#[tokio::test]
async fn p02_an_answer_above_the_cap_is_asked_for_in_halves() {
    let server = MockServer::start().await;
    Mock::given(path("/api/v1/query_range")).respond_with(strict_range).mount(&server).await;
    let source = Prometheus::new(&spec(SourceKind::Prometheus, &server.uri())).unwrap().with_cap(4_096);
    let answer = source.range("x", secs(0), secs(9_999), Duration::from_secs(1)).await.unwrap();
    assert_eq!(answer.series[0].points.len(), 10_000);
    let single = source.with_cap(16).instant("x", secs(1)).await.unwrap_err();
    assert_eq!(single.kind, Kind::Unavailable, "{single}");
}

#[tokio::test]
async fn p03_warnings_are_partial() {
    let mut body = vector(json!([{"metric": {}, "value": [5, "2"]}]));
    body["warnings"] = json!(["store eu-2 unreachable"]);
    let (_server, source) = server(ResponseTemplate::new(200).set_body_json(body)).await;
    let answer = source.instant("count(up == 1)", secs(5)).await.unwrap();
    assert_eq!(answer.completeness, Completeness::Partial("store eu-2 unreachable".to_owned()));
    assert_eq!(answer.series[0].points[0].value, 2.0);
}

#[tokio::test]
async fn p04_an_empty_vector_is_an_empty_answer_and_not_an_error() {
    let (_server, source) = server(ResponseTemplate::new(200).set_body_json(vector(json!([])))).await;
    let answer = source.instant("disk_free", secs(5)).await.unwrap();
    assert_eq!((answer.series.len(), answer.completeness), (0, Completeness::Complete));
}

#[tokio::test]
async fn errors_are_typed_and_name_what_to_do() {
    let json_error = |status, kind: &str| {
        ResponseTemplate::new(status)
            .set_body_json(json!({"status": "error", "errorType": kind, "error": "reason\nhere"}))
    };
    let html =
        ResponseTemplate::new(502).set_body_raw("<html><body><h1>502 Bad Gateway</h1></body></html>", "text/html");
    let login = ResponseTemplate::new(200).set_body_raw("<html>log in</html>", "text/html");
    let moved = ResponseTemplate::new(302).insert_header("location", "https://login.example/secret?next=1");
    for (template, kind, words) in [
        (html, Kind::Unavailable, vec!["502", "Bad Gateway"]),
        (login, Kind::Unavailable, vec!["not as Prometheus does", "log in"]),
        (moved, Kind::Unavailable, vec!["redirects to https://login.example", "url"]),
        (json_error(400, "bad_data"), Kind::Invalid, vec!["reason here", "PromQL"]),
        (json_error(422, "execution"), Kind::Invalid, vec!["reason here"]),
        (json_error(503, "timeout"), Kind::Timeout, vec!["timeout_secs"]),
        (json_error(500, "internal"), Kind::Unavailable, vec!["internal"]),
        (ResponseTemplate::new(401).set_body_string("no"), Kind::Unauthenticated, vec!["credentials"]),
        (ResponseTemplate::new(403), Kind::Forbidden, vec!["right to read"]),
        (ResponseTemplate::new(404).set_body_string("404 page not found"), Kind::Unavailable, vec!["path in url"]),
        (ResponseTemplate::new(429), Kind::TooMany, vec!["slow down"]),
        (ResponseTemplate::new(504), Kind::Timeout, vec!["504"]),
    ] {
        let error = error(template).await;
        assert_eq!(error.kind, kind, "{error}");
        assert!(words.iter().all(|w| error.message.contains(w)), "{error} lacks {words:?}");
        assert!(!error.message.contains('\n') && error.message.starts_with(char::is_lowercase), "{error}");
    }
}

#[tokio::test]
async fn a_slow_source_times_out_and_a_dead_one_is_unavailable() {
    let (server, _) = server(ResponseTemplate::new(200).set_delay(Duration::from_secs(20))).await;
    let slow = SourceSpec { timeout_secs: 1, ..spec(SourceKind::Prometheus, &server.uri()) };
    let error = Prometheus::new(&slow).unwrap().instant("up", secs(1)).await.unwrap_err();
    assert_eq!((error.kind, error.message.contains("within 1 s")), (Kind::Timeout, true), "{error}");
    let dead = Prometheus::new(&spec(SourceKind::Prometheus, "http://127.0.0.1:1")).unwrap();
    for error in [dead.instant("up", secs(1)).await.unwrap_err(), dead.check().await.unwrap_err()] {
        assert_eq!((error.kind, error.message.contains("cannot connect")), (Kind::Unavailable, true), "{error}");
    }
}

#[tokio::test]
async fn credentials_are_sent_and_never_follow_a_redirect() {
    let elsewhere = MockServer::start().await;
    let server = MockServer::start().await;
    Mock::given(header("authorization", "Bearer s3cret"))
        .respond_with(ResponseTemplate::new(307).insert_header("location", elsewhere.uri()))
        .mount(&server)
        .await;
    let mut with = spec(SourceKind::Prometheus, &server.uri());
    with.credentials = Credentials::Bearer { token: "s3cret".to_owned() };
    let source = Prometheus::new(&with).unwrap();
    let error = source.instant("up", secs(1)).await.unwrap_err();
    assert!(error.message.contains("redirects to"), "{error}");
    assert!(elsewhere.received_requests().await.unwrap().is_empty());
    assert!(!format!("{source:?}").contains("s3cret"));
    with.credentials = Credentials::Basic { username: "u".to_owned(), password: "p\u{e4}".to_owned() };
    Prometheus::new(&with).unwrap().instant("up", secs(1)).await.unwrap_err();
    let sent = server.received_requests().await.unwrap();
    assert_eq!(sent.last().unwrap().headers["authorization"], "Basic dTpww6Q=");
}

#[tokio::test]
async fn long_queries_go_by_post_below_a_path() {
    let server = MockServer::start().await;
    let body = vector(json!([]));
    Mock::given(method("POST"))
        .and(path("/prom/api/v1/query"))
        .respond_with(ResponseTemplate::new(200).set_body_json(body))
        .mount(&server)
        .await;
    let source = Prometheus::new(&spec(SourceKind::Prometheus, &format!("{}/prom/", server.uri()))).unwrap();
    source.instant(&format!("up{{job=\"{}\"}}", "x".repeat(4_000)), secs(1)).await.unwrap();
}
