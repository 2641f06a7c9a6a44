//! Logs from any side, search, artifacts as downloads, results.

use crate::harness::{App, request};
use domain::Id;
use domain::artifact::Artifact;
use domain::clock::from_millis;
use domain::ports::{BlobStore as _, ResultStore as _, RunLogs as _};
use domain::results::RunResults;
use domain::run::{LogRecord, Stream};
use serde_json::json;

async fn logged(app: &App, lines: i64) -> Id {
    let run = crate::fake_live::run("ann", std::collections::BTreeMap::new());
    app.work.runs.lock().unwrap().push(run.clone());
    let line = |seq: i64| LogRecord {
        seq,
        at: from_millis(seq),
        stream: if seq % 2 == 0 { Stream::Stderr } else { Stream::Stdout },
        text: format!("line {seq}"),
    };
    app.kept.append(run.id, 1, &(1..=lines).map(line).collect::<Vec<_>>()).await.unwrap();
    run.id
}

#[tokio::test]
async fn a_log_is_read_from_any_side() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let id = logged(&app, 1_000).await;
    let numbers = async |query: &str| {
        let page = app.send("GET", &format!("/api/v1/runs/{id}/logs{query}"), Some(&token), None).await.json();
        page.as_array().expect("lines").iter().map(|l| l["seq"].as_i64().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(numbers("").await, (1..=50).collect::<Vec<_>>());
    assert_eq!(numbers("?after=997").await, [998, 999, 1_000]);
    assert_eq!(numbers("?tail=3").await, [998, 999, 1_000]);
    assert_eq!(numbers("?before=11&limit=3").await, [8, 9, 10]);
    assert_eq!(numbers("?after=10&limit=2&stream=stderr").await, [12, 14]);
    assert_eq!(numbers("?limit=5000").await.len(), 1_000);
    for (query, field) in [("?tail=0", "tail"), ("?limit=5001", "limit"), ("?tail=1&after=1", "tail"), ("?x=1", "x")] {
        let wrong = app.send("GET", &format!("/api/v1/runs/{id}/logs{query}"), Some(&token), None).await;
        assert_eq!((wrong.status.as_u16(), wrong.field().as_str()), (400, field), "{query}");
    }
}

#[tokio::test]
async fn a_log_is_searched_and_measured() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let id = logged(&app, 100).await;
    let get = async |path: &str| app.send("GET", &format!("/api/v1/runs/{id}/logs/{path}"), Some(&token), None).await;
    let found = get("search?q=line%2099").await.json();
    assert_eq!(found["lines"].as_array().unwrap().len(), 1);
    assert_eq!((found["lines"][0]["seq"].clone(), found["complete"].clone()), (json!(99), json!(true)));
    assert_eq!(get("search").await.field(), "q");
    assert_eq!(get("info?verify=true").await.json()["last_seq"], 100);
    let gone = format!("/api/v1/runs/{}/logs/info", domain::new_id());
    assert_eq!(app.send("GET", &gone, Some(&token), None).await.status, 404);
}

#[tokio::test]
async fn artifacts_are_downloads_and_nothing_else() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let id = logged(&app, 1).await;
    let content: Vec<u8> = (0..3_000_000_u32).map(|i| (i % 251) as u8).collect();
    let artifact = |name: &str, key: &str, bytes| Artifact {
        name: name.to_owned(),
        bytes,
        media_type: domain::artifact::media_type(name).to_owned(),
        sha256: "ab".to_owned(),
        stored_at: from_millis(0),
        key: key.to_owned(),
    };
    app.blobs.put("k1", content.clone()).await.unwrap();
    let all = [artifact("a/ü.html", "k1", 3_000_000), artifact("gone", "k2", 5)];
    let results = RunResults { result: Some(json!({"ok": true})), ..RunResults::default() };
    app.kept.put_results(id, 1, &all, &results).await.unwrap();
    let list = app.send("GET", &format!("/api/v1/runs/{id}/artifacts"), Some(&token), None).await.json();
    assert_eq!((list[0]["name"].clone(), list[0].get("key")), (json!("a/ü.html"), None), "where it is stays ours");
    let path = format!("/api/v1/runs/{id}/artifacts/content?name=a%2F%C3%BC.html");
    let response = app.raw(request("GET", &path, Some(&token), &[], None)).await;
    let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/plain; charset=utf-8");
    assert_eq!(header("content-disposition"), "attachment; filename=\"_.html\"; filename*=UTF-8''%C3%BC.html");
    assert_eq!((header("x-content-type-options"), header("content-length")), ("nosniff".into(), "3000000".into()));
    assert_eq!(axum::body::to_bytes(response.into_body(), 4_000_000).await.unwrap(), content);
    let unknown = format!("/api/v1/runs/{id}/artifacts/content?name=..%2Fetc%2Fpasswd");
    assert_eq!(app.send("GET", &unknown, Some(&token), None).await.status, 404);
    let answer = app.send("GET", &format!("/api/v1/runs/{id}/results"), Some(&token), None).await.json();
    assert_eq!((answer["result"].clone(), answer["totals"]["tests"].clone()), (json!({"ok": true}), json!(0)));
}

#[tokio::test]
async fn a_live_log_begins_with_its_tail() {
    let app = App::new().await;
    let token = app.token("viewer").await;
    let id = logged(&app, 300).await;
    app.work.runs.lock().unwrap().iter_mut().for_each(|r| {
        r.log_lines = 300;
        r.state = domain::run::RunState::Succeeded;
        r.ended_at = Some(from_millis(1));
    });
    let path = format!("/api/v1/runs/{id}/logs/stream?tail=2");
    let response = app.raw(request("GET", &path, Some(&token), &[], None)).await;
    let body = axum::body::to_bytes(response.into_body(), 1 << 20).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let ids: Vec<_> = text.lines().filter_map(|l| l.strip_prefix("id:")).map(str::trim).collect();
    assert_eq!(ids, ["299", "300"]);
    assert!(text.contains("event: end"), "{text}");
}
