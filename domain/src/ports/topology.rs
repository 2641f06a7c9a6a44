//! Port of the graph of who depends on whom.

use crate::Time;
use crate::error::Result;
use crate::topology::{EdgeSource, Feed, KnownEdge, Seen};
use async_trait::async_trait;
use std::collections::BTreeMap;

/// Edges as they are read from outside, with their age.
#[async_trait]
pub trait TopologyStore: Send + Sync {
    /// Takes in one reading: new edges are added, known ones are seen again, and the reading is noted.
    async fn see_edges(&self, seen: Seen) -> Result<()>;
    /// Notes that a place could not be read; its edges stay, and do not age by it.
    async fn note_feed_failure(&self, source: EdgeSource, origin: &str, message: &str, at: Time) -> Result<()>;
    /// Every edge by its ends; one row a place that names it.
    async fn edges(&self) -> Result<Vec<KnownEdge>>;
    /// Every place that was read, by kind and name.
    async fn feeds(&self) -> Result<Vec<Feed>>;
    /// Drops edges and places that were last seen before the time.
    async fn drop_edges(&self, before: Time) -> Result<()>;
    /// Number of open anomalies by entity.
    async fn open_anomalies(&self) -> Result<BTreeMap<String, u64>>;
}
