//! Changes: told by programs and people, listed, and those that an incident may come from.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::change::{AFTER, BEFORE, ChangeEvent, ChangeKind, KEEP};
use domain::page::Page;
use domain::ports::ChangeFilter;
use domain::topology::around;
use domain::{Error, new_id};
use serde::Deserialize;
use std::collections::BTreeSet;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// The routes of changes.
pub(super) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, record)).routes(routes!(of_incident))
}

/// A change, as it is told.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChangeRequest {
    /// What was changed, for example `service=checkout`.
    entity: String,
    /// One line for people, for example `release 4.18`.
    title: String,
    /// What kind; `other` when absent.
    #[serde(default)]
    kind: ChangeKind,
    /// When; now when absent.
    at: Option<DateTime<Utc>>,
    /// Tells it apart: the same key again is the same change; one is made when absent.
    key: Option<String>,
    /// Who changed it.
    #[serde(default)]
    author: String,
    /// Address of the change.
    #[serde(default)]
    link: String,
}

/// Tells a change: a release, a setting, a migration. For pipelines, with an API key of an operator.
#[utoipa::path(post, path = "/api/v1/changes", tag = "topology", operation_id = "record_change",
    request_body = ChangeRequest,
    responses((status = 201, body = ChangeEvent), (status = 200, description = "it was known by its key", body = ChangeEvent)))]
pub(crate) async fn record(
    State(app): State<AppState>,
    caller: Caller,
    Body(request): Body<ChangeRequest>,
) -> ApiResult<(StatusCode, Json<ChangeEvent>)> {
    let now = app.deps.clock.now();
    let id = new_id();
    let change = ChangeEvent {
        id,
        key: request.key.map_or_else(|| format!("api {id}"), |key| format!("api {key}")),
        at: request.at.unwrap_or(now),
        kind: request.kind,
        entity: request.entity.trim().to_owned(),
        title: request.title.trim().to_owned(),
        author: request.author.trim().to_owned(),
        link: request.link,
        told_by: format!("api {}", caller.session.username),
    };
    let mut wrong = change.wrong();
    if change.at > now + AFTER || change.at < now - KEEP {
        wrong.push(domain::error::FieldError::new("at", "give a time of the last 30 days, not of the future"));
    }
    if change.kind == ChangeKind::Run {
        wrong.push(domain::error::FieldError::new("kind", "runs are known: give deployment, scale, config or other"));
    }
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong).into());
    }
    let new = app.deps.changes.record_changes(vec![change.clone()], Some(caller.audit("change.record"))).await?;
    if new > 0 {
        return Ok((StatusCode::CREATED, Json(change)));
    }
    let known = app.deps.changes.change_by_key(&change.key).await?.ok_or_else(|| Error::not_found("change"))?;
    Ok((StatusCode::OK, Json(known)))
}

/// Changes as they were told, newest first; runs have a list of their own.
#[utoipa::path(get, path = "/api/v1/changes", tag = "topology", operation_id = "list_changes",
    params(("entity" = Option<String>, Query), ("kind" = Option<ChangeKind>, Query), PageQuery),
    responses((status = 200, body = Page<ChangeEvent>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<ChangeEvent>>> {
    let filter = ChangeFilter { entity: params.text("entity")?, kind: params.word("kind")? };
    let page = params.page()?;
    params.done()?;
    Ok(Json(app.deps.changes.list_changes(&filter, &page).await?))
}

/// Changes of the half hour before an incident and while it lasts, of its entities, of what is next to them and of those on
/// the way to its causes; newest first. Its own runs are in its timeline.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/changes", tag = "topology", operation_id = "list_incident_changes",
    params(("id" = Uuid, Path)), responses((status = 200, body = [ChangeEvent])))]
pub(crate) async fn of_incident(
    State(app): State<AppState>,
    PathId(id): PathId,
) -> Result<Json<Vec<ChangeEvent>>, ApiError> {
    let incident = app.deps.incidents.incident(id).await?;
    let until = incident.resolved_at.unwrap_or_else(|| app.deps.clock.now());
    let found = app.deps.changes.changes_between(incident.started_at - BEFORE, until, Some(id)).await?;
    if found.is_empty() {
        return Ok(Json(found));
    }
    let subject: BTreeSet<String> = crate::graph::subject(&incident);
    let near = around(&app.deps.topology.edges().await?, &subject, 1);
    Ok(Json(found.into_iter().filter(|c| near.contains(&c.entity)).collect()))
}
