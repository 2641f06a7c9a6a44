//! The graph in memory.

use async_trait::async_trait;
use domain::ports::TopologyStore;
use domain::topology::{EdgeSource, Feed, KnownEdge, Seen};
use domain::{Result, Time};
use std::collections::BTreeMap;
use std::sync::Mutex;

/// What is known.
#[derive(Debug, Default)]
pub(crate) struct Graph(pub(crate) Mutex<Vec<KnownEdge>>);

#[async_trait]
impl TopologyStore for Graph {
    async fn see_edges(&self, seen: Seen) -> Result<()> {
        let Seen { source, origin, edges, at, .. } = seen;
        let known = edges.into_iter().map(|edge| KnownEdge {
            edge,
            source,
            origin: origin.clone(),
            first_seen_at: at,
            last_seen_at: at,
            stale: false,
        });
        self.0.lock().unwrap().extend(known);
        Ok(())
    }

    async fn note_feed_failure(&self, _source: EdgeSource, _origin: &str, _message: &str, _at: Time) -> Result<()> {
        Ok(())
    }

    async fn edges(&self) -> Result<Vec<KnownEdge>> {
        Ok(self.0.lock().unwrap().clone())
    }

    async fn feeds(&self) -> Result<Vec<Feed>> {
        Ok(Vec::new())
    }

    async fn drop_edges(&self, _before: Time) -> Result<()> {
        Ok(())
    }

    async fn open_anomalies(&self) -> Result<BTreeMap<String, u64>> {
        Ok(BTreeMap::from([("service=checkout".to_owned(), 2)]))
    }
}
