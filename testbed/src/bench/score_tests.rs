//! Tests of the scorer.
use super::*;
use crate::fault::FaultName;

const T0: i64 = 1_800_000_000_000;

fn at(secs: i64) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(T0 + secs * 1000)
}

fn fault(cured_secs: Option<i64>) -> Injection {
    let mut fault = Injection::new(FaultName::ErrorRate, "checkout", 0.5, T0, 0);
    fault.effective_at_ms = Some(T0 + 1_000);
    fault.cured_at_ms = cured_secs.map(|secs| T0 + secs * 1000);
    fault
}

fn run(target: &str, started: i64) -> SeenRun {
    SeenRun { id: format!("r{started}"), target: target.into(), started_at: at(started), ..SeenRun::default() }
}

fn verdict(verdict: &str, secs: i64) -> SeenVerification {
    SeenVerification { run_id: "r".into(), verdict: Some(verdict.into()), ended_at: at(secs) }
}

fn incident() -> SeenIncident {
    let cause = |entity: &str, probability| SeenCause { entity: entity.into(), probability };
    SeenIncident {
        id: "i1".into(),
        state: "resolved".into(),
        entity: "service=checkout".into(),
        entities: vec!["service=checkout".into(), "service=storefront".into()],
        detected_at: at(20),
        causes: vec![cause("service=storefront", 0.2), cause("service=checkout", 0.7)],
        events: vec![SeenEvent { at: at(22), kind: "cause_ranked".into(), message: String::new() }],
        runs: vec![run("service=checkout", 25)],
        verifications: vec![verdict("fixed", 70)],
    }
}

fn story(fault: Option<Injection>, incidents: Vec<SeenIncident>) -> Story {
    Story { scenario: "s".into(), begun_ms: T0, ended_ms: T0 + 100_000, fault, incidents, ..Story::default() }
}

#[test]
fn a_clean_loop_passes_with_its_times() {
    let score = score(&story(Some(fault(Some(27))), vec![incident()]));
    assert_eq!(score.effective_ms, Some(1_000));
    assert_eq!(score.detect_ms, Some(20_000));
    assert_eq!(score.explain_ms, Some(22_000));
    assert_eq!(score.act_ms, Some(25_000));
    assert_eq!(score.heal_ms, Some(27_000));
    assert_eq!(score.verify_ms, Some(70_000));
    assert_eq!(score.cause_rank, Some(1));
    assert!(score.passed && score.truth_agrees);
    assert_eq!((score.false_actions, score.futile_actions, score.false_fixed, score.false_incidents), (0, 0, 0, 0));
}

#[test]
fn fixed_without_a_cure_is_a_lie_and_never_passes() {
    let score = score(&story(Some(fault(None)), vec![incident()]));
    assert_eq!((score.false_fixed, score.truth_agrees, score.passed), (1, false, false));
    assert_eq!(score.verify_ms, None, "a verdict that is not true is no verification");
}

#[test]
fn fixed_before_the_cure_is_a_lie_even_if_the_cure_came_later() {
    let score = score(&story(Some(fault(Some(90))), vec![incident()]));
    assert_eq!(score.false_fixed, 1);
    assert!(!score.passed);
}

#[test]
fn a_fault_that_the_harness_ended_was_not_healed() {
    let mut cleared = fault(Some(27));
    cleared.cleared = true;
    let score = score(&story(Some(cleared), vec![incident()]));
    assert_eq!(score.heal_ms, None);
    assert!(!score.passed);
}

#[test]
fn an_honest_not_fixed_agrees_with_the_truth_and_does_not_pass() {
    let mut honest = incident();
    honest.verifications = vec![verdict("not_fixed", 60)];
    let score = score(&story(Some(fault(None)), vec![honest]));
    assert!(score.truth_agrees && !score.passed);
    assert_eq!(score.futile_actions, 1);
}

#[test]
fn runs_on_others_are_false_and_spoil_the_pass() {
    let mut wrong = incident();
    wrong.runs.push(run("service=catalog", 40));
    let score = score(&story(Some(fault(Some(27))), vec![wrong]));
    assert_eq!(score.false_actions, 1);
    assert!(!score.passed);
}

#[test]
fn a_second_try_that_cures_counts_one_futile_action() {
    let mut second = incident();
    second.runs.push(run("service=checkout,instance=checkout-1", 80));
    second.verifications = vec![verdict("fixed", 140), verdict("not_fixed", 60)];
    let score = score(&story(Some(fault(Some(82))), vec![second]));
    assert_eq!((score.futile_actions, score.false_actions), (1, 0));
    assert_eq!(score.verdict.as_deref(), Some("fixed"), "the last verdict by time counts");
    assert!(score.passed);
}

#[test]
fn an_incident_elsewhere_is_false() {
    let mut elsewhere = incident();
    elsewhere.entity = "service=catalog".into();
    elsewhere.entities = vec!["service=catalog".into()];
    elsewhere.runs.clear();
    let score = score(&story(Some(fault(Some(27))), vec![incident(), elsewhere]));
    assert_eq!(score.false_incidents, 1);
}

#[test]
fn a_control_passes_only_in_silence() {
    assert!(score(&story(None, Vec::new())).passed);
    let noisy = score(&story(None, vec![incident()]));
    assert_eq!((noisy.false_incidents, noisy.false_actions, noisy.passed), (1, 1, false));
}

#[test]
fn nothing_detected_is_not_agreed_away() {
    let score = score(&story(Some(fault(None)), Vec::new()));
    assert_eq!(score.detect_ms, None);
    assert!(!score.passed);
    assert!(score.truth_agrees, "no verdict was given, so none was wrong");
}
