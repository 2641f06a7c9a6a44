//! Alerts from outside, read only.

use crate::error::ApiResult;
use crate::input::PathId;
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use domain::alert::{Alert, AlertGroup, AlertState};
use domain::page::Page;
use domain::ports::AlertFilter;
use uuid::Uuid;

/// Documents the filters.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query string in the OpenAPI document")]
pub(crate) struct AlertQuery {
    /// `firing` or `resolved`.
    state: Option<AlertState>,
    /// Of this source.
    source_id: Option<Uuid>,
    /// Part of name or entity.
    search: Option<String>,
}

/// Alerts, newest first.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "alerts", operation_id = "list_alerts",
    params(PageQuery, AlertQuery), responses((status = 200, body = Page<Alert>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<Alert>>> {
    let filter = AlertFilter {
        state: params.word("state")?,
        source_id: params.word("source_id")?,
        incident_id: None,
        search: params.text("search")?,
    };
    let page = params.page()?;
    params.done()?;
    Ok(Json(app.deps.alerts.list_alerts(&filter, &page).await?))
}

/// Alerts of an incident, newest first.
#[utoipa::path(get, path = "/api/v1/incidents/{id}/alerts", tag = "alerts", operation_id = "list_incident_alerts",
    params(("id" = Uuid, Path), PageQuery), responses((status = 200, body = Page<Alert>)))]
pub(crate) async fn of_incident(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<Page<Alert>>> {
    app.deps.incidents.incident(id).await?;
    let page = params.page()?;
    params.done()?;
    let filter = AlertFilter { incident_id: Some(id), ..AlertFilter::default() };
    Ok(Json(app.deps.alerts.list_alerts(&filter, &page).await?))
}

/// Groups as they were told last, with what their senders left out.
#[utoipa::path(get, path = "/api/v1/alert-groups", tag = "alerts", operation_id = "list_alert_groups",
    params(("source_id" = Option<Uuid>, Query)), responses((status = 200, body = [AlertGroup])))]
pub(crate) async fn groups(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Vec<AlertGroup>>> {
    let source = params.word("source_id")?;
    params.done()?;
    Ok(Json(app.deps.alerts.alert_groups(source).await?))
}
