//! Finds incidents in recorded telemetry without being told when they began.
//!
//! Each minute gets a score: departures of metrics that are held for two points, the users' own view, and surprising
//! error lines, each beside the whole recording's own range. Minutes above a threshold are joined to incidents; one that
//! goes on for five minutes is closed and looked at again.

use std::collections::BTreeMap;

use super::input::{Role, Series, Telemetry, floor, role};
use super::recorded::USER_SIDE;
use super::stat::quantile;

const MINUTE_MS: i64 = 60_000;
/// Upper end of a metric's usual range in a recording that may be full of faults.
const USUAL: f64 = 0.80;
/// The same for the users' own view, which suffers from most faults.
const USUAL_USER: f64 = 0.70;
/// Weight of the users' own view.
const USER: f64 = 2.0;
/// Score from which a minute belongs to an incident.
const THRESHOLD: f64 = 0.5;
/// Share of the minutes that are taken for ordinary: their metric score is what the noise of many series adds up to.
const ORDINARY: f64 = 0.5;
/// Multiple of the ordinary metric score that is passed over.
const NOISE: f64 = 1.2;
/// Surprise of an error template that comes by chance, and the weight of what goes beyond.
const CHANCE: f64 = 1.5;
const LINES_WEIGHT: f64 = 0.5;
/// Longest pause inside an incident, ms.
const GAP_MS: i64 = 70_000;
/// Longest incident before it is looked at anew, ms.
const SPAN_MS: i64 = 300_000;
/// Fewest lines of a minute whose log is judged: a minute without lines is unknown, not silent.
const LINES: u32 = 100;
/// Fewest points of a series.
const POINTS: usize = 12;

/// Incidents as (start, end), ms since the epoch, in time order.
pub(crate) fn detect(telemetry: &Telemetry) -> Vec<(i64, i64)> {
    let mut minutes: BTreeMap<i64, Minute> = BTreeMap::new();
    let busy = busy(telemetry);
    for series in &telemetry.series {
        if series.entity == USER_SIDE {
            add_user_side(series, &mut minutes);
        } else if let Some((role, weight)) = role(&series.metric).and_then(|role| weight(role).map(|x| (role, x))) {
            let latency = matches!(role, Role::Server { .. } | Role::Client { .. });
            let share = if latency { busy.get(series.entity.as_str()).copied().unwrap_or(1.0) } else { 1.0 };
            add_metric(series, weight * share, &mut minutes);
        }
    }
    let lines = error_lines(telemetry);
    let mut incidents: Vec<(i64, i64)> = Vec::new();
    let mut ordinary: Vec<f64> = minutes.values().map(Minute::metrics).collect();
    ordinary.sort_by(f64::total_cmp);
    let noise = NOISE * quantile(&ordinary, ORDINARY);
    for (minute, found) in &minutes {
        let surprise = (lines.get(minute).copied().unwrap_or(0.0) - CHANCE).max(0.0);
        let score = (found.metrics() - noise).max(0.0) + USER * found.user + LINES_WEIGHT * surprise;
        if score <= THRESHOLD {
            continue;
        }
        match incidents.last_mut() {
            Some((start, end))
                if found.at_ms.saturating_sub(*end) <= GAP_MS && found.at_ms.saturating_sub(*start) <= SPAN_MS =>
            {
                *end = found.at_ms;
            }
            _ => incidents.push((found.at_ms, found.at_ms)),
        }
    }
    incidents.iter().map(|(start, end)| (*start, end.saturating_add(MINUTE_MS))).collect()
}

#[derive(Debug)]
struct Minute {
    at_ms: i64,
    entities: BTreeMap<String, f64>,
    user: f64,
}

impl Minute {
    fn at(minutes: &mut BTreeMap<i64, Self>, at_ms: i64) -> &mut Self {
        let minute = minutes.entry(at_ms.div_euclid(MINUTE_MS)).or_insert_with(|| Self {
            at_ms,
            entities: BTreeMap::new(),
            user: 0.0,
        });
        minute.at_ms = minute.at_ms.min(at_ms);
        minute
    }

    /// The worst entity in full, the next two by half.
    fn metrics(&self) -> f64 {
        let mut scores: Vec<f64> = self.entities.values().copied().collect();
        scores.sort_by(|a, b| b.total_cmp(a));
        let first = scores.first().copied().unwrap_or(0.0);
        first + 0.5 * scores.iter().skip(1).take(2).sum::<f64>()
    }
}

fn weight(role: Role) -> Option<f64> {
    match role {
        Role::Cpu => Some(1.0),
        Role::Memory => Some(0.3),
        Role::Io => Some(0.12),
        Role::Server { tail: false } => Some(0.5),
        Role::Server { tail: true } => Some(0.35),
        Role::Client { tail: false } => Some(0.4),
        Role::Client { tail: true } => Some(0.28),
        Role::Traffic => None,
    }
}

/// Share by which an entity's latency counts: little when it takes few requests.
fn busy(telemetry: &Telemetry) -> BTreeMap<&str, f64> {
    let traffic = telemetry.series.iter().filter(|series| role(&series.metric) == Some(Role::Traffic));
    traffic
        .map(|series| {
            let mut values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
            values.sort_by(f64::total_cmp);
            (series.entity.as_str(), (quantile(&values, 0.5) / 0.5).clamp(0.0, 1.0))
        })
        .collect()
}

