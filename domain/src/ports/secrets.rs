//! Port towards the secrets that scripts refer to by name: written by people, read by the runner alone.

use crate::error::Result;
use crate::identity::Audit;
use crate::secret::SecretInfo;
use async_trait::async_trait;
use std::collections::BTreeMap;

/// Stored secrets, sealed at rest.
#[async_trait]
pub trait SecretStore: Send + Sync {
    /// All of them without values, by name.
    async fn list_secrets(&self) -> Result<Vec<SecretInfo>>;
    /// Stores a value under a name, replacing an older one. `Invalid` for a wrong name or value.
    async fn put_secret(&self, name: &str, description: &str, value: &str, audit: Audit) -> Result<SecretInfo>;
    /// Removes it. `NotFound` when there is none.
    async fn delete_secret(&self, name: &str, audit: Audit) -> Result<()>;
    /// Values by name, for a run that starts now. `NotFound` names the first that does not exist; `Internal` one whose
    /// key is gone.
    async fn reveal(&self, names: &[String]) -> Result<BTreeMap<String, String>>;
}
