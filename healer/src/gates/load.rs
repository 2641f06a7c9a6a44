//! Gates that look at the present: data freshness, runs under way.

use super::{Block, Gate, secs};
use domain::Time;
use domain::decision::{GateFacts, PastRun};
use domain::policy::Policy;
use serde_json::json;
use std::collections::BTreeSet;

/// How long an ended run without a verdict counts as being measured.
const MEASURED_SECS: u32 = 3_600;

/// Whether the run is queued, running, or its effect is still being measured.
fn under_way(run: &PastRun, now: Time) -> bool {
    let measuring =
        || !run.undo && run.verdict.is_none() && run.ended_at.is_some_and(|e| e + secs(MEASURED_SECS) > now);
    !run.state.is_terminal() || measuring()
}

/// The data behind the incident is recent enough to act on.
pub(super) fn freshness(policy: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let limit = policy.spec.gates.freshness_secs;
    let inputs = json!({ "data_as_of": facts.data_as_of, "freshness_secs": limit });
    let again = Block::Wait(now + secs(15));
    match facts.data_as_of {
        None => Gate::stop("freshness", again, "it is not known how old the data is", inputs),
        Some(at) if at + secs(limit) < now => {
            let age = (now - at).num_seconds();
            Gate::stop(
                "freshness",
                again,
                format!("the data is {age} s old, at most {limit} s may be acted on"),
                inputs,
            )
        }
        Some(at) => Gate::pass("freshness", format!("the data is {} s old", (now - at).num_seconds().max(0)), inputs),
    }
}

/// Nothing else acts on the target, and no effect on it is being measured for another incident.
pub(super) fn target_busy(_: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let busy: Vec<_> = facts
        .target_runs
        .iter()
        .filter(|r| !r.state.is_terminal() || (r.incident_id != facts.incident.id && under_way(r, now)))
        .map(|r| r.id)
        .collect();
    let inputs = json!({ "target": facts.incident.entity, "runs": busy });
    if busy.is_empty() {
        Gate::pass("target_busy", "nothing else acts on this target", inputs)
    } else {
        Gate::stop("target_busy", Block::Wait(now + secs(5)), "another run acts on this target", inputs)
    }
}

/// Targets of this policy that are acted on at the same time stay below the limit.
pub(super) fn targets_at_once(policy: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let others: BTreeSet<&str> = facts
        .policy_runs
        .iter()
        .filter(|r| r.target != facts.incident.entity && under_way(r, now))
        .map(|r| r.target.as_str())
        .collect();
    let limit = policy.spec.gates.max_targets_at_once;
    let inputs = json!({ "other_targets": others, "max_targets_at_once": limit });
    let count = others.len();
    if count < usize::try_from(limit).unwrap_or(usize::MAX) {
        Gate::pass("targets_at_once", format!("{count} other targets are acted on, {limit} may be at once"), inputs)
    } else {
        let reason = format!("{count} other targets are acted on already, at most {limit} may be at once");
        Gate::stop("targets_at_once", Block::Wait(now + secs(10)), reason, inputs)
    }
}
