//! The overview of the last 24 hours.

use crate::error::ApiResult;
use crate::routes::incident_work::{Noise, noise};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use chrono::TimeDelta;
use domain::status::{Health, Status, StatusOf};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What the store counts; numbers that are missing are none.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Counted {
    incidents: BTreeMap<String, i64>,
    verdicts: BTreeMap<String, i64>,
    detect_ms_p50: Option<f64>,
    resolve_ms_p50: Option<f64>,
}

/// The overview of the last 24 hours.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Summary {
    /// Number of incidents by state.
    incidents: BTreeMap<String, i64>,
    /// Number of verifications by verdict.
    verdicts: BTreeMap<String, i64>,
    /// Median time from the first anomalous row to detection, milliseconds.
    detect_ms_p50: Option<f64>,
    /// Median time from detection to the end, milliseconds.
    resolve_ms_p50: Option<f64>,
    /// Live states of the sources.
    sources: Vec<Status>,
    /// Number of monitors by state.
    monitors: BTreeMap<String, i64>,
    /// Incidents and notifications a day, against the budget.
    noise: Noise,
}

/// The overview of the last 24 hours.
#[utoipa::path(get, path = "/api/v1/summary", tag = "incidents", operation_id = "get_summary",
    responses((status = 200, body = Summary)))]
pub(crate) async fn summary(State(app): State<AppState>) -> ApiResult<Json<Summary>> {
    let since = app.deps.clock.now() - TimeDelta::hours(24);
    let counted = app.deps.incidents.summary(since).await?;
    let counted: Counted = serde_json::from_value(counted).map_err(domain::Error::internal)?;
    let mut monitors: BTreeMap<String, i64> =
        ["ok", "learning", "no_data", "source_error"].into_iter().map(|word| (word.to_owned(), 0)).collect();
    for status in app.deps.status.statuses(StatusOf::Monitor).await? {
        *monitors.entry(word(status.health).to_owned()).or_default() += 1;
    }
    Ok(Json(Summary {
        incidents: counted.incidents,
        verdicts: counted.verdicts,
        detect_ms_p50: counted.detect_ms_p50,
        resolve_ms_p50: counted.resolve_ms_p50,
        sources: app.deps.status.statuses(StatusOf::Source).await?,
        monitors,
        noise: noise(&app).await?,
    }))
}

const fn word(health: Health) -> &'static str {
    match health {
        Health::Ok => "ok",
        Health::Unknown => "unknown",
        Health::Learning => "learning",
        Health::NoData => "no_data",
        Health::Partial => "partial",
        Health::SourceError => "source_error",
    }
}
