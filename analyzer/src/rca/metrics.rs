//! Evidence from metrics: saturation here, own slowness that no callee explains, and blame by slow callers.

use std::collections::BTreeMap;

use super::evidence::Evidence;
use super::input::{Role, Telemetry, floor, role};
use super::recorded::Onset;
use super::stat::{Excess, excess, quantile, short};
use super::topology::Topology;

/// Time after the onset that is looked at, ms.
pub(crate) const WINDOW_MS: i64 = 240_000;
/// Fewest reference values taken from before the onset; later quiet ones fill up.
const REFERENCE: usize = 30;
/// Requests a second from which latency counts in full: percentiles of a handful of calls are noise.
const BUSY: f64 = 0.5;

/// Departures of one entity's metrics.
#[derive(Debug, Default)]
struct Departures {
    by_metric: Vec<(String, Role, Excess)>,
    busy: f64,
}

impl Departures {
    fn up(&self, test: impl Fn(Role) -> bool) -> f64 {
        self.matching(test).map(|excess| excess.up).fold(0.0, f64::max)
    }

    fn down(&self, test: impl Fn(Role) -> bool) -> f64 {
        self.matching(test).map(|excess| excess.down).fold(0.0, f64::max)
    }

    fn matching(&self, test: impl Fn(Role) -> bool) -> impl Iterator<Item = Excess> {
        self.by_metric.iter().filter(move |(_, role, _)| test(*role)).map(|(_, _, excess)| *excess)
    }

    fn server(&self) -> f64 {
        let body = self.up(|role| role == Role::Server { tail: false });
        self.busy.min(1.0) * body.max(0.7 * self.up(|role| role == Role::Server { tail: true }))
    }

    fn client(&self, tail: bool) -> f64 {
        self.busy.min(1.0) * self.up(|role| role == Role::Client { tail })
    }

    fn client_any(&self) -> f64 {
        self.client(false).max(0.7 * self.client(true))
    }

    /// The metric of a role that departs most, for people.
    fn worst(&self, test: impl Fn(Role) -> bool) -> String {
        let found = self.by_metric.iter().filter(|(_, role, _)| test(*role));
        found.max_by(|a, b| a.2.up.total_cmp(&b.2.up)).map_or_else(String::new, |(metric, _, excess)| {
            format!("{metric} at {}, usually up to {}", short(excess.level), short(excess.usual))
        })
    }
}

/// What the metrics say.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Reasons per entity; an entity with metrics but nothing unusual has an empty list.
    pub(crate) reasons: BTreeMap<String, Vec<Evidence>>,
    /// How slow each entity's answers or calls are, whoever's fault that is.
    pub(crate) suffering: BTreeMap<String, f64>,
}

/// Reasons and symptoms around an onset.
pub(crate) fn examine(
    telemetry: &Telemetry,
    topology: &Topology,
    onset: Onset,
    spoiled: &dyn Fn(i64) -> bool,
) -> Found {
    let traffic = traffic(telemetry);
    let departures = departures(telemetry, onset, spoiled, &traffic);
    let mut found = Found::default();
    for (entity, own) in &departures {
        let mut evidence = own_reasons(entity, own, &departures, topology);
        evidence.extend(blame(entity, own, &departures, topology, &traffic));
        evidence.retain(|reason| reason.weight > 0.0);
        found.suffering.insert((*entity).to_owned(), own.server().max(own.client_any()));
        found.reasons.insert((*entity).to_owned(), evidence);
    }
    found
}

/// Usual requests a second of each entity.
fn traffic(telemetry: &Telemetry) -> BTreeMap<&str, f64> {
    let mut found = BTreeMap::new();
    for series in telemetry.series.iter().filter(|series| role(&series.metric) == Some(Role::Traffic)) {
        let mut values: Vec<f64> = series.points.iter().map(|(_, value)| *value).filter(|x| x.is_finite()).collect();
        values.sort_by(f64::total_cmp);
        found.insert(series.entity.as_str(), quantile(&values, 0.5));
    }
    found
}

