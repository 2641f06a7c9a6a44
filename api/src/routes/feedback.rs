//! What people say of anomalies, and what it does to a monitor: opinions, the sensitivity that is left, the way back.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{Body, PathId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::TimeDelta;
use domain::Time;
use domain::anomaly::Anomaly;
use domain::feedback::{self, Feedback, MEMORY_DAYS, Opinion, Voice};
use domain::ports::Topic;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

/// Characters of a remark at most.
const REMARK: usize = 1_000;

/// An opinion.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct FeedbackRequest {
    /// Whether it was worth being told.
    opinion: Opinion,
    /// A remark, at most 1000 characters.
    #[serde(default)]
    comment: String,
}

/// What is left of the sensitivity for anomalies of one kind.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Effect {
    /// Series, way and view.
    fingerprint: String,
    /// Opinions on it.
    opinions: u32,
    /// Steps that all opinions on the monitor take from it.
    steps: f64,
    /// Sensitivity that is left, 1..10.
    sensitivity: f64,
}

/// What was said of a monitor's anomalies and what it does.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MonitorFeedback {
    /// The sensitivity that is set.
    sensitivity: u8,
    /// Sensitivity that is left for series of which nothing was said.
    elsewhere: f64,
    /// Kinds of anomalies something was said of, the most quietened first.
    effects: Vec<Effect>,
    /// The opinions, newest first.
    feedback: Vec<Feedback>,
}

/// Routes of opinions.
pub(crate) fn all() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(anomaly)).routes(routes!(give, on_anomaly)).routes(routes!(of_monitor, reset))
}

fn since(now: Time) -> Time {
    now - TimeDelta::days(MEMORY_DAYS)
}

/// One anomaly, with the band, the view and the sentences that explain it.
#[utoipa::path(get, path = "/api/v1/anomalies/{id}", tag = "incidents", operation_id = "get_anomaly",
    params(("id" = Uuid, Path)), responses((status = 200, body = Anomaly)))]
pub(crate) async fn anomaly(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Anomaly>> {
    Ok(Json(app.deps.feedback.anomaly(id).await?))
}

/// Marks an anomaly as useful or noise; what the same person said of it before is replaced. It counts from the next
/// sample on.
#[utoipa::path(post, path = "/api/v1/anomalies/{id}/feedback", tag = "monitors", operation_id = "give_feedback",
    params(("id" = Uuid, Path)), request_body = FeedbackRequest, responses((status = 201, body = Feedback)))]
pub(crate) async fn give(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    Body(request): Body<FeedbackRequest>,
) -> ApiResult<(StatusCode, Json<Feedback>)> {
    let comment = request.comment.trim();
    if comment.chars().count() > REMARK {
        return Err(ApiError::field("comment", format!("give at most {REMARK} characters")));
    }
    let anomaly = app.deps.feedback.anomaly(id).await?;
    let now = app.deps.clock.now();
    let mut said = Feedback::of(&anomaly, request.opinion, Voice::Person, &caller.session.username, now);
    comment.clone_into(&mut said.comment);
    app.deps.feedback.say(said.clone(), caller.audit("anomaly.feedback")).await?;
    app.deps.wake.wake(Topic::Catalog);
    Ok((StatusCode::CREATED, Json(said)))
}

/// What was said of an anomaly, newest first.
#[utoipa::path(get, path = "/api/v1/anomalies/{id}/feedback", tag = "monitors", operation_id = "list_anomaly_feedback",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<Feedback>)))]
pub(crate) async fn on_anomaly(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Vec<Feedback>>> {
    app.deps.feedback.anomaly(id).await?;
    Ok(Json(app.deps.feedback.feedback_on(id).await?))
}

/// What was said of a monitor's anomalies, and the sensitivity that is left of its setting.
#[utoipa::path(get, path = "/api/v1/monitors/{id}/feedback", tag = "monitors", operation_id = "get_monitor_feedback",
    params(("id" = Uuid, Path)), responses((status = 200, body = MonitorFeedback)))]
pub(crate) async fn of_monitor(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<MonitorFeedback>> {
    let monitor = app.deps.monitors.get(id).await?;
    let now = app.deps.clock.now();
    let said = app.deps.feedback.feedback_of(id, since(now)).await?;
    Ok(Json(summary(monitor.spec.sensitivity, said, now)))
}

fn summary(sensitivity: u8, said: Vec<Feedback>, now: Time) -> MonitorFeedback {
    let mut kinds: BTreeMap<&str, (&str, u32)> = BTreeMap::new();
    for one in &said {
        kinds.entry(&one.fingerprint).or_insert((&one.series_key, 0)).1 += 1;
    }
    let left = |series: &str, print: &str| feedback::margin(&said, series, print, now);
    let mut effects: Vec<Effect> = kinds
        .into_iter()
        .map(|(print, (series, opinions))| {
            let steps = left(series, print);
            let sensitivity = feedback::effective(sensitivity, steps);
            Effect { fingerprint: print.to_owned(), opinions, steps, sensitivity }
        })
        .collect();
    effects.sort_by(|a, b| b.steps.total_cmp(&a.steps));
    let elsewhere = feedback::effective(sensitivity, left("", ""));
    MonitorFeedback { sensitivity, elsewhere, effects, feedback: said }
}

/// Forgets everything that was said of a monitor's anomalies: its sensitivity is the set one again.
#[utoipa::path(delete, path = "/api/v1/monitors/{id}/feedback", tag = "monitors", operation_id = "reset_monitor_feedback",
    params(("id" = Uuid, Path)), responses((status = 204)))]
pub(crate) async fn reset(State(app): State<AppState>, caller: Caller, PathId(id): PathId) -> ApiResult<StatusCode> {
    app.deps.monitors.get(id).await?;
    app.deps.feedback.forget_feedback(id, caller.audit("monitor.feedback_reset")).await?;
    app.deps.wake.wake(Topic::Catalog);
    Ok(StatusCode::NO_CONTENT)
}
