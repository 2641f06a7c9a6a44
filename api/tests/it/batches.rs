//! Many runs at once, and schedules with their next times.

use crate::harness::App;
use axum::http::StatusCode;
use domain::catalog::{CaseSpec, Language};
use serde_json::json;

fn case() -> CaseSpec {
    CaseSpec { body: Some("true".to_owned()), language: Some(Language::Sh), ..CaseSpec::default() }
}

#[tokio::test]
async fn what_selects_nothing_or_too_much_is_refused_by_field() {
    let app = App::new().await;
    let token = app.token("operator").await;
    app.cases.put("one", case());
    let start = async |body| app.send("POST", "/api/v1/runs", Some(&token), Some(body)).await;
    assert_eq!(start(json!({})).await.field(), "tag");
    assert_eq!(start(json!({"tag": "none"})).await.field(), "tag");
    assert_eq!(start(json!({"case_ids": [domain::new_id()]})).await.field(), "case_ids[0]");
    let one = app.send("GET", "/api/v1/cases", Some(&token), None).await.json()["items"][0]["id"].clone();
    assert_eq!(start(json!({"case_ids": [one], "matrix": {}})).await.field(), "matrix");
    let nowhere = json!({"case_ids": [one], "matrix": {"manager_tags": ["x"]}});
    assert_eq!(start(nowhere).await.field(), "matrix.manager_tags");
    assert_eq!(start(json!({"case_ids": [one], "target": "a\nb"})).await.field(), "target");
    let done = start(json!({"case_ids": [one]})).await;
    assert_eq!((done.status, done.json()["total"].as_i64()), (StatusCode::CREATED, Some(1)), "{}", done.text);
    let place = done.header("location").to_owned();
    let batch = app.send("GET", &place, Some(&token), None).await;
    assert_eq!((batch.status, batch.json()["ended"].as_bool()), (StatusCode::OK, Some(false)), "{}", batch.text);
    let unknown = format!("/api/v1/batches/{}", domain::new_id());
    assert_eq!(app.send("GET", &unknown, Some(&token), None).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_schedule_is_edited_and_tells_its_next_times() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let case = app.cases.put("one", case());
    let draft = |cron: &str| json!({"name": "nightly", "case_id": case.id, "cron": cron, "time_zone": "Europe/Berlin"});
    let send = async |path: &str, body| app.send("POST", path, Some(&editor), Some(body)).await;
    assert_eq!(send("/api/v1/schedules", draft("nonsense")).await.field(), "cron");
    let made = send("/api/v1/schedules", draft("30 2 * * *")).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let place = made.header("location").to_owned();
    let next = app.send("GET", &format!("{place}/next"), Some(&editor), None).await.json();
    assert_eq!(next["times"].as_array().unwrap().len(), 5, "{next}");
    assert!(next["local"].as_array().unwrap().iter().all(|t| t.as_str().unwrap().contains("T02:30:00+0")), "{next}");
    let preview = send("/api/v1/schedules/preview", json!({"cron": "*/15 * * * *"})).await.json();
    assert_eq!(preview["times"].as_array().unwrap().len(), 5);
    let wrong = send("/api/v1/schedules/preview", json!({"cron": "* * * * *", "time_zone": "Mars"})).await;
    assert_eq!(wrong.field(), "time_zone");
    let windows = app.send("GET", &format!("{place}/windows"), Some(&editor), None).await.json();
    assert_eq!(windows["items"], json!([]));
    let archived = json!({"name": "x", "case_id": domain::new_id(), "cron": "* * * * *"});
    assert_eq!(send("/api/v1/schedules", archived).await.field(), "case_id");
}
