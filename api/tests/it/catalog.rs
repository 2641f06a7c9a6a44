//! Editable objects: versions, strict input, secrets, checks at entry, pages.

use crate::harness::App;
use axum::http::StatusCode;
use domain::{Id, new_id};
use serde_json::{Value, json};

const MARK: &str = "********";

fn source(password: &str, url: &str) -> Value {
    json!({"name": "prom", "tags": ["a"], "kind": "prometheus", "url": url,
        "credentials": {"kind": "basic", "username": "u", "password": password}})
}

#[tokio::test]
async fn an_object_goes_through_its_life_by_version() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let draft = |body: &str| json!({"name": "restart", "tags": ["db"], "language": "sh", "body": body});
    let made = app.send("POST", "/api/v1/scripts", Some(&editor), Some(draft("true"))).await;
    assert_eq!((made.status.as_u16(), made.header("etag")), (201, "\"1\""), "{}", made.text);
    let path = made.header("location").to_owned();
    assert_eq!(path, format!("/api/v1/scripts/{}", made.json()["id"].as_str().unwrap()));
    let read = app.send("GET", &path, Some(&editor), None).await;
    assert_eq!((read.json(), read.header("etag")), (made.json(), "\"1\""));
    assert_eq!((read.json()["timeout_secs"].clone(), read.json()["mode"].clone()), (json!(300), json!("at_most_once")));

    let put = |tag: &'static str| {
        let (app, path, editor, body) = (&app, &path, &editor, draft("false"));
        async move { app.send_with("PUT", path, editor, &[("if-match", tag)], Some(body)).await }
    };
    assert_eq!(app.send("PUT", &path, Some(&editor), Some(draft("false"))).await.status, 428);
    assert_eq!(put("\"7\"").await.status, 412);
    assert_eq!(put("7").await.status, 400);
    let changed = put("\"1\"").await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""));
    let stale = put("\"1\"").await;
    assert_eq!((stale.status.as_u16(), stale.json()["code"].clone()), (412, json!("conflict")));

    assert_eq!(app.send("DELETE", &path, Some(&editor), None).await.status, 428);
    assert_eq!(app.send_with("DELETE", &path, &editor, &[("if-match", "\"1\"")], None).await.status, 412);
    let gone = app.send_with("DELETE", &path, &editor, &[("if-match", "\"2\"")], None).await;
    assert!(gone.status == 200 && gone.json()["archived_at"].is_string());
    assert_eq!(put("\"3\"").await.status, 409, "archived objects are not changed");
    let list = |query: &'static str| {
        let (app, editor) = (&app, &editor);
        async move { app.send("GET", query, Some(editor), None).await.json()["items"].as_array().unwrap().len() }
    };
    assert_eq!(list("/api/v1/scripts").await, 0);
    assert_eq!(list("/api/v1/scripts?archived=true&tag=db&search=rest").await, 1);
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_and_not_a_stale_version() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let draft = |name: &str| json!({"name": name, "language": "sh", "body": "true"});
    app.send("POST", "/api/v1/scripts", Some(&editor), Some(draft("a"))).await;
    let b = app.send("POST", "/api/v1/scripts", Some(&editor), Some(draft("b"))).await;
    assert_eq!(app.send("POST", "/api/v1/scripts", Some(&editor), Some(draft("a"))).await.status, 409);
    let answer = app.send_with("PUT", b.header("location"), &editor, &[("if-match", "\"1\"")], Some(draft("a"))).await;
    assert_eq!(answer.status, 409, "{}", answer.text);
}

