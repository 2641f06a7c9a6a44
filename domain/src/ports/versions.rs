//! Port towards the versions of scripts. They are written by the catalog itself, in the transaction of the change.

use crate::Id;
use crate::error::Result;
use crate::version::ScriptVersion;
use async_trait::async_trait;

/// Versions of scripts.
#[async_trait]
pub trait VersionStore: Send + Sync {
    /// Versions of a script below `before` (all when absent), newest first. `NotFound` when there is no such script.
    async fn versions(&self, script_id: Id, before: Option<i64>, limit: u32) -> Result<Vec<ScriptVersion>>;
    /// One version; the newest when `number` is absent. `NotFound` when there is none.
    async fn version(&self, script_id: Id, number: Option<i64>) -> Result<ScriptVersion>;
}
