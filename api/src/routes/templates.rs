//! Log templates: found, looked at, named, pinned, muted and taken apart.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use domain::Time;
use domain::page::Page;
use domain::ports::{TemplateFilter, Topic};
use domain::signal::LogLevel;
use domain::template::{LogTemplate, TemplateRule};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

/// Characters of a template's name at most.
const NAME: usize = 200;

/// Documents the filters.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "describes the query string in the OpenAPI document")]
pub(crate) struct TemplateQuery {
    /// Of this log monitor.
    monitor_id: Option<Uuid>,
    /// Part of the text or the name.
    search: Option<String>,
    /// Of this level.
    level: Option<LogLevel>,
    /// First seen at or after this time.
    new_since: Option<chrono::DateTime<chrono::Utc>>,
    /// Pinned ones, or the others.
    pinned: Option<bool>,
    /// Muted ones, or the others.
    muted: Option<bool>,
}

/// What is set on a template; what is left out is taken back.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TemplateRuleRequest {
    /// A name of one's own, at most 200 characters; it stands before the text in sentences.
    #[serde(default)]
    name: String,
    /// Kept whatever the room.
    #[serde(default)]
    pinned: bool,
    /// No anomaly is told of it.
    #[serde(default)]
    muted: bool,
    /// Taken apart into the shapes it was joined from, which never join there again.
    #[serde(default)]
    split: bool,
}

/// Routes of log templates.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(get)).routes(routes!(set_rule))
}

/// Log templates by first sight, newest first, with counts of the last hours and masked samples.
#[utoipa::path(get, path = "/api/v1/templates", tag = "monitors", operation_id = "list_templates",
    params(PageQuery, TemplateQuery), responses((status = 200, body = Page<LogTemplate>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<LogTemplate>>> {
    let filter = TemplateFilter {
        monitor_id: params.word("monitor_id")?,
        search: params.text("search")?,
        level: params.word("level")?,
        new_since: params.word::<Time>("new_since")?,
        pinned: params.value("pinned")?,
        muted: params.value("muted")?,
    };
    let page = params.page()?;
    params.done()?;
    Ok(Json(app.deps.templates.list_templates(&filter, &page).await?))
}

/// One log template; one that became part of another names it.
#[utoipa::path(get, path = "/api/v1/templates/{id}", tag = "monitors", operation_id = "get_template",
    params(("id" = Uuid, Path)), responses((status = 200, body = LogTemplate)))]
pub(crate) async fn get(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<LogTemplate>> {
    Ok(Json(app.deps.templates.template(id).await?))
}

/// Sets what holds for a log template: name, pinned, muted, split. It counts from the next batch of lines on.
#[utoipa::path(put, path = "/api/v1/templates/{id}/rule", tag = "monitors", operation_id = "set_template_rule",
    params(("id" = Uuid, Path)), request_body = TemplateRuleRequest, responses((status = 200, body = LogTemplate)))]
pub(crate) async fn set_rule(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    Body(request): Body<TemplateRuleRequest>,
) -> ApiResult<Json<LogTemplate>> {
    let name = request.name.trim();
    if name.chars().count() > NAME || name.chars().any(char::is_control) {
        return Err(ApiError::field("name", format!("give at most {NAME} characters on one line")));
    }
    let TemplateRuleRequest { pinned, muted, split, .. } = request;
    let rule = TemplateRule { name: name.to_owned(), pinned, muted, split };
    let now = app.deps.clock.now();
    app.deps.templates.set_template_rule(id, rule, now, caller.audit("template.rule")).await?;
    app.deps.wake.wake(Topic::Catalog);
    Ok(Json(app.deps.templates.template(id).await?))
}