#[tokio::test]
async fn unknown_and_wrong_fields_are_named() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let good = [
        ("sources", source("p", "http://prom:9090")),
        (
            "monitors",
            json!({"name": "m", "source_id": new_id(), "query": "up", "signal": "other", "detector": {"kind": "learned"}}),
        ),
        ("scripts", json!({"name": "s", "language": "sh", "body": "true"})),
        ("cases", json!({"name": "c", "language": "sh", "body": "true"})),
        ("runtime-managers", json!({"name": "r", "kind": "local"})),
        ("policies", json!({"name": "p", "steps": [{"case_id": new_id()}]})),
        ("channels", json!({"name": "c", "kind": "webhook", "url": "http://hook"})),
    ];
    for (kind, draft) in good {
        let path = format!("/api/v1/{kind}");
        for extra in ["id", "version", "created_at", "archived_at", "is_admin", "Name"] {
            let mut body = draft.clone();
            body[extra] = json!("x");
            let answer = app.send("POST", &path, Some(&editor), Some(body)).await;
            assert_eq!((answer.status.as_u16(), answer.field()), (400, extra.to_owned()), "{kind}: {}", answer.text);
        }
        let mut body = draft.clone();
        body.as_object_mut().unwrap().remove("name");
        assert_eq!(app.send("POST", &path, Some(&editor), Some(body)).await.field(), "name", "{kind}");
    }
    let nested =
        json!({"name": "x", "kind": "prometheus", "url": "http://a", "credentials": {"kind": "none", "password": "x"}});
    assert_eq!(app.send("POST", "/api/v1/sources", Some(&editor), Some(nested)).await.field(), "credentials.password");
    let wrong = json!({"name": "x", "kind": "prometheus", "url": "ftp://a", "timeout_secs": 0});
    let answer = app.send("POST", "/api/v1/sources", Some(&editor), Some(wrong)).await.json();
    let fields: Vec<_> = answer["errors"].as_array().unwrap().iter().map(|e| e["field"].as_str().unwrap()).collect();
    assert_eq!(fields, ["url", "timeout_secs"]);
}

#[tokio::test]
async fn secrets_are_written_and_never_read() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let made = app.send("POST", "/api/v1/sources", Some(&editor), Some(source("canary-1", "http://prom:9090"))).await;
    assert_eq!(made.json()["credentials"]["password"], MARK);
    let path = made.header("location").to_owned();
    for token in [app.token("viewer").await, app.token("admin").await] {
        for address in [path.as_str(), "/api/v1/sources"] {
            assert!(!app.send("GET", address, Some(&token), None).await.text.contains("canary"), "{address}");
        }
    }
    let stored = || async { domain::ports::CatalogStore::all(app.sources.as_ref()).await.unwrap()[0].spec.clone() };
    let put = |tag: String, body: Value| {
        let (app, path, editor) = (&app, &path, &editor);
        async move { app.send_with("PUT", path, editor, &[("if-match", &tag)], Some(body)).await }
    };
    assert_eq!(put("\"1\"".to_owned(), source(MARK, "http://prom:9090")).await.status, 200, "the mark keeps it");
    assert!(serde_json::to_string(&stored().await).unwrap().contains("canary-1"));
    let moved = put("\"2\"".to_owned(), source(MARK, "http://evil:9090")).await;
    assert_eq!(
        (moved.status.as_u16(), moved.field().as_str()),
        (400, "credentials.password"),
        "it does not follow elsewhere"
    );
    assert_eq!(put("\"2\"".to_owned(), source("canary-2", "http://evil:9090")).await.status, 200, "entered again");
    assert_eq!(
        app.send("POST", "/api/v1/sources/test", Some(&editor), Some(source(MARK, "http://x"))).await.status,
        400
    );
    let mut fresh = source(MARK, "http://x");
    fresh["name"] = json!("other");
    assert_eq!(app.send("POST", "/api/v1/sources", Some(&editor), Some(fresh)).await.status, 400);
}

#[tokio::test]
async fn a_channel_does_not_lose_its_secret_silently() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let hook = |url: &str, secret: Value| json!({"name": "hook", "kind": "webhook", "url": url, "secret": secret});
    let made = app.send("POST", "/api/v1/channels", Some(&editor), Some(hook("http://a/x", json!("canary")))).await;
    assert_eq!(made.json()["secret"], MARK);
    let put = |body: Value| {
        let (app, path, editor) = (&app, made.header("location"), &editor);
        async move { app.send_with("PUT", path, editor, &[("if-match", "\"1\"")], Some(body)).await }
    };
    assert_eq!(put(hook("http://b/x", json!(MARK))).await.field(), "secret");
    assert_eq!(put(hook("http://b/x", Value::Null)).await.status, 200, "taken away on purpose");
}

