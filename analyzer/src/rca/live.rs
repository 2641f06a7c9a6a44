//! Ranks the entities of one incident from its anomalies and the call graph.
//!
//! A sum of log-odds with few fixed weights: own strength, what kind of anomaly it is, who was first, who is blamed,
//! and whether a callee explains it. Evidence that is missing counts as nothing, not against.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Evidence, Ranked, Ranking, Signal, SignalKind, conclude};
use super::topology::{Edge, Topology};

/// Calls followed from an entity when an explanation is looked for.
const HOPS: usize = 2;
/// A callee may show up this much later and still be the cause: detectors do not fire at once, ms.
const SLACK_MS: i64 = 20_000;
/// Log-odds that the cause is none of the candidates.
const NONE: f64 = 1.2;

/// An entity with its signals, by strength.
struct Candidate<'a> {
    signals: Vec<&'a Signal>,
    strength: f64,
    onset_ms: i64,
}

/// Ranks the entities of an incident. Pure and deterministic; scores outside 0 to 1 and unknown entities are tolerated.
#[must_use]
pub fn rank_incident(anomalies: &[Signal], edges: &[Edge]) -> Ranking {
    let topology = Topology::new(edges);
    let candidates = gather(anomalies);
    let first_ms = candidates.values().map(|candidate| candidate.onset_ms).min().unwrap_or(0);
    let candidates = begun(candidates, first_ms);
    let scored = candidates
        .keys()
        .map(|entity| {
            let evidence = reasons(entity, &candidates, &topology, first_ms);
            let score = evidence.iter().map(|reason| reason.weight).sum();
            let signals = candidates.get(entity).map(|found| names(found)).unwrap_or_default();
            let path = path_to(entity, &candidates, &topology);
            (score, Ranked { entity: (*entity).to_owned(), probability: 0.0, signals, evidence, path })
        })
        .collect();
    conclude(scored, NONE)
}

fn gather(anomalies: &[Signal]) -> BTreeMap<&str, Candidate<'_>> {
    let mut found: BTreeMap<&str, Candidate<'_>> = BTreeMap::new();
    for signal in anomalies.iter().filter(|signal| signal.score.is_finite() && signal.score > 0.0) {
        let candidate = found.entry(signal.entity.as_str()).or_insert_with(|| Candidate {
            signals: Vec::new(),
            strength: 0.0,
            onset_ms: i64::MAX,
        });
        candidate.signals.push(signal);
        // A change is no anomaly: it is no sign of trouble, and the trouble did not begin with it.
        if signal.kind == SignalKind::Change {
            continue;
        }
        candidate.strength = candidate.strength.max(signal.score.min(1.0));
        candidate.onset_ms = candidate.onset_ms.min(signal.started_at_ms);
    }
    for candidate in found.values_mut() {
        candidate.signals.sort_by(|a, b| b.score.total_cmp(&a.score).then_with(|| a.name.cmp(&b.name)));
    }
    found
}

/// Entities that were changed and show nothing begin with the first anomaly.
fn begun<'a>(mut candidates: BTreeMap<&'a str, Candidate<'a>>, first_ms: i64) -> BTreeMap<&'a str, Candidate<'a>> {
    for candidate in candidates.values_mut().filter(|candidate| candidate.onset_ms == i64::MAX) {
        candidate.onset_ms = first_ms;
    }
    candidates
}

fn names(candidate: &Candidate<'_>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    candidate.signals.iter().filter(|signal| seen.insert(&signal.name)).map(|signal| signal.name.clone()).collect()
}

/// What each kind of anomaly says by itself, beyond its strength.
fn kind_weight(kind: SignalKind) -> (f64, &'static str) {
    match kind {
        SignalKind::Crash => (2.2, "a process died or restarted here"),
        SignalKind::Saturation => (1.6, "a resource is used up here"),
        SignalKind::NewErrorLog => (1.6, "a new error is logged here"),
        SignalKind::Change => (1.4, "something was changed here shortly before"),
        SignalKind::Blame => (1.0, "others name it in their errors"),
        SignalKind::LogBurst => (0.7, "it logs far more than usual"),
        SignalKind::Errors => (0.5, "its requests fail"),
        SignalKind::LogDrop => (0.5, "it logs less than usual"),
        SignalKind::Latency => (0.3, "it answers slowly"),
        SignalKind::Traffic => (0.0, "its traffic changed"),
        SignalKind::Other => (0.2, "it behaves unusually"),
    }
}

fn reasons(
    entity: &str,
    candidates: &BTreeMap<&str, Candidate<'_>>,
    topology: &Topology,
    first_ms: i64,
) -> Vec<Evidence> {
    let Some(candidate) = candidates.get(entity) else { return Vec::new() };
    let mut evidence = Vec::new();
    if candidate.strength > 0.0 {
        let text = format!("strongest anomaly {:.2}", candidate.strength);
        evidence.push(Evidence { text, weight: 3.0 * candidate.strength });
    }
    let mut kinds: BTreeMap<SignalKind, &Signal> = BTreeMap::new();
    for signal in &candidate.signals {
        kinds.entry(signal.kind).or_insert(signal);
    }
    for (kind, signal) in &kinds {
        let (weight, reason) = kind_weight(*kind);
        let weight = weight * signal.score.clamp(0.0, 1.0);
        evidence.push(Evidence { text: format!("{reason}: {}", signal.name), weight });
    }
    let late_s = (candidate.onset_ms.saturating_sub(first_ms)) as f64 / 1000.0;
    let early = if candidate.strength <= 0.0 {
        0.0
    } else if late_s <= 0.0 {
        0.6
    } else {
        -(late_s / 60.0).min(1.5)
    };
    let text = if late_s <= 0.0 { "first to change".to_owned() } else { format!("{late_s:.0} s after the first") };
    if candidate.strength > 0.0 {
        evidence.push(Evidence { text, weight: early });
    }
    evidence.extend(explained(entity, candidate, candidates, topology));
    evidence.extend(explains(entity, candidate, candidates, topology));
    evidence
}

