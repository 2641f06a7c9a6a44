//! Keys of programs in memory.

use crate::api_key::ApiKey;
use crate::error::{Error, Result};
use crate::identity::Audit;
use crate::ports::ApiKeyStore;
use crate::{Id, Time};
use async_trait::async_trait;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys with their hashes.
#[derive(Debug, Default)]
pub struct MemApiKeys(Mutex<Vec<(String, ApiKey)>>);

impl MemApiKeys {
    fn all(&self) -> MutexGuard<'_, Vec<(String, ApiKey)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl ApiKeyStore for MemApiKeys {
    async fn create_key(&self, key: ApiKey, sha256: &str, _: Audit) -> Result<()> {
        if self.all().iter().any(|(_, k)| k.name == key.name && k.valid(key.created_at)) {
            return Err(Error::conflict(format!("a key named {} exists", key.name)));
        }
        self.all().push((sha256.to_owned(), key));
        Ok(())
    }

    async fn list_keys(&self) -> Result<Vec<ApiKey>> {
        Ok(self.all().iter().rev().map(|(_, key)| key.clone()).collect())
    }

    async fn key(&self, id: Id) -> Result<Option<ApiKey>> {
        Ok(self.all().iter().find(|(_, key)| key.id == id).map(|(_, key)| key.clone()))
    }

    async fn revoke_key(&self, id: Id, now: Time, _: Audit) -> Result<ApiKey> {
        let mut all = self.all();
        let (_, key) = all.iter_mut().find(|(_, key)| key.id == id).ok_or_else(|| Error::not_found("API key"))?;
        key.revoked_at.get_or_insert(now);
        Ok(key.clone())
    }

    async fn use_key(&self, sha256: &str, now: Time) -> Result<Option<ApiKey>> {
        let mut all = self.all();
        let found = all.iter_mut().find(|(hash, _)| hash == sha256);
        Ok(found.map(|(_, key)| {
            if key.valid(now) {
                key.used_at = Some(now);
            }
            key.clone()
        }))
    }
}