#[tokio::test]
async fn queries_are_tried_when_they_are_entered() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let spec = |kind: &str, enabled: bool| {
        serde_json::from_value(json!({"kind": kind, "url": "http://a", "enabled": enabled})).unwrap()
    };
    let prom = app.sources.put("prom", spec("prometheus", true)).id;
    let (off, logs) =
        (app.sources.put("off", spec("prometheus", false)).id, app.sources.put("logs", spec("elasticsearch", true)).id);
    let mut n = 0;
    let mut monitor = |source: domain::Id, query: &str, kind: &str| {
        n += 1;
        json!({"name": format!("m{n}"), "source_id": source, "query": query, "signal": "other", "detector": {"kind": kind}})
    };
    let cases = [
        (monitor(prom, "up", "learned"), 201, "", false),
        (monitor(prom, "sum((", "learned"), 400, "query", false),
        (monitor(prom, "down", "learned"), 201, "", true),
        (monitor(off, "sum((", "learned"), 201, "", true),
        (monitor(new_id(), "up", "learned"), 400, "source_id", false),
        (monitor(logs, "count()", "learned"), 201, "", false),
        (monitor(prom, "", "logs"), 400, "source_id", false),
        (monitor(logs, "error", "logs"), 201, "", true),
    ];
    for (body, status, field, warned) in cases {
        let answer = app.send("POST", "/api/v1/monitors", Some(&editor), Some(body.clone())).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text);
        assert_eq!(answer.header("x-warning").is_empty(), !warned, "{body}");
        assert!(status == 201 || answer.field() == field, "{body}: {}", answer.text);
    }
}

#[tokio::test]
async fn references_are_checked_when_they_are_entered() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let case = app.cases.put("c", serde_json::from_value(json!({"language": "sh", "body": "true"})).unwrap()).id;
    let prom =
        app.sources.put("prom", serde_json::from_value(json!({"kind": "prometheus", "url": "http://a"})).unwrap()).id;
    let policy = |steps: Value, query: &str| {
        let check = json!({"source_id": prom, "query": query, "op": "lt", "value": 1.0});
        json!({"name": "p", "steps": steps, "verification": {"checks": [check]}})
    };
    for (kind, body, field) in [
        ("cases", json!({"name": "x", "script_id": new_id()}), "script_id"),
        ("policies", policy(json!([{"case_id": new_id()}]), "up"), "steps[0].case_id"),
        ("policies", policy(json!([{"case_id": case, "undo_case_id": new_id()}]), "up"), "steps[0].undo_case_id"),
        ("policies", policy(json!([{"case_id": case}]), "(("), "verification.checks[0].query"),
    ] {
        let answer = app.send("POST", &format!("/api/v1/{kind}"), Some(&editor), Some(body)).await;
        assert_eq!((answer.status.as_u16(), answer.field().as_str()), (400, field), "{}", answer.text);
    }
    let good = policy(json!([{"case_id": case}]), "up{service=$entity_value}");
    assert_eq!(app.send("POST", "/api/v1/policies", Some(&editor), Some(good)).await.status, 201);
}

#[tokio::test]
async fn pages_hang_together_without_loss_or_double() {
    let app = App::new().await;
    let viewer = app.token("viewer").await;
    let script = || serde_json::from_value(json!({"language": "sh", "body": "true"})).unwrap();
    let mut wanted: Vec<_> = (0..7).map(|n| app.scripts.put(&format!("s{n}"), script()).id.to_string()).collect();
    wanted.reverse();
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page =
            app.send("GET", &format!("/api/v1/scripts?limit=3&cursor={cursor}"), Some(&viewer), None).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|i| i["id"].as_str().unwrap().to_owned()));
        match page["next_cursor"].as_str() {
            Some(next) => next.clone_into(&mut cursor),
            None => break,
        }
    }
    assert_eq!(seen, wanted);
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("limt=3", "limt"),
        ("limit=1&limit=2", "limit"),
        ("archived=maybe", "archived"),
    ] {
        let answer = app.send("GET", &format!("/api/v1/scripts?{query}"), Some(&viewer), None).await;
        assert_eq!((answer.status.as_u16(), answer.field().as_str()), (400, field), "{query}");
    }
}

