//! Port: looks at what a stored source holds.

use crate::Id;
use crate::discovery::Discovered;
use crate::error::Result;
use async_trait::async_trait;

/// Looks at sources; stores nothing.
#[async_trait]
pub trait Discovery: Send + Sync {
    /// What the metric source holds and which monitors would watch it.
    ///
    /// # Errors
    /// `NotFound` for an unknown source, `Invalid` for one that holds no metrics, and as the source's own queries.
    async fn discover(&self, source: Id) -> Result<Discovered>;
}
