//! The log of one run, live: stored lines first, then new ones, then its end.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::PathId;
use crate::paging::Params;
use crate::routes::stream::{BATCH, Line, resume};
use crate::serve::Closing;
use crate::state::AppState;
use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use domain::ports::{LogRange, Topic};
use domain::run::LogRecord;
use domain::{Id, Result};

/// Live log: `log` (a LogRecord, its number is the resume cursor), then `end` (the Run).
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs/stream", tag = "live", operation_id = "stream_run_logs",
    params(("id" = Uuid, Path), ("ticket" = Option<String>, Query),
        ("after" = Option<i64>, Query, description = "resume after this line"),
        ("tail" = Option<u32>, Query, description = "without a place to resume: begin with so many of the last lines"), ("Last-Event-ID" = Option<i64>, Header)),
    responses((status = 200, body = LogRecord, content_type = "text/event-stream")))]
pub(crate) async fn logs(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    closing: Option<Extension<Closing>>,
    headers: HeaderMap,
    mut params: Params,
) -> ApiResult<Response> {
    let after = resume(&headers, &mut params)?;
    let tail: Option<u32> = params.value("tail")?;
    params.done()?;
    let after: Option<i64> = after
        .map(|text| text.parse().map_err(|_| ApiError::field("after", "give the number of a line")))
        .transpose()?;
    let run = app.deps.runs.run(id).await?;
    // Numbers are dense, so the tail begins so many before the last one.
    let after = after.unwrap_or_else(|| tail.map_or(0, |n| (run.log_lines - i64::from(n)).max(0)));
    Line::open(&app.clone(), caller, closing, move |line| feed(line, app, id, after))
}

async fn feed(mut line: Line, app: AppState, id: Id, mut after: i64) {
    let mut lines = app.deps.wake.listen(Topic::RunLogs);
    loop {
        match step(&line, &app, id, after).await {
            Ok(Step::More(last)) => after = last,
            Ok(Step::Wait) => {
                if !line.wait(lines.as_mut()).await {
                    return;
                }
            }
            Ok(Step::Over) => return,
            Err(error) => {
                tracing::warn!(%error, run = %id, "a log stream ended because the database did not answer");
                return;
            }
        }
    }
}

enum Step {
    More(i64),
    Wait,
    Over,
}

async fn step(line: &Line, app: &AppState, id: Id, mut after: i64) -> Result<Step> {
    // The state is read before the lines: a run that had ended then has no lines after those read now.
    let run = app.deps.runs.run(id).await?;
    let records = app.deps.logs.read(id, &LogRange::after(after, BATCH)).await?;
    for record in &records {
        after = record.seq;
        if !line.send(Some(record.seq.to_string()), "log", record).await {
            return Ok(Step::Over);
        }
    }
    if !records.is_empty() {
        return Ok(Step::More(after));
    }
    if !run.state.is_terminal() {
        return Ok(Step::Wait);
    }
    line.send(None, "end", &run).await;
    Ok(Step::Over)
}
