//! Log templates: listed by what is asked, and ruled by those who may.

use crate::harness::App;
use axum::http::StatusCode;
use domain::clock::Clock as _;
use domain::signal::LogLevel;
use domain::template::{LogTemplate, TemplateRule, template_id};
use serde_json::json;

fn template(app: &App, n: u64) -> LogTemplate {
    let now = app.clock.now() + chrono::TimeDelta::minutes(n as i64);
    let monitor_id = domain::Id::from_u128(7);
    LogTemplate {
        id: template_id(monitor_id, n),
        monitor_id,
        text: format!("order {n} failed after <NUM> ms"),
        level: LogLevel::Error,
        count: n,
        first_seen_at: now,
        last_seen_at: now,
        hours: vec![3, 4],
        samples: vec!["order failed after 7 ms".to_owned()],
        merged_into: None,
        rule: TemplateRule::default(),
    }
}

#[tokio::test]
async fn templates_are_listed_and_ruled() {
    let app = App::new().await;
    let (viewer, operator) = (app.token("viewer").await, app.token("operator").await);
    let (one, two) = (template(&app, 1), template(&app, 2));
    app.templates.0.lock().unwrap().extend([one.clone(), two.clone()]);
    let get = async |path: &str| app.send("GET", &format!("/api/v1/templates{path}"), Some(&viewer), None).await;
    assert_eq!(get("").await.json()["items"].as_array().map(Vec::len), Some(2));
    let since = two.first_seen_at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let newer = get(&format!("?new_since={since}&level=error&pinned=false")).await.json();
    assert_eq!((newer["items"].as_array().map(Vec::len), newer["items"][0]["id"].clone()), (Some(1), json!(two.id)));
    assert_eq!(get("?level=loud").await.status, StatusCode::BAD_REQUEST);
    assert_eq!(get("?color=red").await.status, StatusCode::BAD_REQUEST);
    let path = format!("/api/v1/templates/{}/rule", one.id);
    let rule = json!({"name": " Order failed ", "muted": true});
    assert_eq!(app.send("PUT", &path, Some(&viewer), Some(rule.clone())).await.status, StatusCode::FORBIDDEN);
    let set = app.send("PUT", &path, Some(&operator), Some(rule)).await;
    assert_eq!(set.status, StatusCode::OK, "{}", set.text);
    let wanted = json!({"name": "Order failed", "muted": true, "pinned": false, "split": false});
    assert_eq!(set.json()["rule"], wanted);
    assert_eq!(get("?muted=true").await.json()["items"][0]["id"], json!(one.id));
    for wrong in [json!({"name": "a\nb"}), json!({"name": "x".repeat(201)}), json!({"loud": true})] {
        let refused = app.send("PUT", &path, Some(&operator), Some(wrong)).await;
        assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.text);
    }
    let absent = format!("/{}", domain::new_id());
    assert_eq!(get(&absent).await.status, StatusCode::NOT_FOUND);
}
