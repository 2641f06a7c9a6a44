//! Port of the queue: who gets what next, attempts, pauses, and the sweep that no process has to survive.

use super::Claim;
use crate::error::Result;
use crate::identity::Audit;
use crate::queue::{Pause, PauseMode, QueueState, Swept};
use crate::run::{Attempt, Run, RunEnd};
use crate::{Id, Time};
use async_trait::async_trait;
use std::time::Duration;

/// Whether a manager took the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Assigned {
    /// It is there.
    Yes,
    /// It is full, paused or draining, for people; the run stays with its owner, unplaced.
    No(String),
}

/// What rules the queue.
#[async_trait]
pub trait QueueStore: Send + Sync {
    /// Claims at most `most` runs under a new epoch each: those whose lease ran out, then, at most `fresh`, waiting ones.
    ///
    /// Waiting runs come by priority; of equal priority the owner with the fewest active runs is served, of those the
    /// one that was served longest ago; of one owner the oldest run. A run that needs its target for itself comes only
    /// while no other such run has it. A paused queue gives none. Database clock.
    async fn claim_many(&self, owner: &str, lease: Duration, most: u32, fresh: u32) -> Result<Vec<Claim>>;
    /// Enqueues the runs of one request together: all or none.
    async fn enqueue_all(&self, runs: Vec<Run>, audit: Audit) -> Result<Vec<Run>>;
    /// Ends this attempt and queues the next one after `pause`. `Conflict` when the epoch is old or the run has ended.
    /// A run whose cancel was asked for meanwhile ends `cancelled` instead.
    async fn retry(&self, id: Id, epoch: i64, end: RunEnd, at: Time, pause: Duration) -> Result<()>;
    /// Attempts that ended before the present one, oldest first.
    async fn attempts(&self, run_id: Id) -> Result<Vec<Attempt>>;
    /// The queue now.
    async fn queue(&self) -> Result<QueueState>;
    /// What is paused: `None` is the whole queue, else a manager.
    async fn pauses(&self) -> Result<Vec<(Option<Id>, Pause)>>;
    /// Pauses the queue, or one manager; again: with the new mode and reason.
    async fn pause(&self, manager: Option<Id>, mode: PauseMode, reason: &str, audit: Audit) -> Result<()>;
    /// Lets it go on. `Conflict` when it is not paused.
    async fn resume(&self, manager: Option<Id>, audit: Audit) -> Result<()>;
    /// Active runs of this owner that a person asked to stop. A renewal tells it too, but later.
    async fn stops(&self, owner: &str) -> Result<Vec<Id>> {
        let _none_of = owner;
        Ok(Vec::new())
    }
    /// Looks after what nobody else looks after: deadlines that passed, targets that became free. Any process may call
    /// it at any time.
    async fn sweep(&self) -> Result<Swept>;
}
