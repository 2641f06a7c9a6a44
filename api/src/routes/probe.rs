//! Looks at live things: statuses, connection tests, the preview of a monitor's query.

use crate::error::{ApiError, ApiResult};
use crate::input::{self, Body, PathId};
use crate::routes::entry::secrets_given;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use domain::catalog::SourceSpec;
use domain::discovery::Discovered;
use domain::resource::{Draft, Spec};
use domain::signal::Completeness;
use domain::status::{Status, StatusOf};
use domain::{Error, Kind, Labels};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::time::Duration;
use uuid::Uuid;

/// Series of a preview at most.
const PREVIEW_SERIES: usize = 100;
/// Longest wait for a source.
const PATIENCE: Duration = Duration::from_secs(15);

/// Live states of all sources.
#[utoipa::path(get, path = "/api/v1/sources/statuses", tag = "sources", responses((status = 200, body = Vec<Status>)))]
pub(crate) async fn source_statuses(State(app): State<AppState>) -> ApiResult<Json<Vec<Status>>> {
    Ok(Json(app.deps.status.statuses(StatusOf::Source).await?))
}

/// Live states of all monitors.
#[utoipa::path(get, path = "/api/v1/monitors/statuses", tag = "monitors", responses((status = 200, body = Vec<Status>)))]
pub(crate) async fn monitor_statuses(State(app): State<AppState>) -> ApiResult<Json<Vec<Status>>> {
    Ok(Json(app.deps.status.statuses(StatusOf::Monitor).await?))
}

/// Live states of all runtime managers.
#[utoipa::path(get, path = "/api/v1/runtime-managers/statuses", tag = "runtime-managers",
    responses((status = 200, body = Vec<Status>)))]
pub(crate) async fn manager_statuses(State(app): State<AppState>) -> ApiResult<Json<Vec<Status>>> {
    Ok(Json(app.deps.status.statuses(StatusOf::RuntimeManager).await?))
}

/// Result of a connection test.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Tested {
    /// Whether it answered as it should.
    ok: bool,
    /// What answers there, or what to do.
    message: String,
}

async fn probe(app: &AppState, spec: &SourceSpec) -> ApiResult<Json<Tested>> {
    let answer = tokio::time::timeout(PATIENCE, app.deps.live_sources.probe(spec)).await;
    let answer = answer.unwrap_or_else(|_| Err(Error::new(Kind::Timeout, "no answer in 15 s: check the address")));
    Ok(Json(match answer {
        Ok(message) => Tested { ok: true, message },
        Err(error) if error.kind == Kind::Internal => return Err(error.into()),
        Err(error) => Tested { ok: false, message: error.message },
    }))
}

/// Name (empty when absent) and specification of something that is to be tried and is not stored.
pub(crate) fn unstored<T: Spec>(body: Value) -> ApiResult<(String, T)> {
    let mut map = input::object(body)?;
    // The form sends its name along; a test does not need it.
    let name = map.remove("name").and_then(|name| name.as_str().map(str::to_owned)).unwrap_or_default();
    input::tags(&mut map)?;
    let spec: T = input::spec(map)?;
    let wrong = spec.validate();
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong).into());
    }
    secrets_given(&spec, &spec)?;
    Ok((name, spec))
}

/// Tests the connection of a source that is not stored yet.
#[utoipa::path(post, path = "/api/v1/sources/test", tag = "sources", request_body = Draft<SourceSpec>,
    responses((status = 200, body = Tested)))]
pub(crate) async fn test_source(State(app): State<AppState>, Body(body): Body<Value>) -> ApiResult<Json<Tested>> {
    let (_, spec) = unstored(body)?;
    probe(&app, &spec).await
}

/// Tests the connection of a stored source.
#[utoipa::path(post, path = "/api/v1/sources/{id}/test", tag = "sources", params(("id" = Uuid, Path)),
    responses((status = 200, body = Tested)))]
pub(crate) async fn test_stored_source(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Tested>> {
    let source = app.deps.sources.get(id).await?;
    probe(&app, &source.spec).await
}

/// What a stored metric source holds, the monitors proposed for it, and what is left out and why. Stores nothing: create
/// the wanted ones with `POST /monitors`.
#[utoipa::path(get, path = "/api/v1/sources/{id}/discovery", tag = "sources", params(("id" = Uuid, Path)),
    responses((status = 200, body = Discovered)))]
pub(crate) async fn discover(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Discovered>> {
    let answer = tokio::time::timeout(PATIENCE, app.deps.discovery.discover(id)).await;
    let answer = answer.unwrap_or_else(|_| Err(Error::new(Kind::Timeout, "the source did not answer in 15 s")));
    Ok(Json(answer.map_err(|error| match error.kind {
        Kind::NotFound => error.into(),
        Kind::Invalid => ApiError::field("source_id", error.message),
        _ => ApiError::upstream(error),
    })?))
}

/// A query to look at before it becomes a monitor.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct PreviewRequest {
    /// Source to ask.
    source_id: Uuid,
    /// PromQL, or for Elasticsearch a measure such as `ratio(log.level:error) by (service.name as service)`.
    query: String,
}

/// One series of a preview.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct PreviewSeries {
    /// Its labels.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    labels: Labels,
    /// `[epoch milliseconds, value]`; null where there was none.
    points: Vec<(i64, Option<f64>)>,
}

/// The last 15 minutes of a query.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Preview {
    /// The series, 100 at most.
    series: Vec<PreviewSeries>,
    /// `complete` or `partial`.
    completeness: String,
    /// Why it is partial; empty otherwise.
    message: String,
}

/// Runs a monitor's query over the last 15 minutes.
#[utoipa::path(post, path = "/api/v1/monitors/preview", tag = "monitors", request_body = PreviewRequest,
    responses((status = 200, body = Preview)))]
pub(crate) async fn preview_monitor(
    State(app): State<AppState>,
    Body(request): Body<PreviewRequest>,
) -> ApiResult<Json<Preview>> {
    if request.query.trim().is_empty() || request.query.len() > 16_384 {
        return Err(ApiError::field("query", "give a query of at most 16384 bytes"));
    }
    let source = app.deps.live_sources.metrics(request.source_id).await.map_err(|error| match error.kind {
        Kind::NotFound | Kind::Invalid => ApiError::field("source_id", error.message),
        _ => ApiError::upstream(error),
    })?;
    let now = app.deps.clock.now();
    let ask = source.range(&request.query, now - TimeDelta::minutes(15), now, Duration::from_secs(15));
    let answer = tokio::time::timeout(PATIENCE, ask).await;
    let answer = answer.unwrap_or_else(|_| Err(Error::new(Kind::Timeout, "the source did not answer in 15 s")));
    let answer = answer.map_err(|error| match error.kind {
        Kind::Invalid => ApiError::field("query", error.message),
        _ => ApiError::upstream(error),
    })?;
    let total = answer.series.len();
    let (mut completeness, mut message) = match answer.completeness {
        Completeness::Complete => ("complete".to_owned(), String::new()),
        Completeness::Partial(why) => ("partial".to_owned(), why),
    };
    if total > PREVIEW_SERIES && message.is_empty() {
        (completeness, message) = ("partial".to_owned(), format!("{PREVIEW_SERIES} of {total} series are shown"));
    }
    let finite = |value: f64| value.is_finite().then_some(value);
    let series = answer.series.into_iter().take(PREVIEW_SERIES).map(|series| PreviewSeries {
        labels: series.labels,
        points: series.points.into_iter().map(|p| (p.at_ms, finite(p.value))).collect(),
    });
    Ok(Json(Preview { series: series.collect(), completeness, message }))
}
