//! Many runs at once: of cases by tag or by id, on whatever manager is chosen or on each of several.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::{DateTime, Utc};
use domain::catalog::{Case, RuntimeManager};
use domain::error::FieldError;
use domain::page::PageRequest;
use domain::ports::{RunFilter, Topic};
use domain::queue::StateCount;
use domain::run::{Run, RunState};
use domain::{Error, Id, Kind, Result, new_id};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Runs of one request at most.
const MOST: usize = 500;

/// Which cases to run, and where.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BatchRequest {
    /// Cases that carry this tag.
    #[serde(default)]
    tag: Option<String>,
    /// Cases by id, beside those by tag.
    #[serde(default)]
    case_ids: Vec<Uuid>,
    /// Parameter values over each case's own.
    #[serde(default)]
    values: BTreeMap<String, serde_json::Value>,
    /// Entity acted on.
    #[serde(default)]
    target: Option<String>,
    /// Each case once on each of these; absent: once, where there is room.
    #[serde(default)]
    matrix: Option<Matrix>,
}

/// Runtime managers that each case is run on.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Matrix {
    /// By id.
    #[serde(default)]
    manager_ids: Vec<Uuid>,
    /// Every enabled one that carries all of these tags.
    #[serde(default)]
    manager_tags: Vec<String>,
}

/// A run of a batch, in short.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct BatchRun {
    /// The run.
    id: Uuid,
    /// Its case.
    case_id: Uuid,
    /// The case's name.
    case_name: String,
    /// Where it stands.
    state: RunState,
    /// Exit code, when observed.
    exit_code: Option<i32>,
    /// Why it ended so.
    reason: String,
    /// Where it runs.
    manager_id: Option<Uuid>,
    /// Tags that its manager must carry.
    runtime_tags: Vec<String>,
}

impl From<Run> for BatchRun {
    fn from(run: Run) -> Self {
        let Run { id, case_id, case_name, state, exit_code, reason, manager_id, spec, .. } = run;
        Self { id, case_id, case_name, state, exit_code, reason, manager_id, runtime_tags: spec.runtime_tags }
    }
}

/// The runs of one request together.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Batch {
    /// UUIDv7.
    id: Uuid,
    /// Who asked.
    requested_by: String,
    /// When.
    queued_at: DateTime<Utc>,
    /// When the last run ended; absent while one has not.
    ended_at: Option<DateTime<Utc>>,
    /// Runs.
    total: u64,
    /// Runs by state; states without runs are left out.
    states: Vec<StateCount>,
    /// Whether all have ended.
    ended: bool,
    /// Whether all have ended as expected.
    succeeded: bool,
    /// The runs, in the order in which they were queued.
    runs: Vec<BatchRun>,
}

fn summary(id: Id, mut runs: Vec<Run>) -> Result<Batch> {
    runs.sort_by_key(|run| run.id);
    let first = runs.first().ok_or_else(|| Error::not_found("batch"))?;
    let (requested_by, queued_at) = (first.requested_by.clone(), first.queued_at);
    let ended = runs.iter().all(|run| run.state.is_terminal());
    let mut states: Vec<StateCount> = Vec::new();
    for run in &runs {
        match states.iter_mut().find(|count| count.state == run.state) {
            Some(count) => count.runs += 1,
            None => states.push(StateCount { state: run.state, runs: 1 }),
        }
    }
    Ok(Batch {
        id,
        requested_by,
        queued_at,
        ended_at: runs.iter().filter_map(|run| run.ended_at).max().filter(|_| ended),
        total: runs.len() as u64,
        states,
        ended,
        succeeded: runs.iter().all(|run| run.state == RunState::Succeeded),
        runs: runs.into_iter().map(Into::into).collect(),
    })
}

async fn runs_of(app: &AppState, id: Id) -> Result<Vec<Run>> {
    let filter = RunFilter { batch_id: Some(id), ..RunFilter::default() };
    let (mut runs, mut cursor) = (Vec::new(), None);
    loop {
        let page = app.deps.runs.list_runs(&filter, &PageRequest { limit: 200, cursor }).await?;
        runs.extend(page.items);
        cursor = page.next_cursor;
        if cursor.is_none() {
            return Ok(runs);
        }
    }
}

/// Living cases of the request, each once, by name.
async fn cases(app: &AppState, request: &BatchRequest) -> ApiResult<Vec<Case>> {
    let tag = request.tag.as_deref().map(str::trim).filter(|tag| !tag.is_empty());
    if tag.is_none() && request.case_ids.is_empty() {
        return Err(ApiError::field("tag", "give a tag, or case_ids"));
    }
    let all = app.deps.cases.all().await?;
    let living = |c: &&Case| c.archived_at.is_none();
    if let Some(at) = request.case_ids.iter().position(|id| !all.iter().filter(living).any(|c| c.id == *id)) {
        return Err(ApiError::field(format!("case_ids[{at}]"), "there is no such living case"));
    }
    let wanted = |c: &Case| request.case_ids.contains(&c.id) || tag.is_some_and(|tag| c.tags.iter().any(|t| t == tag));
    let found: Vec<Case> = all.iter().filter(living).filter(|c| wanted(c)).cloned().collect();
    if found.is_empty() {
        return Err(ApiError::field("tag", "no case carries this tag"));
    }
    Ok(found)
}

