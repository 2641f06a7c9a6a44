//! Port of changes, ours and those of others.

use crate::change::{ChangeEvent, ChangeKind};
use crate::error::Result;
use crate::identity::Audit;
use crate::page::{Page, PageRequest};
use crate::{Id, Time};
use async_trait::async_trait;

/// Which changes are wanted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// Of this entity.
    pub entity: Option<String>,
    /// Of this kind.
    pub kind: Option<ChangeKind>,
}

/// Changes as they were told; runs are read from where they are stored.
#[async_trait]
pub trait ChangeStore: Send + Sync {
    /// Stores changes that are not known by their key yet; the number of new ones. Audited when told by a caller.
    async fn record_changes(&self, changes: Vec<ChangeEvent>, audit: Option<Audit>) -> Result<u64>;
    /// The stored change with this key.
    async fn change_by_key(&self, key: &str) -> Result<Option<ChangeEvent>>;
    /// Told changes, newest first; without runs, which have a list of their own.
    async fn list_changes(&self, filter: &ChangeFilter, page: &PageRequest) -> Result<Page<ChangeEvent>>;
    /// Every change in `from..=to` with those runs that started on a target then, newest first, at most
    /// [`crate::change::MAX_CHANGES`]. `except`: without runs of this incident.
    async fn changes_between(&self, from: Time, to: Time, except: Option<Id>) -> Result<Vec<ChangeEvent>>;
    /// Drops changes that were made before the time.
    async fn drop_changes(&self, before: Time) -> Result<()>;
}
