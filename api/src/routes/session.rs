//! Login, refresh, logout, and tickets for streams.

use crate::auth::extract::{Caller, Origin};
use crate::auth::password::login_name;
use crate::auth::throttle::Attempt;
use crate::auth::tickets::LIFE_SECS;
use crate::auth::tokens::{self, Tokens, UserInfo, family_of, hash};
use crate::error::{ApiError, ApiResult};
use crate::input::Body;
use crate::state::AppState;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use domain::identity::Rotation;
use domain::{Id, Kind};
use serde::{Deserialize, Serialize};

/// A login.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LoginRequest {
    /// Login name, any case.
    username: String,
    /// The password.
    #[schema(format = Password)]
    password: String,
}

/// Logs in. The same answer and the same work whether the name or the password is wrong.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = LoginRequest,
    responses((status = 200, body = Tokens)))]
pub(crate) async fn login(
    State(app): State<AppState>,
    Origin(origin): Origin,
    Body(body): Body<LoginRequest>,
) -> ApiResult<Json<Tokens>> {
    let refused = || ApiError::new(Kind::Unauthenticated, "the login name or the password is wrong");
    let username = login_name(&body.username);
    if username.len() > 64 || body.password.len() > 1_024 {
        return Err(refused());
    }
    let turn = app.passwords.turn().await?;
    let attempt = Attempt::login(&username, &origin);
    attempt.allow(&app).await?;
    let user = app.deps.users.user_by_name(&username).await?;
    let stored = user.as_ref().map(|u| u.password_hash.clone());
    let fits = app.passwords.verify(body.password, stored).await?;
    let Some(user) = user.filter(|u| fits && !u.disabled) else {
        attempt.failed(&app).await?;
        tracing::warn!(username, origin, "login refused");
        return Err(refused());
    };
    drop(turn);
    Ok(Json(tokens::login(&app, &user).await?))
}

/// A refresh token, to be traded or given back.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefreshRequest {
    /// The refresh token.
    refresh_token: String,
}

/// Trades a refresh token for new tokens. A second use of one voids the whole login.
#[utoipa::path(post, path = "/api/v1/session/refresh", tag = "session", request_body = RefreshRequest,
    responses((status = 200, body = Tokens)))]
pub(crate) async fn refresh(State(app): State<AppState>, Body(body): Body<RefreshRequest>) -> ApiResult<Json<Tokens>> {
    let refused = || ApiError::new(Kind::Unauthenticated, "the session has ended: log in again");
    let family = family_of(&body.refresh_token).ok_or_else(refused)?;
    let now = app.deps.clock.now();
    // The store fills in user and family from the token that is traded.
    let (secret, next) = tokens::refresh(Id::nil(), family, now)?;
    match app.deps.users.rotate_refresh(&hash(&body.refresh_token), next, now).await? {
        Rotation::Rotated(user) if !user.disabled => Ok(Json(tokens::answer(&app, &user, family, secret, now)?)),
        Rotation::Reused => {
            tracing::warn!(%family, "a refresh token was used twice: its login is void");
            Err(refused())
        }
        Rotation::Rotated(_) | Rotation::Unknown => Err(refused()),
    }
}

/// Ends the login: its refresh tokens, access tokens and streams.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session", request_body = RefreshRequest,
    responses((status = 204)))]
pub(crate) async fn logout(State(app): State<AppState>, Body(body): Body<RefreshRequest>) -> ApiResult<StatusCode> {
    app.deps.users.revoke_refresh(&hash(&body.refresh_token)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Who is logged in.
#[utoipa::path(get, path = "/api/v1/me", tag = "session", responses((status = 200, body = UserInfo)))]
pub(crate) async fn me(caller: Caller) -> Json<UserInfo> {
    let session = caller.session;
    Json(UserInfo { id: session.user, username: session.username, role: session.role })
}

/// What a ticket is for.
#[derive(Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketRequest {
    /// `events`, or `run:<id>`.
    scope: String,
}

/// A ticket for one stream.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Ticket {
    /// Send it as `?ticket=`.
    ticket: String,
    /// Its life, seconds.
    expires_in: i64,
}

/// Gives a ticket for the address of an EventSource, which cannot send headers: good once, for 30 s.
#[utoipa::path(post, path = "/api/v1/stream-tickets", tag = "session", operation_id = "stream_ticket",
    request_body = TicketRequest, responses((status = 200, body = Ticket)))]
pub(crate) async fn ticket(
    State(app): State<AppState>,
    caller: Caller,
    Body(body): Body<TicketRequest>,
) -> ApiResult<Json<Ticket>> {
    let scope = match body.scope.strip_prefix("run:") {
        None if body.scope == "events" => body.scope,
        run => {
            let id = run.and_then(|id| id.parse::<Id>().ok());
            let id = id.ok_or_else(|| ApiError::field("scope", "give events or run:<id>"))?;
            app.deps.runs.run(id).await?;
            format!("run:{id}")
        }
    };
    let ticket = app.tickets.give(caller.session, scope, app.deps.clock.now())?;
    Ok(Json(Ticket { ticket, expires_in: LIFE_SECS }))
}
