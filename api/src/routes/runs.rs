//! Runs: start, list, cancel.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::page::Page;
use domain::ports::{RunFilter, Topic};
use domain::run::{Run, RunPurpose, RunState};
use domain::{Error, Time};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A run to start.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct StartRequest {
    /// Parameter values over the case's own; they reach the script as environment variables.
    #[serde(default)]
    values: BTreeMap<String, serde_json::Value>,
    /// Entity acted on, for example `service=checkout`.
    #[serde(default)]
    target: Option<String>,
}

/// A target that was named; an empty one is none.
pub(super) fn target(given: Option<String>) -> ApiResult<Option<String>> {
    let target = given.filter(|t| !t.trim().is_empty());
    if target.as_deref().is_some_and(|t| t.len() > 512 || t.chars().any(char::is_control)) {
        return Err(ApiError::field("target", "give at most 512 bytes without control characters"));
    }
    Ok(target)
}

/// Starts a case by hand.
#[utoipa::path(post, path = "/api/v1/cases/{id}/runs", tag = "runs", operation_id = "start_run",
    params(("id" = Uuid, Path)), request_body = StartRequest,
    responses((status = 201, body = Run, headers(("Location" = String)))))]
pub(crate) async fn start(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    Body(request): Body<StartRequest>,
) -> ApiResult<Response> {
    let case = app.deps.cases.get(id).await?;
    if case.archived_at.is_some() {
        return Err(Error::conflict("this case is archived and starts nothing").into());
    }
    let target = target(request.target)?;
    let run = app.deps.run_factory.manual(&case, request.values, target, &caller.session.username).await?;
    let run = app.deps.runs.enqueue(run, caller.audit("run.start")).await?;
    app.deps.wake.wake(Topic::Runs);
    let place = [(header::LOCATION, format!("/api/v1/runs/{}", run.id))];
    Ok((StatusCode::CREATED, place, Json(run)).into_response())
}

/// One page, newest first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", operation_id = "list_runs",
    params(("state" = Option<Vec<RunState>>, Query, description = "in one of these states; repeatable"),
        ("purpose" = Option<Vec<RunPurpose>>, Query, description = "for one of these purposes; repeatable"),
        ("case_id" = Option<Uuid>, Query), ("incident_id" = Option<Uuid>, Query),
        ("manager_id" = Option<Uuid>, Query), ("batch_id" = Option<Uuid>, Query, description = "of this request"),
        ("schedule_id" = Option<Uuid>, Query), ("target" = Option<String>, Query),
        ("search" = Option<String>, Query, description = "part of case, target, who asked or reason"),
        ("since" = Option<DateTime<Utc>>, Query, description = "queued at or after this time"),
        ("until" = Option<DateTime<Utc>>, Query, description = "queued before this time"),
        ("requested_by" = Option<String>, Query, description = "exactly who asked"),
        ("tag" = Option<String>, Query, description = "of cases that carry this tag"), PageQuery),
    responses((status = 200, body = Page<Run>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<Run>>> {
    let page = params.page()?;
    let filter = RunFilter {
        states: params.words("state")?,
        case_id: params.word("case_id")?,
        incident_id: params.word("incident_id")?,
        manager_id: params.word("manager_id")?,
        batch_id: params.word("batch_id")?,
        schedule_id: params.word("schedule_id")?,
        purposes: params.words("purpose")?,
        target: params.text("target")?,
        search: params.text("search")?,
        since: params.word::<Time>("since")?,
        until: params.word::<Time>("until")?,
        requested_by: params.text("requested_by")?,
        tag: params.text("tag")?,
    };
    if filter.since.zip(filter.until).is_some_and(|(since, until)| since >= until) {
        return Err(ApiError::field("until", "give a time after since"));
    }
    params.done()?;
    Ok(Json(app.deps.runs.list_runs(&filter, &page).await?))
}

/// One run.
#[utoipa::path(get, path = "/api/v1/runs/{id}", tag = "runs", operation_id = "get_run", params(("id" = Uuid, Path)),
    responses((status = 200, body = Run)))]
pub(crate) async fn get(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Run>> {
    Ok(Json(app.deps.runs.run(id).await?))
}

/// Asks for a stop; a queued run is cancelled at once.
#[utoipa::path(post, path = "/api/v1/runs/{id}/cancel", tag = "runs", operation_id = "cancel_run",
    params(("id" = Uuid, Path)), responses((status = 200, body = Run)))]
pub(crate) async fn cancel(State(app): State<AppState>, caller: Caller, PathId(id): PathId) -> ApiResult<Json<Run>> {
    let run = app.deps.runs.cancel(id, caller.audit("run.cancel")).await?;
    app.deps.wake.wake(Topic::Runs);
    Ok(Json(run))
}