/// Names of the managers of the matrix; `None` without one.
async fn managers(app: &AppState, matrix: Option<&Matrix>) -> ApiResult<Option<Vec<String>>> {
    let Some(matrix) = matrix else { return Ok(None) };
    if matrix.manager_ids.is_empty() && matrix.manager_tags.is_empty() {
        return Err(ApiError::field("matrix", "give manager_ids or manager_tags"));
    }
    let all = app.deps.managers.all().await?;
    if let Some(at) = matrix.manager_ids.iter().position(|id| all.iter().all(|m| m.id != *id)) {
        return Err(ApiError::field(format!("matrix.manager_ids[{at}]"), "there is no such runtime manager"));
    }
    let tagged = |m: &RuntimeManager| {
        !matrix.manager_tags.is_empty() && m.spec.enabled && matrix.manager_tags.iter().all(|t| m.tags.contains(t))
    };
    let wanted = |m: &&RuntimeManager| matrix.manager_ids.contains(&m.id) || tagged(m);
    let names: Vec<String> = all.iter().filter(wanted).map(|m| m.name.clone()).collect();
    if names.is_empty() {
        return Err(ApiError::field("matrix.manager_tags", "no enabled runtime manager carries these tags"));
    }
    Ok(Some(names))
}

/// Starts many runs: all of them or, when a value does not fit one case, none.
#[utoipa::path(post, path = "/api/v1/runs", tag = "runs", operation_id = "start_batch", request_body = BatchRequest,
    responses((status = 201, body = Batch, headers(("Location" = String)))))]
pub(crate) async fn start(
    State(app): State<AppState>,
    caller: Caller,
    Body(request): Body<BatchRequest>,
) -> ApiResult<Response> {
    let cases = cases(&app, &request).await?;
    let managers = managers(&app, request.matrix.as_ref()).await?;
    let target = super::runs::target(request.target.clone())?;
    let places = managers.as_ref().map_or(1, Vec::len);
    if cases.len() * places > MOST {
        let text = format!("{} cases on {places} places: start at most {MOST} runs at once", cases.len());
        return Err(ApiError::field("tag", text));
    }
    let (id, mut runs, mut wrong) = (new_id(), Vec::new(), Vec::new());
    for case in &cases {
        for place in 0..places {
            let values = request.values.clone();
            match app.deps.run_factory.manual(case, values, target.clone(), &caller.session.username).await {
                Ok(mut run) => {
                    run.batch_id = Some(id);
                    let pin = managers.as_ref().map(|names| format!("{}{}", domain::run::PIN, names[place]));
                    run.spec.runtime_tags.extend(pin);
                    runs.push(run);
                }
                Err(error) if error.kind == Kind::Invalid => {
                    let at = |f: FieldError| FieldError::new(format!("{}: {}", case.name, f.field), f.message);
                    wrong.extend(error.fields.into_iter().map(at));
                    break;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong).into());
    }
    let runs = app.deps.queue.enqueue_all(runs, caller.audit("run.start")).await?;
    app.deps.wake.wake(Topic::Runs);
    let place = [(header::LOCATION, format!("/api/v1/batches/{id}"))];
    Ok((StatusCode::CREATED, place, Json(summary(id, runs)?)).into_response())
}

/// The runs of one request together.
#[utoipa::path(get, path = "/api/v1/batches/{id}", tag = "runs", operation_id = "get_batch",
    params(("id" = Uuid, Path)), responses((status = 200, body = Batch)))]
pub(crate) async fn get(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Batch>> {
    Ok(Json(summary(id, runs_of(&app, id).await?)?))
}

/// Asks all of them to stop that have not ended.
#[utoipa::path(post, path = "/api/v1/batches/{id}/cancel", tag = "runs", operation_id = "cancel_batch",
    params(("id" = Uuid, Path)), responses((status = 200, body = Batch)))]
pub(crate) async fn cancel(State(app): State<AppState>, caller: Caller, PathId(id): PathId) -> ApiResult<Json<Batch>> {
    for run in runs_of(&app, id).await?.into_iter().filter(|run| !run.state.is_terminal()) {
        match app.deps.runs.cancel(run.id, caller.audit("run.cancel")).await {
            // It ended meanwhile.
            Err(error) if error.kind == Kind::Conflict => {}
            done => drop(done?),
        }
    }
    app.deps.wake.wake(Topic::Runs);
    Ok(Json(summary(id, runs_of(&app, id).await?)?))
}
