//! Health of a runtime manager over time: the checks that are kept, and what they say about a span. Pure.

use crate::status::Health;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How long checks are kept, seconds: seven days.
pub const KEPT_SECS: i64 = 7 * 86_400;

/// Of several checks of one manager within so many seconds (processes that check the same one) one is kept.
pub const SLOT_SECS: i64 = 15;

/// Outages that a summary lists at most, newest first.
const OUTAGES: usize = 50;

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HealthCheck {
    /// The runtime manager.
    pub manager_id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What it found.
    pub health: Health,
    /// How long the answer took, milliseconds.
    pub latency_ms: i64,
    /// Runs that were alive there; absent when it did not say.
    pub running: Option<u32>,
    /// Why it is not well; empty otherwise.
    pub message: String,
}

/// Checks of one step of time, for a chart.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HealthPoint {
    /// Beginning of the step, epoch milliseconds.
    pub at_ms: i64,
    /// Checks in it.
    pub checks: u32,
    /// Of them failed.
    pub failed: u32,
    /// Mean time of the answers of those that did not fail, milliseconds; absent when all failed.
    pub latency_ms: Option<f64>,
    /// Longest of them.
    pub latency_ms_max: Option<i64>,
    /// Most runs that were alive there.
    pub running: Option<u32>,
}

/// Checks in a row that failed.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outage {
    /// The first of them.
    pub from: DateTime<Utc>,
    /// The first check that was well again; absent when it goes on.
    pub to: Option<DateTime<Utc>>,
    /// How many failed.
    pub checks: u32,
    /// Why the last of them did.
    pub message: String,
}

/// A span of checks.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ManagerHealth {
    /// Beginning of the span.
    pub from: DateTime<Utc>,
    /// Its end.
    pub to: DateTime<Utc>,
    /// Length of a step, seconds.
    pub step_secs: i64,
    /// Checks in the span.
    pub checks: u32,
    /// Of them failed.
    pub failed: u32,
    /// Median time of the answers of those that did not fail, milliseconds.
    pub latency_ms_p50: Option<i64>,
    /// 95 of 100 were not longer.
    pub latency_ms_p95: Option<i64>,
    /// Steps that have checks, oldest first.
    pub points: Vec<HealthPoint>,
    /// When it was not well, newest first, 50 at most.
    pub outages: Vec<Outage>,
}

/// The smallest value that a share of `sorted` does not exceed (nearest rank).
fn rank(sorted: &[i64], percent: usize) -> Option<i64> {
    let at = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    sorted.get(at).copied()
}

fn well(check: &HealthCheck) -> bool {
    check.health == Health::Ok
}

fn point(at_ms: i64, checks: &[&HealthCheck]) -> HealthPoint {
    let times: Vec<i64> = checks.iter().filter(|c| well(c)).map(|c| c.latency_ms).collect();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of one step")]
    let mean = (!times.is_empty()).then(|| times.iter().sum::<i64>() as f64 / times.len() as f64);
    HealthPoint {
        at_ms,
        checks: count(checks.len()),
        failed: count(checks.len() - times.len()),
        latency_ms: mean,
        latency_ms_max: times.iter().max().copied(),
        running: checks.iter().filter_map(|c| c.running).max(),
    }
}

fn outages(checks: &[HealthCheck]) -> Vec<Outage> {
    let mut found: Vec<Outage> = Vec::new();
    let mut open = false;
    for check in checks {
        match (well(check), found.last_mut().filter(|_| open)) {
            (true, Some(outage)) => {
                outage.to = Some(check.at);
                open = false;
            }
            (true, None) => {}
            (false, Some(outage)) => {
                outage.checks += 1;
                outage.message.clone_from(&check.message);
            }
            (false, None) => {
                found.push(Outage { from: check.at, to: None, checks: 1, message: check.message.clone() });
                open = true;
            }
        }
    }
    found.reverse();
    found.truncate(OUTAGES);
    found
}

