//! The graph: whole, around an entity, and along the way to a cause.

use crate::harness::App;
use axum::http::StatusCode;
use domain::clock::Clock as _;
use domain::incident::Cause;
use domain::ports::TopologyStore as _;
use domain::topology::{Edge, EdgeSource, Relation, Seen};
use serde_json::{Value, json};
use std::collections::BTreeSet;

async fn see(app: &App, source: EdgeSource, pairs: &[(&str, &str)]) {
    let edges = pairs.iter().map(|(a, b)| Edge::new(*a, *b, Relation::Calls)).collect::<BTreeSet<_>>();
    let seen = Seen { source, origin: "prom".to_owned(), edges, at: app.clock.now(), whole: false };
    app.graph.see_edges(seen).await.unwrap();
}

fn names(graph: &Value) -> Vec<&str> {
    graph["nodes"].as_array().unwrap().iter().map(|n| n["entity"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn the_graph_tells_trouble_and_where_edges_are_known_from() {
    let app = App::new().await;
    let viewer = app.token("viewer").await;
    let front = ("service=front", "service=checkout");
    see(&app, EdgeSource::ServiceGraph, &[front, ("service=checkout", "service=db"), ("service=db", "service=disk")])
        .await;
    see(&app, EdgeSource::File, &[front]).await;
    let get = async |path: &str| app.send("GET", &format!("/api/v1/topology{path}"), Some(&viewer), None).await;
    let graph = get("").await.json();
    assert_eq!(names(&graph), ["service=checkout", "service=db", "service=disk", "service=front"]);
    assert_eq!(graph["nodes"][0]["anomalies"], json!(2));
    let edge = graph["edges"].as_array().unwrap().iter().find(|e| e["from"] == "service=front").unwrap();
    let sources: Vec<_> = edge["seen"].as_array().unwrap().iter().map(|s| s["source"].clone()).collect();
    assert_eq!(sources, [json!("service_graph"), json!("file")]);
    let near = get("?around=service%3Dfront&hops=1").await.json();
    assert_eq!(names(&near), ["service=checkout", "service=front"]);
    assert_eq!(names(&get("?around=service%3Dnobody").await.json()), ["service=nobody"]);
    for wrong in ["?hops=2", "?around=a&hops=0", "?around=a&hops=seven", "?depth=1"] {
        assert_eq!(get(wrong).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
}

#[tokio::test]
async fn an_incident_shows_the_way_to_its_cause_also_where_an_edge_is_gone() {
    let app = App::new().await;
    let viewer = app.token("viewer").await;
    see(
        &app,
        EdgeSource::ServiceGraph,
        &[("service=a", "service=b"), ("service=x", "service=a"), ("service=far", "service=x")],
    )
    .await;
    let mut incident = app.incident("slow");
    incident.entities = vec!["service=a".to_owned()];
    incident.entity = "service=c".to_owned();
    let path: Vec<String> = ["service=a", "service=b", "service=c"].map(str::to_owned).to_vec();
    incident.causes =
        vec![Cause { entity: "service=c".to_owned(), probability: 0.8, signals: vec![], evidence: vec![], path }];
    *app.work.incidents.lock().unwrap() = vec![incident.clone()];
    let address = format!("/api/v1/incidents/{}/topology", incident.id);
    let graph = app.send("GET", &address, Some(&viewer), None).await.json();
    assert_eq!(names(&graph), ["service=a", "service=b", "service=c", "service=x"], "neighbours, and none further");
    let gone = graph["edges"].as_array().unwrap().iter().find(|e| e["to"] == "service=c").unwrap();
    assert_eq!((gone["seen"].clone(), gone["stale"].clone()), (json!([]), json!(true)));
    let absent = format!("/api/v1/incidents/{}/topology", domain::new_id());
    assert_eq!(app.send("GET", &absent, Some(&viewer), None).await.status, StatusCode::NOT_FOUND);
}
