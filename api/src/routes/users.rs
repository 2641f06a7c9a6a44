//! Users, for administrators.

use crate::auth::extract::Caller;
use crate::auth::password::{check_new, login_name};
use crate::error::ApiResult;
use crate::input::{Body, PathId};
use crate::paging::{PageQuery, Params};
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::identity::{Role, User};
use domain::page::Page;
use domain::{Error, new_id};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// A user without secrets.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct UserRow {
    /// UUIDv7.
    id: Uuid,
    /// Login name.
    username: String,
    /// The role.
    role: Role,
    /// Whether the user may not log in.
    disabled: bool,
    /// When created.
    created_at: DateTime<Utc>,
}

impl From<User> for UserRow {
    fn from(user: User) -> Self {
        let User { id, username, role, disabled, created_at, .. } = user;
        Self { id, username, role, disabled, created_at }
    }
}

/// All users, by login name, on one page.
#[utoipa::path(get, path = "/api/v1/users", tag = "admin", operation_id = "list_users", params(PageQuery),
    responses((status = 200, body = Page<UserRow>)))]
pub(crate) async fn list(State(app): State<AppState>, mut params: Params) -> ApiResult<Json<Page<UserRow>>> {
    params.page()?;
    params.done()?;
    let users = app.deps.users.list_users().await?;
    Ok(Json(Page { items: users.into_iter().map(Into::into).collect(), next_cursor: None }))
}

/// A new user.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewUser {
    /// Login name: letters, digits and `. _ @ -`, kept in lower case.
    username: String,
    /// At least 12 characters.
    #[schema(format = Password)]
    password: String,
    /// The role.
    role: Role,
}

/// Makes a user.
#[utoipa::path(post, path = "/api/v1/users", tag = "admin", operation_id = "create_user", request_body = NewUser,
    responses((status = 201, body = UserRow)))]
pub(crate) async fn create(
    State(app): State<AppState>,
    caller: Caller,
    Body(body): Body<NewUser>,
) -> ApiResult<(StatusCode, Json<UserRow>)> {
    let username = login_name(&body.username);
    check_new(Some(&username), Some(&body.password))?;
    let password_hash = hashed(&app, body.password).await?;
    let now = app.deps.clock.now();
    let user = User {
        id: new_id(),
        username,
        password_hash,
        role: body.role,
        tokens_valid_from: now,
        disabled: false,
        created_at: now,
    };
    app.deps.users.create_user(user.clone(), caller.audit("user.create")).await?;
    Ok((StatusCode::CREATED, Json(user.into())))
}

async fn hashed(app: &AppState, password: String) -> ApiResult<String> {
    let _turn = app.passwords.turn().await?;
    Ok(app.passwords.hash(password).await?)
}

/// A change of a user.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserChange {
    /// The role.
    role: Role,
    /// Whether the user may not log in.
    disabled: bool,
    /// A new password, at least 12 characters; absent keeps the old one.
    #[serde(default)]
    #[schema(format = Password)]
    password: Option<String>,
}

/// Changes role, access or password; the user's sessions end.
#[utoipa::path(put, path = "/api/v1/users/{id}", tag = "admin", operation_id = "update_user",
    params(("id" = Uuid, Path)), request_body = UserChange, responses((status = 200, body = UserRow)))]
pub(crate) async fn update(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
    Body(body): Body<UserChange>,
) -> ApiResult<Json<UserRow>> {
    check_new(None, body.password.as_deref())?;
    let password_hash = match body.password {
        Some(password) => Some(hashed(&app, password).await?),
        None => None,
    };
    let (now, audit) = (app.deps.clock.now(), caller.audit("user.update"));
    let user = app.deps.users.update_user(id, body.role, body.disabled, password_hash, now, audit).await?;
    Ok(Json(user.into()))
}

/// Takes a user's access away; the name stays taken, so the audit trail stays readable.
#[utoipa::path(delete, path = "/api/v1/users/{id}", tag = "admin", operation_id = "archive_user",
    params(("id" = Uuid, Path)), responses((status = 200, body = UserRow)))]
pub(crate) async fn archive(
    State(app): State<AppState>,
    caller: Caller,
    PathId(id): PathId,
) -> ApiResult<Json<UserRow>> {
    let user = app.deps.users.user(id).await?.ok_or_else(|| Error::not_found("user"))?;
    let (now, audit) = (app.deps.clock.now(), caller.audit("user.archive"));
    Ok(Json(app.deps.users.update_user(id, user.role, true, None, now, audit).await?.into()))
}