fn departures<'a>(
    telemetry: &'a Telemetry,
    onset: Onset,
    spoiled: &dyn Fn(i64) -> bool,
    traffic: &BTreeMap<&str, f64>,
) -> BTreeMap<&'a str, Departures> {
    let mut found: BTreeMap<&str, Departures> = BTreeMap::new();
    for series in &telemetry.series {
        let Some(role) = role(&series.metric) else { continue };
        let entry = found.entry(series.entity.as_str()).or_default();
        entry.busy = traffic.get(series.entity.as_str()).map_or(1.0, |rate| rate / BUSY);
        let (reference, window) = split(&series.points, onset, spoiled);
        entry.by_metric.push((series.metric.clone(), role, excess(reference, window, floor(&series.metric))));
    }
    found
}

/// Reference values (before the onset, then later quiet ones up to a minimum) and the window's values.
fn split(points: &[(i64, f64)], onset: Onset, spoiled: &dyn Fn(i64) -> bool) -> (Vec<f64>, Vec<f64>) {
    let onset_ms = onset.at_ms;
    let end = onset_ms.saturating_add(WINDOW_MS).saturating_add(onset.early_ms);
    let window = points.iter().filter(|(at, _)| (onset_ms..end).contains(at)).map(|(_, value)| *value).collect();
    let quiet = |at: i64| !spoiled(at) && !(onset_ms..end).contains(&at);
    let mut reference: Vec<f64> =
        points.iter().filter(|(at, _)| *at < onset_ms && quiet(*at)).map(|(_, value)| *value).collect();
    let missing = REFERENCE.saturating_sub(reference.len());
    reference.extend(points.iter().filter(|(at, _)| *at >= end && quiet(*at)).map(|(_, value)| *value).take(missing));
    (reference, window)
}

fn own_reasons(entity: &str, own: &Departures, all: &BTreeMap<&str, Departures>, topology: &Topology) -> Vec<Evidence> {
    let cpu = own.up(|role| role == Role::Cpu);
    let memory = own.up(|role| role == Role::Memory).max(0.3 * own.down(|role| role == Role::Memory));
    let io = own.up(|role| role == Role::Io);
    let drop = own.down(|role| matches!(role, Role::Io | Role::Traffic));
    let below = topology.callees(entity).filter_map(|callee| all.get(callee)).map(Departures::server);
    let below = below.fold(0.0, f64::max);
    let calls = if topology.callees(entity).next().is_some() { 0.5 * own.client_any() } else { 0.0 };
    let slow = (own.server() - below.max(calls)).clamp(0.0, 2.5);
    vec![
        Evidence { text: own.worst(|role| role == Role::Cpu), weight: cpu },
        Evidence { text: own.worst(|role| role == Role::Memory), weight: 0.4 * memory },
        Evidence { text: own.worst(|role| role == Role::Io), weight: 0.2 * io },
        Evidence {
            text: format!("slow by itself: {}", own.worst(|role| matches!(role, Role::Server { .. }))),
            weight: 0.6 * slow,
        },
        Evidence { text: "it takes less traffic than usual".to_owned(), weight: 0.15 * drop },
    ]
}

/// Callers that wait longer blame their callees. A shift of the 90th percentile needs a callee that takes at least a
/// tenth of the calls; a shift of the 99th alone speaks for one that is called less.
fn blame(
    entity: &str,
    own: &Departures,
    all: &BTreeMap<&str, Departures>,
    topology: &Topology,
    traffic: &BTreeMap<&str, f64>,
) -> Option<Evidence> {
    let rate = |name: &str| traffic.get(name).copied().unwrap_or(0.0);
    let (mut sum, mut callers, mut names) = (0.0, 0.0, Vec::new());
    for caller in topology.callers(entity) {
        let Some(other) = all.get(caller) else { continue };
        let total: f64 = topology.callees(caller).map(rate).sum();
        let share = if total > 0.0 { rate(entity) / total } else { 1.0 };
        let (body, tail) = (other.client(false), 0.7 * other.client(true));
        let part = body * (share / 0.1).min(1.0) + (tail - body).max(0.0) * if share < 0.25 { 1.0 } else { 0.6 };
        if part > 0.0 {
            names.push(caller);
        }
        sum += part;
        callers += 1.0;
    }
    if sum <= 0.0 {
        return None;
    }
    let drop = own.down(|role| matches!(role, Role::Io | Role::Traffic)).min(1.0);
    let weight = 0.6 * (sum / (callers + 0.5) * (1.0 + 0.5 * drop)).min(2.0);
    Some(Evidence { text: format!("its callers wait longer: {}", names.join(", ")), weight })
}