/// What `checks` (of one manager, oldest first) say about `from` until `to`, in at most `steps` steps of whole slots.
#[must_use]
pub fn summarize(checks: &[HealthCheck], from: DateTime<Utc>, to: DateTime<Utc>, steps: u32) -> ManagerHealth {
    let checks: Vec<HealthCheck> = checks.iter().filter(|c| c.at >= from && c.at < to).cloned().collect();
    let span = (to - from).num_seconds().max(1);
    let step_secs = span.div_euclid(i64::from(steps.max(1))).div_euclid(SLOT_SECS) * SLOT_SECS + SLOT_SECS;
    let step_ms = step_secs * 1_000;
    let step_of = |c: &HealthCheck| c.at.timestamp_millis().div_euclid(step_ms) * step_ms;
    let mut points: Vec<HealthPoint> = Vec::new();
    for same in checks.chunk_by(|a, b| step_of(a) == step_of(b)) {
        points.push(point(step_of(&same[0]), &same.iter().collect::<Vec<_>>()));
    }
    let mut times: Vec<i64> = checks.iter().filter(|c| well(c)).map(|c| c.latency_ms).collect();
    times.sort_unstable();
    let count = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    ManagerHealth {
        from,
        to,
        step_secs,
        checks: count(checks.len()),
        failed: count(checks.len() - times.len()),
        latency_ms_p50: rank(&times, 50),
        latency_ms_p95: rank(&times, 95),
        points,
        outages: outages(&checks),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::from_millis;

    fn check(secs: i64, latency_ms: i64, wrong: &str) -> HealthCheck {
        let health = if wrong.is_empty() { Health::Ok } else { Health::SourceError };
        let at = from_millis(secs * 1_000);
        HealthCheck { manager_id: Uuid::nil(), at, health, latency_ms, running: Some(1), message: wrong.to_owned() }
    }

    #[test]
    fn a_span_is_summed_up() {
        let t = |secs: i64| from_millis(secs * 1_000);
        let checks = [
            check(0, 900, ""),
            check(30, 10, ""),
            check(60, 8_000, "refused"),
            check(90, 9_000, "no answer"),
            check(120, 20, ""),
            check(150, 30, ""),
            check(180, 1, "gone"),
        ];
        let sum = summarize(&checks, t(30), t(200), 3);
        assert_eq!((sum.checks, sum.failed, sum.step_secs), (6, 3, 60));
        assert_eq!((sum.latency_ms_p50, sum.latency_ms_p95), (Some(20), Some(30)));
        let seen: Vec<_> = sum.points.iter().map(|p| (p.at_ms / 1_000, p.checks, p.failed, p.latency_ms)).collect();
        assert_eq!(seen, [(0, 1, 0, Some(10.0)), (60, 2, 2, None), (120, 2, 0, Some(25.0)), (180, 1, 1, None)]);
        assert_eq!(sum.points[2].latency_ms_max, Some(30));
        let told: Vec<_> = sum.outages.iter().map(|o| (o.from, o.to, o.checks, o.message.as_str())).collect();
        assert_eq!(told, [(t(180), None, 1, "gone"), (t(60), Some(t(120)), 2, "no answer")]);
    }

    #[test]
    fn nothing_is_said_of_an_empty_span() {
        let sum = summarize(&[], from_millis(0), from_millis(0), 0);
        assert_eq!((sum.checks, sum.latency_ms_p50, sum.points.len(), sum.outages.len()), (0, None, 0, 0));
        assert!(sum.step_secs > 0);
    }

    #[test]
    fn a_week_has_no_more_points_than_asked_for() {
        let checks: Vec<HealthCheck> = (0..KEPT_SECS / 30).map(|n| check(n * 30, 1, "")).collect();
        let sum = summarize(&checks, from_millis(0), from_millis(KEPT_SECS * 1_000), 300);
        assert!(sum.points.len() <= 300 && sum.points.len() > 250, "{}", sum.points.len());
        assert_eq!(sum.points.iter().map(|p| p.checks).sum::<u32>(), sum.checks);
    }
}
