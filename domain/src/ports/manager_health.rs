//! Ports: the kept health checks of runtime managers, and a try of one that is stored or not.

use crate::catalog::RuntimeManagerSpec;
use crate::error::Result;
use crate::manager_health::HealthCheck;
use crate::{Id, Time};
use async_trait::async_trait;

/// Keeps checks for [`crate::manager_health::KEPT_SECS`].
#[async_trait]
pub trait HealthHistory: Send + Sync {
    /// Keeps it; of several within one slot a failed one wins, else the latest. Drops what is too old.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn keep_check(&self, check: HealthCheck) -> Result<()>;

    /// Checks of a manager at or after `from` and before `to`, oldest first.
    ///
    /// # Errors
    /// `Unavailable`.
    async fn checks(&self, manager_id: Id, from: Time, to: Time) -> Result<Vec<HealthCheck>>;
}

/// What a try found.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagerTry {
    /// Whether scripts could be run there.
    pub ok: bool,
    /// What answers there; or why it cannot be used and what to do.
    pub message: String,
    /// How long the answer took, milliseconds.
    pub latency_ms: i64,
    /// Platform information; null when it did not answer.
    pub platform: serde_json::Value,
}

/// Tries runtime managers; stores nothing.
#[async_trait]
pub trait TryManager: Send + Sync {
    /// Connects as the settings say, over a connection of its own, and asks what is there; `id` is any for one that is not stored.
    async fn try_manager(&self, id: Id, name: &str, spec: &RuntimeManagerSpec) -> ManagerTry;
}
