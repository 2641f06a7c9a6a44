//! Secrets in memory.

use crate::clock::from_millis;
use crate::error::{Error, Result};
use crate::identity::Audit;
use crate::ports::SecretStore;
use crate::secret::{SecretInfo, check};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Secrets and their values by name.
#[derive(Debug, Default)]
pub struct MemSecrets(Mutex<BTreeMap<String, (SecretInfo, String)>>);

impl MemSecrets {
    fn map(&self) -> MutexGuard<'_, BTreeMap<String, (SecretInfo, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl SecretStore for MemSecrets {
    async fn list_secrets(&self) -> Result<Vec<SecretInfo>> {
        Ok(self.map().values().map(|(info, _)| info.clone()).collect())
    }

    async fn put_secret(&self, name: &str, description: &str, value: &str, audit: Audit) -> Result<SecretInfo> {
        let wrong = check(name, value);
        if !wrong.is_empty() {
            return Err(Error::invalid(wrong));
        }
        let mut map = self.map();
        let (id, version) = map.get(name).map_or_else(|| (crate::new_id(), 1), |(old, _)| (old.id, old.version + 1));
        let info = SecretInfo {
            id,
            name: name.to_owned(),
            description: description.to_owned(),
            version,
            key_id: "memory".to_owned(),
            created_at: from_millis(0),
            updated_at: from_millis(0),
            updated_by: audit.actor,
        };
        map.insert(name.to_owned(), (info.clone(), value.to_owned()));
        Ok(info)
    }

    async fn delete_secret(&self, name: &str, _: Audit) -> Result<()> {
        self.map().remove(name).map(drop).ok_or_else(|| Error::not_found(format!("secret {name}")))
    }

    async fn reveal(&self, names: &[String]) -> Result<BTreeMap<String, String>> {
        let map = self.map();
        let value = |name: &String| map.get(name).map(|(_, value)| (name.clone(), value.clone()));
        names.iter().map(|name| value(name).ok_or_else(|| Error::not_found(format!("secret {name}")))).collect()
    }
}
