//! What holds for every answer: problems, headers, media types, limits, health, the UI.

use crate::harness::{App, request};
use axum::body::Body;
use serde_json::{Value, json};

#[tokio::test]
async fn every_failure_is_a_problem_with_a_trace_id() {
    let app = App::new().await;
    let admin = app.token("admin").await;
    let missing = format!("/api/v1/runs/{}", domain::new_id());
    for (method, path, status, code) in [
        ("GET", missing.as_str(), 404, "not_found"),
        ("GET", "/api/v1/nothing", 404, "not_found"),
        ("PATCH", "/api/v1/me", 405, "invalid"),
        ("GET", "/api/v1/runs/x", 400, "invalid"),
        ("GET", "/api/x", 404, "not_found"),
    ] {
        let answer = app.send(method, path, Some(&admin), None).await;
        let problem = answer.json();
        assert_eq!((answer.status.as_u16(), problem["code"].as_str()), (status, Some(code)), "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.header("allow"), if status == 405 { "GET" } else { "" });
        assert_eq!((problem["type"].clone(), problem["status"].clone()), (json!("about:blank"), json!(status)));
        let id = problem["trace_id"].as_str().unwrap();
        assert!(id.len() == 32 && id == answer.header("x-trace-id"));
        let mut keys: Vec<_> = problem.as_object().unwrap().keys().cloned().collect();
        keys.sort();
        assert_eq!(keys, ["code", "detail", "errors", "status", "title", "trace_id", "type"]);
    }
}

#[tokio::test]
async fn a_trace_goes_on_and_a_request_id_is_echoed() {
    let app = App::empty().await;
    let parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let headers = [("traceparent", parent), ("x-request-id", "abc-1")];
    let answer = app.call(request("GET", "/api/v1/setup", None, &headers, None)).await;
    assert_eq!(
        (answer.header("x-trace-id"), answer.header("x-request-id")),
        ("0af7651916cd43dd8448eb211c80319c", "abc-1")
    );
    let odd = app.call(request("GET", "/api/v1/setup", None, &[("x-request-id", "a b;c")], None)).await;
    assert_eq!(odd.header("x-request-id"), odd.header("x-trace-id"));
}

#[tokio::test]
async fn causes_stay_inside() {
    let app = App::empty().await;
    *app.people.broken.lock().unwrap() = true;
    let answer = app.send("GET", "/api/v1/setup", None, None).await;
    assert_eq!((answer.status.as_u16(), answer.json()["detail"].clone()), (500, json!("internal error")));
    assert!(!answer.text.contains("secret.db"));
}

#[tokio::test]
async fn headers_by_kind_of_answer() {
    let app = App::new().await;
    let admin = app.token("admin").await;
    let names = [
        "content-security-policy",
        "cache-control",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "cross-origin-opener-policy",
        "strict-transport-security",
        "access-control-allow-origin",
    ];
    let mut lines = Vec::new();
    for (what, path) in [
        ("data", "/api/v1/me"),
        ("failure", "/api/v1/none"),
        ("docs", "/api/docs/"),
        ("page", "/incidents"),
        ("health", "/healthz"),
    ] {
        let answer = app.send("GET", path, Some(&admin), None).await;
        lines.push(format!("{what}:"));
        lines.extend(names.iter().map(|name| {
            let value = answer.header(name);
            let nonce = value
                .split_once("'nonce-")
                .and_then(|(_, rest)| rest.split_once('\''))
                .map(|(nonce, _)| nonce.to_owned());
            format!("  {name}: {}", nonce.map_or(value.to_owned(), |nonce| value.replace(&nonce, "NONCE")))
        }));
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[tokio::test]
async fn bodies_are_json_and_nothing_else() {
    let app = App::new().await;
    let good = json!({"username": "viewer", "password": crate::harness::PASSWORD}).to_string();
    let send = |kind: Option<&'static str>, encoding: Option<&'static str>| {
        let mut request = request("POST", "/api/v1/session", None, &[], None);
        *request.body_mut() = Body::from(good.clone());
        if let Some(kind) = kind {
            request.headers_mut().insert("content-type", kind.parse().unwrap());
        }
        if let Some(encoding) = encoding {
            request.headers_mut().insert("content-encoding", encoding.parse().unwrap());
        }
        app.call(request)
    };
    for kind in ["application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8"] {
        assert_eq!(send(Some(kind), None).await.status, 200, "{kind}");
    }
    for kind in [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "",
        "application/json, text/plain",
        "application/json; charset=utf-16",
        "application/xml",
        "application/problem+json",
        "*/*",
        "application/*",
    ] {
        assert_eq!(send(Some(kind), None).await.status, 415, "{kind}");
    }
    assert_eq!(send(None, None).await.status, 415);
    for encoding in ["gzip", "deflate", "br", "zstd", "gzip, gzip"] {
        assert_eq!(send(Some("application/json"), Some(encoding)).await.status, 415, "{encoding}");
    }
}

#[tokio::test]
async fn huge_deep_and_broken_bodies_are_refused() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let send = |body: String| {
        let mut request =
            request("POST", "/api/v1/scripts", Some(&editor), &[("content-type", "application/json")], None);
        *request.body_mut() = Body::from(body);
        app.call(request)
    };
    assert_eq!(send(format!("\"{}\"", "x".repeat(2 << 20))).await.status, 413);
    for body in [
        "[".repeat(100_000),
        format!("[{}1]", "1,".repeat(100_000)),
        "{".to_owned(),
        String::new(),
        "\u{feff}{}".to_owned(),
        format!("{{\"name\":{}}}", "9".repeat(1_000_000)),
        "nan".to_owned(),
        "{\"a\":1}x".to_owned(),
        "[]".to_owned(),
        "null".to_owned(),
    ] {
        let answer = send(body.clone()).await;
        assert_eq!(answer.status, 400, "{}", &body[..body.len().min(40)]);
    }
}

#[tokio::test]
async fn health_and_metrics_need_no_login() {
    let app = App::empty().await;
    assert_eq!(app.send("GET", "/healthz", None, None).await.text, "ok\n");
    let ready = app.send("GET", "/readyz", None, None).await;
    assert_eq!((ready.status.as_u16(), ready.json()["ready"].clone()), (200, json!(true)));
    let metrics = app.send("GET", "/metrics", None, None).await.text;
    assert!(
        metrics.starts_with("up 1\n")
            && metrics.contains("aiops_http_requests_total{method=\"GET\",route=\"/healthz\"")
    );
    *app.people.broken.lock().unwrap() = true;
    let ready = app.send("GET", "/readyz", None, None).await;
    assert_eq!((ready.status.as_u16(), ready.json()["checks"][1]["ok"].clone()), (503, json!(false)));
    assert_eq!(app.send("GET", "/healthz", None, None).await.status, 200, "alive all the same");
}

#[tokio::test]
async fn the_page_is_served_for_views_only() {
    let app = App::empty().await;
    for path in ["/", "/incidents", "/incidents/0198f", "/settings/users"] {
        let page = app.send("GET", path, None, None).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert_eq!(page.header("cache-control"), "no-store");
        assert!(!page.text.contains("__CSP_NONCE__"));
    }
    for path in [
        "/favicon.png",
        "/assets/none.js",
        "/..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%5c..%5cx",
        "/.env",
        "/api",
    ] {
        let answer = app.send("GET", path, None, None).await;
        assert_eq!(answer.status, 404, "{path}");
    }
    assert_eq!(app.send("POST", "/incidents", None, Some(json!({}))).await.status, 405);
}

#[tokio::test]
async fn answers_are_compressed_when_asked() {
    let app = App::empty().await;
    let plain = app.send("GET", "/api/openapi.json", None, None).await;
    let small = app.call(request("GET", "/api/openapi.json", None, &[("accept-encoding", "gzip")], None)).await;
    assert_eq!(small.header("content-encoding"), "gzip");
    assert!(small.text.len() < plain.text.len() / 2);
    let _: Value = plain.json();
}
