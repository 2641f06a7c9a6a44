//! From an incident's anomalies to its ranked causes: the bridge between stored anomalies and the ranking in [`crate::rca`].

use crate::rca::{Edge, Signal, SignalKind as Hint, rank_incident};
use domain::anomaly::{Anomaly, AnomalyKind};
use domain::change::ChangeEvent;
use domain::incident::Cause;
use domain::signal::SignalKind;
use domain::topology::{Edge as Known, Relation};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Causes kept with an incident.
const MAX_CAUSES: usize = 5;
/// Evidence lines kept with a cause.
const MAX_EVIDENCE: usize = 6;

/// Who depends on whom, as far as it is known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Topology {
    edges: Vec<Edge>,
    links: HashSet<(String, String)>,
    /// Wholes and what they are made of or run on.
    parts: HashSet<(String, String)>,
}

impl Topology {
    /// A graph of (caller, callee) entities.
    #[must_use]
    pub fn new(edges: impl IntoIterator<Item = (String, String)>) -> Self {
        let edges = edges.into_iter().map(|(from, to)| Known::new(from, to, Relation::Calls));
        Self::of(&edges.collect::<Vec<_>>())
    }

    /// A graph of known edges. Two entities are linked by one edge; by two, one after the other, when one of them is not
    /// a call: a service is no further from its node than from what it calls.
    #[must_use]
    pub fn of(known: &[Known]) -> Self {
        let mut next: HashMap<&str, Vec<&Known>> = HashMap::new();
        for edge in known.iter().filter(|e| e.from != e.to) {
            next.entry(&edge.from).or_default().push(edge);
        }
        let (mut edges, mut links, mut parts) = (Vec::new(), HashSet::new(), HashSet::new());
        let mut link = |a: &str, b: &str| {
            links.insert((a.to_owned(), b.to_owned()));
            links.insert((b.to_owned(), a.to_owned()));
        };
        for edge in known.iter().filter(|e| e.from != e.to) {
            edges.push(Edge::new(&edge.from, &edge.to));
            link(&edge.from, &edge.to);
            if edge.relation != Relation::Calls {
                parts.insert((edge.from.clone(), edge.to.clone()));
            }
            for further in next.get(edge.to.as_str()).into_iter().flatten().filter(|f| f.to != edge.from) {
                if edge.relation != Relation::Calls || further.relation != Relation::Calls {
                    link(&edge.from, &further.to);
                }
            }
        }
        Self { edges, links, parts }
    }

    /// Whether nothing is known.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty()
    }

    /// Whether one depends on the other, as [`Topology::of`] says.
    #[must_use]
    pub fn linked(&self, a: &str, b: &str) -> bool {
        a == b || self.links.contains(&(a.to_owned(), b.to_owned()))
    }
}

/// What an anomaly means for the search of the cause.
fn hint(anomaly: &Anomaly) -> Hint {
    match (anomaly.kind, anomaly.signal) {
        (AnomalyKind::NewTemplate, _) => Hint::NewErrorLog,
        (AnomalyKind::LogBurst, _) if anomaly.observed < anomaly.expected => Hint::LogDrop,
        (AnomalyKind::LogBurst | AnomalyKind::LogErrorRate, _) => Hint::LogBurst,
        (AnomalyKind::Absence, _) | (_, SignalKind::Availability) => Hint::Crash,
        (_, SignalKind::Saturation) => Hint::Saturation,
        (_, SignalKind::Latency) => Hint::Latency,
        (_, SignalKind::Errors) => Hint::Errors,
        (_, SignalKind::Traffic) => Hint::Traffic,
        (_, SignalKind::Logs | SignalKind::Other) => Hint::Other,
    }
}

/// Changes as signals: at an entity that shows an anomaly, at what such an entity is made of or runs on (it counts for
/// the entity then), or at what it calls.
fn changed(members: &[Anomaly], topology: &Topology, changes: &[ChangeEvent]) -> Vec<Signal> {
    let Some(onset) = members.iter().map(|a| a.started_at).min() else { return Vec::new() };
    let entities: BTreeSet<&str> = members.iter().map(|a| a.entity.as_str()).collect();
    let mut found = Vec::new();
    for change in changes {
        let score = change.weight(onset);
        if score <= 0.0 {
            continue;
        }
        let part_of = |e: &&&str| topology.parts.contains(&((**e).to_owned(), change.entity.clone()));
        let called =
            || topology.edges.iter().any(|e| e.callee == change.entity && entities.contains(e.caller.as_str()));
        let wholes: Vec<&str> = entities.iter().filter(part_of).copied().collect();
        let at = match wholes.as_slice() {
            _ if entities.contains(change.entity.as_str()) => vec![change.entity.as_str()],
            [] if called() => vec![change.entity.as_str()],
            wholes => wholes.to_vec(),
        };
        let minutes = (onset - change.at).num_minutes().max(0);
        found.extend(at.into_iter().map(|entity| Signal {
            entity: entity.to_owned(),
            name: format!("{} ({}), {minutes} min before", change.title, change.told_by),
            kind: Hint::Change,
            score,
            started_at_ms: change.at.timestamp_millis(),
        }));
    }
    found
}

/// Ranked causes, best first; empty when none stands out, so that nothing is done on the strength of a guess.
#[must_use]
pub fn rank(members: &[Anomaly], topology: &Topology, changes: &[ChangeEvent]) -> Vec<Cause> {
    let signals: Vec<Signal> = members
        .iter()
        .map(|a| Signal {
            entity: a.entity.clone(),
            name: a.monitor_name.clone(),
            kind: hint(a),
            score: a.score,
            started_at_ms: a.started_at.timestamp_millis(),
        })
        .chain(changed(members, topology, changes))
        .collect();
    let ranking = rank_incident(&signals, &topology.edges);
    let alone = members.iter().map(|a| &a.entity).collect::<BTreeSet<_>>().len() == 1;
    if ranking.undetermined && !alone {
        return Vec::new();
    }
    ranking
        .ranked
        .into_iter()
        .take(MAX_CAUSES)
        .map(|ranked| {
            let kinds: BTreeSet<SignalKind> =
                members.iter().filter(|a| a.entity == ranked.entity).map(|a| a.signal).collect();
            let reasons = ranked.evidence.into_iter().map(|e| format!("{} ({:+.1})", e.text, e.weight));
            let path = (ranked.path.len() > 1).then(|| format!("dependencies lead here: {}", ranked.path.join(" → ")));
            Cause {
                entity: ranked.entity,
                probability: ranked.probability,
                signals: kinds.into_iter().collect(),
                evidence: path.into_iter().chain(reasons).take(MAX_EVIDENCE).collect(),
                path: ranked.path,
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "cause_tests.rs"]
mod tests;
