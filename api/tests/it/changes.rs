//! Changes are told by those who may, once each, and shown with the incidents that they may have caused.

use crate::harness::App;
use axum::http::StatusCode;
use domain::clock::Clock as _;
use domain::ports::TopologyStore as _;
use domain::topology::{Edge, EdgeSource, Relation, Seen};
use serde_json::json;
use std::collections::BTreeSet;

#[tokio::test]
async fn a_change_is_told_once_and_by_those_who_may() {
    let app = App::new().await;
    let (viewer, operator) = (app.token("viewer").await, app.token("operator").await);
    let body = json!({"entity": "service=shop", "title": "release 4.18", "kind": "deployment", "key": "build-77"});
    let tell = async |who: &str, body| app.send("POST", "/api/v1/changes", Some(who), Some(body)).await;
    assert_eq!(tell(&viewer, body.clone()).await.status, StatusCode::FORBIDDEN);
    let made = tell(&operator, body.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    assert_eq!(made.json()["told_by"], json!("api operator"));
    let again = tell(&operator, body).await;
    assert_eq!((again.status, again.json()["id"].clone()), (StatusCode::OK, made.json()["id"].clone()));
    for (wrong, field) in [
        (json!({"entity": "shop", "title": "x"}), "entity"),
        (json!({"entity": "service=shop", "title": " "}), "title"),
        (json!({"entity": "service=shop", "title": "x", "kind": "run"}), "kind"),
        (json!({"entity": "service=shop", "title": "x", "at": "2099-01-01T00:00:00Z"}), "at"),
        (json!({"entity": "service=shop", "title": "x", "link": "ftp://x"}), "link"),
    ] {
        let refused = tell(&operator, wrong.clone()).await;
        assert_eq!((refused.status, refused.field()), (StatusCode::BAD_REQUEST, field.to_owned()), "{wrong}");
    }
    let listed = app.send("GET", "/api/v1/changes?kind=deployment&entity=service%3Dshop", Some(&viewer), None).await;
    assert_eq!(listed.json()["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn an_incident_shows_what_was_changed_at_it_and_next_to_it() {
    let app = App::new().await;
    let operator = app.token("operator").await;
    let edges = BTreeSet::from([Edge::new("service=shop", "db=orders", Relation::Calls)]);
    let at = app.clock.now();
    app.graph
        .see_edges(Seen { source: EdgeSource::File, origin: "f".to_owned(), edges, at, whole: true })
        .await
        .unwrap();
    let id = app.incident("slow").id;
    let before = |minutes: i64| (at - chrono::TimeDelta::minutes(minutes)).to_rfc3339();
    for (entity, title, minutes) in [
        ("service=shop", "here", 3),
        ("db=orders", "below", 5),
        ("service=far", "elsewhere", 3),
        ("service=shop", "long ago", 40),
    ] {
        let body = json!({"entity": entity, "title": title, "at": before(minutes)});
        assert_eq!(app.send("POST", "/api/v1/changes", Some(&operator), Some(body)).await.status, StatusCode::CREATED);
    }
    let found = app.send("GET", &format!("/api/v1/incidents/{id}/changes"), Some(&operator), None).await.json();
    let titles: Vec<_> = found.as_array().unwrap().iter().map(|c| c["title"].as_str().unwrap()).collect();
    assert_eq!(titles, ["here", "below"]);
}
