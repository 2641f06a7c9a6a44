//! From an incident's anomalies to its ranked causes: the bridge between stored anomalies and the ranking in [`crate::rca`].

use crate::rca::{Edge, Signal, SignalKind as Hint, rank_incident};
use domain::anomaly::{Anomaly, AnomalyKind};
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
        let (mut edges, mut links) = (Vec::new(), HashSet::new());
        let mut link = |a: &str, b: &str| {
            links.insert((a.to_owned(), b.to_owned()));
            links.insert((b.to_owned(), a.to_owned()));
        };
        for edge in known.iter().filter(|e| e.from != e.to) {
            edges.push(Edge::new(&edge.from, &edge.to));
            link(&edge.from, &edge.to);
            for further in next.get(edge.to.as_str()).into_iter().flatten().filter(|f| f.to != edge.from) {
                if edge.relation != Relation::Calls || further.relation != Relation::Calls {
                    link(&edge.from, &further.to);
                }
            }
        }
        Self { edges, links }
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

/// Ranked causes, best first; empty when none stands out, so that nothing is done on the strength of a guess.
#[must_use]
pub fn rank(members: &[Anomaly], topology: &Topology) -> Vec<Cause> {
    let signals: Vec<Signal> = members
        .iter()
        .map(|a| Signal {
            entity: a.entity.clone(),
            name: a.monitor_name.clone(),
            kind: hint(a),
            score: a.score,
            started_at_ms: a.started_at.timestamp_millis(),
        })
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
