//! Random secrets, how they are kept, and the pair of tokens a login gets.

use crate::auth::jwt::LIFE_SECS;
use crate::error::ApiResult;
use crate::state::AppState;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use domain::identity::{RefreshToken, Role, User};
use domain::{Error, Id, Result, Time, new_id};
use ring::digest::{SHA256, digest};
use ring::rand::{SecureRandom, SystemRandom};
use serde::Serialize;
use uuid::Uuid;

/// Life of a refresh token.
const REFRESH_LIFE: TimeDelta = TimeDelta::days(14);

/// 256 random bits.
pub(crate) fn random() -> Result<[u8; 32]> {
    let mut bytes = [0; 32];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::internal("the system gives no random numbers"))?;
    Ok(bytes)
}

/// A new secret as text: 256 random bits, base64url.
pub(crate) fn new_secret() -> Result<String> {
    Ok(URL_SAFE_NO_PAD.encode(random()?))
}

/// SHA-256 of a secret, hex: what is stored and looked up, so no comparison ever sees the secret itself.
pub(crate) fn hash(secret: &str) -> String {
    hex::encode(digest(&SHA256, secret.as_bytes()))
}

/// Who is logged in.
#[derive(Debug, Clone, Serialize, utoipa::ToSchema)]
pub(crate) struct UserInfo {
    /// UUIDv7.
    pub(crate) id: Uuid,
    /// Login name.
    pub(crate) username: String,
    /// The role.
    pub(crate) role: Role,
}

impl From<&User> for UserInfo {
    fn from(user: &User) -> Self {
        Self { id: user.id, username: user.username.clone(), role: user.role }
    }
}

/// What a login or a refresh answers with.
#[derive(Serialize, utoipa::ToSchema)]
pub(crate) struct Tokens {
    /// JWT for `Authorization: Bearer`.
    access_token: String,
    /// Its life, seconds.
    expires_in: i64,
    /// Single use; each refresh gives the next one.
    refresh_token: String,
    /// The user.
    user: UserInfo,
}

/// A fresh refresh token: the text for the caller, the row for the store. The text names its family, which the hash
/// covers, so it cannot be changed.
pub(crate) fn refresh(user: Id, family: Id, now: Time) -> Result<(String, RefreshToken)> {
    let text = format!("{}.{}", family.simple(), new_secret()?);
    let row = RefreshToken { id: new_id(), family, user_id: user, hash: hash(&text), expires_at: now + REFRESH_LIFE };
    Ok((text, row))
}

/// The family that a refresh token names.
pub(crate) fn family_of(text: &str) -> Option<Id> {
    if text.len() > 128 { None } else { text.split_once('.')?.0.parse().ok() }
}

/// Tokens of a new login.
pub(crate) async fn login(app: &AppState, user: &User) -> ApiResult<Tokens> {
    let now = app.deps.clock.now();
    let (secret, row) = refresh(user.id, new_id(), now)?;
    let family = row.family;
    app.deps.users.put_refresh(row).await?;
    answer(app, user, family, secret, now)
}

/// Tokens around a stored refresh token.
pub(crate) fn answer(app: &AppState, user: &User, family: Id, secret: String, now: Time) -> ApiResult<Tokens> {
    let access_token = app.keys.issue(user, family, now)?;
    Ok(Tokens { access_token, expires_in: LIFE_SECS, refresh_token: secret, user: user.into() })
}
