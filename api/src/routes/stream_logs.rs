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
use std::time::Duration;
use tokio::time::Instant;

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

/// Time between two looks of one viewer: wakes name no run, so with many runs and viewers each would look all the time.
const REST: Duration = Duration::from_millis(100);

async fn feed(mut line: Line, app: AppState, id: Id, mut after: i64) {
    let mut lines = app.deps.wake.listen(Topic::RunLogs);
    loop {
        let looked = Instant::now();
        match step(&line, &app, id, after).await {
            Ok(Step::More(last)) => after = last,
            Ok(Step::Wait(last)) => {
                after = last;
                if !line.wait(lines.as_mut()).await {
                    return;
                }
                tokio::time::sleep_until(looked + REST).await;
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
    /// There may be more at once, after this line.
    More(i64),
    /// All that is there was sent, up to this line.
    Wait(i64),
    Over,
}

async fn step(line: &Line, app: &AppState, id: Id, after: i64) -> Result<Step> {
    let (last, full) = match send(line, app, id, after).await? {
        Some(sent) => sent,
        None => return Ok(Step::Over),
    };
    if full {
        return Ok(Step::More(last));
    }
    if last > after {
        return Ok(Step::Wait(last));
    }
    let run = app.deps.runs.run(id).await?;
    if !run.state.is_terminal() {
        return Ok(Step::Wait(last));
    }
    // Lines may have come before the end was written, but none comes after it.
    match send(line, app, id, last).await? {
        Some((more, _)) if more > last => Ok(Step::More(more)),
        Some(_) => {
            line.send(None, "end", &run).await;
            Ok(Step::Over)
        }
        None => Ok(Step::Over),
    }
}

/// Sends stored lines after `after`: the number of the last one, and whether there may be more; `None` when nobody
/// listens any more.
async fn send(line: &Line, app: &AppState, id: Id, mut after: i64) -> Result<Option<(i64, bool)>> {
    let records = app.deps.logs.read(id, &LogRange::after(after, BATCH)).await?;
    for record in &records {
        after = record.seq;
        if !line.send(Some(record.seq.to_string()), "log", record).await {
            return Ok(None);
        }
    }
    Ok(Some((after, records.len() >= BATCH as usize)))
}
