//! Opinions on anomalies: what they do is shown, replaced, audited and taken back.

use crate::harness::App;
use axum::http::StatusCode;
use domain::clock::Clock as _;
use domain::ports::CatalogStore as _;
use domain::testing::samples;
use serde_json::json;

#[tokio::test]
async fn an_opinion_lowers_what_is_left_of_the_sensitivity_until_it_is_reset() {
    let app = App::new().await;
    let (operator, editor) = (app.token("operator").await, app.token("editor").await);
    let draft = samples::draft("latency", samples::monitor(domain::new_id()));
    let monitor = app.monitors.create(draft, domain::identity::Audit::new("test", "monitor.create")).await.unwrap();
    let anomaly = domain::anomaly::Anomaly { started_at: app.clock.now(), ..samples::anomaly(monitor.id, None) };
    app.feedback.anomalies.lock().unwrap().push(anomaly.clone());
    let path = format!("/api/v1/anomalies/{}/feedback", anomaly.id);
    let of_monitor = format!("/api/v1/monitors/{}/feedback", monitor.id);
    let said =
        app.send("POST", &path, Some(&operator), Some(json!({"opinion": "noise", "comment": " nightly job "}))).await;
    assert_eq!(said.status, StatusCode::CREATED, "{}", said.text);
    assert_eq!((said.json()["comment"].as_str(), said.json()["by"].as_str()), (Some("nightly job"), Some("operator")));
    let seen = app.send("GET", &of_monitor, Some(&operator), None).await.json();
    assert_eq!((seen["sensitivity"].as_u64(), seen["effects"][0]["steps"].as_f64()), (Some(5), Some(1.5)), "{seen}");
    assert_eq!((seen["effects"][0]["sensitivity"].as_f64(), seen["elsewhere"].as_f64()), (Some(3.5), Some(4.75)));
    app.send("POST", &path, Some(&operator), Some(json!({"opinion": "useful"}))).await;
    let changed = app.send("GET", &path, Some(&operator), None).await.json();
    assert_eq!((changed.as_array().map(Vec::len), changed[0]["opinion"].as_str()), (Some(1), Some("useful")));
    let shown = app.send("GET", &format!("/api/v1/anomalies/{}", anomaly.id), Some(&operator), None).await.json();
    assert_eq!(shown["id"], json!(anomaly.id));
    assert_eq!(app.send("DELETE", &of_monitor, Some(&operator), None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.send("DELETE", &of_monitor, Some(&editor), None).await.status, StatusCode::NO_CONTENT);
    let seen = app.send("GET", &of_monitor, Some(&operator), None).await.json();
    assert_eq!(seen["feedback"], json!([]));
}

#[tokio::test]
async fn wrong_opinions_are_refused_with_the_field() {
    let app = App::new().await;
    let token = app.token("operator").await;
    let path = format!("/api/v1/anomalies/{}/feedback", domain::new_id());
    let unknown = app.send("POST", &path, Some(&token), Some(json!({"opinion": "noise"}))).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND, "{}", unknown.text);
    let long = json!({"opinion": "noise", "comment": "x".repeat(1_001)});
    assert_eq!(app.send("POST", &path, Some(&token), Some(long)).await.field(), "comment");
    let odd = app.send("POST", &path, Some(&token), Some(json!({"opinion": "meh"}))).await;
    assert!(odd.status.is_client_error(), "{}", odd.text);
}
