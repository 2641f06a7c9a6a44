//! Setup, login, throttle, refresh and its reuse, logout.

use crate::harness::{App, PASSWORD, request};
use axum::http::StatusCode;
use domain::ports::UserStore;
use serde_json::{Value, json};

async fn setup(app: &App, token: &str) -> u16 {
    let body = json!({"token": token, "username": "Root", "password": PASSWORD});
    app.send("POST", "/api/v1/setup", None, Some(body)).await.status.as_u16()
}

#[tokio::test]
async fn the_setup_token_works_once_and_for_thirty_minutes() {
    let app = App::empty().await;
    assert_eq!(app.send("GET", "/api/v1/setup", None, None).await.json(), json!({"needed": true}));
    let fresh = || api::setup::ensure_token(app.people.as_ref(), &app.clock);
    let (old, token) = (fresh().await.unwrap().unwrap(), fresh().await.unwrap().unwrap());
    assert!(token.len() >= 43 && old != token);
    let hash = app.people.setup_hash().unwrap();
    assert!(hash.len() == 64 && !app.people.dump().contains(&token), "stored hashed");
    assert_eq!(setup(&app, "guess").await, 401);
    assert_eq!(setup(&app, &old).await, 401, "a new token replaces the old one");
    app.later(30 * 60);
    assert_eq!(setup(&app, &token).await, 401, "too late");
    let token = fresh().await.unwrap().unwrap();
    assert_eq!(setup(&app, &token).await, 201);
    assert_eq!(setup(&app, &token).await, 409);
    assert_eq!(fresh().await.unwrap(), None, "no token once a user exists");
    assert_eq!(app.send("GET", "/api/v1/setup", None, None).await.json(), json!({"needed": false}));
    let login =
        app.send("POST", "/api/v1/session", None, Some(json!({"username": "ROOT", "password": PASSWORD}))).await;
    assert_eq!(login.json()["user"]["role"], "admin");
    assert!(!app.people.dump().contains(PASSWORD));
}

#[tokio::test]
async fn common_passwords_open_nothing_on_a_fresh_start() {
    let app = App::empty().await;
    for user in ["admin", "root", "aiops", ""] {
        for password in ["admin", "password", "aiops", "changeme", "", "123456"] {
            app.later(15 * 60);
            let answer =
                app.send("POST", "/api/v1/session", None, Some(json!({"username": user, "password": password}))).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{user}/{password}");
        }
    }
}

#[tokio::test]
async fn weak_passwords_and_odd_names_are_refused_by_field() {
    let app = App::empty().await;
    let token = api::setup::ensure_token(app.people.as_ref(), &app.clock).await.unwrap().unwrap();
    for (name, password, field) in [
        ("ann", "short", "password"),
        ("a b", PASSWORD, "username"),
        ("", PASSWORD, "username"),
        ("eleven-chars", "Eleven-Chars", "password"),
        ("x\u{202e}y", PASSWORD, "username"),
    ] {
        let body = json!({"token": token, "username": name, "password": password});
        let answer = app.send("POST", "/api/v1/setup", None, Some(body)).await;
        assert_eq!((answer.status.as_u16(), answer.field().as_str()), (400, field), "{name}");
    }
}

async fn try_login(app: &App, user: &str, password: &str, from: &str) -> crate::harness::Answer {
    let body = json!({"username": user, "password": password});
    let mut request = request("POST", "/api/v1/session", None, &[("x-forwarded-for", from)], Some(body));
    request.headers_mut().insert("x-real-ip", from.parse().unwrap());
    app.call(request).await
}

