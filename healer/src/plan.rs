//! Evaluates a policy on an incident: gates, step, and the run to enqueue. Pure but for fresh ids.

mod build;
mod env;

pub(crate) use build::line;
pub use build::{BuildRun, LooseRun, StepCase, build_run, loose_run, run_spec};
pub use env::reserved;

use crate::gates::{self, Block, Gate};
use domain::decision::{Decision, GateFacts, Outcome, Plan};
use domain::incident::IncidentState;
use domain::policy::{OnFailure, Policy};
use domain::run::{HealLink, Run, RunPurpose};
use domain::verification::Verdict;
use domain::{Id, Time};

/// A refusal or question is looked at again after so many seconds, as settings may have changed.
pub const REVIEW_SECS: i64 = 60;

/// What could be found out about one step before the decision: its case with script, or why it cannot run.
pub type ResolvedStep = Result<StepCase, String>;

/// Index of the step to try: as many as runs for this incident by this policy were measured and not `fixed`.
#[must_use]
pub fn next_step(facts: &GateFacts) -> usize {
    let failed = |v: Verdict| v != Verdict::Fixed;
    facts
        .policy_runs
        .iter()
        .filter(|r| r.incident_id == facts.incident.id && !r.undo && r.verdict.is_some_and(failed))
        .count()
}

/// What is left to try.
enum Next<'a> {
    Step(usize, &'a StepCase),
    Nothing(String),
}

fn choose_step<'a>(policy: &Policy, facts: &GateFacts, steps: &'a [ResolvedStep]) -> Next<'a> {
    let index = next_step(facts);
    if index > 0 && policy.spec.on_failure != OnFailure::NextStep {
        return Next::Nothing("the step did not fix it and the policy has no further step for that".to_owned());
    }
    match steps.get(index) {
        None => Next::Nothing(format!("all {} steps were tried", steps.len())),
        Some(Err(why)) => Next::Nothing(format!("step {} cannot run: {why}", index + 1)),
        Some(Ok(case)) => Next::Step(index, case),
    }
}

/// [`evaluate`] when no person asked for it. An incident that a person took after something was tried on it was handed
/// over: no further step is tried behind the person's back, and it is not handed over again.
#[must_use]
pub fn by_itself(policy: &Policy, facts: &GateFacts, steps: &[ResolvedStep]) -> Plan {
    let mut plan = evaluate(policy, facts, steps);
    if facts.incident.state != IncidentState::Acknowledged {
        return plan;
    }
    let mut runs = facts.policy_runs.iter().chain(&facts.target_runs);
    let tried = runs.any(|r| r.incident_id == facts.incident.id && r.verdict != Some(Verdict::Fixed));
    if plan.run.is_some() && tried {
        (plan.run, plan.decision.run_id, plan.decision.outcome) = (None, None, Outcome::Refuse);
        "a person has it in hand after a step that did not fix it".clone_into(&mut plan.decision.reason);
    }
    if plan.run.is_none() {
        let later = facts.now + chrono::TimeDelta::seconds(REVIEW_SECS);
        (plan.escalate, plan.decision.retry_at) = (false, plan.decision.retry_at.or(Some(later)));
    }
    plan
}

/// Evaluates `policy` on `facts`; `steps` are the policy's steps in order, resolved beforehand.
///
/// The step is chosen first and every gate is evaluated in any case, so that a refusal names all its reasons. Strongest
/// first: `refuse` (switched off, archived, shadow), `refuse` + escalate (attempts or steps used up, breaker open, step
/// broken), `wait`, `ask`, `run`.
#[must_use]
pub fn evaluate(policy: &Policy, facts: &GateFacts, steps: &[ResolvedStep]) -> Plan {
    let now = facts.now;
    let gates = gates::evaluate(policy, facts, now);
    let id = domain::new_id();
    let blocked = gates::strongest(&gates).map(|(block, result)| (block, result.reason.clone()));
    let next = choose_step(policy, facts, steps);
    let step = next_step(facts);
    let later = now + chrono::TimeDelta::seconds(REVIEW_SECS);
    let verdict = match (blocked, next) {
        (Some((Block::Refuse, reason)), _) => no(Outcome::Refuse, reason, Some(later), false),
        (Some((Block::Escalate, reason)), _) | (_, Next::Nothing(reason)) => no(Outcome::Refuse, reason, None, true),
        (Some((Block::Wait(until), reason)), _) => no(Outcome::Wait, reason, Some(until), false),
        (Some((Block::Ask, reason)), _) => no(Outcome::Ask, reason, Some(later), false),
        (None, Next::Step(index, case)) => go(policy, facts, id, index, case),
    };
    assemble(policy, facts, id, step, verdict, gates)
}

struct Answer {
    outcome: Outcome,
    reason: String,
    retry_at: Option<Time>,
    escalate: bool,
    run: Option<Box<Run>>,
}

fn no(outcome: Outcome, reason: String, retry_at: Option<Time>, escalate: bool) -> Answer {
    Answer { outcome, reason, retry_at, escalate, run: None }
}

fn go(policy: &Policy, facts: &GateFacts, decision_id: Id, index: usize, case: &StepCase) -> Answer {
    let link = HealLink {
        incident_id: facts.incident.id,
        policy_id: policy.id,
        decision_id,
        step: u32::try_from(index).unwrap_or(u32::MAX),
    };
    let request = BuildRun {
        case,
        values: policy.spec.steps.get(index).map(|s| &s.values),
        incident: &facts.incident,
        anomalies: &facts.anomalies,
        purpose: RunPurpose::Heal,
        link,
        requested_by: format!("policy:{}", policy.name),
        now: facts.now,
    };
    match build_run(&request) {
        Ok(run) => Answer {
            outcome: Outcome::Run,
            reason: format!("every gate passed; step {} runs {}", index + 1, run.case_name),
            retry_at: None,
            escalate: false,
            run: Some(Box::new(run)),
        },
        Err(why) => no(Outcome::Refuse, format!("step {} cannot run: {why}", index + 1), None, true),
    }
}

fn assemble(policy: &Policy, facts: &GateFacts, id: Id, step: usize, answer: Answer, gates: Vec<Gate>) -> Plan {
    let decision = Decision {
        id,
        incident_id: facts.incident.id,
        policy_id: Some(policy.id),
        policy_name: policy.name.clone(),
        at: facts.now,
        outcome: answer.outcome,
        reason: answer.reason,
        step: u32::try_from(step).unwrap_or(u32::MAX),
        gates: gates.into_iter().map(|g| g.result).collect(),
        run_id: answer.run.as_ref().map(|r| r.id),
        retry_at: answer.retry_at,
    };
    Plan { decision, run: answer.run, escalate: answer.escalate }
}

#[cfg(test)]
mod tests;
