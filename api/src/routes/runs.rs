//! Runs: start, list, cancel, and their stored logs.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::body::Body as Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Error;
use domain::page::Page;
use domain::ports::{RunFilter, Topic};
use domain::run::{LogRecord, Run, RunState, Stream};
use futures::stream::{self, TryStreamExt};
use serde::Deserialize;
use std::collections::BTreeMap;

/// Lines read at once for a download.
const BATCH: u32 = 1_000;

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
    let target = request.target.filter(|t| !t.trim().is_empty());
    if target.as_deref().is_some_and(|t| t.len() > 512 || t.chars().any(char::is_control)) {
        return Err(ApiError::field("target", "give at most 512 bytes without control characters"));
    }
    let run = app.deps.run_factory.manual(&case, request.values, target, &caller.session.username).await?;
    let run = app.deps.runs.enqueue(run, caller.audit("run.start")).await?;
    app.deps.wake.wake(Topic::Runs);
    let place = [(header::LOCATION, format!("/api/v1/runs/{}", run.id))];
    Ok((StatusCode::CREATED, place, Json(run)).into_response())
}

/// One page, newest first.
#[utoipa::path(get, path = "/api/v1/runs", tag = "runs", operation_id = "list_runs",
    params(("state" = Option<Vec<RunState>>, Query, description = "in one of these states; repeatable"),
        ("case_id" = Option<Uuid>, Query), ("incident_id" = Option<Uuid>, Query), PageQuery),
    responses((status = 200, body = Page<Run>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<Run>>> {
    let page = params.page()?;
    let (case_id, incident_id) = (params.word("case_id")?, params.word("incident_id")?);
    let filter = RunFilter { states: params.words("state")?, case_id, incident_id };
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

/// Lines of its log, in order.
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs", tag = "runs", operation_id = "list_run_logs",
    params(("id" = Uuid, Path), ("after" = Option<i64>, Query, description = "only lines after this number"),
        ("limit" = Option<u32>, Query)),
    responses((status = 200, body = Vec<LogRecord>)))]
pub(crate) async fn logs(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<Vec<LogRecord>>> {
    let (after, limit) = (params.value("after")?.unwrap_or(0), params.limit()?);
    params.done()?;
    app.deps.runs.run(id).await?;
    Ok(Json(app.deps.runs.logs(id, after, limit).await?))
}

/// The whole log as a text file.
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs.txt", tag = "runs", operation_id = "download_run_log",
    params(("id" = Uuid, Path)), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn download(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Response> {
    app.deps.runs.run(id).await?;
    let pages = stream::try_unfold((app, 0_i64), move |(app, after)| async move {
        let lines = app.deps.runs.logs(id, after, BATCH).await?;
        Ok::<_, Error>(lines.last().map(|l| l.seq).map(|last| (text(&lines), (app, last))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"run-{id}.log\"")),
    ];
    Ok((headers, Bytes::from_stream(pages.map_err(Box::new))).into_response())
}

/// Lines as text; control characters but the tab are shown, so that a file cannot steer a terminal.
fn text(lines: &[LogRecord]) -> String {
    let mut out = String::new();
    for line in lines {
        let stream = match line.stream {
            Stream::Stdout => "out",
            Stream::Stderr => "err",
            Stream::System => "sys",
        };
        out.push_str(&format!("{} {stream} ", line.at.format("%Y-%m-%dT%H:%M:%S%.3fZ")));
        out.extend(line.text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }));
        out.push('\n');
    }
    out
}
