//! The graph as people look at it: nodes with their trouble, edges with where they are known from. Pure.

use domain::Time;
use domain::incident::{Incident, IncidentState, Severity};
use domain::topology::{EdgeSource, Feed, KnownEdge, Relation, around};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// Nodes shown at most; those in trouble come first, then those that call or are called.
pub(crate) const MAX_NODES: usize = 400;
/// Nodes around an incident at most.
pub(crate) const MAX_AROUND: usize = 60;

/// An active incident that an entity is part of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct NodeIncident {
    /// The incident.
    id: Uuid,
    /// One line for people.
    title: String,
    /// How bad.
    severity: Severity,
    /// Where it stands.
    state: IncidentState,
}

/// An entity and its trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct TopologyNode {
    /// The entity, for example `service=checkout`.
    pub(crate) entity: String,
    /// Its open anomalies.
    anomalies: u64,
    /// Active incidents that it is part of.
    incidents: Vec<NodeIncident>,
    /// The worst of their severities; absent without an incident.
    severity: Option<Severity>,
}

/// A place that names an edge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct SeenAt {
    /// Kind of place.
    source: EdgeSource,
    /// Its name.
    origin: String,
    /// When it was first named there.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    first_seen_at: Time,
    /// When it was last named there; written every few minutes.
    #[schema(value_type = chrono::DateTime<chrono::Utc>)]
    last_seen_at: Time,
    /// The place answers and has not named it for an hour.
    stale: bool,
}

/// A dependency with the places that name it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct TopologyEdge {
    /// Entity that needs.
    from: String,
    /// Entity that is needed.
    to: String,
    /// What it means.
    relation: Relation,
    /// Where it is known from; empty for a step of a ranked path that is no longer known.
    seen: Vec<SeenAt>,
    /// No place still names it: it is shown and not used.
    stale: bool,
}

/// Who depends on whom, and who is in trouble.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub(crate) struct TopologyGraph {
    /// The entities, by name.
    pub(crate) nodes: Vec<TopologyNode>,
    /// The dependencies among them.
    pub(crate) edges: Vec<TopologyEdge>,
    /// The places that edges are read from.
    pub(crate) feeds: Vec<Feed>,
    /// Entities that are left out because there are too many; ask for those around one.
    pub(crate) omitted: usize,
}

/// What a graph is made of.
pub(crate) struct Material {
    pub(crate) known: Vec<KnownEdge>,
    pub(crate) feeds: Vec<Feed>,
    pub(crate) anomalies: BTreeMap<String, u64>,
    pub(crate) active: Vec<Incident>,
}

/// What a ranked path says of an edge that may be known no more.
fn steps(incident: &Incident) -> impl Iterator<Item = (&String, &String)> {
    incident.causes.iter().flat_map(|cause| cause.path.iter().zip(cause.path.iter().skip(1)))
}

/// Entities that an incident is about: its own, its causes, and those on the way to them.
pub(crate) fn subject(incident: &Incident) -> BTreeSet<String> {
    let causes = incident.causes.iter().flat_map(|c| std::iter::once(&c.entity).chain(&c.path));
    incident.entities.iter().chain([&incident.entity]).chain(causes).cloned().collect()
}

impl Material {
    /// The whole graph, or what is within `hops` of one entity.
    pub(crate) fn graph(self, centre: Option<(String, usize)>) -> TopologyGraph {
        let known: BTreeSet<String> =
            self.known.iter().flat_map(|k| [k.edge.from.clone(), k.edge.to.clone()]).collect();
        let wanted = match centre {
            Some((entity, hops)) => around(&self.known, &BTreeSet::from([entity]), hops),
            None => known.into_iter().chain(self.anomalies.keys().cloned()).collect(),
        };
        let calls: BTreeSet<&str> = self
            .known
            .iter()
            .filter(|k| k.edge.relation == Relation::Calls)
            .flat_map(|k| [k.edge.from.as_str(), k.edge.to.as_str()])
            .collect();
        let rank = |entity: &String| {
            let trouble =
                self.anomalies.contains_key(entity) || self.active.iter().any(|i| i.entities.contains(entity));
            (!trouble, !calls.contains(entity.as_str()))
        };
        let mut order: Vec<&String> = wanted.iter().collect();
        order.sort_by_cached_key(|entity| (rank(entity), (*entity).clone()));
        let kept: BTreeSet<String> = order.into_iter().take(MAX_NODES).cloned().collect();
        let omitted = wanted.len() - kept.len();
        self.draw(&kept, &[], omitted)
    }

    /// What an incident is about, with the neighbours.
    pub(crate) fn of_incident(self, incident: &Incident) -> TopologyGraph {
        let subject = subject(incident);
        let near = around(&self.known, &subject, 1);
        let room = MAX_AROUND.saturating_sub(subject.len());
        let further: Vec<String> = near.difference(&subject).take(room).cloned().collect();
        let omitted = near.len() - subject.len() - further.len();
        let kept: BTreeSet<String> = subject.into_iter().chain(further).collect();
        let steps: Vec<(String, String)> = steps(incident).map(|(a, b)| (a.clone(), b.clone())).collect();
        self.draw(&kept, &steps, omitted)
    }

    fn draw(self, kept: &BTreeSet<String>, steps: &[(String, String)], omitted: usize) -> TopologyGraph {
        let mut edges: BTreeMap<(String, String, Relation), Vec<SeenAt>> = BTreeMap::new();
        for KnownEdge { edge, source, origin, first_seen_at, last_seen_at, stale } in self.known {
            if kept.contains(&edge.from) && kept.contains(&edge.to) {
                let seen = SeenAt { source, origin, first_seen_at, last_seen_at, stale };
                edges.entry((edge.from, edge.to, edge.relation)).or_default().push(seen);
            }
        }
        for (from, to) in steps {
            if !edges.keys().any(|(a, b, _)| a == from && b == to) {
                edges.insert((from.clone(), to.clone(), Relation::Calls), Vec::new());
            }
        }
        let edges = edges.into_iter().map(|((from, to, relation), seen)| {
            let stale = seen.iter().all(|s| s.stale);
            TopologyEdge { from, to, relation, seen, stale }
        });
        let nodes = kept.iter().map(|entity| node(entity, &self.anomalies, &self.active));
        TopologyGraph { nodes: nodes.collect(), edges: edges.collect(), feeds: self.feeds, omitted }
    }
}

fn node(entity: &str, anomalies: &BTreeMap<String, u64>, active: &[Incident]) -> TopologyNode {
    let incidents: Vec<NodeIncident> = active
        .iter()
        .filter(|i| i.entity == entity || i.entities.iter().any(|e| e == entity))
        .map(|i| NodeIncident { id: i.id, title: i.title.clone(), severity: i.severity, state: i.state })
        .collect();
    TopologyNode {
        entity: entity.to_owned(),
        anomalies: anomalies.get(entity).copied().unwrap_or_default(),
        severity: incidents.iter().map(|i| i.severity).max(),
        incidents,
    }
}
