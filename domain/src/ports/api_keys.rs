//! Port towards the keys of programs, known by their hash alone.

use crate::api_key::ApiKey;
use crate::error::Result;
use crate::identity::Audit;
use crate::{Id, Time};
use async_trait::async_trait;

/// Stored keys.
#[async_trait]
pub trait ApiKeyStore: Send + Sync {
    /// Stores a new key by the SHA-256 of its text. `Conflict` when a valid key has its name.
    async fn create_key(&self, key: ApiKey, sha256: &str, audit: Audit) -> Result<()>;
    /// All keys, revoked and expired ones too, newest first.
    async fn list_keys(&self) -> Result<Vec<ApiKey>>;
    /// One key.
    async fn key(&self, id: Id) -> Result<Option<ApiKey>>;
    /// Revokes it; again: as it is. `NotFound` when there is none.
    async fn revoke_key(&self, id: Id, now: Time, audit: Audit) -> Result<ApiKey>;
    /// The key whose text has this hash, valid or not; a valid one is noted as used, at most once a minute.
    async fn use_key(&self, sha256: &str, now: Time) -> Result<Option<ApiKey>>;
}
