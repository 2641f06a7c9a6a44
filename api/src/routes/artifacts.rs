//! What runs left: their artifacts as files, and their results.

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
use domain::artifact::Artifact;
use domain::results::RunResults;
use futures::stream::{self, TryStreamExt};

/// Bytes read at once.
const PIECE: u64 = 1 << 20;

/// Its artifacts, by name.
#[utoipa::path(get, path = "/api/v1/runs/{id}/artifacts", tag = "runs", operation_id = "list_run_artifacts",
    params(("id" = Uuid, Path)), responses((status = 200, body = Vec<Artifact>)))]
pub(crate) async fn list(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<Vec<Artifact>>> {
    app.deps.runs.run(id).await?;
    Ok(Json(app.deps.results.artifacts(id).await?))
}

/// Its result document and test results.
#[utoipa::path(get, path = "/api/v1/runs/{id}/results", tag = "runs", operation_id = "get_run_results",
    params(("id" = Uuid, Path)), responses((status = 200, body = RunResults)))]
pub(crate) async fn results(State(app): State<AppState>, PathId(id): PathId) -> ApiResult<Json<RunResults>> {
    app.deps.runs.run(id).await?;
    Ok(Json(app.deps.results.results(id).await?))
}

/// One artifact as a file.
#[utoipa::path(get, path = "/api/v1/runs/{id}/artifacts/content", tag = "runs", operation_id = "download_run_artifact",
    params(("id" = Uuid, Path), ("name" = String, Query, description = "its name in the list")),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream")))]
pub(crate) async fn content(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Response> {
    let name = params.text("name")?.ok_or_else(|| ApiError::field("name", "give the name of an artifact"))?;
    params.done()?;
    let artifact = app.deps.results.artifact(id, &name).await?;
    let headers = [
        (header::CONTENT_TYPE, artifact.media_type.clone()),
        (header::CONTENT_LENGTH, artifact.bytes.to_string()),
        (header::CONTENT_DISPOSITION, disposition(&artifact.name)),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff".to_owned()),
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ];
    let pieces = stream::try_unfold((app, 0_u64), move |(app, from)| {
        let (key, bytes) = (artifact.key.clone(), artifact.bytes);
        async move {
            if from >= bytes {
                return Ok::<_, Error>(None);
            }
            let piece = app.deps.blobs.get_range(&key, from, PIECE.min(bytes - from)).await?;
            if piece.is_empty() {
                return Err(Error::unavailable("the artifact is damaged: its file is shorter than it was"));
            }
            let next = from + piece.len() as u64;
            Ok(Some((piece, (app, next))))
        }
    });
    Ok((headers, Bytes::from_stream(pieces.map_err(Box::new))).into_response())
}

/// Always a download; the name for old and for new readers (RFC 6266).
fn disposition(name: &str) -> String {
    let file = name.rsplit('/').next().unwrap_or(name);
    let plain: String =
        file.chars().map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '_' }).collect();
    let mut coded = String::new();
    for byte in file.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.".contains(&byte) {
            coded.push(char::from(byte));
        } else {
            coded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("attachment; filename=\"{plain}\"; filename*=UTF-8''{coded}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_names() {
        assert_eq!(
            disposition("a/b\"\r\nü.txt"),
            "attachment; filename=\"b___\u{5f}.txt\"; filename*=UTF-8''b%22%0D%0A%C3%BC.txt"
        );
    }
}
