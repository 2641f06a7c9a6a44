//! Evidence from log lines: templates whose count is surprising beside other times, and first thrown here.

use std::collections::{BTreeMap, BTreeSet};

use crate::logs::Level;

use super::evidence::Evidence;
use super::input::Telemetry;
use super::recorded::Onset;
use super::topology::Topology;

/// Length of the windows that are compared, ms.
const WINDOW_MS: i64 = 190_000;
/// Time after an onset that is no reference for it, ms.
const AFTER_MS: i64 = 360_000;
/// Surprise that comes by chance.
const CHANCE: f64 = 0.6;
/// Weight of log evidence beside metric evidence.
const WEIGHT: f64 = 1.2;

struct Surprise {
    score: f64,
    seen: f64,
    expected: f64,
    kind: usize,
}

/// Reasons per entity.
pub(crate) fn reasons(telemetry: &Telemetry, topology: &Topology, onset: Onset) -> BTreeMap<String, Vec<Evidence>> {
    let surprises = surprises(telemetry, onset);
    let totals: BTreeMap<&str, f64> = surprises.iter().map(|(entity, found)| (*entity, total(found))).collect();
    let mut reasons = BTreeMap::new();
    for (entity, found) in &surprises {
        let own = totals.get(entity).copied().unwrap_or(0.0);
        let below = topology.callees(entity).filter_map(|callee| totals.get(callee).map(|score| (*score, callee)));
        let below = below.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score > CHANCE);
        let kept = (own - CHANCE - below.map_or(0.0, |(score, _)| 0.5 * score)).max(0.0);
        if kept <= 0.0 {
            continue;
        }
        let mut evidence: Vec<Evidence> = found.iter().take(3).map(|surprise| note(telemetry, surprise)).collect();
        let listed: f64 = evidence.iter().map(|reason| reason.weight).sum();
        evidence.iter_mut().for_each(|reason| reason.weight *= WEIGHT * kept / listed.max(1e-9));
        reasons.insert((*entity).to_owned(), evidence);
    }
    reasons
}

fn note(telemetry: &Telemetry, surprise: &Surprise) -> Evidence {
    let kind = &telemetry.log_kinds[surprise.kind];
    let text: String = kind.template.chars().take(160).collect();
    let text = format!("{:?} \"{text}\": {} lines, {:.0} expected", kind.level, surprise.seen, surprise.expected);
    Evidence { text, weight: surprise.score }
}

/// The most surprising template counts in full, the next two in part.
fn total(found: &[Surprise]) -> f64 {
    found.iter().take(3).enumerate().map(|(rank, surprise)| surprise.score * if rank == 0 { 1.0 } else { 0.3 }).sum()
}

/// Counts of one window by kind.
struct Window {
    counts: Vec<u32>,
    total: u32,
}

fn windows(telemetry: &Telemetry, onset: Onset) -> (Window, Vec<Window>) {
    let empty = || Window { counts: vec![0; telemetry.log_kinds.len()], total: 0 };
    let (mut now, mut others) = (empty(), BTreeMap::<i64, Window>::new());
    for (at, kind) in &telemetry.log_lines {
        let since = at.saturating_sub(onset.at_ms);
        let window = if (-onset.early_ms..WINDOW_MS).contains(&since) {
            &mut now
        } else if (0..AFTER_MS).contains(&since) {
            continue;
        } else {
            others.entry(at.div_euclid(WINDOW_MS)).or_insert_with(empty)
        };
        if let Some(count) = window.counts.get_mut(*kind as usize) {
            *count += 1;
            window.total += 1;
        }
    }
    let others = others.into_values().filter(|window| window.total * 10 >= now.total).collect();
    (now, others)
}

fn surprises(telemetry: &Telemetry, onset: Onset) -> BTreeMap<&str, Vec<Surprise>> {
    let (now, others) = windows(telemetry, onset);
    let mut found: BTreeMap<&str, Vec<Surprise>> = BTreeMap::new();
    if now.total == 0 || others.is_empty() {
        return found;
    }
    let spread = spread(telemetry);
    for (kind, described) in telemetry.log_kinds.iter().enumerate() {
        let seen = f64::from(now.counts[kind]);
        let mut usual: Vec<f64> = others
            .iter()
            .map(|window| f64::from(window.counts[kind]) * f64::from(now.total) / f64::from(window.total))
            .collect();
        usual.sort_by(f64::total_cmp);
        // What most windows hold is judged by its whole spread; what few hold may be an earlier fault's.
        if usual[usual.len() / 2] == 0.0 {
            usual.truncate((usual.len() * 4 / 5).max(1));
        }
        let Some((expected, deviance)) = deviance(seen, &usual) else { continue };
        let entities = spread.get(&(described.level, described.template.as_str())).map_or(1, BTreeSet::len);
        let weight = level_weight(described.level, seen < expected);
        let score = deviance.ln_1p() * weight / (entities as f64).powf(0.4);
        if score > 0.0 {
            found.entry(described.entity.as_str()).or_default().push(Surprise { score, seen, expected, kind });
        }
    }
    for list in found.values_mut() {
        list.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.kind.cmp(&b.kind)));
    }
    found
}

/// Entities that log a template: one that all log comes from a shared library and travels up with the error.
fn spread(telemetry: &Telemetry) -> BTreeMap<(Level, &str), BTreeSet<&str>> {
    let mut found: BTreeMap<(Level, &str), BTreeSet<&str>> = BTreeMap::new();
    for kind in &telemetry.log_kinds {
        found.entry((kind.level, kind.template.as_str())).or_default().insert(kind.entity.as_str());
    }
    found
}

/// Expected count and deviance of a Poisson count, divided by the overdispersion between the other windows.
fn deviance(seen: f64, usual: &[f64]) -> Option<(f64, f64)> {
    let count = usual.len() as f64;
    let mean = usual.iter().sum::<f64>() / count;
    let variance = usual.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    let expected = mean + 0.5;
    let dispersion = (variance / mean.max(0.5)).max(1.0);
    let log = if seen > 0.0 { seen * (seen / expected).ln() } else { 0.0 };
    let deviance = 2.0 * (log - (seen - expected)) / dispersion;
    (deviance > 0.0).then_some((expected, deviance))
}

/// That an error stops says nothing; that a usual line stops says a little.
fn level_weight(level: Level, fewer: bool) -> f64 {
    match (level.is_error(), level == Level::Warn, fewer) {
        (true, _, false) => 1.0,
        (_, true, false) => 0.32,
        (false, false, false) => 0.2,
        (false, false, true) => 0.12,
        (_, _, true) => 0.0,
    }
}
