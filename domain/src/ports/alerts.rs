//! Ports of alerts: taking them in, reading them, and handing them to correlation.

use crate::alert::{Alert, AlertGroup, AlertState, Incoming, Receipt};
use crate::error::Result;
use crate::identity::Audit;
use crate::page::{Page, PageRequest};
use crate::ports::AnalyzerCommit;
use crate::{Id, Time};
use async_trait::async_trait;

/// One webhook call, decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct Intake {
    /// The source that was authenticated.
    pub source_id: Id,
    /// Identity of the group at the sender; empty when it knows none.
    pub group: String,
    /// Its alerts.
    pub alerts: Vec<Incoming>,
    /// Alerts that the sender left out.
    pub omitted: u64,
    /// When it came.
    pub now: Time,
}

/// Which alerts are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AlertFilter {
    /// Firing or resolved; absent: any.
    pub state: Option<AlertState>,
    /// Of this source.
    pub source_id: Option<Id>,
    /// Of this incident.
    pub incident_id: Option<Id>,
    /// Part of name or entity.
    pub search: Option<String>,
}

/// Alerts as senders and people meet them.
#[async_trait]
pub trait AlertStore: Send + Sync {
    /// Stores a call in one transaction, with its audit row when anything changed. An alert is known by source,
    /// fingerprint and start: told again it is counted, resolved it ends, and after its end it never fires again.
    /// `Unavailable` when the database cannot take it now; then nothing is stored.
    async fn accept(&self, intake: Intake, audit: Audit) -> Result<Receipt>;
    /// One page, newest first.
    async fn list_alerts(&self, filter: &AlertFilter, page: &PageRequest) -> Result<Page<Alert>>;
    /// Groups of a source, or of all, that were told last; at most 200.
    async fn alert_groups(&self, source_id: Option<Id>) -> Result<Vec<AlertGroup>>;
    /// SHA-256 (hex) of the token with which the source sends; absent when it has none.
    async fn token_hash(&self, source_id: Id) -> Result<Option<String>>;
    /// Sets that hash, or takes it away. `NotFound` for an unknown source.
    async fn set_token_hash(&self, source_id: Id, hash: Option<String>, now: Time, audit: Audit) -> Result<()>;
}

/// Where an alert was placed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Placement {
    /// The alert.
    pub alert_id: Id,
    /// Its revision when it was read.
    pub revision: i64,
    /// The incident; absent when it opens nothing.
    pub incident_id: Option<Id>,
}

/// A member of an incident that a person moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// Order of the moves.
    pub seq: i64,
    /// The anomaly.
    pub anomaly_id: Id,
    /// The incident that it belongs to now.
    pub incident_id: Id,
}

/// Alerts as correlation meets them.
#[async_trait]
pub trait AlertQueue: Send + Sync {
    /// Alerts that are new or changed and not placed yet, oldest first.
    async fn unplaced(&self, limit: u32) -> Result<Vec<Alert>>;
    /// Writes the commit and marks the alerts placed, in one transaction. Returns as [`crate::ports::AnalyzerStore::commit`].
    /// `Conflict`, and nothing written, when another process placed one of them.
    async fn place(&self, commit: AnalyzerCommit, placed: Vec<Placement>) -> Result<Vec<(Id, Id)>>;
    /// Members that people moved after the move `seq`, in order.
    async fn moved_since(&self, seq: i64) -> Result<Vec<Moved>>;
    /// Number of the last move.
    async fn last_move(&self) -> Result<i64>;
}
