//! Gates that look at past runs: cooldown, limits in windows, circuit breaker.

use super::{Block, Gate, HORIZON_SECS, secs};
use domain::Time;
use domain::decision::{GateFacts, PastRun};
use domain::policy::{Policy, RunLimit};
use domain::verification::Verdict;
use serde_json::json;

fn too_wide(gate: &str, field: &str, value: u32) -> Option<Gate> {
    (value > HORIZON_SECS).then(|| {
        Gate::stop(
            gate,
            Block::Refuse,
            format!("{field} is {value}, but history reaches back {HORIZON_SECS} s; give at most that"),
            json!({ field: value, "horizon_secs": HORIZON_SECS }),
        )
    })
}

/// Rest between two runs on one target, counted from the end of the last run by any policy.
pub(super) fn cooldown(policy: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let rest = policy.spec.gates.cooldown_secs;
    if let Some(gate) = too_wide("cooldown", "cooldown_secs", rest) {
        return gate;
    }
    let last = facts.target_runs.iter().map(|r| r.ended_at.unwrap_or(r.queued_at)).max();
    let inputs = json!({ "cooldown_secs": rest, "target": facts.incident.entity, "last_run_at": last });
    let Some(last) = last else {
        return Gate::pass("cooldown", "no run on this target in the last day", inputs);
    };
    let until = last + secs(rest);
    let ago = (now - last).num_seconds();
    if until <= now {
        Gate::pass("cooldown", format!("the last run on this target ended {ago} s ago, rest is {rest} s"), inputs)
    } else {
        let left = (until - now).num_seconds().max(1);
        Gate::stop(
            "cooldown",
            Block::Wait(until),
            format!("this target rests for {left} s more (rest is {rest} s)"),
            inputs,
        )
    }
}

/// Time from which `limit` lets one more run through; `now` or earlier when it does already.
fn free_at(limit: RunLimit, runs: &[&PastRun], now: Time) -> (usize, Option<Time>) {
    let mut inside: Vec<Time> =
        runs.iter().map(|r| r.queued_at).filter(|&at| at + secs(limit.window_secs) > now).collect();
    inside.sort_unstable();
    let max = usize::try_from(limit.max_runs).unwrap_or(usize::MAX);
    let blocking = inside.len().checked_sub(max).and_then(|i| inside.get(i));
    (inside.len(), blocking.map(|&at| at + secs(limit.window_secs)))
}

/// At most `max_runs` of this policy in every window, over all targets; undos do not count.
pub(super) fn limits(policy: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let runs: Vec<&PastRun> = facts.policy_runs.iter().filter(|r| !r.undo).collect();
    let mut seen = Vec::new();
    let mut blocked: Option<(Time, RunLimit)> = None;
    for &limit in &policy.spec.gates.limits {
        if let Some(gate) = too_wide("limits", "window_secs", limit.window_secs) {
            return gate;
        }
        let (count, until) = free_at(limit, &runs, now);
        seen.push(json!({ "window_secs": limit.window_secs, "max_runs": limit.max_runs, "runs": count }));
        if let Some(until) = until
            && blocked.is_none_or(|(t, _)| until > t)
        {
            blocked = Some((until, limit));
        }
    }
    let inputs = json!({ "limits": seen });
    match blocked {
        None => Gate::pass("limits", "below the limit in every window", inputs),
        Some((until, l)) => Gate::stop(
            "limits",
            Block::Wait(until),
            format!("{} runs in {} s are the limit of this policy", l.max_runs, l.window_secs),
            inputs,
        ),
    }
}

/// Opens after `breaker_after` verdicts in a row that were not `fixed`, for `breaker_secs` after the newest of them.
pub(super) fn breaker(policy: &Policy, facts: &GateFacts, now: Time) -> Gate {
    let g = &policy.spec.gates;
    if let Some(gate) = too_wide("breaker", "breaker_secs", g.breaker_secs) {
        return gate;
    }
    let mut verdicts: Vec<(Time, Verdict)> =
        facts.policy_runs.iter().filter(|r| !r.undo).filter_map(|r| Some((r.verdict_at?, r.verdict?))).collect();
    verdicts.sort_unstable_by_key(|(at, _)| std::cmp::Reverse(*at));
    let streak = verdicts.iter().take_while(|(_, v)| *v != Verdict::Fixed).count();
    let newest = verdicts.first().map(|(at, _)| *at);
    let inputs = json!({
        "not_fixed_in_a_row": streak, "breaker_after": g.breaker_after, "breaker_secs": g.breaker_secs, "last_verdict_at": newest,
    });
    let open_until = newest.map(|at| at + secs(g.breaker_secs)).filter(|&until| until > now);
    let enough = streak >= usize::try_from(g.breaker_after).unwrap_or(usize::MAX);
    if let (true, Some(until)) = (enough, open_until) {
        let left = (until - now).num_seconds().max(1);
        Gate::stop(
            "breaker",
            Block::Escalate,
            format!("{streak} runs in a row did not fix it; the breaker is open for {left} s more"),
            inputs,
        )
    } else {
        Gate::pass(
            "breaker",
            format!("{streak} runs in a row did not fix it, {} open the breaker", g.breaker_after),
            inputs,
        )
    }
}
