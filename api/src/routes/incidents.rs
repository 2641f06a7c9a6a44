//! Incidents and what belongs to them, read only.

use crate::error::ApiResult;
use crate::input::PathId;
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderName, header};
use domain::anomaly::{Anomaly, AnomalyFilter, AnomalyState, ChartPoint, Said};
use domain::decision::Decision;
use domain::incident::{Incident, IncidentEvent, IncidentState, Severity};
use domain::outbox::Notification;
use domain::page::Page;
use domain::ports::{IncidentFilter, RunFilter};
use domain::run::Run;
use domain::verification::Verification;

/// An incident with its version as `ETag`.
pub(crate) type Tagged = ([(HeaderName, String); 1], Json<Incident>);

pub(crate) fn tagged(incident: Incident) -> Tagged {
    ([(header::ETAG, format!("\"{}\"", incident.version))], Json(incident))
}

/// One page, newest first.
#[utoipa::path(get, path = "/api/v1/incidents", tag = "incidents", operation_id = "list_incidents",
    params(("state" = Option<Vec<IncidentState>>, Query, description = "in one of these states; repeatable"),
        ("min_severity" = Option<Severity>, Query), ("search" = Option<String>, Query, description = "part of title or entity"),
        PageQuery),
    responses((status = 200, body = Page<Incident>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<Incident>>> {
    let page = params.page()?;
    let (states, min_severity) = (params.words("state")?, params.word("min_severity")?);
    let filter = IncidentFilter { states, min_severity, search: params.text("search")? };
    params.done()?;
    Ok(Json(app.deps.incidents.list_incidents(&filter, &page).await?))
}

/// One incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}", tag = "incidents", operation_id = "get_incident",
    params(("id" = Uuid, Path)), responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn get(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Tagged> {
    Ok(tagged(app.deps.incidents.incident(id).await?))
}

/// Its timeline, oldest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/events", tag = "incidents", operation_id = "list_incident_events",
    params(("id" = Uuid, Path), ("after" = Option<Uuid>, Query, description = "only events after this one"),
        ("limit" = Option<u32>, Query)),
    responses((status = 200, body = Vec<IncidentEvent>)))]
pub(crate) async fn events(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<Vec<IncidentEvent>>> {
    let (after, limit) = (params.word("after")?, params.limit()?);
    params.done()?;
    app.deps.incidents.incident(id).await?;
    Ok(Json(app.deps.incidents.events(id, after, limit).await?))
}

/// Its anomalies, by start.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/anomalies", tag = "incidents", operation_id = "list_incident_anomalies",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<Anomaly>)))]
pub(crate) async fn anomalies(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Vec<Anomaly>>> {
    app.deps.incidents.incident(id).await?;
    Ok(Json(app.deps.incidents.anomalies_of(id).await?))
}

/// Why the product did, or did not, act; newest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/decisions", tag = "incidents", operation_id = "list_incident_decisions",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<Decision>)))]
pub(crate) async fn decisions(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Vec<Decision>>> {
    app.deps.incidents.incident(id).await?;
    Ok(Json(app.deps.heal.decisions(id).await?))
}

/// Its runs, newest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/runs", tag = "incidents", operation_id = "list_incident_runs",
    params(("id" = Uuid, Path), PageQuery), responses((status = 200, body = Page<Run>)))]
pub(crate) async fn runs(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<Page<Run>>> {
    let page = params.page()?;
    params.done()?;
    app.deps.incidents.incident(id).await?;
    let filter = RunFilter { incident_id: Some(id), ..RunFilter::default() };
    Ok(Json(app.deps.runs.list_runs(&filter, &page).await?))
}

/// Its verifications, oldest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/verifications", tag = "incidents",
    operation_id = "list_incident_verifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<Verification>)))]
pub(crate) async fn verifications(
    State(app): State<AppState>,
    PathId(id): PathId,
) -> ApiResult<Json<Vec<Verification>>> {
    app.deps.incidents.incident(id).await?;
    Ok(Json(app.deps.heal.verifications(id).await?))
}

/// Its notifications, oldest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/notifications", tag = "incidents",
    operation_id = "list_incident_notifications", params(("id" = Uuid, Path)),
    responses((status = 200, body = Vec<Notification>)))]
pub(crate) async fn notifications(
    State(app): State<AppState>,
    PathId(id): PathId,
) -> ApiResult<Json<Vec<Notification>>> {
    app.deps.incidents.incident(id).await?;
    Ok(Json(app.deps.outbox.notifications(id).await?))
}

/// One page of anomalies, newest first.
#[utoipa::path(get, path = "/api/v1/anomalies", tag = "incidents", operation_id = "list_anomalies",
    params(("monitor_id" = Option<Uuid>, Query, description = "of this monitor"),
        ("entity" = Option<String>, Query, description = "about exactly this entity, for example service=checkout"),
        ("search" = Option<String>, Query, description = "part of the entity or of the monitor's name"),
        ("state" = Option<AnomalyState>, Query, description = "open or closed"),
        ("feedback" = Option<Said>, Query, description = "what was said of it, by people or by verdicts"),
        ("from" = Option<String>, Query, format = DateTime, description = "begun at or after this time"),
        ("to" = Option<String>, Query, format = DateTime, description = "begun before this time"),
        PageQuery),
    responses((status = 200, body = Page<Anomaly>)))]
pub(crate) async fn list_anomalies(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<Anomaly>>> {
    let page = params.page()?;
    let filter = AnomalyFilter {
        monitor_id: params.word("monitor_id")?,
        entity: params.text("entity")?,
        search: params.text("search")?,
        state: params.word("state")?,
        said: params.word("feedback")?,
        from: params.word("from")?,
        to: params.word("to")?,
    };
    params.done()?;
    Ok(Json(app.deps.incidents.list_anomalies(&filter, &page).await?))
}

/// Series, band and score around an anomaly, by time.
#[utoipa::path(get, path = "/api/v1/anomalies/{id}/chart", tag = "incidents", operation_id = "get_anomaly_chart",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<ChartPoint>)))]
pub(crate) async fn chart(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Vec<ChartPoint>>> {
    Ok(Json(app.deps.incidents.chart(id).await?))
}
