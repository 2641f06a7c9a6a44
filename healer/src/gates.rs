//! Safety gates: pure functions from policy, facts and time to an answer with its inputs.
//!
//! They run inside the transaction that would enqueue the run, so what they saw is what is reserved. A gate that cannot
//! know its answer does not pass.

mod basics;
mod echo;
mod history;
mod load;

use domain::Time;
use domain::decision::{GateFacts, GateResult};
use domain::policy::Policy;

/// Facts reach back so far; wider windows cannot be counted and are refused.
pub const HORIZON_SECS: u32 = 86_400;

/// What a gate that does not pass asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Block {
    /// Never under these settings: recorded, nothing else.
    Refuse,
    /// The automation is at its end: a person must be told.
    Escalate,
    /// Ask again then.
    Wait(Time),
    /// A person starts or approves it.
    Ask,
}

/// A gate's answer and, when it does not pass, what follows.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// What is stored and shown.
    pub result: GateResult,
    /// What follows; absent when it passed.
    pub block: Option<Block>,
}

impl Gate {
    fn pass(gate: &str, reason: impl Into<String>, inputs: serde_json::Value) -> Self {
        Self { result: GateResult { gate: gate.to_owned(), passed: true, reason: reason.into(), inputs }, block: None }
    }

    fn stop(gate: &str, block: Block, reason: impl Into<String>, inputs: serde_json::Value) -> Self {
        Self {
            result: GateResult { gate: gate.to_owned(), passed: false, reason: reason.into(), inputs },
            block: Some(block),
        }
    }
}

/// One gate.
pub type GateFn = fn(&Policy, &GateFacts, Time) -> Gate;

/// Every gate, in the order in which they are shown.
pub const ALL: [GateFn; 12] = [
    basics::enabled,
    basics::archived,
    basics::burning,
    basics::attempts,
    load::freshness,
    echo::echo,
    history::cooldown,
    history::limits,
    history::breaker,
    load::target_busy,
    load::targets_at_once,
    basics::autonomy,
];

/// Evaluates every gate, also after one that did not pass: the answer to "why did it not act?" is complete.
#[must_use]
pub fn evaluate(policy: &Policy, facts: &GateFacts, now: Time) -> Vec<Gate> {
    ALL.iter().map(|gate| gate(policy, facts, now)).collect()
}

/// The strongest block: refuse, then escalate, then the latest wait, then ask.
#[must_use]
pub fn strongest(gates: &[Gate]) -> Option<(Block, &GateResult)> {
    let rank = |b: Block| match b {
        Block::Refuse => (3, None),
        Block::Escalate => (2, None),
        Block::Wait(until) => (1, Some(until)),
        Block::Ask => (0, None),
    };
    // `rev` keeps the first of equal ones, as `max_by_key` keeps the last.
    gates.iter().rev().filter_map(|g| Some((g.block?, &g.result))).max_by_key(|(b, _)| rank(*b))
}

pub(crate) fn secs(n: u32) -> chrono::TimeDelta {
    chrono::TimeDelta::seconds(i64::from(n))
}

#[cfg(test)]
mod tests;
