//! Secrets: values go in and never come out; what is known of them is shown.

use crate::auth::extract::Caller;
use crate::error::{ApiError, ApiResult};
use crate::input::Body;
use crate::state::AppState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use domain::page::Page;
use domain::ports::Topic;
use domain::secret::{NAME_RULE, SecretInfo, well_named};
use domain::{Error, Result};
use serde::Deserialize;
use std::collections::BTreeMap;

/// A value to store.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SecretValue {
    /// The value, 6 bytes to 64 KiB without NUL; it never comes back.
    #[schema(format = Password, write_only)]
    value: String,
    /// What it is for.
    #[serde(default)]
    description: String,
}

/// All of them by name, on one page, without values.
#[utoipa::path(get, path = "/api/v1/secrets", tag = "secrets", operation_id = "list_secrets",
    responses((status = 200, body = Page<SecretInfo>)))]
pub(crate) async fn list(State(app): State<AppState>) -> ApiResult<Json<Page<SecretInfo>>> {
    Ok(Json(Page { items: app.deps.secrets.list_secrets().await?, next_cursor: None }))
}

/// Stores a value under a name, replacing an older one; runs that start from now on get it.
#[utoipa::path(put, path = "/api/v1/secrets/{name}", tag = "secrets", operation_id = "put_secret",
    params(("name" = String, Path)), request_body = SecretValue, responses((status = 200, body = SecretInfo)))]
pub(crate) async fn put(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    Body(body): Body<SecretValue>,
) -> ApiResult<Json<SecretInfo>> {
    if body.description.len() > 500 || body.description.chars().any(char::is_control) {
        return Err(ApiError::field("description", "give at most 500 bytes without control characters"));
    }
    let audit = caller.audit("secret.put");
    let stored = app.deps.secrets.put_secret(&name, body.description.trim(), &body.value, audit).await?;
    // Those who mask it hear of it now.
    app.deps.wake.wake(Topic::Catalog);
    Ok(Json(stored))
}

/// Removes it. Refused while a case or script names it.
#[utoipa::path(delete, path = "/api/v1/secrets/{name}", tag = "secrets", operation_id = "delete_secret",
    params(("name" = String, Path)), responses((status = 204)))]
pub(crate) async fn delete(
    State(app): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
) -> ApiResult<StatusCode> {
    if !well_named(&name) {
        return Err(ApiError::field("name", NAME_RULE));
    }
    let users = used_by(&app, &name).await?;
    if !users.is_empty() {
        let users = users.join(", ");
        return Err(Error::conflict(format!("secret {name} is still used by {users}: change them first")).into());
    }
    app.deps.secrets.delete_secret(&name, caller.audit("secret.delete")).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Living cases and scripts that name the secret, at most five.
async fn used_by(app: &AppState, name: &str) -> Result<Vec<String>> {
    let names = |secrets: &BTreeMap<String, String>| secrets.values().any(|secret| secret == name);
    let (cases, scripts) = (app.deps.cases.all().await?, app.deps.scripts.all().await?);
    let cases =
        cases.iter().filter(|c| c.archived_at.is_none() && names(&c.spec.secrets)).map(|c| format!("case {}", c.name));
    let scripts = scripts
        .iter()
        .filter(|s| s.archived_at.is_none() && names(&s.spec.secrets))
        .map(|s| format!("script {}", s.name));
    Ok(cases.chain(scripts).take(5).collect())
}

/// Says which of these secrets are not stored; runs that need them fail until they are.
pub(crate) async fn absent(app: &AppState, secrets: &BTreeMap<String, String>) -> Result<Option<String>> {
    if secrets.is_empty() {
        return Ok(None);
    }
    let known = app.deps.secrets.list_secrets().await?;
    let missing: Vec<&str> =
        secrets.values().filter(|name| known.iter().all(|k| k.name != **name)).map(String::as_str).collect();
    Ok((!missing.is_empty()).then(|| format!("not stored yet: secret {}", missing.join(", "))))
}
