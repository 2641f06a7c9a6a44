//! What follows a verdict: resolved, the next step, an undo, or a person.

use domain::incident::IncidentState;
use domain::policy::{OnFailure, PolicySpec};
use domain::run::RunState;
use domain::verification::Verdict;

/// Where the incident goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Follow {
    /// Its next state: `resolved`, `open`, `healing` (with an undo) or `escalated`.
    pub to: IncidentState,
    /// Whether the step's undo case is run.
    pub undo: bool,
    /// Why, for people.
    pub reason: String,
}

fn follow(to: IncidentState, undo: bool, reason: impl Into<String>) -> Follow {
    Follow { to, undo, reason: reason.into() }
}

/// Decides what follows. `policy` is absent when it no longer exists or was archived; `run` is how the step's run ended.
///
/// `inconclusive` never starts another cure. A run that was lost or cancelled by a person is not followed by a further step. `worse` is
/// taken back when the step can be, and otherwise told to a person.
#[must_use]
pub fn after(verdict: Verdict, policy: Option<&PolicySpec>, step: u32, run: Option<RunState>) -> Follow {
    use IncidentState::{Escalated, Healing, Open, Resolved};
    if verdict == Verdict::Fixed {
        return follow(Resolved, false, "measured healthy");
    }
    if verdict == Verdict::Inconclusive {
        return follow(Escalated, false, "data stayed missing; a person has to look");
    }
    let Some(policy) = policy else {
        return follow(Escalated, false, "the policy is gone");
    };
    let index = usize::try_from(step).unwrap_or(usize::MAX);
    let can_undo = policy.steps.get(index).is_some_and(|s| s.undo_case_id.is_some());
    if verdict == Verdict::Worse {
        return if can_undo {
            follow(Healing, true, "the step made it worse and is taken back")
        } else {
            follow(Escalated, false, "the step made it worse and has no undo")
        };
    }
    match run {
        Some(RunState::Lost) => {
            return follow(Escalated, false, "the end of the run is unknown, so nothing further is tried");
        }
        Some(RunState::Cancelled) => return follow(Escalated, false, "a person stopped the run"),
        _ => {}
    }
    let last = index + 1 >= policy.steps.len();
    match policy.on_failure {
        OnFailure::NextStep if !last => follow(Open, false, "the next step follows"),
        OnFailure::NextStep => follow(Escalated, false, "every step was tried"),
        OnFailure::Undo if can_undo => follow(Healing, true, "the step did not fix it and is taken back"),
        OnFailure::Undo => follow(Escalated, false, "the step did not fix it and has no undo"),
        OnFailure::Escalate => follow(Escalated, false, "the step did not fix it"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::policy;
    use domain::policy::Step;

    #[test]
    fn table() {
        use IncidentState::{Escalated, Healing, Open, Resolved};
        let with = |on_failure, undo: bool, steps: usize| {
            let step = Step { case_id: domain::new_id(), undo_case_id: undo.then(domain::new_id), values: [].into() };
            PolicySpec { on_failure, steps: vec![step; steps], ..policy().spec }
        };
        let (next, undo, escalate) = (OnFailure::NextStep, OnFailure::Undo, OnFailure::Escalate);
        for (verdict, spec, step, run, to, takes_back) in [
            (Verdict::Fixed, with(next, false, 1), 0, RunState::Failed, Resolved, false),
            (Verdict::Inconclusive, with(next, true, 2), 0, RunState::Succeeded, Escalated, false),
            (Verdict::NotFixed, with(next, false, 2), 0, RunState::Succeeded, Open, false),
            (Verdict::Improved, with(next, false, 2), 0, RunState::Failed, Open, false),
            (Verdict::NotFixed, with(next, false, 2), 1, RunState::Succeeded, Escalated, false),
            (Verdict::NotFixed, with(next, false, 2), 0, RunState::Lost, Escalated, false),
            (Verdict::NotFixed, with(next, false, 2), 0, RunState::Cancelled, Escalated, false),
            (Verdict::NotFixed, with(undo, true, 2), 0, RunState::Succeeded, Healing, true),
            (Verdict::NotFixed, with(undo, false, 2), 0, RunState::Succeeded, Escalated, false),
            (Verdict::NotFixed, with(escalate, true, 2), 0, RunState::Succeeded, Escalated, false),
            (Verdict::Worse, with(next, true, 2), 0, RunState::Succeeded, Healing, true),
            (Verdict::Worse, with(next, false, 2), 0, RunState::Succeeded, Escalated, false),
        ] {
            let got = after(verdict, Some(&spec), step, Some(run));
            assert!(domain::testing::sentences::known(&got.reason), "{}", got.reason);
            assert_eq!((got.to, got.undo), (to, takes_back), "{verdict:?} {:?} {step} {run:?}", spec.on_failure);
        }
        assert_eq!(after(Verdict::NotFixed, None, 0, None).to, Escalated);
    }
}
