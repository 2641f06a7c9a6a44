//! What people do with incidents beyond their state: assign, judge, merge, split; and how noisy the days are.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, IfMatch, PathId};
use crate::routes::incident_actions::remark;
use crate::routes::incidents::{Tagged, tagged};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use domain::incident::{Actor, EventKind, Incident, IncidentEvent, Severity};
use domain::incident_work::{IncidentWork, NoiseDay};
use domain::ports::{Split, Topic};
use domain::{Error, Id, Kind};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What people decided about the incident.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/work", tag = "incidents", operation_id = "get_incident_work",
    params(("id" = Uuid, Path)), responses((status = 200, body = IncidentWork)))]
pub(crate) async fn get(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<IncidentWork>> {
    Ok(Json(app.deps.work.work_of(id).await?))
}

/// The event of a person's change, with the remark when there is one.
fn event(
    app: &AppState,
    caller: &Caller,
    id: Id,
    kind: EventKind,
    text: &str,
    comment: Option<&str>,
) -> ApiResult<IncidentEvent> {
    let name = caller.session.username.clone();
    let message = match comment.filter(|c| !c.trim().is_empty()) {
        Some(comment) => format!("{name} {text}: {}", remark("comment", comment)?),
        None => format!("{name} {text}"),
    };
    Ok(IncidentEvent::new(id, app.deps.clock.now(), kind, Actor::User { name }, message))
}

/// Refuses a copy that is old, before anything is tried.
async fn current(app: &AppState, id: Id, version: i64) -> ApiResult<Incident> {
    let incident = app.deps.incidents.incident(id).await?;
    if incident.version == version { Ok(incident) } else { Err(ApiError::stale(incident.version)) }
}

/// The answer of the store; a conflict by another's change says so.
async fn done<T>(app: &AppState, id: Id, version: i64, answer: domain::Result<T>) -> ApiResult<T> {
    match answer {
        Ok(value) => {
            app.deps.wake.wake(Topic::Incidents);
            app.deps.wake.wake(Topic::Alerts);
            Ok(value)
        }
        Err(error) if error.kind == Kind::Conflict => {
            let now = app.deps.incidents.incident(id).await?;
            Err(if now.version == version { error.into() } else { ApiError::stale(now.version) })
        }
        Err(error) => Err(error.into()),
    }
}

/// Who works on it.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AssignRequest {
    /// Login name; null: nobody.
    assignee: Option<String>,
    /// Shown in the timeline.
    comment: Option<String>,
}

/// Gives the incident to a person, or to nobody.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/assign", tag = "incidents", operation_id = "assign_incident",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = AssignRequest, responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn assign(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    Body(request): Body<AssignRequest>,
) -> ApiResult<Tagged> {
    current(&app, id, version).await?;
    let assignee = request.assignee.map(|name| name.trim().to_lowercase());
    let text = match &assignee {
        None => "gave the incident to nobody".to_owned(),
        Some(name) => {
            let user = app.deps.users.user_by_name(name).await?.filter(|u| !u.disabled);
            user.ok_or_else(|| ApiError::field("assignee", "there is no such user, or the user is disabled"))?;
            format!("gave the incident to {name}")
        }
    };
    let event = event(&app, &caller, id, EventKind::Assigned, &text, request.comment.as_deref())?;
    let answer = app.deps.work.assign(id, version, assignee, event, caller.audit("incident.assign")).await;
    done(&app, id, version, answer).await.map(tagged)
}

/// How bad it is.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SeverityRequest {
    /// The severity; no anomaly raises it from then on.
    severity: Severity,
    /// Shown in the timeline.
    comment: Option<String>,
}

/// Sets the severity by hand.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/severity", tag = "incidents", operation_id = "set_incident_severity",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = SeverityRequest, responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn severity(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    Body(request): Body<SeverityRequest>,
) -> ApiResult<Tagged> {
    current(&app, id, version).await?;
    let word = serde_json::to_value(request.severity).map_err(Error::internal)?;
    let text = format!("set the severity to {}", word.as_str().unwrap_or_default());
    let event = event(&app, &caller, id, EventKind::SeveritySet, &text, request.comment.as_deref())?;
    let audit = caller.audit("incident.severity");
    let answer = app.deps.work.set_severity(id, version, request.severity, event, audit).await;
    done(&app, id, version, answer).await.map(tagged)
}

/// Where it goes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct MergeRequest {
    /// The incident that it becomes part of.
    into: Uuid,
    /// Shown in the timeline.
    comment: Option<String>,
}

/// Makes the incident part of another one; answers with that one.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/merge", tag = "incidents", operation_id = "merge_incident",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = MergeRequest, responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn merge(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    Body(request): Body<MergeRequest>,
) -> ApiResult<Tagged> {
    current(&app, id, version).await?;
    let into = app.deps.incidents.incident(request.into).await.map_err(|error| match error.kind {
        Kind::NotFound => ApiError::field("into", "there is no such incident"),
        _ => error.into(),
    })?;
    let text = format!("merged the incident into: {}", into.title);
    let event = event(&app, &caller, id, EventKind::Merged, &text, request.comment.as_deref())?;
    let answer = app.deps.work.merge(id, version, into.id, event, caller.audit("incident.merge")).await;
    done(&app, id, version, answer).await.map(tagged)
}

/// What goes.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SplitRequest {
    /// Anomalies of the incident that become another one; some must stay.
    anomalies: Vec<Uuid>,
    /// Title of the new incident; absent: made from its strongest anomaly.
    title: Option<String>,
    /// Shown in the timeline.
    comment: Option<String>,
}

/// Both parts.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SplitAnswer {
    /// The incident as it is now.
    stays: Incident,
    /// The new one.
    fresh: Incident,
}

/// Makes some anomalies of the incident another incident.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/split", tag = "incidents", operation_id = "split_incident",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = SplitRequest, responses((status = 200, body = SplitAnswer)))]
pub(crate) async fn split(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    Body(request): Body<SplitRequest>,
) -> ApiResult<Json<SplitAnswer>> {
    current(&app, id, version).await?;
    let title = request.title.as_deref().map(str::trim).filter(|t| !t.is_empty());
    if title.is_some_and(|t| t.chars().count() > 200 || t.chars().any(char::is_control)) {
        return Err(ApiError::field("title", "give at most 200 characters without control characters"));
    }
    let text = format!("split off {} anomalies", request.anomalies.len());
    let event = event(&app, &caller, id, EventKind::Split, &text, request.comment.as_deref())?;
    let split = Split { id, version, anomalies: request.anomalies, title: title.map(str::to_owned) };
    let answer = app.deps.work.split(split, event, caller.audit("incident.split")).await;
    let (stays, fresh) = done(&app, id, version, answer).await?;
    Ok(Json(SplitAnswer { stays, fresh }))
}

/// The last seven days against the budget of one.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Noise {
    /// Incidents that a day should not exceed.
    incidents_a_day: u32,
    /// Notifications that a day should not exceed.
    notifications_a_day: u32,
    /// The days (UTC), oldest first; days without any are left out.
    days: Vec<NoiseDay>,
}

/// How many incidents and notifications the last days brought, against the budget.
pub(crate) async fn noise(app: &AppState) -> ApiResult<Noise> {
    let days = app.deps.work.noise(app.deps.clock.now() - TimeDelta::days(7)).await?;
    let budget = app.config.noise;
    Ok(Noise { incidents_a_day: budget.incidents_a_day, notifications_a_day: budget.notifications_a_day, days })
}
