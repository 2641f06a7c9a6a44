//! What a monitor would have said of the last hours or days, for people who tune it.

use crate::error::{ApiError, ApiResult};
use crate::input::{self, Body};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use chrono::{DateTime, TimeDelta, Utc};
use domain::Kind;
use domain::backtest::{BacktestLimits, BacktestReport};
use domain::catalog::{DetectorSpec, Monitor, MonitorSpec};
use domain::resource::{Draft, Spec};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

/// Bounds of one answer.
const LIMITS: BacktestLimits = BacktestLimits { rows: 2_000_000, series: 20, points: 600, events: 500 };
/// Longest history of one question.
const LONGEST: TimeDelta = TimeDelta::days(31);

/// A monitor, stored or not, and the history to judge.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BacktestRequest {
    /// Stored monitor; what was said of its anomalies counts.
    monitor_id: Option<Uuid>,
    /// Settings to try, instead of or over those of the stored monitor.
    #[schema(value_type = Option<MonitorSpec>)]
    spec: Option<Value>,
    /// First row; 24 hours before `to` when left out.
    from: Option<DateTime<Utc>>,
    /// Last row; now when left out.
    to: Option<DateTime<Utc>>,
    /// Seconds between rows; the monitor's interval when left out.
    step_secs: Option<u32>,
}

/// Runs the real detector over history: points, band, score and events. Nothing is stored and nobody is told.
#[utoipa::path(post, path = "/api/v1/monitors/backtest", tag = "monitors", request_body = BacktestRequest,
    responses((status = 200, body = BacktestReport)))]
pub(crate) async fn backtest(
    State(app): State<AppState>,
    Body(request): Body<BacktestRequest>,
) -> ApiResult<Json<BacktestReport>> {
    let now = app.deps.clock.now();
    let to = request.to.unwrap_or(now).min(now);
    let from = request.from.unwrap_or(to - TimeDelta::days(1));
    if from >= to {
        return Err(ApiError::field("from", "give a time before `to` and before now"));
    }
    if to - from > LONGEST {
        return Err(ApiError::field("from", "give at most 31 days; `aiops backtest` has no such bound"));
    }
    let step = request.step_secs;
    let mut monitor = monitor(&app, request.monitor_id, request.spec).await?;
    monitor.spec.interval_secs = step.unwrap_or(monitor.spec.interval_secs);
    let wrong = monitor.spec.validate();
    if !wrong.is_empty() {
        return Err(domain::Error::invalid(wrong).into());
    }
    let report = app.deps.backtest.backtest(monitor, from, to, LIMITS).await.map_err(|error| match error.kind {
        Kind::Invalid => ApiError::field("query", error.message),
        Kind::NotFound => ApiError::field("source_id", error.message),
        Kind::TooMany => error.into(),
        _ => ApiError::upstream(error),
    })?;
    Ok(Json(report))
}

async fn monitor(app: &AppState, id: Option<Uuid>, spec: Option<Value>) -> ApiResult<Monitor> {
    let stored = match id {
        Some(id) => Some(app.deps.monitors.get(id).await?),
        None => None,
    };
    let given: Option<MonitorSpec> = match spec {
        Some(spec) => Some(input::spec(input::object(spec)?)?),
        None => None,
    };
    let monitor = match (stored, given) {
        (Some(mut stored), Some(spec)) => {
            stored.spec = spec;
            stored
        }
        (Some(stored), None) => stored,
        (None, Some(spec)) => {
            let draft = Draft { name: "backtest".to_owned(), tags: Vec::new(), spec };
            draft.into_resource(Uuid::nil(), app.deps.clock.now())
        }
        (None, None) => return Err(ApiError::field("monitor_id", "give a stored monitor or a `spec` to try")),
    };
    if matches!(monitor.spec.detector, DetectorSpec::Logs) {
        return Err(ApiError::field("detector", "log monitors have no series to judge; choose a metric monitor"));
    }
    Ok(monitor)
}
