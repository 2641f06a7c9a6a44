//! Alerts in over HTTP: who may send, what is refused, and that nothing of what is refused is kept.

use crate::harness::{Answer, App, request};
use axum::body::Body;
use axum::http::StatusCode;
use base64::Engine as _;
use domain::Id;
use domain::catalog::{Credentials, SourceKind, SourceSpec};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

const TOKEN: &str = "a-token-of-sixteen-and-more";

fn spec(kind: SourceKind) -> SourceSpec {
    SourceSpec {
        kind,
        url: String::new(),
        credentials: Credentials::None,
        index: None,
        fields: BTreeMap::new(),
        timeout_secs: 10,
        enabled: true,
        webhook: None,
        ca: None,
    }
}

fn body(alerts: &[Value]) -> Value {
    json!({"version": "4", "groupKey": "g", "truncatedAlerts": 2, "status": "firing", "alerts": alerts})
}

fn firing(instance: &str) -> Value {
    json!({"status": "firing", "labels": {"alertname": "Down", "instance": instance}, "annotations": {},
        "startsAt": "2026-01-31T08:00:00Z", "endsAt": "0001-01-01T00:00:00Z", "fingerprint": instance})
}

/// A source that sends, and its token.
async fn sender(app: &App, enabled: bool) -> Id {
    let source = app.sources.put("am", SourceSpec { enabled, ..spec(SourceKind::Alertmanager) });
    let admin = app.token("admin").await;
    let path = format!("/api/v1/sources/{}/webhook-token", source.id);
    let answer = app.send("POST", &path, Some(&admin), Some(json!({"token": TOKEN}))).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    source.id
}

async fn send(app: &App, id: Id, headers: &[(&str, &str)], body: impl Into<Body>) -> Answer {
    let mut sent = request("POST", &format!("/api/v1/webhooks/{id}"), None, headers, None);
    *sent.body_mut() = body.into();
    app.call(sent).await
}

#[tokio::test]
async fn three_ways_to_prove_the_sender_and_no_other() {
    let app = App::new().await;
    let id = sender(&app, true).await;
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("any:{TOKEN}")));
    let bearer = format!("Bearer {TOKEN}");
    let whole = body(&[firing("web-1; touch pwned")]).to_string();
    for headers in [[("authorization", bearer.as_str())], [("authorization", &basic)], [("x-aiops-token", TOKEN)]] {
        let answer = send(&app, id, &headers, whole.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
        assert_eq!((answer.json()["alerts"].clone(), answer.json()["omitted"].clone()), (json!(1), json!(2)));
    }
    let taken = app.alerts.taken.lock().unwrap().clone();
    assert_eq!(taken.len(), 3);
    assert_eq!(taken[0].alerts[0].alert.labels["instance"], "web-1; touch pwned");
    let person = format!("Bearer {}", app.token("admin").await);
    let two: &[(&str, &str)] = &[("authorization", &bearer), ("x-aiops-token", TOKEN)];
    let none: &[(&str, &str)] = &[];
    for wrong in
        [&[("authorization", person.as_str())], &[("x-aiops-token", "no")], &[("authorization", "Basic !")], two, none]
    {
        let answer = send(&app, id, wrong, whole.clone()).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{wrong:?}");
    }
    assert_eq!(send(&app, domain::new_id(), &[("x-aiops-token", TOKEN)], whole).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.alerts.taken.lock().unwrap().len(), 3);
}

#[tokio::test]
async fn what_is_broken_is_refused_and_nothing_is_kept() {
    let app = App::new().await;
    let id = sender(&app, true).await;
    let token = [("x-aiops-token", TOKEN)];
    let whole = body(&[firing("a"), firing("b")]).to_string();
    let broken = body(&[firing("a"), json!({"status": "perhaps", "labels": {}})]).to_string();
    for bad in ["", "{}", "[]", "garbage", "\u{0}", &whole[..whole.len() - 1], &broken] {
        let answer = send(&app, id, &token, bad.to_owned()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{bad:?}: {}", answer.text);
        assert!(!answer.field().is_empty(), "{}", answer.text);
    }
    let large = send(&app, id, &token, vec![b' '; (32 << 20) + 1]).await;
    assert_eq!(large.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(app.alerts.taken.lock().unwrap().is_empty());
    app.alerts.down.store(true, Ordering::Relaxed);
    let later = send(&app, id, &token, whole).await;
    assert_eq!(later.status, StatusCode::SERVICE_UNAVAILABLE, "the sender tries again");
}

#[tokio::test]
async fn a_token_is_set_by_editors_and_taken_away() {
    let app = App::new().await;
    let id = sender(&app, true).await;
    let path = format!("/api/v1/sources/{id}/webhook-token");
    let (viewer, editor) = (app.token("viewer").await, app.token("editor").await);
    assert_eq!(app.send("POST", &path, Some(&viewer), None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.send("POST", &path, Some(&editor), Some(json!({"token": "short"}))).await.field(), "token");
    let made = app.send("POST", &path, Some(&editor), None).await;
    let token = made.json()["token"].as_str().unwrap().to_owned();
    assert!(token.len() > 32 && made.json()["path"].as_str().unwrap().ends_with(&id.to_string()));
    let old = send(&app, id, &[("x-aiops-token", TOKEN)], body(&[]).to_string()).await;
    assert_eq!(old.status, StatusCode::UNAUTHORIZED, "the older one is void");
    assert_eq!(send(&app, id, &[("x-aiops-token", &token)], body(&[]).to_string()).await.status, StatusCode::OK);
    assert_eq!(app.send("DELETE", &path, Some(&editor), None).await.status, StatusCode::NO_CONTENT);
    let gone = send(&app, id, &[("x-aiops-token", &token)], body(&[]).to_string()).await;
    assert_eq!(gone.status, StatusCode::UNAUTHORIZED);
    let asked = app.sources.put("prom", SourceSpec { url: "http://p:9090".to_owned(), ..spec(SourceKind::Prometheus) });
    let path = format!("/api/v1/sources/{}/webhook-token", asked.id);
    assert_eq!(app.send("POST", &path, Some(&editor), None).await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_disabled_source_takes_nothing_and_says_so() {
    let app = App::new().await;
    let id = sender(&app, false).await;
    let answer = send(&app, id, &[("x-aiops-token", TOKEN)], body(&[]).to_string()).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(answer.text.contains("disabled"));
}

#[tokio::test]
async fn alerts_are_listed_with_strict_filters() {
    let app = App::new().await;
    let id = sender(&app, true).await;
    send(&app, id, &[("x-aiops-token", TOKEN)], body(&[firing("a"), firing("b")]).to_string()).await;
    let viewer = app.token("viewer").await;
    let list = app.send("GET", "/api/v1/alerts?state=firing", Some(&viewer), None).await;
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 2, "{}", list.text);
    assert_eq!(app.send("GET", "/api/v1/alerts?state=loud", Some(&viewer), None).await.field(), "state");
    assert_eq!(app.send("GET", "/api/v1/alert-groups?x=1", Some(&viewer), None).await.field(), "x");
}
