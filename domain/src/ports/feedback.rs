//! Ports of what is said of anomalies, and of the upkeep of the analyzer's memory.

use crate::anomaly::Anomaly;
use crate::error::Result;
use crate::feedback::Feedback;
use crate::identity::Audit;
use crate::{Id, Time};
use async_trait::async_trait;

/// Opinions on anomalies.
#[async_trait]
pub trait FeedbackStore: Send + Sync {
    /// The anomaly. `NotFound` when there is none.
    async fn anomaly(&self, id: Id) -> Result<Anomaly>;
    /// Stores an opinion; what the same voice and name said of the same anomaly before is replaced. Audited.
    async fn say(&self, feedback: Feedback, audit: Audit) -> Result<()>;
    /// Opinions on a monitor after `since`, newest first.
    async fn feedback_of(&self, monitor_id: Id, since: Time) -> Result<Vec<Feedback>>;
    /// Opinions on one anomaly, newest first.
    async fn feedback_on(&self, anomaly_id: Id) -> Result<Vec<Feedback>>;
    /// Opinions on all monitors after `since`.
    async fn all_feedback(&self, since: Time) -> Result<Vec<Feedback>>;
    /// Forgets every opinion on a monitor: its sensitivity is the set one again. Audited. Returns how many there were.
    async fn forget_feedback(&self, monitor_id: Id, audit: Audit) -> Result<u64>;
}

/// A batch whose results the database refused for good.
#[derive(Debug, Clone, PartialEq)]
pub struct Parked {
    /// The monitor.
    pub monitor_id: Id,
    /// When it was given up.
    pub at: Time,
    /// Its window, `(from, to]`.
    pub from: Time,
    /// End of the window.
    pub to: Time,
    /// Why, one line.
    pub reason: String,
}

/// Upkeep of the analyzer's tables.
#[async_trait]
pub trait MemoryStore: Send + Sync {
    /// Removes detector memories that are older than `before`; how many.
    async fn drop_states(&self, before: Time) -> Result<u64>;
    /// Removes a monitor's detector memories: its query is another one now.
    async fn drop_states_of(&self, monitor_id: Id) -> Result<u64>;
    /// Remembers a batch that was given up.
    async fn park(&self, parked: Parked) -> Result<()>;
    /// Batches that were given up after `since`, newest first.
    async fn parked(&self, since: Time) -> Result<Vec<Parked>>;
}
