//! What a person does to an incident.

use crate::auth::extract::Caller;
use crate::auth::permissions::Permission;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, IfMatch, OptionalBody, PathId};
use crate::routes::incidents::{Tagged, tagged};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::decision::Decision;
use domain::feedback::{Feedback, Opinion, Voice};
use domain::incident::{Actor, EventKind, Incident, IncidentEvent, IncidentState};
use domain::policy::Autonomy;
use domain::ports::Topic;
use domain::{Error, Id, Kind};
use serde::Deserialize;
use serde_json::json;
use uuid::Uuid;

/// Characters of a remark at most.
const REMARK: usize = 4_000;

/// A remark to go with the change.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActionRequest {
    /// Shown in the timeline.
    comment: Option<String>,
}

pub(crate) fn remark(field: &str, text: &str) -> ApiResult<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > REMARK {
        return Err(ApiError::field(field, format!("give 1 to {REMARK} characters")));
    }
    Ok(text.to_owned())
}

struct Action {
    to: IncidentState,
    kind: EventKind,
    /// As in "ann <done> it".
    done: &'static str,
    audit: &'static str,
}

async fn act(
    app: AppState,
    caller: Caller,
    id: Id,
    version: i64,
    request: ActionRequest,
    action: Action,
) -> ApiResult<Tagged> {
    let before = app.deps.incidents.incident(id).await?;
    if before.version != version {
        return Err(ApiError::stale(before.version));
    }
    if !before.state.may_become(action.to) || before.state == action.to {
        let state = json!(before.state);
        let state = state.as_str().unwrap_or_default();
        return Err(Error::conflict(format!("an incident that is {state} cannot be {} now", action.done)).into());
    }
    let name = caller.session.username.clone();
    let mut message = format!("{name} {} the incident", action.done);
    if let Some(comment) = request.comment.as_deref().filter(|c| !c.trim().is_empty()) {
        message = format!("{message}: {}", remark("comment", comment)?);
    }
    let event = IncidentEvent::new(id, app.deps.clock.now(), action.kind, Actor::User { name }, message);
    let done = app.deps.incidents.transition(id, version, action.to, event, caller.audit(action.audit)).await;
    match done {
        Ok(after) => {
            app.deps.wake.wake(Topic::Incidents);
            Ok(tagged(after))
        }
        Err(error) if error.kind == Kind::Conflict => {
            let now = app.deps.incidents.incident(id).await?;
            Err(if now.version == version { error.into() } else { ApiError::stale(now.version) })
        }
        Err(error) => Err(error.into()),
    }
}

/// Takes the incident.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/acknowledge", tag = "incidents", operation_id = "acknowledge_incident",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = ActionRequest, responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn acknowledge(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    OptionalBody(request): OptionalBody<ActionRequest>,
) -> ApiResult<Tagged> {
    let action = Action {
        to: IncidentState::Acknowledged,
        kind: EventKind::Acknowledged,
        done: "acknowledged",
        audit: "incident.acknowledge",
    };
    act(app, caller, id, version, request, action).await
}

/// Takes a resolved incident up again.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/reopen", tag = "incidents", operation_id = "reopen_incident",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = ActionRequest, responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn reopen(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    OptionalBody(request): OptionalBody<ActionRequest>,
) -> ApiResult<Tagged> {
    let before = app.deps.incidents.incident(id).await?;
    if before.version == version && before.state != IncidentState::Resolved {
        return Err(Error::conflict("only an incident that is resolved can be reopened").into());
    }
    let action =
        Action { to: IncidentState::Open, kind: EventKind::Reopened, done: "reopened", audit: "incident.reopen" };
    act(app, caller, id, version, request, action).await
}

/// Hands the incident to a person; nothing more is done by itself.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/escalate", tag = "incidents", operation_id = "escalate_incident",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = ActionRequest, responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn escalate(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    OptionalBody(request): OptionalBody<ActionRequest>,
) -> ApiResult<Tagged> {
    let action = Action {
        to: IncidentState::Escalated,
        kind: EventKind::Escalated,
        done: "escalated",
        audit: "incident.escalate",
    };
    act(app, caller, id, version, request, action).await
}

