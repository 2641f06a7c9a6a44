//! The echo gate: what our own run stirs up never triggers the next one.

use super::{Block, Gate, secs};
use domain::Time;
use domain::decision::{GateFacts, PastRun};
use domain::policy::Policy;
use serde_json::json;

/// Shadow of a run: from when it was queued until it ended and the settle delay has passed.
fn shadow(run: &PastRun, settle: u32, now: Time) -> (Time, Time) {
    (run.queued_at, run.ended_at.unwrap_or(now) + secs(settle))
}

/// Waits while every anomaly of the incident began in the shadow of a run for another incident on the same target.
/// When the shadow has passed and the incident is still open, it is no echo: then the gate passes.
pub(super) fn echo(policy: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let settle = policy.spec.verification.settle_secs;
    let begins: Vec<Time> = facts.anomalies.iter().map(|a| a.started_at).collect();
    let hit = facts
        .target_runs
        .iter()
        .filter(|r| r.incident_id != facts.incident.id)
        .map(|r| (r.id, shadow(r, settle, now)))
        .filter(|(_, (from, to))| !begins.is_empty() && begins.iter().all(|at| at >= from && at <= to))
        .max_by_key(|(_, (_, to))| *to);
    let inputs =
        json!({ "settle_secs": settle, "run_id": hit.map(|(id, _)| id), "shadow_until": hit.map(|(_, (_, to))| to) });
    match hit {
        Some((_, (_, to))) if to > now => Gate::stop(
            "echo",
            Block::Wait(to),
            "every anomaly began in the shadow of our own run on this target; waiting for it to settle",
            inputs,
        ),
        Some(_) => Gate::pass("echo", "began in the shadow of our own run, but outlived it", inputs),
        None => Gate::pass("echo", "not caused by a run of our own", inputs),
    }
}
