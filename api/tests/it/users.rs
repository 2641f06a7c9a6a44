//! Administration of users, and the audit trail.

use crate::harness::{App, PASSWORD};
use serde_json::json;

#[tokio::test]
async fn users_are_made_listed_changed_and_archived() {
    let app = App::new().await;
    let admin = app.token("admin").await;
    let body = json!({"username": "Ann", "password": PASSWORD, "role": "operator"});
    let made = app.send("POST", "/api/v1/users", Some(&admin), Some(body.clone())).await;
    assert_eq!(made.status, 201, "{}", made.text);
    assert_eq!((made.json()["username"].clone(), made.json().get("password_hash")), (json!("ann"), None));
    assert_eq!(app.send("POST", "/api/v1/users", Some(&admin), Some(body)).await.status, 409);
    let list = app.send("GET", "/api/v1/users?limit=200", Some(&admin), None).await;
    assert_eq!(list.json()["items"].as_array().unwrap().len(), 6);
    assert!(!list.text.contains("argon2"), "no hash is shown");
    let path = format!("/api/v1/users/{}", made.json()["id"].as_str().unwrap());
    let other = "another long password";
    let change = json!({"role": "operator", "disabled": false, "password": other});
    assert_eq!(app.send("PUT", &path, Some(&admin), Some(change)).await.status, 200);
    let login = |password: &str| json!({"username": "ann", "password": password});
    assert_eq!(app.send("POST", "/api/v1/session", None, Some(login(PASSWORD))).await.status, 401);
    assert_eq!(app.send("POST", "/api/v1/session", None, Some(login(other))).await.status, 200);
    let archived = app.send("DELETE", &path, Some(&admin), None).await;
    assert_eq!((archived.status.as_u16(), archived.json()["disabled"].clone()), (200, json!(true)));
    assert_eq!(app.send("POST", "/api/v1/session", None, Some(login(other))).await.status, 401);
}

#[tokio::test]
async fn privileges_are_not_assigned_by_extra_fields_and_the_last_admin_stays() {
    let app = App::new().await;
    let login = app.login("admin").await;
    let admin = login["access_token"].as_str().unwrap();
    let path = format!("/api/v1/users/{}", login["user"]["id"].as_str().unwrap());
    for (extra, value) in
        [("is_admin", json!(true)), ("created_by", json!("x")), ("password_hash", json!("x")), ("id", json!("x"))]
    {
        let mut body = json!({"role": "admin", "disabled": false});
        body[extra] = value;
        let answer = app.send("PUT", &path, Some(admin), Some(body)).await;
        assert_eq!((answer.status.as_u16(), answer.field()), (400, extra.to_owned()));
    }
    for body in [json!({"role": "viewer", "disabled": false}), json!({"role": "admin", "disabled": true})] {
        assert_eq!(app.send("PUT", &path, Some(admin), Some(body)).await.status, 409);
    }
    assert_eq!(app.send("DELETE", &path, Some(admin), None).await.status, 409);
    let missing = format!("/api/v1/users/{}", domain::new_id());
    assert_eq!(app.send("DELETE", &missing, Some(admin), None).await.status, 404);
}

#[tokio::test]
async fn changes_leave_an_audit_row_with_actor_and_address() {
    let app = App::new().await;
    let editor = app.token("editor").await;
    let script = json!({"name": "s", "language": "sh", "body": "true"});
    assert_eq!(app.send("POST", "/api/v1/scripts", Some(&editor), Some(script)).await.status, 201);
    let last = app.trail.lock().unwrap().last().cloned().unwrap();
    assert_eq!(
        (last.actor.as_str(), last.action.as_str(), last.origin.as_str()),
        ("editor", "script.create", "192.0.2.7")
    );
    let admin = app.token("admin").await;
    let rows = app.send("GET", "/api/v1/audit?limit=1", Some(&admin), None).await.json();
    assert_eq!(rows["items"][0]["action"], "script.create");
    assert_eq!(rows["next_cursor"], "1");
}
