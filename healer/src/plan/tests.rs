//! Plans: which step, which outcome, and the text that people read.

use super::*;
use crate::sample_values::{facts, past, policy, t};
use domain::catalog::{CaseSpec, Expectations, Language};
use domain::policy::{Autonomy, Step};
use domain::resource::Resource;
use domain::run::RunState;
use std::fmt::Write as _;

fn case(n: u128, name: &str) -> StepCase {
    let spec = CaseSpec {
        description: String::new(),
        script_id: None,
        body: Some("echo hi".into()),
        language: Some(Language::Sh),
        values: [("SERVICE".to_owned(), "checkout".into())].into(),
        runtime_tags: vec![],
        timeout_secs: Some(60),
        mode: None,
        expectations: Expectations::default(),
        ..CaseSpec::default()
    };
    let case = Resource {
        id: uuid::Uuid::from_u128(n),
        version: 1,
        name: name.into(),
        tags: vec![],
        created_at: t(0),
        updated_at: t(0),
        archived_at: None,
        spec,
    };
    StepCase { case, script: None }
}

fn two_steps() -> (Policy, Vec<ResolvedStep>) {
    let mut p = policy();
    p.spec.steps.push(Step {
        case_id: uuid::Uuid::from_u128(21),
        undo_case_id: None,
        values: [("SERVICE".to_owned(), "cart".into())].into(),
    });
    p.spec.gates.cooldown_secs = 60;
    (p, vec![Ok(case(20, "restart")), Ok(case(21, "scale out"))])
}

fn show(plan: &Plan) -> String {
    let d = &plan.decision;
    assert!(domain::testing::sentences::known(&d.reason), "{}", d.reason);
    let mut text = format!(
        "{:?}: {} (step {}, escalate {}, retry {:?})\n",
        d.outcome,
        d.reason,
        d.step,
        plan.escalate,
        d.retry_at.map(|at| (at - t(0)).num_seconds())
    );
    for g in &d.gates {
        let _infallible = writeln!(text, "  [{}] {}: {}", if g.passed { "ok" } else { "--" }, g.gate, g.reason);
    }
    text
}

#[test]
fn the_first_step_runs() {
    let (p, steps) = two_steps();
    let plan = evaluate(&p, &facts(), &steps);
    insta::assert_snapshot!("runs", show(&plan));
    let run = plan.run.expect("a run");
    assert_eq!(plan.decision.run_id, Some(run.id));
    assert_eq!(
        (run.state, run.target.as_str(), run.run_key.clone()),
        (RunState::Queued, "service=checkout", run.id.to_string())
    );
    assert_eq!(run.spec.env["SERVICE"], "checkout");
    assert_eq!(run.spec.env["RUN_KEY"], run.id.to_string());
    let link = run.heal.expect("a link");
    assert_eq!((link.step, link.decision_id), (0, plan.decision.id));
}

#[test]
fn the_second_step_follows_a_measured_failure_and_takes_its_own_values() {
    let (p, steps) = two_steps();
    let mut f = facts();
    let failed = past(-500, Some(-400), Some(Verdict::NotFixed));
    f.policy_runs.push(failed.clone());
    f.target_runs.push(failed);
    let run = evaluate(&p, &f, &steps).run.expect("a run");
    assert_eq!((run.case_name.as_str(), run.spec.env["SERVICE"].as_str()), ("scale out", "cart"));
    f.target_runs[0].ended_at = Some(t(-20));
    insta::assert_snapshot!("waits", show(&evaluate(&p, &f, &steps)));
}

#[test]
fn nothing_left_escalates() {
    let (mut p, steps) = two_steps();
    let mut f = facts();
    f.policy_runs
        .extend([past(-900, Some(-800), Some(Verdict::NotFixed)), past(-500, Some(-400), Some(Verdict::Improved))]);
    let plan = evaluate(&p, &f, &steps);
    assert!(plan.escalate && plan.run.is_none());
    insta::assert_snapshot!("escalates", show(&plan));
    f.policy_runs.pop();
    p.spec.on_failure = OnFailure::Escalate;
    assert!(evaluate(&p, &f, &steps).escalate, "one failure is enough there");
}

#[test]
fn what_a_person_took_after_a_failure_is_neither_continued_nor_escalated_again() {
    let (p, steps) = two_steps();
    let mut f = facts();
    f.incident.state = IncidentState::Acknowledged;
    assert!(by_itself(&p, &f, &steps).run.is_some(), "nothing was tried yet: the policy may act");
    for verdict in [Verdict::Inconclusive, Verdict::NotFixed] {
        f.policy_runs.push(past(-900, Some(-800), Some(verdict)));
        let plan = by_itself(&p, &f, &steps);
        assert_eq!((plan.decision.outcome, plan.run.is_none(), plan.escalate), (Outcome::Refuse, true, false));
        assert!(plan.decision.retry_at.is_some());
    }
    f.policy_runs.pop();
    assert!(evaluate(&p, &f, &steps).run.is_some(), "a person may start the next step");
}

#[test]
fn a_relapse_after_fixed_repeats_the_step() {
    let (p, steps) = two_steps();
    let mut f = facts();
    f.policy_runs.push(past(-500, Some(-400), Some(Verdict::Fixed)));
    assert_eq!(evaluate(&p, &f, &steps).decision.step, 0);
}

#[test]
fn ask_shadow_and_broken_steps() {
    let (mut p, mut steps) = two_steps();
    p.spec.autonomy = Autonomy::Approve;
    let ask = evaluate(&p, &facts(), &steps);
    assert_eq!((ask.decision.outcome, ask.run.is_none(), ask.escalate), (Outcome::Ask, true, false));
    p.spec.autonomy = Autonomy::Shadow;
    let shadow = evaluate(&p, &facts(), &steps);
    assert_eq!((shadow.decision.outcome, shadow.run.is_none(), shadow.escalate), (Outcome::Refuse, true, false));
    p.spec.autonomy = Autonomy::Auto;
    steps[0] = Err("case not found".into());
    let broken = evaluate(&p, &facts(), &steps);
    assert!(broken.escalate && broken.decision.reason.contains("case not found"));
    p.spec.steps[0].values.insert("PATH".into(), "/tmp".into());
    steps[0] = Ok(case(20, "restart"));
    let refused = evaluate(&p, &facts(), &steps);
    assert!(refused.escalate && refused.decision.reason.contains("PATH"), "{}", refused.decision.reason);
}