/// True for anomalies that travel from callee to caller.
fn travels(kind: SignalKind) -> bool {
    matches!(
        kind,
        SignalKind::Latency | SignalKind::Errors | SignalKind::Traffic | SignalKind::LogBurst | SignalKind::NewErrorLog
    ) || kind == SignalKind::Other
}

/// A callee that changed no later and at least half as much speaks against an entity whose anomalies may come from it.
fn explained(
    entity: &str,
    candidate: &Candidate<'_>,
    candidates: &BTreeMap<&str, Candidate<'_>>,
    topology: &Topology,
) -> Option<Evidence> {
    let below = topology.below(entity, HOPS);
    let own = candidate.signals.iter().filter(|signal| !travels(signal.kind)).map(|signal| signal.score);
    let own = own.fold(0.0, f64::max).min(1.0);
    let cause = below
        .iter()
        .filter_map(|(callee, distance)| {
            let other = candidates.get(callee.as_str())?;
            let early = other.onset_ms <= candidate.onset_ms.saturating_add(SLACK_MS);
            let mutual = topology.below(callee, HOPS).contains_key(entity);
            let strong = other.strength >= 0.5 * candidate.strength;
            let share = if mutual { 0.5 } else { 1.0 } / *distance as f64;
            (early && strong).then_some((share * other.strength, callee))
        })
        .max_by(|a, b| a.0.total_cmp(&b.0))?;
    let weight = -2.0 * cause.0 * (1.0 - 0.7 * own);
    Some(Evidence { text: format!("{} below it changed no later", cause.1), weight })
}

/// Callers that suffer speak for an entity, the more of them the more.
fn explains(
    entity: &str,
    candidate: &Candidate<'_>,
    candidates: &BTreeMap<&str, Candidate<'_>>,
    topology: &Topology,
) -> Option<Evidence> {
    let suffering: Vec<&str> = topology
        .callers(entity)
        .filter(|caller| {
            candidates.get(caller).is_some_and(|other| {
                other.onset_ms.saturating_add(SLACK_MS) >= candidate.onset_ms
                    && other.signals.iter().any(|signal| travels(signal.kind))
            })
        })
        .collect();
    if suffering.is_empty() {
        return None;
    }
    let weight = 0.5 * (suffering.len() as f64).ln_1p();
    Some(Evidence { text: format!("its callers suffer: {}", suffering.join(", ")), weight })
}

/// Path from the strongest affected caller within four calls down to the candidate.
fn path_to(entity: &str, candidates: &BTreeMap<&str, Candidate<'_>>, topology: &Topology) -> Vec<String> {
    candidates
        .iter()
        .filter(|(other, _)| **other != entity)
        .filter_map(|(other, candidate)| topology.path(other, entity, 4).map(|path| (path, candidate.strength)))
        .max_by(|a, b| a.0.len().cmp(&b.0.len()).then(a.1.total_cmp(&b.1)))
        .map(|(path, _)| path)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Edge, Signal, SignalKind, rank_incident};

    fn signal(entity: &str, kind: SignalKind, score: f64, at_s: i64) -> Signal {
        Signal {
            entity: entity.into(),
            name: format!("{kind:?}"),
            kind,
            score,
            started_at_ms: at_s.saturating_mul(1000),
        }
    }

    #[test]
    fn a_saturated_callee_outranks_its_slow_callers() {
        let edges = [Edge::new("front", "cart"), Edge::new("cart", "db")];
        let ranking = rank_incident(
            &[
                signal("front", SignalKind::Latency, 1.0, 5),
                signal("cart", SignalKind::Latency, 0.9, 5),
                signal("db", SignalKind::Saturation, 0.8, 0),
            ],
            &edges,
        );
        assert_eq!(ranking.ranked[0].entity, "db");
        assert!(!ranking.undetermined);
        assert_eq!(ranking.ranked[0].path, ["front", "cart", "db"]);
        let sum: f64 = ranking.ranked.iter().map(|ranked| ranked.probability).sum();
        assert!(sum > 0.0 && sum < 1.0);
    }

    #[test]
    fn a_caller_with_its_own_cause_is_not_explained_away() {
        let edges = [Edge::new("cart", "db")];
        let ranking = rank_incident(
            &[signal("cart", SignalKind::Crash, 1.0, 0), signal("db", SignalKind::Traffic, 0.6, 0)],
            &edges,
        );
        assert_eq!(ranking.ranked[0].entity, "cart");
    }

    #[test]
    fn thin_evidence_is_undetermined() {
        assert!(rank_incident(&[], &[]).undetermined);
        let weak = [signal("a", SignalKind::Other, 0.3, 0), signal("b", SignalKind::Other, 0.3, 0)];
        assert!(rank_incident(&weak, &[]).undetermined);
        let broken =
            [signal("a", SignalKind::Other, f64::NAN, i64::MIN), signal("b", SignalKind::Other, 9.0, i64::MAX)];
        assert_eq!(rank_incident(&broken, &[]).ranked.len(), 1);
    }
}
