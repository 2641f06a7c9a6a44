//! Stored logs of runs: pages from any side, search, what is stored, and the whole as a file.

use crate::error::{ApiError, ApiResult};
use crate::input::PathId;
use crate::paging::Params;
use crate::state::AppState;
use axum::Json;
use axum::body::Body as Bytes;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::Error;
use domain::ports::{LogFound, LogInfo, LogRange, LogSearch};
use domain::run::{LogRecord, Stream};
use futures::stream::{self, TryStreamExt};

/// Lines read at once for a download.
const BATCH: u32 = 1_000;
/// Lines of one answer at most.
const MAX_PAGE: u32 = 5_000;

/// `limit`, up to [`MAX_PAGE`].
fn limit(params: &mut Params, name: &str) -> ApiResult<Option<u32>> {
    match params.value(name)? {
        None => Ok(None),
        Some(n @ 1..=MAX_PAGE) => Ok(Some(n)),
        Some(_) => Err(ApiError::field(name, format!("give a number from 1 to {MAX_PAGE}"))),
    }
}

/// Lines of its log, in order: the first ones after `after`, the last ones below `before`, or the last `tail` of all.
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs", tag = "runs", operation_id = "list_run_logs",
    params(("id" = Uuid, Path), ("after" = Option<i64>, Query, description = "only lines after this number"),
        ("before" = Option<i64>, Query, description = "the last lines before this number"),
        ("tail" = Option<u32>, Query, description = "the last lines, so many"),
        ("stream" = Option<Stream>, Query, description = "only this output, and remarks of the product"),
        ("limit" = Option<u32>, Query, description = "lines at most, 1 to 5000; 50 when absent")),
    responses((status = 200, body = Vec<LogRecord>)))]
pub(crate) async fn page(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<Vec<LogRecord>>> {
    let tail = limit(&mut params, "tail")?;
    let before = params.value("before")?;
    let after = params.value("after")?;
    if [tail.is_some(), before.is_some(), after.is_some()].iter().filter(|given| **given).count() > 1 {
        return Err(ApiError::field("tail", "give one of after, before and tail"));
    }
    let lines = limit(&mut params, "limit")?.unwrap_or(50);
    let range = LogRange {
        after: after.unwrap_or(0),
        before,
        limit: tail.unwrap_or(lines),
        newest: tail.is_some() || before.is_some(),
        stream: params.word("stream")?,
    };
    params.done()?;
    app.deps.runs.run(id).await?;
    Ok(Json(app.deps.logs.read(id, &range).await?))
}

/// Lines that contain a text or match an expression, in order. When `complete` is false, ask again after `searched_to`.
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs/search", tag = "runs", operation_id = "search_run_logs",
    params(("id" = Uuid, Path), ("q" = String, Query, description = "what to look for, 1 to 500 bytes"),
        ("regex" = Option<bool>, Query, description = "q is a regular expression"),
        ("case" = Option<bool>, Query, description = "capital letters count"),
        ("after" = Option<i64>, Query, description = "only lines after this number"),
        ("stream" = Option<Stream>, Query), ("limit" = Option<u32>, Query)),
    responses((status = 200, body = LogFound)))]
pub(crate) async fn search(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<LogFound>> {
    let pattern = params.text("q")?.filter(|q| q.len() <= 500);
    let pattern = pattern.ok_or_else(|| ApiError::field("q", "give 1 to 500 bytes to look for"))?;
    let lines = limit(&mut params, "limit")?.unwrap_or(200);
    let range =
        LogRange { stream: params.word("stream")?, ..LogRange::after(params.value("after")?.unwrap_or(0), lines) };
    let regex = params.value("regex")?.unwrap_or(false);
    let search = LogSearch { pattern, regex, case_sensitive: params.value("case")?.unwrap_or(false), range };
    params.done()?;
    app.deps.runs.run(id).await?;
    Ok(Json(app.deps.logs.search(id, &search).await?))
}

/// How much is stored of its log; with `verify` every chunk is read and checked.
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs/info", tag = "runs", operation_id = "get_run_log_info",
    params(("id" = Uuid, Path), ("verify" = Option<bool>, Query)), responses((status = 200, body = LogInfo)))]
pub(crate) async fn info(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<LogInfo>> {
    let verify = params.value("verify")?.unwrap_or(false);
    params.done()?;
    app.deps.runs.run(id).await?;
    Ok(Json(app.deps.logs.info(id, verify).await?))
}

/// The whole log as a text file.
#[utoipa::path(get, path = "/api/v1/runs/{id}/logs.txt", tag = "runs", operation_id = "download_run_log",
    params(("id" = Uuid, Path)), responses((status = 200, body = String, content_type = "text/plain")))]
pub(crate) async fn download(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Response> {
    app.deps.runs.run(id).await?;
    let pages = stream::try_unfold((app, 0_i64), move |(app, after)| async move {
        let lines = app.deps.logs.read(id, &LogRange::after(after, BATCH)).await?;
        Ok::<_, Error>(lines.last().map(|l| l.seq).map(|last| (text(&lines), (app, last))))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/plain; charset=utf-8".to_owned()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"run-{id}.log\"")),
    ];
    Ok((headers, Bytes::from_stream(pages.map_err(Box::new))).into_response())
}

/// Lines as text; control characters but the tab are shown, so that a file cannot steer a terminal.
fn text(lines: &[LogRecord]) -> String {
    let mut out = String::new();
    for line in lines {
        let stream = match line.stream {
            Stream::Stdout => "out",
            Stream::Stderr => "err",
            Stream::System => "sys",
        };
        out.push_str(&format!("{} {stream} ", line.at.format("%Y-%m-%dT%H:%M:%S%.3fZ")));
        out.extend(line.text.chars().map(|c| if c.is_control() && c != '\t' { '\u{fffd}' } else { c }));
        out.push('\n');
    }
    out
}
