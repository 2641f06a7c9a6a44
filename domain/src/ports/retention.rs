//! Removal of what is old.

use crate::Time;
use crate::error::Result;
use async_trait::async_trait;

/// Rows that one step removed, without what hung on them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Expired {
    /// Incidents, with their anomalies, charts, decisions, runs, verifications and messages.
    pub incidents: u64,
    /// Runs of no incident, with their logs, artifacts and results.
    pub runs: u64,
    /// Anomalies of no incident, with their charts.
    pub anomalies: u64,
    /// Alerts of no incident.
    pub alerts: u64,
    /// Planned times of schedules; the newest of each stays.
    pub planned: u64,
}

impl Expired {
    /// Rows of all kinds.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.incidents + self.runs + self.anomalies + self.alerts + self.planned
    }
}

/// Removes what ended long ago. What is open, under way or undelivered stays, however old; so does what a person gave an
/// opinion on, and the audit.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Removes what ended before `before`, at most `limit` rows of a kind; nothing left is all zeros.
    async fn expire(&self, before: Time, limit: u32) -> Result<Expired>;

    /// Prefixes in file storage whose run is gone, at most `limit`, oldest first.
    async fn orphaned_files(&self, limit: u32) -> Result<Vec<String>>;

    /// Forgets a prefix: nothing is stored below it any more.
    async fn files_are_gone(&self, prefix: &str) -> Result<()>;
}
