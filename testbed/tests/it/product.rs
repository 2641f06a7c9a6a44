//! A stand-in for the product: the documented HTTP API over lists in memory, and a healer that is honest or is not.
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde_json::{Value, json};

/// Everything the stand-in knows; tests look into it and change it.
#[derive(Debug, Default)]
pub(crate) struct Store {
    /// Objects by kind.
    pub(crate) objects: BTreeMap<String, Vec<Value>>,
    /// Incidents, newest first.
    pub(crate) incidents: Vec<Value>,
    /// Lists below incidents, by `ID/LIST`.
    pub(crate) details: BTreeMap<String, Vec<Value>>,
    /// Number of changes made through the API.
    pub(crate) changes: u32,
}

/// A running stand-in.
#[derive(Debug, Clone)]
pub(crate) struct Product {
    pub(crate) url: String,
    pub(crate) store: Arc<Mutex<Store>>,
}

type Shared = State<Arc<Mutex<Store>>>;
type Answer = Result<Json<Value>, StatusCode>;

impl Product {
    /// Starts one with a source of each kind.
    pub(crate) fn start() -> Self {
        let store: Arc<Mutex<Store>> = Arc::default();
        let sources = ["prometheus", "elasticsearch"]
            .map(|kind| json!({"id": format!("source-{kind}"), "name": kind, "kind": kind}));
        store.lock().unwrap().objects.insert("sources".into(), sources.to_vec());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new()
            .route("/api/v1/session", post(|| async { Json(json!({"access_token": "good"})) }))
            .route("/api/v1/incidents", get(incidents))
            .route("/api/v1/incidents/{id}/{list}", get(details).post(resolve))
            .route("/api/v1/{kind}", get(list).post(create))
            .route("/api/v1/{kind}/{id}", put(replace))
            .with_state(Arc::clone(&store));
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                axum::serve(tokio::net::TcpListener::from_std(listener).unwrap(), router).await.unwrap();
            });
        });
        Self { url, store }
    }

    /// Opens an incident on checkout with a run, as a product does that has found the fault.
    pub(crate) fn open(&self, id: &str) {
        let mut store = self.store.lock().unwrap();
        store.incidents.insert(
            0,
            json!({
                "id": id, "version": 1, "state": "healing", "entity": "service=checkout", "reopened": 0,
                "entities": ["service=checkout"], "detected_at": chrono::Utc::now(),
                "causes": [{"entity": "service=checkout", "probability": 0.8}],
            }),
        );
        let run = json!({"id": "run", "target": "service=checkout", "case_name": "c", "state": "succeeded",
            "started_at": chrono::Utc::now(), "ended_at": null});
        let event = json!({"id": "e", "at": chrono::Utc::now(), "kind": "cause_ranked", "message": "m"});
        store.details.insert(format!("{id}/runs"), vec![run]);
        store.details.insert(format!("{id}/events"), vec![event]);
    }

    /// Gives a verdict and ends the incident.
    pub(crate) fn verdict(&self, id: &str, verdict: &str, state: &str) {
        let mut store = self.store.lock().unwrap();
        let seen = json!({"run_id": "run", "verdict": verdict, "ended_at": chrono::Utc::now()});
        store.details.insert(format!("{id}/verifications"), vec![seen]);
        for incident in store.incidents.iter_mut().filter(|incident| incident["id"] == id) {
            incident["state"] = json!(state);
        }
    }
}

fn allowed(headers: &HeaderMap) -> Result<(), StatusCode> {
    let sent = headers.get("authorization").and_then(|value| value.to_str().ok());
    if sent == Some("Bearer good") { Ok(()) } else { Err(StatusCode::UNAUTHORIZED) }
}

async fn list(State(store): Shared, Path(kind): Path<String>, headers: HeaderMap) -> Answer {
    allowed(&headers)?;
    let items = store.lock().unwrap().objects.get(&kind).cloned().unwrap_or_default();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

async fn create(
    State(store): Shared,
    Path(kind): Path<String>,
    headers: HeaderMap,
    Json(draft): Json<Value>,
) -> Answer {
    allowed(&headers)?;
    let mut store = store.lock().unwrap();
    store.changes += 1;
    let mut object = draft;
    object["id"] = json!(format!("{kind}-{}", store.changes));
    object["version"] = json!(1);
    store.objects.entry(kind).or_default().push(object.clone());
    Ok(Json(object))
}

async fn replace(
    State(store): Shared,
    Path((kind, id)): Path<(String, String)>,
    headers: HeaderMap,
    Json(draft): Json<Value>,
) -> Answer {
    allowed(&headers)?;
    let mut store = store.lock().unwrap();
    store.changes += 1;
    let objects = store.objects.entry(kind).or_default();
    let object = objects.iter_mut().find(|object| object["id"] == id.as_str()).ok_or(StatusCode::NOT_FOUND)?;
    let wanted = format!("\"{}\"", object["version"]);
    if headers.get("if-match").and_then(|value| value.to_str().ok()) != Some(&wanted) {
        return Err(StatusCode::PRECONDITION_FAILED);
    }
    let version = object["version"].as_i64().unwrap() + 1;
    *object = draft;
    object["id"] = json!(id);
    object["version"] = json!(version);
    Ok(Json(object.clone()))
}

async fn incidents(State(store): Shared, headers: HeaderMap) -> Answer {
    allowed(&headers)?;
    let items = store.lock().unwrap().incidents.clone();
    Ok(Json(json!({"items": items, "next_cursor": null})))
}

async fn details(State(store): Shared, Path((id, list)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    allowed(&headers)?;
    let items = store.lock().unwrap().details.get(&format!("{id}/{list}")).cloned().unwrap_or_default();
    Ok(Json(if list == "runs" { json!({"items": items, "next_cursor": null}) } else { json!(items) }))
}

async fn resolve(State(store): Shared, Path((id, _)): Path<(String, String)>, headers: HeaderMap) -> Answer {
    allowed(&headers)?;
    let mut store = store.lock().unwrap();
    for incident in store.incidents.iter_mut().filter(|incident| incident["id"] == id.as_str()) {
        incident["state"] = json!("resolved");
    }
    Ok(Json(json!({})))
}
