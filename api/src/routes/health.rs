//! Liveness, readiness and metrics, outside `/api/v1`.

use crate::state::AppState;
use crate::trace::{Whole, numbers_text};
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Lives while the process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok\n"
}

#[derive(Serialize)]
struct Check {
    name: String,
    ok: bool,
    message: String,
}

#[derive(Serialize)]
struct Ready {
    ready: bool,
    checks: Vec<Check>,
}

/// 200 with every check well, else 503; the checks are shown either way.
pub(crate) async fn readyz(State(app): State<AppState>) -> Response {
    let mut checks: Vec<Check> =
        (app.deps.ready)().into_iter().map(|(name, ok, message)| Check { name, ok, message }).collect();
    let database = app.deps.users.any_user().await;
    if let Err(error) = &database {
        tracing::warn!(%error, "the database does not answer");
    }
    let message = if database.is_ok() { String::new() } else { "the database does not answer".to_owned() };
    if database.is_err() || checks.iter().all(|check| check.name != "database") {
        checks.push(Check { name: "database".to_owned(), ok: database.is_ok(), message });
    }
    let ready = checks.iter().all(|check| check.ok);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let mut response = (status, Json(Ready { ready, checks })).into_response();
    response.extensions_mut().insert(Whole);
    response
}

/// All metrics of the process.
pub(crate) async fn metrics(State(app): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], (app.deps.metrics)() + &numbers_text())
        .into_response()
}
