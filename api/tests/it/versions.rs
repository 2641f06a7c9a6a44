//! Versions of scripts over HTTP: list, read, compare, bring back.

use crate::harness::App;
use axum::http::StatusCode;
use domain::catalog::ScriptSpec;
use domain::resource::Draft;
use serde_json::json;

fn spec(body: &str) -> ScriptSpec {
    ScriptSpec { body: body.to_owned(), timeout_secs: 60, ..ScriptSpec::default() }
}

#[tokio::test]
async fn versions_are_read_compared_and_brought_back() {
    let app = App::new().await;
    let token = app.token("editor").await;
    let script = app.scripts.put("restart", spec("echo one\n"));
    let draft = Draft { name: "restart".to_owned(), tags: Vec::new(), spec: spec("echo two\n") };
    let audit = domain::identity::Audit::new("alice", "script.update");
    domain::ports::CatalogStore::update(app.scripts.as_ref(), script.id, 1, draft, audit).await.unwrap();
    let base = format!("/api/v1/scripts/{}/versions", script.id);

    let all = app.send("GET", &base, Some(&token), None).await.json();
    let numbers: Vec<i64> = all.as_array().unwrap().iter().map(|v| v["number"].as_i64().unwrap()).collect();
    assert_eq!(numbers, [2, 1]);
    let one = app.send("GET", &format!("{base}/1"), Some(&token), None).await.json();
    assert_eq!(one["spec"]["body"], "echo one\n");
    let diff = app.send("GET", &format!("{base}/2/diff"), Some(&token), None).await.json();
    assert_eq!((&diff["from"], &diff["fields"]), (&json!(1), &json!(["body"])));
    assert!(diff["unified"].as_str().unwrap().contains("-echo one\n+echo two\n"), "{diff}");

    let restore = format!("{base}/1/restore");
    let stale = app
        .call(crate::harness::request("POST", &restore, Some(&token), &[("if-match", "\"1\"")], Some(json!({}))))
        .await;
    assert_eq!(stale.status, StatusCode::PRECONDITION_FAILED, "{}", stale.text);
    let request = || crate::harness::request("POST", &restore, Some(&token), &[("if-match", "\"2\"")], Some(json!({})));
    let back = app.call(request()).await;
    assert_eq!((back.status, back.header("etag")), (StatusCode::OK, "\"3\""), "{}", back.text);
    assert_eq!(back.json()["body"], "echo one\n");
    let again = crate::harness::request("POST", &restore, Some(&token), &[("if-match", "\"3\"")], Some(json!({})));
    assert_eq!(app.call(again).await.status, StatusCode::CONFLICT, "it is what the script is now");
    assert!(app.trail.lock().unwrap().iter().any(|a| a.action == "script.restore.1" && a.actor == "editor"));
    for (path, status) in [("9", StatusCode::NOT_FOUND), ("0", StatusCode::BAD_REQUEST)] {
        let answer = app.send("GET", &format!("{base}/{path}"), Some(&token), None).await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text);
    }
}

#[tokio::test]
async fn crlf_is_stored_as_lf_with_a_note_and_bad_bodies_are_refused() {
    let app = App::new().await;
    let token = app.token("editor").await;
    let send = |body: &str| {
        let script = json!({"name": format!("s{}", body.len()), "language": "sh", "body": body});
        app.send("POST", "/api/v1/scripts", Some(&token), Some(script))
    };
    let crlf = send("echo a\r\necho b\r\n").await;
    assert_eq!((crlf.status, crlf.json()["body"].as_str()), (StatusCode::CREATED, Some("echo a\necho b\n")));
    assert_eq!(crlf.header("x-warning"), "body: CRLF line ends were stored as LF");
    for body in ["", "echo a\0b", "echo a\rb"] {
        let refused = send(body).await;
        assert_eq!(refused.field(), "body", "{body:?}: {}", refused.text);
    }
}
