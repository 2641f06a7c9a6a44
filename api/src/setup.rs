//! The first start: a one-time token instead of a default password.

use crate::auth::tokens::{hash, new_secret};
use chrono::TimeDelta;
use domain::Result;
use domain::clock::Clock;
use domain::ports::UserStore;

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
