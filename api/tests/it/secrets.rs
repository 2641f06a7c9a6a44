//! Secrets over HTTP: values go in and never come out, and what is used stays.

use crate::harness::App;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn values_go_in_and_never_come_out() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let put =
        async |name: &str, body| app.send("PUT", &format!("/api/v1/secrets/{name}"), Some(&editor), Some(body)).await;
    let stored = put("db", json!({"value": "hunter2-Zq9", "description": "the database"})).await;
    assert_eq!((stored.status, stored.json()["version"].as_i64()), (StatusCode::OK, Some(1)), "{}", stored.text);
    assert_eq!(put("db", json!({"value": "hunter3-Zq9"})).await.json()["version"], 2);
    let listed = app.send("GET", "/api/v1/secrets", Some(&editor), None).await;
    assert_eq!(listed.json()["items"][0]["name"], "db");
    assert!(!listed.text.contains("hunter") && !stored.text.contains("hunter"));
    assert_eq!(put("db", json!({"value": "short"})).await.field(), "value");
    assert_eq!(put("a%20b", json!({"value": "hunter2-Zq9"})).await.field(), "name");
    let operator = app.token("operator").await;
    assert_eq!(app.send("GET", "/api/v1/secrets", Some(&operator), None).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn what_is_used_stays_and_what_is_not_stored_is_said() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let script = json!({"name": "s", "language": "sh", "body": "true", "secrets": {"TOKEN": "api"}});
    let made = app.send("POST", "/api/v1/scripts", Some(&editor), Some(script.clone())).await;
    assert_eq!((made.status, made.header("x-warning")), (StatusCode::CREATED, "not stored yet: secret api"));
    app.send("PUT", "/api/v1/secrets/api", Some(&editor), Some(json!({"value": "hunter2-Zq9"}))).await;
    let used = app.send("DELETE", "/api/v1/secrets/api", Some(&editor), None).await;
    assert_eq!(used.status, StatusCode::CONFLICT);
    assert!(used.text.contains("script s"), "{}", used.text);
    for (secrets, field) in [(json!({"PATH": "api"}), "secrets.PATH"), (json!({"TOKEN": "a b"}), "secrets.TOKEN")] {
        let mut wrong = script.clone();
        wrong["secrets"] = secrets;
        assert_eq!(app.send("POST", "/api/v1/scripts", Some(&editor), Some(wrong)).await.field(), field);
    }
    let both = json!({"name": "c", "language": "sh", "body": "true", "secrets": {"A": "api"}, "values": {"A": "x"}});
    assert_eq!(app.send("POST", "/api/v1/cases", Some(&editor), Some(both)).await.field(), "values.A");
    let place = format!("/api/v1/scripts/{}", made.json()["id"].as_str().unwrap());
    let gone = app.send_with("DELETE", &place, &editor, &[("if-match", "\"1\"")], None).await;
    assert_eq!(gone.status, StatusCode::OK);
    assert_eq!(app.send("DELETE", "/api/v1/secrets/api", Some(&editor), None).await.status, StatusCode::NO_CONTENT);
}
