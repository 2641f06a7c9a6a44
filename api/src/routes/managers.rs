//! Runtime managers beyond their settings: connection tests, and their health over time.

use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::paging::Params;
use crate::routes::probe::unstored;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use domain::catalog::RuntimeManagerSpec;
use domain::manager_health::{KEPT_SECS, ManagerHealth, summarize};
use domain::ports::{ManagerTry, Topic};
use domain::resource::Draft;
use domain::{Time, new_id};
use serde::Serialize;
use serde_json::Value;

/// Steps of a span at most; a chart has no more columns.
const STEPS: u32 = 300;

/// Result of a connection test.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct ManagerTested {
    /// Whether scripts could be run there.
    ok: bool,
    /// What answers there; or why it cannot be used, and what to do.
    message: String,
    /// How long the answer took, milliseconds.
    latency_ms: i64,
    /// Platform information; null when it did not answer.
    platform: Value,
}

fn answer(found: ManagerTry) -> Json<ManagerTested> {
    let ManagerTry { ok, message, latency_ms, platform } = found;
    Json(ManagerTested { ok, message, latency_ms, platform })
}

/// Tests a runtime manager that is not stored yet: connects, and asks what is there. Stores nothing.
#[utoipa::path(post, path = "/api/v1/runtime-managers/test", tag = "runtime-managers",
    request_body = Draft<RuntimeManagerSpec>, responses((status = 200, body = ManagerTested)))]
pub(crate) async fn test_manager(
    State(app): State<AppState>,
    Body(body): Body<Value>,
) -> ApiResult<Json<ManagerTested>> {
    let (name, spec) = unstored::<RuntimeManagerSpec>(body)?;
    let name = if name.trim().is_empty() { "the runtime manager" } else { name.trim() };
    Ok(answer(app.deps.try_manager.try_manager(new_id(), name, &spec).await))
}

/// Tests a stored runtime manager. One that answers is checked by the processes that use it at once.
#[utoipa::path(post, path = "/api/v1/runtime-managers/{id}/test", tag = "runtime-managers",
    params(("id" = Uuid, Path)), responses((status = 200, body = ManagerTested)))]
pub(crate) async fn test_stored_manager(
    State(app): State<AppState>,
    PathId(id): PathId,
) -> ApiResult<Json<ManagerTested>> {
    let manager = app.deps.managers.get(id).await?;
    let found = app.deps.try_manager.try_manager(id, &manager.name, &manager.spec).await;
    if found.ok {
        app.deps.wake.wake(Topic::Catalog);
    }
    Ok(answer(found))
}

/// Checks of a runtime manager over time: the last 24 hours unless said otherwise; seven days are kept.
#[utoipa::path(get, path = "/api/v1/runtime-managers/{id}/health", tag = "runtime-managers",
    params(("id" = Uuid, Path),
        ("from" = Option<DateTime<Utc>>, Query, description = "beginning; a day before the end when absent"),
        ("to" = Option<DateTime<Utc>>, Query, description = "end; now when absent")),
    responses((status = 200, body = ManagerHealth)))]
pub(crate) async fn health(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<ManagerHealth>> {
    let (from, to) = (params.word::<Time>("from")?, params.word::<Time>("to")?);
    params.done()?;
    let now = app.deps.clock.now();
    let to = to.unwrap_or(now);
    let from = from.unwrap_or(to - TimeDelta::days(1)).max(now - TimeDelta::seconds(KEPT_SECS));
    if from >= to {
        return Err(ApiError::field("to", "give a time after from, within the last seven days"));
    }
    let manager = app.deps.managers.get(id).await?;
    let checks = app.deps.health.checks(manager.id, from, to).await?;
    Ok(Json(summarize(&checks, from, to, STEPS)))
}
