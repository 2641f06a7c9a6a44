//! Versions of scripts: list, read, compare, bring back.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::{IfMatch, PathId};
use crate::paging::Params;
use crate::state::AppState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::catalog::{Script, ScriptSpec};
use domain::ports::Topic;
use domain::resource::{Draft, Resource};
use domain::version::{ScriptVersion, VersionDiff, diff};
use domain::{Error, Id};

/// Id and number in an address.
fn numbered(path: &(String, String)) -> ApiResult<(Id, i64)> {
    let id = path.0.parse().map_err(|_| ApiError::field("id", "this is not an id"))?;
    let number = path.1.parse().ok().filter(|n| *n > 0);
    Ok((id, number.ok_or_else(|| ApiError::field("number", "give the number of a version, from 1"))?))
}

/// Versions of a script, newest first.
#[utoipa::path(get, path = "/api/v1/scripts/{id}/versions", tag = "scripts", operation_id = "list_script_versions",
    params(("id" = Uuid, Path), ("before" = Option<i64>, Query, description = "only versions below this number"),
        ("limit" = Option<u32>, Query)),
    responses((status = 200, body = Vec<ScriptVersion>)))]
pub(crate) async fn list(
    State(app): State<AppState>,
    PathId(id): PathId,
    mut params: Params,
) -> ApiResult<Json<Vec<ScriptVersion>>> {
    let (before, limit) = (params.value("before")?, params.limit()?);
    params.done()?;
    Ok(Json(app.deps.versions.versions(id, before, limit).await?))
}

/// One version.
#[utoipa::path(get, path = "/api/v1/scripts/{id}/versions/{number}", tag = "scripts", operation_id = "get_script_version",
    params(("id" = Uuid, Path), ("number" = i64, Path)), responses((status = 200, body = ScriptVersion)))]
pub(crate) async fn get(
    State(app): State<AppState>,
    Path(path): Path<(String, String)>,
) -> ApiResult<Json<ScriptVersion>> {
    let (id, number) = numbered(&path)?;
    Ok(Json(app.deps.versions.version(id, Some(number)).await?))
}

/// How a version differs from another one; from the one before when `from` is left out.
#[utoipa::path(get, path = "/api/v1/scripts/{id}/versions/{number}/diff", tag = "scripts",
    operation_id = "diff_script_versions",
    params(("id" = Uuid, Path), ("number" = i64, Path),
        ("from" = Option<i64>, Query, description = "the version to compare with")),
    responses((status = 200, body = VersionDiff)))]
pub(crate) async fn compare(
    State(app): State<AppState>,
    Path(path): Path<(String, String)>,
    mut params: Params,
) -> ApiResult<Json<VersionDiff>> {
    let (id, number) = numbered(&path)?;
    let from = params.value("from")?.unwrap_or_else(|| (number - 1).max(1));
    params.done()?;
    let to = app.deps.versions.version(id, Some(number)).await?;
    let from = app.deps.versions.version(id, Some(from)).await?;
    Ok(Json(diff(&from, &to)))
}

/// Brings a version back: its content becomes the newest version; name and tags stay.
#[utoipa::path(post, path = "/api/v1/scripts/{id}/versions/{number}/restore", tag = "scripts",
    operation_id = "restore_script_version",
    params(("id" = Uuid, Path), ("number" = i64, Path),
        ("If-Match" = String, Header, description = "the version of the script you read, in quotes")),
    responses((status = 200, body = Resource<ScriptSpec>, headers(("ETag" = String)))))]
pub(crate) async fn restore(
    State(app): State<AppState>,
    caller: Caller,
    Path(path): Path<(String, String)>,
    IfMatch(version): IfMatch,
) -> ApiResult<Response> {
    let (id, number) = numbered(&path)?;
    let script: Script = app.deps.scripts.get(id).await?;
    if script.version != version {
        return Err(ApiError::stale(script.version));
    }
    let old = app.deps.versions.version(id, Some(number)).await?;
    if old.spec == script.spec {
        return Err(Error::conflict("this version is what the script is now: there is nothing to bring back").into());
    }
    let draft = Draft { name: script.name, tags: script.tags, spec: old.spec };
    let audit = caller.audit(format!("script.restore.{number}"));
    let stored = app.deps.scripts.update(id, version, draft, audit).await?;
    app.deps.wake.wake(Topic::Catalog);
    let tag = HeaderValue::from_str(&format!("\"{}\"", stored.version)).map_err(Error::internal)?;
    Ok((StatusCode::OK, [(header::ETAG, tag)], Json(stored)).into_response())
}
