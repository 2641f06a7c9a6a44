//! Keys of programs, for administrators: made, listed, revoked; the key itself is shown once.

use crate::auth::extract::Caller;
use crate::auth::tokens::hash;
use crate::error::ApiResult;
use crate::input::{Body, PathId};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::api_key::ApiKey;
use domain::identity::Role;
use domain::page::Page;
use serde::{Deserialize, Serialize};

/// A key to make.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewKey {
    /// What it is for: 1 to 64 letters, digits, '-', '_' or '.'.
    name: String,
    /// What it may do.
    role: Role,
    /// Its life, days, 1 to 730.
    #[serde(default = "ninety")]
    expires_days: u32,
}

const fn ninety() -> u32 {
    90
}

/// A key that was just made.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct MadeKey {
    /// The key, for `Authorization: Bearer`; shown this once.
    secret: String,
    /// What is known of it.
    #[serde(flatten)]
    key: ApiKey,
}

/// All keys, newest first, on one page, without the keys themselves.
#[utoipa::path(get, path = "/api/v1/api-keys", tag = "admin", operation_id = "list_api_keys",
    responses((status = 200, body = Page<ApiKey>)))]
pub(crate) async fn list(State(app): State<AppState>) -> ApiResult<Json<Page<ApiKey>>> {
    Ok(Json(Page { items: app.deps.api_keys.list_keys().await?, next_cursor: None }))
}

/// Makes a key.
#[utoipa::path(post, path = "/api/v1/api-keys", tag = "admin", operation_id = "create_api_key", request_body = NewKey,
    responses((status = 201, body = MadeKey)))]
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    Body(body): Body<NewKey>,
) -> ApiResult<(StatusCode, Json<MadeKey>)> {
    let (name, by) = (body.name.trim(), caller.session.username.as_str());
    let (secret, key) = crate::setup::new_api_key(name, body.role, body.expires_days, by, app.deps.clock.now())?;
    app.deps.api_keys.create_key(key.clone(), &hash(&secret), caller.audit("api_key.create")).await?;
    Ok((StatusCode::CREATED, Json(MadeKey { secret, key })))
}

/// Revokes it; requests and streams that use it are refused from now on.
#[utoipa::path(delete, path = "/api/v1/api-keys/{id}", tag = "admin", operation_id = "revoke_api_key",
    params(("id" = Uuid, Path)), responses((status = 200, body = ApiKey)))]
pub(crate) async fn revoke(State(app): State<AppState>, caller: Caller, PathId(id): PathId) -> ApiResult<Json<ApiKey>> {
    let (now, audit) = (app.deps.clock.now(), caller.audit("api_key.revoke"));
    Ok(Json(app.deps.api_keys.revoke_key(id, now, audit).await?))
}
