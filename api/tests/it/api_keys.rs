//! Keys of programs: shown once, good for their role until they expire or are revoked.

use crate::harness::App;
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_key_opens_what_its_role_may_until_it_is_revoked() {
    let app = App::new().await;
    let admin = app.token("admin").await;
    let made = app
        .send(
            "POST",
            "/api/v1/api-keys",
            Some(&admin),
            Some(json!({"name": "ci", "role": "operator", "expires_days": 1})),
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let (secret, id) =
        (made.json()["secret"].as_str().unwrap().to_owned(), made.json()["id"].as_str().unwrap().to_owned());
    assert!(secret.starts_with(made.json()["prefix"].as_str().unwrap()) && secret.len() > 60, "{secret}");
    let listed = app.send("GET", "/api/v1/api-keys", Some(&admin), None).await;
    assert!(!listed.text.contains(&secret), "shown once");

    let me = app.send("GET", "/api/v1/me", Some(&secret), None).await;
    assert_eq!((me.json()["username"].as_str(), me.json()["role"].as_str()), (Some("key:ci"), Some("operator")));
    assert_eq!(app.send("GET", "/api/v1/runs", Some(&secret), None).await.status, StatusCode::OK);
    assert_eq!(app.send("GET", "/api/v1/users", Some(&secret), None).await.status, StatusCode::FORBIDDEN);
    let used = app.send("GET", "/api/v1/api-keys", Some(&admin), None).await.json();
    assert!(used["items"][0]["used_at"].is_string(), "{used}");
    for wrong in [format!("{secret}x"), secret[..secret.len() - 1].to_owned(), "aiops_".to_owned()] {
        assert_eq!(app.send("GET", "/api/v1/runs", Some(&wrong), None).await.status, StatusCode::UNAUTHORIZED);
    }
    let place = format!("/api/v1/api-keys/{id}");
    assert_eq!(app.send("DELETE", &place, Some(&secret), None).await.status, StatusCode::FORBIDDEN);
    assert_eq!(app.send("DELETE", &place, Some(&admin), None).await.status, StatusCode::OK);
    assert_eq!(app.send("GET", "/api/v1/runs", Some(&secret), None).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_key_expires_and_wrong_ones_are_refused_by_field() {
    let app = App::new().await;
    let admin = app.token("admin").await;
    let make = async |body| app.send("POST", "/api/v1/api-keys", Some(&admin), Some(body)).await;
    assert_eq!(make(json!({"name": "a b", "role": "viewer"})).await.field(), "name");
    assert_eq!(make(json!({"name": "a", "role": "viewer", "expires_days": 0})).await.field(), "expires_days");
    assert_eq!(make(json!({"name": "a", "role": "boss"})).await.field(), "role");
    let secret = make(json!({"name": "a", "role": "viewer", "expires_days": 1})).await.json()["secret"].clone();
    let runs = async || app.send("GET", "/api/v1/runs", secret.as_str(), None).await.status;
    app.later(86_399);
    assert_eq!(runs().await, StatusCode::OK);
    app.later(1);
    assert_eq!(runs().await, StatusCode::UNAUTHORIZED);
}
