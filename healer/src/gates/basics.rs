//! Gates that look at the policy and the incident alone.

use super::{Block, Gate, secs};
use domain::Time;
use domain::anomaly::AnomalyState;
use domain::decision::GateFacts;
use domain::policy::{Autonomy, Policy};
use serde_json::json;
use std::collections::BTreeSet;

/// The policy decides anything at all.
pub(super) fn enabled(policy: &Policy, _: &GateFacts, _: Time) -> Gate {
    let inputs = json!({ "enabled": policy.spec.enabled });
    if policy.spec.enabled {
        Gate::pass("enabled", "the policy is on", inputs)
    } else {
        Gate::stop("enabled", Block::Refuse, "the policy is switched off", inputs)
    }
}

/// The policy still lives.
pub(super) fn archived(policy: &Policy, _: &GateFacts, _: Time) -> Gate {
    let inputs = json!({ "archived_at": policy.archived_at });
    match policy.archived_at {
        None => Gate::pass("archived", "the policy is in use", inputs),
        Some(_) => Gate::stop("archived", Block::Refuse, "the policy was archived", inputs),
    }
}

/// Something is wrong right now: a trouble that has passed is not healed.
pub(super) fn burning(_: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let open = facts.anomalies.iter().filter(|a| a.state == AnomalyState::Open).count();
    let inputs = json!({ "open_anomalies": open, "anomalies": facts.anomalies.len() });
    if open > 0 {
        Gate::pass("burning", format!("{open} of {} anomalies are open", facts.anomalies.len()), inputs)
    } else {
        Gate::stop("burning", Block::Wait(now + secs(30)), "no anomaly is open any more", inputs)
    }
}

/// Automatic runs for this incident are below `max_attempts`; undos do not count.
pub(super) fn attempts(policy: &Policy, facts: &GateFacts, _: Time) -> Gate {
    let seen: BTreeSet<_> = facts
        .policy_runs
        .iter()
        .chain(&facts.target_runs)
        .filter(|r| r.incident_id == facts.incident.id && !r.undo)
        .map(|r| r.id)
        .collect();
    let done = u32::try_from(seen.len()).unwrap_or(u32::MAX).max(facts.incident.attempts);
    let limit = policy.spec.gates.max_attempts;
    let inputs = json!({ "attempts": done, "max_attempts": limit });
    if done < limit {
        Gate::pass("attempts", format!("{done} of {limit} attempts used"), inputs)
    } else {
        Gate::stop("attempts", Block::Escalate, format!("all {limit} attempts are used"), inputs)
    }
}

/// How much the policy may do by itself.
pub(super) fn autonomy(policy: &Policy, _: &GateFacts, _: Time) -> Gate {
    let level = policy.spec.autonomy;
    let inputs = json!({ "autonomy": level });
    let stop = |block, reason: &str| Gate::stop("autonomy", block, reason, inputs.clone());
    match level {
        Autonomy::Auto => Gate::pass("autonomy", "the policy may run by itself", inputs),
        Autonomy::Approve => stop(Block::Ask, "the policy needs an approval"),
        Autonomy::Suggest => stop(Block::Ask, "the policy only suggests; a person starts the run"),
        Autonomy::Shadow => stop(Block::Refuse, "the policy runs in shadow: decided and recorded, nothing is done"),
    }
}
