//! Deny by default: nobody gets in without a token, and each role gets in where the table says.

use crate::harness::{App, ROLES, request};
use crate::openapi::routes;
use axum::http::StatusCode;
use domain::identity::Role;
use serde_json::json;

fn public(method: &str, path: &str) -> bool {
    let open = [
        ("GET", "/api/v1/setup"),
        ("POST", "/api/v1/setup"),
        ("POST", "/api/v1/session"),
        ("POST", "/api/v1/session/refresh"),
    ];
    open.contains(&(method, path))
}

#[tokio::test]
async fn every_route_and_method_without_credentials_is_refused() {
    let app = App::new().await;
    for (known, path) in routes() {
        for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"] {
            if public(method, &path) || (method == "HEAD" && public("GET", &path)) {
                continue;
            }
            let answer = app.send(method, &path, None, (method != "GET").then(|| json!({}))).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path} (documented: {known})");
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert!(answer.header("access-control-allow-origin").is_empty(), "CORS is closed");
        }
    }
}

fn disguises(path: &str) -> Vec<String> {
    let rest = path.strip_prefix("/api/v1/").unwrap();
    let tails = [
        "/",
        "//",
        "/.",
        "/..;/",
        ";x",
        ".json",
        ".css",
        "/setup",
        "/../setup",
        "%2f",
        "%00",
        "%20",
        "?ticket=x",
        "?access_token=x",
        "#x",
        "/session",
        "\u{2f}healthz",
    ];
    let heads = [
        "//api/v1/",
        "/api//v1/",
        "/api/v1//",
        "/api/v1/./",
        "/api/v1/setup/../",
        "/API/v1/",
        "/api/V1/",
        "/Api/v1/",
        "/%61pi/v1/",
        "/api%2fv1/",
        "/api/v1%2f",
        "/api/v1;x=y/",
        "/api;/v1/",
        "/./api/v1/",
        "/x/../api/v1/",
        "/api/v1/%2e%2e/v1/",
        "/api/./v1/",
        "/api.//v1/",
        "/api/v1/session/../",
        "/healthz/../api/v1/",
        "/assets/../api/v1/",
        "/api/docs/../v1/",
        "/%2561pi/v1/",
    ];
    let tails = tails.iter().map(|tail| format!("{path}{tail}"));
    tails.chain(heads.iter().map(|head| format!("{head}{rest}"))).collect()
}

#[tokio::test]
async fn no_disguise_of_a_path_reaches_a_handler() {
    let app = App::new().await;
    let mut tried = 0;
    for (method, path) in routes().into_iter().filter(|(method, path)| !public(method, path)) {
        for disguise in disguises(&path) {
            if disguise.parse::<axum::http::Uri>().is_err() {
                continue;
            }
            let mut request = request(&method, &disguise, None, &[], (method != "GET").then(|| json!({})));
            for (name, value) in [
                ("x-original-url", path.as_str()),
                ("x-rewrite-url", &path),
                ("x-http-method-override", "GET"),
                ("x-forwarded-for", "127.0.0.1"),
                ("x-forwarded-user", "admin"),
                ("x-user", "admin"),
            ] {
                request.headers_mut().insert(name, value.parse().unwrap());
            }
            let answer = app.call(request).await;
            let refused = [StatusCode::UNAUTHORIZED, StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED];
            assert!(refused.contains(&answer.status), "{method} {disguise}: {}", answer.status);
            assert_eq!(answer.header("content-type"), if method == "HEAD" { "" } else { "application/problem+json" });
            tried += 1;
        }
    }
    assert!(tried > 2_500, "{tried}");
}

#[tokio::test]
async fn the_matrix_of_roles_and_routes_is_as_reviewed() {
    let app = App::new().await;
    let mut tokens = Vec::new();
    for (name, _) in ROLES {
        tokens.push((name, app.token(name).await));
    }
    let document = crate::openapi::document();
    let mut lines = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method = method.to_uppercase();
            let mut allowed = Vec::new();
            for (name, token) in &tokens {
                let address = path.replace("{id}", "00000000-0000-7000-8000-000000000000");
                let body = (method != "GET").then(|| json!({"refresh_token": "none"}));
                let request = request(&method, &address, Some(token), &[], body);
                // Streams never end; the head is enough.
                let status = app.raw(request).await.status();
                // A sender has the token of its source; no person's token is one.
                let sender = path == "/api/v1/webhooks/{id}";
                assert_eq!(sender, sender && status == StatusCode::UNAUTHORIZED, "{method} {path} as {name}");
                let known = status != StatusCode::UNAUTHORIZED || public(&method, path) || sender;
                assert!(known, "{method} {path} as {name}");
                if status != StatusCode::FORBIDDEN && !sender {
                    allowed.push(*name);
                }
            }
            lines.push(format!("{method:6} {path:45} {}", allowed.join(" ")));
        }
    }
    insta::assert_snapshot!(lines.join("\n"));
}

#[test]
fn the_table_and_the_roles_agree() {
    for (method, path, access) in api::TABLE {
        for (name, role) in ROLES {
            assert!(role != Role::Admin || access.allows(role), "an admin may {method} {path}");
            let kept = ["/users", "/audit", "/api-keys", "/secrets"].iter().any(|p| path.starts_with(p));
            if *method == "GET" && !kept {
                assert!(access.allows(role), "a {name} may read {path}");
            }
        }
    }
}

#[tokio::test]
async fn a_step_that_needs_approval_is_not_started_by_an_operator() {
    let app = App::new().await;
    let incident = app.incident("slow").id;
    let policy = |autonomy: &str| {
        serde_json::from_value(json!({"steps": [{"case_id": incident}], "autonomy": autonomy})).unwrap()
    };
    let (asked, suggested) =
        (app.policies.put("asked", policy("approve")), app.policies.put("suggested", policy("suggest")));
    let path = format!("/api/v1/incidents/{incident}/heal");
    for (user, policy, status) in [
        ("operator", suggested.id, 200),
        ("operator", asked.id, 403),
        ("editor", asked.id, 403),
        ("approver", asked.id, 200),
        ("admin", asked.id, 200),
        ("viewer", suggested.id, 403),
    ] {
        let token = app.token(user).await;
        let answer = app.send("POST", &path, Some(&token), Some(json!({"policy_id": policy}))).await;
        assert_eq!(answer.status.as_u16(), status, "{user}: {}", answer.text);
    }
}
