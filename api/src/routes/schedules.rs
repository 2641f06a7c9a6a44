//! Schedules beyond their editing: the next times, and what became of the planned ones.

use crate::error::ApiResult;
use crate::input::{Body, PathId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, Utc};
use domain::Error;
use domain::page::Page;
use domain::schedule::Window;
use domain::schedule_times::Times;
use serde::{Deserialize, Serialize};

/// Times in a preview.
const NEXT: usize = 5;
/// Windows in an answer.
const WINDOWS: u32 = 100;

/// A plan to look at before it is stored.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TimesRequest {
    /// Five fields: minute hour day month weekday.
    cron: String,
    /// IANA name of the zone whose wall clock counts.
    #[serde(default = "utc")]
    time_zone: String,
}

fn utc() -> String {
    "UTC".to_owned()
}

/// The next planned times.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct NextTimes {
    /// At most five, UTC.
    times: Vec<DateTime<Utc>>,
    /// The same on the clock of the zone, RFC 3339.
    local: Vec<String>,
}

fn next(app: &AppState, cron: &str, zone: &str) -> ApiResult<NextTimes> {
    let times = Times::parse(cron, zone).map_err(Error::invalid)?;
    let next = times.preview(app.deps.clock.now(), NEXT);
    let local = next.iter().map(|at| times.local(*at)).collect();
    Ok(NextTimes { times: next, local })
}

/// The next times of a plan that is not stored.
#[utoipa::path(post, path = "/api/v1/schedules/preview", tag = "schedules", operation_id = "preview_schedule",
    request_body = TimesRequest, responses((status = 200, body = NextTimes)))]
pub(crate) async fn preview(
    State(app): State<AppState>,
    Body(request): Body<TimesRequest>,
) -> ApiResult<Json<NextTimes>> {
    Ok(Json(next(&app, &request.cron, &request.time_zone)?))
}

/// The next times of a schedule; none while it is disabled.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/next", tag = "schedules", operation_id = "next_of_schedule",
    params(("id" = Uuid, Path)), responses((status = 200, body = NextTimes)))]
pub(crate) async fn next_of(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<NextTimes>> {
    let schedule = app.deps.schedules.get(id).await?;
    if !schedule.spec.enabled || schedule.archived_at.is_some() {
        return Ok(Json(NextTimes { times: Vec::new(), local: Vec::new() }));
    }
    Ok(Json(next(&app, &schedule.spec.cron, &schedule.spec.time_zone)?))
}

/// Planned times and what became of them, newest first, on one page.
#[utoipa::path(get, path = "/api/v1/schedules/{id}/windows", tag = "schedules", operation_id = "windows_of_schedule",
    params(("id" = Uuid, Path)), responses((status = 200, body = Page<Window>)))]
pub(crate) async fn windows(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Page<Window>>> {
    app.deps.schedules.get(id).await?;
    Ok(Json(Page { items: app.deps.windows.windows(id, WINDOWS).await?, next_cursor: None }))
}
