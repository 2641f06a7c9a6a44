//! Ranks the entities of a system from its recorded telemetry around one onset.

use std::collections::{BTreeMap, BTreeSet};

use super::evidence::{Evidence, Ranked, Ranking, conclude};
use super::input::Telemetry;
use super::topology::Topology;
use super::{lines, metrics};

/// The users' own view; it suffers and is no cause.
pub(crate) const USER_SIDE: &str = "user-facing";
/// Evidence to log-odds.
const SHARPNESS: f64 = 1.5;
/// Log-odds that the cause is none of the entities.
const NONE: f64 = 1.2;

/// Ranks all entities for an onset. `spoiled` tells which times are no reference, as they lie in an earlier fault.
/// Metrics and logs are weighed by how far each lies beyond its own history; what is missing counts as nothing.
#[must_use]
pub fn rank_recorded(telemetry: &Telemetry, onset_ms: i64, spoiled: &dyn Fn(i64) -> bool) -> Ranking {
    let topology = Topology::new(&telemetry.edges);
    let mut reasons = metrics::reasons(telemetry, &topology, onset_ms, spoiled);
    for (entity, evidence) in lines::reasons(telemetry, &topology, onset_ms) {
        reasons.entry(entity).or_default().extend(evidence);
    }
    reasons.remove(USER_SIDE);
    for entity in telemetry.edges.iter().flat_map(|edge| [&edge.caller, &edge.callee]) {
        reasons.entry(entity.clone()).or_default();
    }
    let strength: BTreeMap<String, f64> = reasons.iter().map(|(entity, found)| (entity.clone(), sum(found))).collect();
    let scored = reasons
        .into_iter()
        .map(|(entity, mut evidence)| {
            evidence.retain(|reason| reason.weight > 0.05);
            evidence.iter_mut().for_each(|reason| reason.weight *= SHARPNESS);
            let score = SHARPNESS * strength.get(&entity).copied().unwrap_or(0.0);
            let path = path_to(&entity, &strength, &topology);
            let signals = evidence.iter().map(|reason| reason.text.clone()).collect::<BTreeSet<_>>();
            let signals = evidence.iter().map(|reason| &reason.text).filter(|text| signals.contains(*text)).cloned().collect();
            (score, Ranked { entity, probability: 0.0, signals, evidence, path })
        })
        .collect();
    conclude(scored, NONE)
}

fn sum(evidence: &[Evidence]) -> f64 {
    evidence.iter().map(|reason| reason.weight).sum()
}

/// Longest way of at most three calls from an affected caller down to the entity.
fn path_to(entity: &str, strength: &BTreeMap<String, f64>, topology: &Topology) -> Vec<String> {
    if strength.get(entity).is_none_or(|own| *own < 0.3) {
        return Vec::new();
    }
    let affected = strength.iter().filter(|(other, score)| other.as_str() != entity && **score > 0.1);
    affected.filter_map(|(other, _)| topology.path(other, entity, 3)).max_by_key(Vec::len).unwrap_or_default()
}
