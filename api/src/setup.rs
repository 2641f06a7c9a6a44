//! The first start: a one-time token instead of a default password.

use crate::auth::tokens::{hash, new_secret};
use chrono::TimeDelta;
use domain::api_key::{self, ApiKey};
use domain::clock::Clock;
use domain::identity::Role;
use domain::ports::UserStore;
use domain::{Error, Result, Time, new_id};

/// Life of a setup token.
const LIFE: TimeDelta = TimeDelta::minutes(30);

/// A fresh setup token when no user exists yet, replacing an older one; print it once, it is stored hashed only.
///
/// # Errors
/// As the store.
pub async fn ensure_token(users: &dyn UserStore, clock: &dyn Clock) -> Result<Option<String>> {
    if users.any_user().await? {
        return Ok(None);
    }
    let token = new_secret()?;
    users.put_setup_token(&hash(&token), clock.now() + LIFE).await?;
    Ok(Some(token))
}

/// Argon2id hash of a password for a user made outside the API (the command line), with the API's own settings.
///
/// # Errors
/// `Invalid` for a password the API would refuse.
pub async fn hash_password(username: &str, password: String) -> Result<String> {
    if let Err(error) = crate::auth::password::check_new(Some(username), Some(&password)) {
        return Err(domain::Error::invalid(error.errors));
    }
    crate::auth::password::Passwords::new(crate::ApiConfig::default().password_memory_kib)?.hash(password).await
}

/// A new key of a program: its text, shown once, and the row around the hash of it.
///
/// # Errors
/// `Invalid` for a wrong name or life.
pub fn new_api_key(name: &str, role: Role, days: u32, by: &str, now: Time) -> Result<(String, ApiKey)> {
    let wrong = api_key::check(name, days);
    if !wrong.is_empty() {
        return Err(Error::invalid(wrong));
    }
    let id = new_id();
    let prefix = api_key::prefix(id);
    let secret = format!("{prefix}_{}", new_secret()?);
    let key = ApiKey {
        id,
        name: name.to_owned(),
        prefix,
        role,
        created_by: by.to_owned(),
        created_at: now,
        expires_at: now + TimeDelta::days(days.into()),
        revoked_at: None,
        used_at: None,
    };
    Ok((secret, key))
}

/// What is stored of a key's text.
#[must_use]
pub fn api_key_hash(secret: &str) -> String {
    hash(secret)
}
