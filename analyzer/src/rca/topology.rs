//! Directed graph of who calls whom.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

/// One dependency: `caller` needs `callee` (service to service, pod to node, service to database).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    /// Entity that depends.
    pub caller: String,
    /// Entity depended on.
    pub callee: String,
}

impl Edge {
    /// An edge from its two ends.
    #[must_use]
    pub fn new(caller: impl Into<String>, callee: impl Into<String>) -> Self {
        Self { caller: caller.into(), callee: callee.into() }
    }
}

/// Dependencies in both directions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    callees: BTreeMap<String, BTreeSet<String>>,
    callers: BTreeMap<String, BTreeSet<String>>,
}

impl Topology {
    /// Builds the graph; self edges are left out.
    #[must_use]
    pub fn new(edges: &[Edge]) -> Self {
        let mut topology = Self::default();
        for edge in edges.iter().filter(|edge| edge.caller != edge.callee) {
            topology.callees.entry(edge.caller.clone()).or_default().insert(edge.callee.clone());
            topology.callers.entry(edge.callee.clone()).or_default().insert(edge.caller.clone());
        }
        topology
    }

    /// Entities an entity calls directly.
    pub fn callees<'a>(&'a self, entity: &str) -> impl Iterator<Item = &'a str> {
        self.callees.get(entity).into_iter().flatten().map(String::as_str)
    }

    /// Entities that call an entity directly.
    pub fn callers<'a>(&'a self, entity: &str) -> impl Iterator<Item = &'a str> {
        self.callers.get(entity).into_iter().flatten().map(String::as_str)
    }

    /// Shortest path from caller to callee, both ends included, of at most `hops` edges.
    #[must_use]
    pub fn path(&self, from: &str, to: &str, hops: usize) -> Option<Vec<String>> {
        let mut previous: BTreeMap<&str, Option<&str>> = BTreeMap::from([(from, None)]);
        let mut queue = VecDeque::from([(from, 0usize)]);
        while let Some((entity, depth)) = queue.pop_front() {
            if entity == to {
                let mut path = vec![entity.to_owned()];
                let mut at = entity;
                while let Some(Some(before)) = previous.get(at) {
                    path.push((*before).to_owned());
                    at = before;
                }
                path.reverse();
                return Some(path);
            }
            let next = self.callees.get(entity).filter(|_| depth < hops);
            for callee in next.into_iter().flatten() {
                if !previous.contains_key(callee.as_str()) {
                    previous.insert(callee, Some(entity));
                    queue.push_back((callee, depth + 1));
                }
            }
        }
        None
    }

    /// All entities reached from one within `hops` calls, with their distance, itself left out.
    #[must_use]
    pub fn below(&self, entity: &str, hops: usize) -> BTreeMap<String, usize> {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        let mut queue = VecDeque::from([(entity, 0usize)]);
        while let Some((at, depth)) = queue.pop_front() {
            let next = self.callees.get(at).filter(|_| depth < hops);
            for callee in next.into_iter().flatten() {
                if callee != entity && !found.contains_key(callee) {
                    found.insert(callee.clone(), depth + 1);
                    queue.push_back((callee, depth + 1));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::{Edge, Topology};

    #[test]
    fn path_and_reach_follow_calls_and_survive_loops() {
        let topology =
            Topology::new(&[Edge::new("a", "b"), Edge::new("b", "c"), Edge::new("c", "a"), Edge::new("b", "b")]);
        assert_eq!(topology.path("a", "c", 5), Some(vec!["a".to_owned(), "b".to_owned(), "c".to_owned()]));
        assert_eq!(topology.path("a", "c", 1), None);
        assert_eq!(topology.below("a", 9).len(), 2);
        assert_eq!(topology.callers("b").collect::<Vec<_>>(), ["a"]);
    }
}
