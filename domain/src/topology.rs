//! Who depends on whom: edges with where they were seen and when, and the part of the graph that an incident is about.

use crate::Time;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An edge that its source no longer names is stale after so many seconds of good answers; stale edges are shown and not
/// used.
pub const FRESH_SECS: i64 = 3_600;
/// An edge that nobody named for so many seconds is dropped.
pub const KEEP_SECS: i64 = 86_400;
/// Longest name of an entity in an edge, bytes.
pub const MAX_ENTITY: usize = 300;

/// Where an edge is known from.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EdgeSource {
    /// Service graph metrics of an OpenTelemetry collector or Tempo: `traces_service_graph_request_total`.
    ServiceGraph,
    /// Metrics of HTTP clients: `http_client_request_duration_seconds_count`.
    Clients,
    /// Istio: `istio_requests_total`.
    Istio,
    /// kube-state-metrics: owners, pods, nodes, endpoints of services.
    Kubernetes,
    /// The file that the setting `topology_file` names.
    File,
}

/// What an edge means; each leads from the one that needs to the one that is needed.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    /// Asks it while it works: service to service, service to database.
    #[default]
    Calls,
    /// Is made of it: service or workload to pod.
    Contains,
    /// Runs on it: pod to node.
    RunsOn,
}

/// One dependency.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// Entity that needs, for example `service=storefront`.
    pub from: String,
    /// Entity that is needed.
    pub to: String,
    /// What it means.
    pub relation: Relation,
}

impl Edge {
    /// An edge from its ends.
    pub fn new(from: impl Into<String>, to: impl Into<String>, relation: Relation) -> Self {
        Self { from: from.into(), to: to.into(), relation }
    }
}

/// What one reading of one place says of the graph.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Kind of place.
    pub source: EdgeSource,
    /// Its name: that of the metric source, or the file's path.
    pub origin: String,
    /// The edges.
    pub edges: BTreeSet<Edge>,
    /// When it was read.
    pub at: Time,
    /// Whether edges of this place that are not among them are gone at once; else they age.
    pub whole: bool,
}

/// An edge as stored: known from one place.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownEdge {
    /// The edge.
    #[serde(flatten)]
    pub edge: Edge,
    /// Kind of place that names it.
    pub source: EdgeSource,
    /// Name of that place.
    pub origin: String,
    /// When it was first named.
    #[cfg_attr(feature = "openapi", schema(value_type = chrono::DateTime<chrono::Utc>))]
    pub first_seen_at: Time,
    /// When it was last named; written every few minutes.
    #[cfg_attr(feature = "openapi", schema(value_type = chrono::DateTime<chrono::Utc>))]
    pub last_seen_at: Time,
    /// Its place answers and has not named it for an hour: shown, and not used.
    pub stale: bool,
}

/// A place that edges are read from.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feed {
    /// Kind of place.
    pub source: EdgeSource,
    /// Its name.
    pub origin: String,
    /// Edges of the last good reading.
    pub edges: u64,
    /// Why the last reading failed; empty when it did not.
    pub message: String,
    /// Last reading.
    #[cfg_attr(feature = "openapi", schema(value_type = chrono::DateTime<chrono::Utc>))]
    pub read_at: Time,
    /// Last good reading.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<chrono::DateTime<chrono::Utc>>))]
    pub ok_at: Option<Time>,
}

/// The edges that count: known from any place, not stale, each once.
#[must_use]
pub fn fresh(known: &[KnownEdge]) -> Vec<Edge> {
    known.iter().filter(|k| !k.stale).map(|k| &k.edge).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// All entities within `hops` edges of the given ones, in either direction, themselves included.
#[must_use]
pub fn around(edges: &[KnownEdge], centre: &BTreeSet<String>, hops: usize) -> BTreeSet<String> {
    let mut next: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for KnownEdge { edge, .. } in edges {
        next.entry(&edge.from).or_default().push(&edge.to);
        next.entry(&edge.to).or_default().push(&edge.from);
    }
    let mut found = centre.clone();
    let mut rim: Vec<String> = centre.iter().cloned().collect();
    for _ in 0..hops {
        let near = rim.iter().filter_map(|entity| next.get(entity.as_str())).flatten();
        let new: BTreeSet<String> = near.filter(|n| !found.contains(**n)).map(|n| (*n).to_owned()).collect();
        found.extend(new.iter().cloned());
        rim = new.into_iter().collect();
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn known(from: &str, to: &str, stale: bool) -> KnownEdge {
        let (source, origin, at) = (EdgeSource::File, "x".to_owned(), from_millis(0));
        let edge = Edge::new(from, to, Relation::Calls);
        KnownEdge { edge, source, origin, first_seen_at: at, last_seen_at: at, stale }
    }

    #[test]
    fn what_is_around_follows_edges_both_ways_and_ends_in_loops() {
        let edges = [known("a", "b", false), known("c", "b", false), known("c", "d", false), known("b", "a", false)];
        let near = |hops| around(&edges, &BTreeSet::from(["a".to_owned()]), hops).into_iter().collect::<String>();
        assert_eq!((near(0), near(1), near(2), near(9)), ("a".into(), "ab".into(), "abc".into(), "abcd".into()));
    }

    #[test]
    fn stale_edges_do_not_count_and_others_count_once() {
        let edges = [known("a", "b", false), known("a", "b", true), known("a", "c", true), known("a", "b", false)];
        assert_eq!(fresh(&edges), [Edge::new("a", "b", Relation::Calls)]);
    }
}
