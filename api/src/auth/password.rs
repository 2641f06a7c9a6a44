//! Passwords: Argon2id off the async threads, a few at a time, the same work for unknown users.

use crate::auth::tokens::new_secret;
use crate::error::{ApiError, ApiResult};
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use domain::error::FieldError;
use domain::{Error, Result};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes at once; bounds memory and processor time that strangers can take.
const AT_ONCE: usize = 2;

/// Hashes and checks passwords.
pub(crate) struct Passwords {
    argon: Argon2<'static>,
    /// Hash of a password nobody has, checked when the user is unknown.
    nobody: String,
    turns: Arc<Semaphore>,
}

impl Passwords {
    pub(crate) fn new(memory_kib: u32) -> Result<Self> {
        let params = Params::new(memory_kib, 2, 1, None).map_err(|e| Error::internal(e.to_string()))?;
        let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = digest(&argon, &new_secret()?)?;
        Ok(Self { argon, nobody, turns: Arc::new(Semaphore::new(AT_ONCE)) })
    }

    /// Waits for a turn; the throttle is judged inside it, so parallel guesses do not slip past.
    pub(crate) async fn turn(&self) -> ApiResult<tokio::sync::OwnedSemaphorePermit> {
        let turns = Arc::clone(&self.turns);
        turns.acquire_owned().await.map_err(|e| ApiError::from(Error::internal(e)))
    }

    /// PHC string of `password`. The caller holds a turn.
    pub(crate) async fn hash(&self, password: String) -> Result<String> {
        let argon = self.argon.clone();
        tokio::task::spawn_blocking(move || digest(&argon, &password)).await.map_err(Error::internal)?
    }

    /// Whether `password` fits `stored`; without a stored hash the same work ends in `false`. The caller holds a turn.
    pub(crate) async fn verify(&self, password: String, stored: Option<String>) -> Result<bool> {
        let (argon, known) = (self.argon.clone(), stored.is_some());
        let stored = stored.unwrap_or_else(|| self.nobody.clone());
        let fits = tokio::task::spawn_blocking(move || {
            let hash = PasswordHash::new(&stored).map_err(|e| Error::internal(e.to_string()))?;
            Ok::<_, Error>(argon.verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(fits.await.map_err(Error::internal)?? && known)
    }
}

fn digest(argon: &Argon2<'_>, password: &str) -> Result<String> {
    let hash: PasswordHash = argon.hash_password(password.as_bytes()).map_err(|e| Error::internal(e.to_string()))?;
    Ok(hash.to_string())
}

/// A login name as it is stored: lower case.
pub(crate) fn login_name(text: &str) -> String {
    text.trim().to_lowercase()
}

/// What is wrong with a new login name and password.
pub(crate) fn check_new(username: Option<&str>, password: Option<&str>) -> ApiResult<()> {
    let mut wrong = Vec::new();
    if let Some(name) = username {
        let fine = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "._@-".contains(c);
        if name.is_empty() || name.len() > 64 || !name.chars().all(fine) {
            wrong.push(FieldError::new("username", "give 1 to 64 letters, digits or . _ @ -"));
        }
    }
    if let Some(password) = password {
        let chars = password.chars().count();
        if !(12..=256).contains(&chars) {
            wrong.push(FieldError::new("password", "give 12 to 256 characters"));
        } else if username.is_some_and(|name| password.eq_ignore_ascii_case(name)) {
            wrong.push(FieldError::new("password", "do not use the login name"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong).into()) }
}
