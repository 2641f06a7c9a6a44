//! The queue as people see it: what waits, who holds what, what is paused and why.

use crate::run::RunState;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How something stands still.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PauseMode {
    /// Nothing new begins until it is resumed; what runs goes on.
    Pause,
    /// The same, on the way to empty: it is told when nothing runs any more.
    Drain,
}

/// Why nothing new begins, and since when.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// How.
    pub mode: PauseMode,
    /// Why, for people.
    pub reason: String,
    /// Who asked.
    pub by: String,
    /// Since when, database clock.
    pub since: DateTime<Utc>,
}

/// Runs in one state.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct StateCount {
    /// The state.
    pub state: RunState,
    /// Runs in it.
    pub runs: u64,
}

/// What one owner has in the queue.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OwnerShare {
    /// Who asked.
    pub owner: String,
    /// Runs that wait.
    pub waiting: u64,
    /// Runs that a worker holds.
    pub active: u64,
}

/// What runs on one runtime manager.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerUse {
    /// The manager.
    pub manager_id: Uuid,
    /// Runs on it.
    pub active: u64,
    /// Why nothing new begins there; absent: something may.
    pub pause: Option<Pause>,
}

/// The queue at one moment.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueueState {
    /// When, database clock.
    pub at: DateTime<Utc>,
    /// Why nothing new begins at all; absent: something may.
    pub pause: Option<Pause>,
    /// Whether it was asked to drain and nothing runs any more.
    pub drained: bool,
    /// Runs that have not ended, by state; states without runs are left out.
    pub states: Vec<StateCount>,
    /// Waiting runs that could begin now.
    pub ready: u64,
    /// Waiting runs whose target is held by another run.
    pub held: u64,
    /// Waiting runs that rest before their next attempt.
    pub resting: u64,
    /// Since when the oldest waiting run waits.
    pub oldest: Option<DateTime<Utc>>,
    /// Owners with the most runs, at most 50.
    pub owners: Vec<OwnerShare>,
    /// Managers with runs or a pause.
    pub managers: Vec<ManagerUse>,
}

/// What a look after the queue's health did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs beyond their deadline that were taken from their owner, for another one to end them.
    pub taken: u64,
    /// Runs beyond their deadline that nobody could end, ended as `lost`.
    pub lost: u64,
    /// Runs whose target had become free unnoticed.
    pub freed: u64,
}
