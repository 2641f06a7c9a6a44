//! The first start over HTTP: one token, one admin.

use crate::auth::extract::Origin;
use crate::auth::password::{check_new, login_name};
use crate::auth::throttle::Attempt;
use crate::auth::tokens::{self, Tokens, hash};
use crate::error::ApiResult;
use crate::input::Body;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::identity::{Audit, Role, User};
use domain::{Error, Kind, new_id};
use serde::{Deserialize, Serialize};

/// Whether the first admin is still to be made.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct SetupState {
    /// True until the first admin exists.
    needed: bool,
}

/// Whether the first admin is still to be made.
#[utoipa::path(get, path = "/api/v1/setup", tag = "session", operation_id = "setup_needed",
    responses((status = 200, body = SetupState)))]
pub(crate) async fn needed(State(app): State<AppState>) -> ApiResult<Json<SetupState>> {
    Ok(Json(SetupState { needed: !app.deps.users.any_user().await? }))
}

/// The first admin.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SetupRequest {
    /// The token that the first start printed.
    token: String,
    /// Login name: letters, digits and `. _ @ -`, kept in lower case.
    username: String,
    /// At least 12 characters.
    #[schema(format = Password)]
    password: String,
}

/// Makes the first admin and logs in.
#[utoipa::path(post, path = "/api/v1/setup", tag = "session", operation_id = "complete_setup",
    request_body = SetupRequest, responses((status = 201, body = Tokens)))]
pub(crate) async fn complete(
    State(app): State<AppState>,
    Origin(origin): Origin,
    Body(body): Body<SetupRequest>,
) -> ApiResult<(StatusCode, Json<Tokens>)> {
    let username = login_name(&body.username);
    check_new(Some(&username), Some(&body.password))?;
    if app.deps.users.any_user().await? {
        return Err(Error::conflict("setup is done: log in").into());
    }
    let turn = app.passwords.turn().await?;
    let attempt = Attempt::login("the setup token", &origin);
    attempt.allow(&app).await?;
    let (password_hash, now) = (app.passwords.hash(body.password).await?, app.deps.clock.now());
    let user = User {
        id: new_id(),
        username,
        password_hash,
        role: Role::Admin,
        tokens_valid_from: now,
        disabled: false,
        created_at: now,
    };
    let audit = Audit { origin, ..Audit::new(&user.username, "setup.complete") };
    let done = app.deps.users.complete_setup(&hash(&body.token), user.clone(), now, audit).await;
    drop(turn);
    if let Err(error) = done {
        if error.kind != Kind::Conflict {
            attempt.failed(&app).await?;
        }
        return Err(error.into());
    }
    Ok((StatusCode::CREATED, Json(tokens::login(&app, &user).await?)))
}