#[tokio::test]
async fn ten_failures_close_an_account_for_a_while() {
    let app = App::new().await;
    for n in 0..10 {
        // Another pretended address each time: it does not help.
        let answer = try_login(&app, "viewer", "wrong", &format!("203.0.113.{n}")).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "try {n}");
    }
    let closed = try_login(&app, "Viewer ", PASSWORD, "203.0.113.99").await;
    assert_eq!(closed.status, StatusCode::TOO_MANY_REQUESTS, "the right password does not help either");
    assert_eq!((closed.header("retry-after"), closed.json()["code"].clone()), ("900", json!("too_many")));
    assert_eq!(try_login(&app, "editor", PASSWORD, "x").await.status, StatusCode::OK, "others get in");
    app.later(15 * 60);
    assert_eq!(try_login(&app, "viewer", PASSWORD, "x").await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_that_tries_many_accounts_is_closed_too() {
    let app = App::new().await;
    for n in 0..30 {
        assert_eq!(try_login(&app, &format!("user{n}"), "wrong", "x").await.status, StatusCode::UNAUTHORIZED);
    }
    assert_eq!(try_login(&app, "viewer", PASSWORD, "x").await.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_look_the_same() {
    let app = App::new().await;
    let strip = |mut body: Value| {
        body["trace_id"] = Value::Null;
        body
    };
    let known = try_login(&app, "viewer", "wrong", "x").await;
    let unknown = try_login(&app, "nobody", "wrong", "x").await;
    assert_eq!((known.status, strip(known.json())), (unknown.status, strip(unknown.json())));
}

async fn refresh(app: &App, token: &Value) -> crate::harness::Answer {
    app.send("POST", "/api/v1/session/refresh", None, Some(json!({"refresh_token": token}))).await
}

async fn me(app: &App, tokens: &Value) -> u16 {
    app.send("GET", "/api/v1/me", tokens["access_token"].as_str(), None).await.status.as_u16()
}

#[tokio::test]
async fn refresh_tokens_rotate_and_reuse_ends_the_login() {
    let app = App::new().await;
    let (first, other) = (app.login("operator").await, app.login("operator").await);
    assert_eq!(first["expires_in"], 900);
    let second = refresh(&app, &first["refresh_token"]).await.json();
    assert_ne!(second["refresh_token"], first["refresh_token"]);
    assert_eq!((me(&app, &first).await, me(&app, &second).await), (200, 200));
    assert_eq!(refresh(&app, &first["refresh_token"]).await.status, StatusCode::UNAUTHORIZED, "reuse");
    assert_eq!(refresh(&app, &second["refresh_token"]).await.status, StatusCode::UNAUTHORIZED, "the family is void");
    assert_eq!((me(&app, &first).await, me(&app, &second).await), (401, 401), "access tokens of it too");
    assert_eq!(me(&app, &other).await, 200, "the other login goes on");
    for wrong in [
        json!(""),
        json!("x"),
        json!("x.y"),
        json!(format!("{}.secret", domain::new_id())),
        other["access_token"].clone(),
    ] {
        assert_eq!(refresh(&app, &wrong).await.status, StatusCode::UNAUTHORIZED, "{wrong}");
    }
    app.later(14 * 24 * 3_600);
    assert_eq!(refresh(&app, &other["refresh_token"]).await.status, StatusCode::UNAUTHORIZED, "too old");
}

#[tokio::test]
async fn logout_ends_the_login_at_once() {
    let app = App::new().await;
    let tokens = app.login("viewer").await;
    let body = json!({"refresh_token": tokens["refresh_token"]});
    let out = app.send("DELETE", "/api/v1/session", tokens["access_token"].as_str(), Some(body)).await;
    assert_eq!((out.status, out.text.as_str()), (StatusCode::NO_CONTENT, ""));
    assert_eq!(me(&app, &tokens).await, 401);
    assert_eq!(refresh(&app, &tokens["refresh_token"]).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_disabled_user_is_out_and_a_new_role_counts_at_once() {
    let app = App::new().await;
    let (admin, tokens) = (app.token("admin").await, app.login("editor").await);
    let id = tokens["user"]["id"].as_str().unwrap().to_owned();
    app.later(1);
    let change = |body: Value| {
        app.send("PUT", Box::leak(format!("/api/v1/users/{id}").into_boxed_str()), Some(&admin), Some(body))
    };
    assert_eq!(change(json!({"role": "viewer", "disabled": false})).await.status, StatusCode::OK);
    assert_eq!(me(&app, &tokens).await, 401, "tokens from before the change are void");
    let tokens = app.login("editor").await;
    assert_eq!(tokens["user"]["role"], "viewer");
    assert_eq!(app.send("POST", "/api/v1/scripts", tokens["access_token"].as_str(), Some(json!({}))).await.status, 403);
    assert_eq!(change(json!({"role": "viewer", "disabled": true})).await.status, StatusCode::OK);
    assert_eq!(me(&app, &tokens).await, 401);
    assert_eq!(refresh(&app, &tokens["refresh_token"]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(try_login(&app, "editor", PASSWORD, "x").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_short_signing_key_stops_the_start() {
    let app = App::empty().await;
    app.people.secret("short", b"x").await.unwrap();
    let stored = app.people.secret("jwt", b"").await.unwrap();
    assert_eq!(stored.len(), 32, "256 bits, made at the first start");
}