/// How an incident is declared over.
#[derive(Default, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ResolveRequest {
    /// Shown in the timeline.
    comment: Option<String>,
    /// What its anomalies were, said of each of them: `useful` when something was wrong, `noise` for a false alarm.
    opinion: Option<Opinion>,
}

/// Declares the incident over; an opinion goes to all of its anomalies.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/resolve", tag = "incidents", operation_id = "resolve_incident",
    params(("id" = Uuid, Path), ("If-Match" = String, Header, description = "the version you read, in quotes")),
    request_body = ResolveRequest, responses((status = 200, body = Incident, headers(("ETag" = String)))))]
pub(crate) async fn resolve(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    IfMatch(version): IfMatch,
    OptionalBody(request): OptionalBody<ResolveRequest>,
) -> ApiResult<Tagged> {
    let action =
        Action { to: IncidentState::Resolved, kind: EventKind::Resolved, done: "resolved", audit: "incident.resolve" };
    let after =
        act(app.clone(), caller.clone(), id, version, ActionRequest { comment: request.comment }, action).await?;
    if let Some(opinion) = request.opinion {
        say(&app, &caller, id, opinion).await?;
    }
    Ok(after)
}

/// Says the same of every anomaly of an incident. An opinion replaces what the same person said before, so that it may be
/// said again.
async fn say(app: &AppState, caller: &Caller, id: Id, opinion: Opinion) -> ApiResult<()> {
    let (now, by) = (app.deps.clock.now(), &caller.session.username);
    for anomaly in app.deps.incidents.anomalies_of(id).await? {
        let said = Feedback::of(&anomaly, opinion, Voice::Person, by, now);
        app.deps.feedback.say(said, caller.audit("anomaly.feedback")).await?;
    }
    app.deps.wake.wake(Topic::Catalog);
    Ok(())
}

/// A remark.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommentRequest {
    /// 1 to 4000 characters.
    text: String,
}

/// Adds a remark to the timeline.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/comments", tag = "incidents", operation_id = "comment_incident",
    params(("id" = Uuid, Path)), request_body = CommentRequest, responses((status = 201, body = IncidentEvent)))]
pub(crate) async fn comment(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    Body(request): Body<CommentRequest>,
) -> ApiResult<(StatusCode, Json<IncidentEvent>)> {
    let text = remark("text", &request.text)?;
    app.deps.incidents.incident(id).await?;
    let actor = Actor::User { name: caller.session.username.clone() };
    let event = IncidentEvent::new(id, app.deps.clock.now(), EventKind::Comment, actor, text);
    app.deps.incidents.comment(event.clone(), caller.audit("incident.comment")).await?;
    app.deps.wake.wake(Topic::Incidents);
    Ok((StatusCode::CREATED, Json(event)))
}

/// A step to start.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct HealRequest {
    /// Policy whose next step is started.
    policy_id: Uuid,
}

/// Starts a suggested or asked step. A policy whose autonomy is `approve` takes an approver.
#[utoipa::path(post, path = "/api/v1/incidents/{id}/heal", tag = "incidents", operation_id = "heal_incident",
    params(("id" = Uuid, Path)), request_body = HealRequest, responses((status = 200, body = Decision)))]
pub(crate) async fn heal(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    Body(request): Body<HealRequest>,
) -> ApiResult<Json<Decision>> {
    app.deps.incidents.incident(id).await?;
    let policy = app.deps.policies.get(request.policy_id).await.map_err(|error| match error.kind {
        Kind::NotFound => ApiError::field("policy_id", "there is no such policy"),
        _ => error.into(),
    })?;
    if policy.spec.autonomy == Autonomy::Approve && !Permission::Approve.held_by(caller.session.role) {
        let detail = "steps of this policy need an approval: ask an approver to start it";
        return Err(ApiError::new(Kind::Forbidden, detail));
    }
    let decision = app.deps.manual_heal.start(id, policy.id, &caller.session.username).await?;
    app.deps.wake.wake(Topic::Incidents);
    app.deps.wake.wake(Topic::Runs);
    Ok(Json(decision))
}
