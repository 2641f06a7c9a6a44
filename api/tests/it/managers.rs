//! Runtime managers: connection tests of stored and unsaved ones, and their health over time.

use crate::harness::App;
use chrono::TimeDelta;
use domain::clock::Clock as _;
use domain::manager_health::HealthCheck;
use domain::ports::HealthHistory as _;
use domain::status::Health;
use serde_json::{Value, json};

fn docker(endpoint: &str) -> Value {
    json!({"name": "dock", "kind": "docker", "endpoint": endpoint})
}

async fn stored(app: &App, endpoint: &str) -> String {
    let editor = app.token("editor").await;
    let made = app.send("POST", "/api/v1/runtime-managers", Some(&editor), Some(docker(endpoint))).await;
    assert_eq!(made.status.as_u16(), 201, "{}", made.text);
    made.json()["id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_manager_is_tested_before_and_after_it_is_stored() {
    let app = App::new().await;
    let (editor, operator) = (app.token("editor").await, app.token("operator").await);
    let test = |body: Value| app.send("POST", "/api/v1/runtime-managers/test", Some(&editor), Some(body));
    let fine = test(docker("unix:///run/docker.sock")).await.json();
    let wanted = json!({"ok": true, "message": "dock: Docker 27", "latency_ms": 7, "platform": {"cpus": 2}});
    assert_eq!(fine, wanted);
    let down = test(docker("tcp://down:2375")).await;
    assert_eq!((down.status.as_u16(), down.json()["ok"].clone()), (200, json!(false)), "no answer is an answer");
    assert_eq!(down.json()["message"], "tcp://down:2375 refused; start it");
    assert_eq!(test(docker("ssh://host")).await.field(), "endpoint");
    let keys = json!({"ca": "/ca.pem", "cert": "/cert.pem", "key": "********"});
    let marked = json!({"name": "d", "kind": "docker", "endpoint": "https://h:2376", "docker": {"tls": keys}});
    assert_eq!(test(marked).await.field(), "docker.tls.key", "the mark is no key");
    let refused = app.send("POST", "/api/v1/runtime-managers/test", Some(&operator), Some(docker("tcp://h:1"))).await;
    assert_eq!(refused.status.as_u16(), 403, "a new address is for editors");

    let id = stored(&app, "tcp://up:2375").await;
    let path = format!("/api/v1/runtime-managers/{id}/test");
    assert_eq!(app.send("POST", &path, Some(&operator), Some(json!({}))).await.json()["ok"], true);
    let nobody = format!("/api/v1/runtime-managers/{}/test", domain::new_id());
    assert_eq!(app.send("POST", &nobody, Some(&operator), Some(json!({}))).await.status.as_u16(), 404);
}

#[tokio::test]
async fn health_has_a_history() {
    let app = App::new().await;
    let viewer = app.token("viewer").await;
    let id = stored(&app, "tcp://up:2375").await;
    let now = app.clock.now();
    for n in 0..10 {
        let wrong = if n == 4 { "refused" } else { "" };
        let check = HealthCheck {
            manager_id: id.parse().unwrap(),
            at: now - TimeDelta::seconds(30 * (n + 1)),
            health: if wrong.is_empty() { Health::Ok } else { Health::SourceError },
            latency_ms: n,
            running: Some(1),
            message: wrong.to_owned(),
        };
        app.checks.keep_check(check).await.unwrap();
    }
    let path = format!("/api/v1/runtime-managers/{id}/health");
    let ask = |query: String| {
        let (app, viewer, path) = (&app, &viewer, &path);
        async move { app.send("GET", &format!("{path}{query}"), Some(viewer), None).await }
    };
    let day = ask(String::new()).await.json();
    assert_eq!((day["checks"].clone(), day["failed"].clone()), (json!(10), json!(1)), "{day}");
    assert_eq!(day["outages"][0]["message"], "refused");
    assert!(day["points"].as_array().unwrap().len() <= 300);
    let text = |at: chrono::DateTime<chrono::Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let some = ask(format!("?from={}&to={}", text(now - TimeDelta::seconds(90)), text(now))).await.json();
    assert_eq!(some["checks"], 3, "{some}");
    for (query, field) in [
        (format!("?from={}", text(now)), "to"),
        (format!("?to={}", text(now - TimeDelta::days(8))), "to"),
        ("?from=monday".to_owned(), "from"),
        ("?since=1".to_owned(), "since"),
    ] {
        let wrong = ask(query.clone()).await;
        assert_eq!((wrong.status.as_u16(), wrong.field().as_str()), (400, field), "{query}: {}", wrong.text);
    }
    let nobody = format!("/api/v1/runtime-managers/{}/health", domain::new_id());
    assert_eq!(app.send("GET", &nobody, Some(&viewer), None).await.status.as_u16(), 404);
}