/// Departure of each point above the usual range.
fn departures(values: &[f64], usual: f64, relative: f64, floor: f64) -> Vec<f64> {
    if values.len() < POINTS {
        return vec![0.0; values.len()];
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (median, high) = (quantile(&sorted, 0.5), quantile(&sorted, usual));
    let middle = quantile(&sorted, 0.75) - quantile(&sorted, 0.25);
    let scale = (high - median).max(middle).max(relative * median.abs()).max(floor);
    values.iter().map(|value| ((value - high) / scale).max(0.0).ln_1p()).collect()
}

/// The part of a departure that the point before or after shares: one spike says nothing.
fn held(departures: &[f64], index: usize) -> f64 {
    let own = departures[index];
    let before = if index == 0 { own } else { departures[index - 1] };
    let after = departures.get(index + 1).copied().unwrap_or(own);
    own.min(before.max(after))
}

fn add_metric(series: &Series, weight: f64, minutes: &mut BTreeMap<i64, Minute>) {
    let values: Vec<f64> = series.points.iter().map(|(_, value)| *value).collect();
    let found = departures(&values, USUAL, 0.05, floor(&series.metric));
    for (index, (at_ms, _)) in series.points.iter().enumerate() {
        let score = weight * held(&found, index);
        *Minute::at(minutes, *at_ms).entities.entry(series.entity.clone()).or_default() += score;
    }
}

/// Failed requests count at once, waiting when it is held.
fn add_user_side(series: &Series, minutes: &mut BTreeMap<i64, Minute>) {
    let success = series.metric.contains("success");
    let (weight, floor) = match series.metric.as_str() {
        _ if success => (1.0, 1.0),
        name if name.contains("p50") => (0.6, 0.05),
        name if name.contains("p90") => (0.5, 0.1),
        _ => return,
    };
    let sign = if success { -1.0 } else { 1.0 };
    let values: Vec<f64> = series.points.iter().map(|(_, value)| sign * value).collect();
    let found = departures(&values, USUAL_USER, if success { 0.0 } else { 0.05 }, floor);
    for (index, (at_ms, _)) in series.points.iter().enumerate() {
        let score = if success { found[index] } else { held(&found, index) };
        Minute::at(minutes, *at_ms).user += weight * score;
    }
}

/// Most surprising error or warning template of each minute with enough lines.
fn error_lines(telemetry: &Telemetry) -> BTreeMap<i64, f64> {
    let mut counts: BTreeMap<i64, (u32, BTreeMap<u32, u32>)> = BTreeMap::new();
    for (at_ms, kind) in &telemetry.log_lines {
        let (total, by_kind) = counts.entry(at_ms.div_euclid(MINUTE_MS)).or_default();
        *total += 1;
        if telemetry.log_kinds.get(*kind as usize).is_some_and(|kind| kind.level.is_trouble()) {
            *by_kind.entry(*kind).or_default() += 1;
        }
    }
    counts.retain(|_, (total, _)| *total >= LINES);
    let minutes = counts.len();
    if minutes < POINTS {
        return BTreeMap::new();
    }
    let average = counts.values().map(|(total, _)| f64::from(*total)).sum::<f64>() / minutes as f64;
    let mut usual: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (total, by_kind) in counts.values() {
        for (kind, count) in by_kind {
            usual.entry(*kind).or_default().push(f64::from(*count) * average / f64::from(*total));
        }
    }
    let usual: BTreeMap<u32, (f64, f64)> =
        usual.into_iter().map(|(kind, rates)| (kind, spread(rates, minutes))).collect();
    let judge = |total: u32, kind: u32, count: u32| {
        let (mean, dispersion) = usual.get(&kind).copied().unwrap_or((0.3, 1.0));
        let (seen, expected) = (f64::from(count), mean * f64::from(total) / average);
        let deviance = 2.0 * (seen * (seen / expected).ln() - (seen - expected)) / dispersion;
        let described = &telemetry.log_kinds[kind as usize];
        let entities = telemetry
            .log_kinds
            .iter()
            .filter(|other| other.level == described.level && other.template == described.template);
        let weight = if described.level.is_error() { 1.0 } else { 0.4 };
        if seen > expected { weight * deviance.max(0.0).ln_1p() / (entities.count() as f64).powf(0.4) } else { 0.0 }
    };
    counts
        .iter()
        .map(|(minute, (total, by_kind))| {
            (*minute, by_kind.iter().map(|(kind, count)| judge(*total, *kind, *count)).fold(0.0, f64::max))
        })
        .collect()
}

/// Mean (plus a little, as nothing is impossible) and dispersion of a rate over the quieter three quarters of minutes.
fn spread(mut rates: Vec<f64>, minutes: usize) -> (f64, f64) {
    rates.resize(minutes.max(rates.len()), 0.0);
    rates.sort_by(f64::total_cmp);
    rates.truncate((minutes * 3 / 4).max(1));
    let mean = rates.iter().sum::<f64>() / rates.len() as f64;
    let variance = rates.iter().map(|rate| (rate - mean).powi(2)).sum::<f64>() / rates.len() as f64;
    (mean + 0.3, (variance / mean.max(0.5)).max(1.0))
}
