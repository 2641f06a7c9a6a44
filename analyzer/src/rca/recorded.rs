//! Ranks the entities of a system from its recorded telemetry around one onset.

use std::collections::BTreeMap;

use super::evidence::{Evidence, Ranked, Ranking, conclude};
use super::input::Telemetry;
use super::topology::Topology;
use super::{lines, metrics};

/// The users' own view; it suffers and is no cause.
pub(crate) const USER_SIDE: &str = "user-facing";
/// Evidence to log-odds.
const SHARPNESS: f64 = 2.5;
/// Log-odds that the cause is none of the entities.
const NONE: f64 = 1.2;

/// When a fault began, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Onset {
    /// First time at which it shows, ms since the epoch.
    pub at_ms: i64,
    /// How much earlier it may have begun, ms.
    pub early_ms: i64,
}

/// Ranks all entities for an onset. `spoiled` tells which times are no reference, as they lie in an earlier fault.
/// Metrics and logs are weighed by how far each lies beyond its own history; what is missing counts as nothing.
#[must_use]
pub fn rank_recorded(telemetry: &Telemetry, onset: Onset, spoiled: &dyn Fn(i64) -> bool) -> Ranking {
    let topology = Topology::new(&telemetry.edges);
    let metrics::Found { mut reasons, suffering } = metrics::examine(telemetry, &topology, onset, spoiled);
    for (entity, evidence) in lines::reasons(telemetry, &topology, onset) {
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
            let path = path_to(&entity, &strength, &suffering, &topology);
            let signals = evidence.iter().map(|reason| reason.text.clone()).collect();
            (score, Ranked { entity, probability: 0.0, signals, evidence, path })
        })
        .collect();
    conclude(scored, NONE)
}

fn sum(evidence: &[Evidence]) -> f64 {
    evidence.iter().map(|reason| reason.weight).sum()
}

/// Longest way of at most three calls from an entity that suffers or is suspect itself down to the candidate.
fn path_to(
    entity: &str,
    strength: &BTreeMap<String, f64>,
    suffering: &BTreeMap<String, f64>,
    topology: &Topology,
) -> Vec<String> {
    if strength.get(entity).is_none_or(|own| *own < 0.3) {
        return Vec::new();
    }
    let affected = strength.iter().filter(|(other, score)| {
        other.as_str() != entity && score.max(suffering.get(*other).copied().unwrap_or(0.0)) > 0.1
    });
    affected.filter_map(|(other, _)| topology.path(other, entity, 3)).max_by_key(Vec::len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{Onset, rank_recorded};
    use crate::logs::Level;
    use crate::rca::{Edge, LogKind, Series, Telemetry};

    const MINUTE: i64 = 60_000;

    fn at(at_ms: i64) -> Onset {
        Onset { at_ms, early_ms: 0 }
    }

    fn series(entity: &str, metric: &str, usual: f64, fault: f64) -> Series {
        let value =
            |minute: i64| if (60..64).contains(&minute) { fault } else { usual + (minute % 3) as f64 * 0.01 * usual };
        Series {
            entity: entity.to_owned(),
            metric: metric.to_owned(),
            points: (0..90).map(|minute| (minute * MINUTE, value(minute))).collect(),
        }
    }

    fn system(front_cpu: f64, db_cpu: f64) -> Telemetry {
        Telemetry {
            series: vec![
                series("front", "cpu_pct", 20.0, front_cpu),
                series("db", "cpu_pct", 10.0, db_cpu),
                series("front", "client_p90_s", 0.1, 0.9),
                series("front", "server_p90_s", 0.2, 1.0),
                series("db", "server_p90_s", 0.05, 0.8),
                series("user-facing", "success_pct", 100.0, 60.0),
            ],
            edges: vec![Edge::new("front", "db")],
            ..Telemetry::default()
        }
    }

    #[test]
    fn the_saturated_callee_is_named_with_its_path() {
        let ranking = rank_recorded(&system(20.0, 80.0), at(60 * MINUTE), &|_| false);
        assert_eq!(ranking.ranked[0].entity, "db");
        assert!(!ranking.undetermined);
        assert_eq!(ranking.ranked[0].path, ["front", "db"]);
        assert!(ranking.ranked[0].evidence[0].text.contains("cpu_pct"));
        assert!(ranking.ranked.iter().all(|ranked| ranked.entity != "user-facing"));
    }

    #[test]
    fn nothing_unusual_is_undetermined() {
        assert!(rank_recorded(&system(20.0, 10.0), at(20 * MINUTE), &|_| false).undetermined);
        assert!(rank_recorded(&Telemetry::default(), at(0), &|_| true).undetermined);
    }

    #[test]
    fn an_error_first_logged_here_outranks_the_errors_it_causes() {
        let kind =
            |entity: &str, template: &str, level| LogKind { entity: entity.into(), template: template.into(), level };
        let kinds = vec![
            kind("a", "served <*>", Level::Info),
            kind("b", "request failed", Level::Error),
            kind("c", "request failed", Level::Error),
            kind("c", "no route in table", Level::Error),
        ];
        let mut lines: Vec<(i64, u32)> = (0..3600).map(|k| (k * 1000, 0)).collect();
        lines.extend((1800..1900).flat_map(|k| [(k * 1000, 1), (k * 1000, 2), (k * 1000, 3)]));
        lines.sort_unstable();
        let edges = vec![Edge::new("a", "b"), Edge::new("b", "c")];
        let telemetry = Telemetry { log_kinds: kinds, log_lines: lines, edges, series: Vec::new() };
        let ranking = rank_recorded(&telemetry, at(1_800_000), &|_| false);
        assert_eq!(ranking.ranked[0].entity, "c");
        assert!(!ranking.undetermined);
    }
}
