//! The queue: what waits, what is paused and why, and the attempts of a run.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use domain::Id;
use domain::ports::Topic;
use domain::queue::{PauseMode, QueueState};
use domain::run::Attempt;
use serde::Deserialize;

/// What is to stand still.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PauseRequest {
    /// A runtime manager; absent: the whole queue.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    manager_id: Option<Id>,
    /// Only stop what is new, or be told when nothing runs any more.
    mode: PauseMode,
    /// Why, for people.
    reason: String,
}

/// What is to go on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResumeRequest {
    /// A runtime manager; absent: the whole queue.
    #[serde(default)]
    #[schema(value_type = Option<uuid::Uuid>)]
    manager_id: Option<Id>,
}

/// The queue now.
#[utoipa::path(get, path = "/api/v1/queue", tag = "runs", operation_id = "get_queue",
    responses((status = 200, body = QueueState)))]
pub(crate) async fn get(State(app): State<AppState>) -> ApiResult<Json<QueueState>> {
    Ok(Json(app.deps.queue.queue().await?))
}

/// Nothing new begins until it is resumed; what runs goes on.
#[utoipa::path(post, path = "/api/v1/queue/pause", tag = "runs", operation_id = "pause_queue",
    request_body = PauseRequest, responses((status = 200, body = QueueState)))]
pub(crate) async fn pause(
    State(app): State<AppState>,
    caller: Caller,
    Body(request): Body<PauseRequest>,
) -> ApiResult<Json<QueueState>> {
    let reason = request.reason.trim();
    if reason.is_empty() || reason.len() > 500 || reason.chars().any(char::is_control) {
        return Err(ApiError::field("reason", "say why in at most 500 bytes without control characters"));
    }
    app.deps.queue.pause(request.manager_id, request.mode, reason, caller.audit("queue.pause")).await?;
    Ok(Json(app.deps.queue.queue().await?))
}

/// What was paused goes on.
#[utoipa::path(post, path = "/api/v1/queue/resume", tag = "runs", operation_id = "resume_queue",
    request_body = ResumeRequest, responses((status = 200, body = QueueState)))]
pub(crate) async fn resume(
    State(app): State<AppState>,
    caller: Caller,
    Body(request): Body<ResumeRequest>,
) -> ApiResult<Json<QueueState>> {
    app.deps.queue.resume(request.manager_id, caller.audit("queue.resume")).await?;
    app.deps.wake.wake(Topic::Runs);
    Ok(Json(app.deps.queue.queue().await?))
}

/// Attempts that ended before the present one, oldest first.
#[utoipa::path(get, path = "/api/v1/runs/{id}/attempts", tag = "runs", operation_id = "list_run_attempts",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<Attempt>)))]
pub(crate) async fn attempts(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Vec<Attempt>>> {
    app.deps.runs.run(id).await?;
    Ok(Json(app.deps.queue.attempts(id).await?))
}