#[tokio::test]
async fn sources_are_tested_and_queries_previewed() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let test = |url: &str| {
        let body = source("p", url);
        let (app, editor) = (&app, &editor);
        async move { app.send("POST", "/api/v1/sources/test", Some(editor), Some(body)).await.json() }
    };
    assert_eq!(test("http://prom").await, json!({"ok": true, "message": "Prometheus 3.0"}));
    assert_eq!(test("http://locked").await["ok"], false, "a refusal by the source is an answer, not a 401 of ours");
    let stored =
        app.sources.put("s", serde_json::from_value(json!({"kind": "prometheus", "url": "http://a"})).unwrap());
    let path = format!("/api/v1/sources/{}/test", stored.id);
    assert_eq!(app.send("POST", &path, Some(&editor), Some(json!({}))).await.json()["ok"], true);
    let preview = |query: &str| {
        let body = json!({"source_id": stored.id, "query": query});
        let (app, editor) = (&app, &editor);
        async move { app.send("POST", "/api/v1/monitors/preview", Some(editor), Some(body)).await }
    };
    let shown = preview("up").await.json();
    assert_eq!(shown["series"], json!([{"labels": {"a": "b"}, "points": [[1, 2.0], [2, null]]}]));
    assert_eq!(shown["completeness"], "complete");
    assert_eq!(preview("((").await.field(), "query");
    assert_eq!(preview("down").await.status, 503, "never a 401, which would end the session");
}

#[tokio::test]
async fn a_backtest_takes_a_stored_monitor_or_settings_to_try() {
    let app = App::new().await;
    let token = app.token("editor").await;
    let ask = |body: Value| app.send("POST", "/api/v1/monitors/backtest", Some(&token), Some(body));
    let spec = json!({"source_id": Id::nil(), "query": "up", "interval_secs": 30, "signal": "traffic", "detector": {"kind": "learned"}});
    let report = ask(json!({"spec": spec})).await;
    assert_eq!(report.status, StatusCode::OK, "{}", report.text);
    let report = report.json();
    assert_eq!((report["step_secs"].as_u64(), report["completeness"].as_str()), (Some(30), Some("complete")));
    let with = |field: &str, value: Value| {
        let mut spec = spec.clone();
        spec[field] = value;
        spec
    };
    let wider =
        ask(json!({"spec": spec, "step_secs": 120, "from": "2027-01-01T00:00:00Z", "to": "2027-01-02T00:00:00Z"}))
            .await;
    assert_eq!(wider.json()["step_secs"], 120, "{}", wider.text);
    for (body, status, field) in [
        (json!({}), StatusCode::BAD_REQUEST, "monitor_id"),
        (json!({"spec": with("query", json!("sum(("))}), StatusCode::BAD_REQUEST, "query"),
        (json!({"spec": with("sensitivity", json!(11))}), StatusCode::BAD_REQUEST, "sensitivity"),
        (json!({"spec": with("detector", json!({"kind": "logs"}))}), StatusCode::BAD_REQUEST, "detector"),
        (json!({"spec": spec, "from": "2027-02-02T00:00:00Z"}), StatusCode::BAD_REQUEST, "from"),
        (json!({"spec": spec, "from": "2020-02-02T00:00:00Z"}), StatusCode::BAD_REQUEST, "from"),
        (json!({"spec": with("query", json!("busy"))}), StatusCode::TOO_MANY_REQUESTS, ""),
    ] {
        let answer = ask(body).await;
        assert_eq!((answer.status, answer.field().as_str()), (status, field), "{}", answer.text);
    }
    assert_eq!(ask(json!({"monitor_id": Id::from_u128(9)})).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn what_a_source_holds_is_told_with_what_is_left_out() {
    let app = App::new().await;
    let token = app.token("editor").await;
    let path = |id: u128| format!("/api/v1/sources/{}/discovery", Id::from_u128(id));
    let there = app.send("GET", &path(7), Some(&token), None).await;
    let gone = app.send("GET", &path(1), Some(&token), None).await;
    assert_eq!(
        (there.status, there.json()["left_out"][0]["what"].as_str()),
        (StatusCode::OK, Some("go_gc")),
        "{}",
        there.text
    );
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}
