//! The loops together: decide, act by a real script, measure, and what follows.

use crate::fakes::resource;
use crate::support::eventually;
use crate::world::{Bench, bench};
use chrono::{TimeDelta, Utc};
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState, Evidence, Recovery};
use domain::catalog::{CaseSpec, Expectations, Language};
use domain::decision::Outcome;
use domain::incident::{EventKind, Incident, IncidentState, Severity};
use domain::policy::{Autonomy, Gates, Match, OnFailure, Policy, PolicySpec, Step, VerificationSpec};
use domain::resource::Resource;
use domain::run::{RunPurpose, RunState};
use domain::signal::SignalKind;
use domain::trace::TraceContext;
use domain::verification::Verdict;
use domain::{Id, new_id};

/// How effects are measured in these tests.
pub(crate) fn verification() -> VerificationSpec {
    VerificationSpec {
        settle_secs: 0,
        samples: 2,
        interval_secs: 1,
        deadline_secs: 2,
        soak_secs: 60,
        ..VerificationSpec::default()
    }
}

fn case(name: &str, body: &str) -> Resource<CaseSpec> {
    resource(
        name,
        CaseSpec {
            description: String::new(),
            script_id: None,
            body: Some(body.into()),
            language: Some(Language::Sh),
            values: [].into(),
            runtime_tags: vec![],
            timeout_secs: Some(30),
            mode: None,
            expectations: Expectations::default(),
            ..CaseSpec::default()
        },
    )
}

fn policy(steps: Vec<Step>, on_failure: OnFailure) -> Policy {
    resource(
        "cure checkout",
        PolicySpec {
            description: String::new(),
            enabled: true,
            priority: 0,
            matches: Match { entities: vec!["service=*".into()], ..Match::default() },
            steps,
            autonomy: Autonomy::Auto,
            gates: Gates { cooldown_secs: 0, ..Gates::default() },
            verification: verification(),
            on_failure,
        },
    )
}

fn step(case: &Resource<CaseSpec>, undo: Option<&Resource<CaseSpec>>) -> Step {
    Step { case_id: case.id, undo_case_id: undo.map(|c| c.id), values: [].into() }
}

fn trouble(bench: &Bench) -> Id {
    let (id, now) = (new_id(), Utc::now());
    let entity = "service=checkout".to_owned();
    let mut tables = bench.world.tables();
    tables.anomalies.push(Anomaly {
        id: new_id(),
        monitor_id: new_id(),
        monitor_name: "latency".into(),
        series_key: "k".into(),
        entity: entity.clone(),
        labels: [("service".to_owned(), "checkout".to_owned())].into(),
        signal: SignalKind::Latency,
        kind: AnomalyKind::Level,
        state: AnomalyState::Open,
        started_at: now - TimeDelta::seconds(60),
        last_seen_at: now,
        ended_at: None,
        score: 0.9,
        observed: 9.0,
        expected: 1.0,
        lower: 0.0,
        upper: 2.0,
        evidence: Evidence::default(),
        recovery: Recovery::Band {
            source_id: new_id(),
            query: "latency".into(),
            labels: [("service".to_owned(), "checkout".to_owned())].into(),
            lower: 0.0,
            upper: 2.0,
        },
        incident_id: Some(id),
    });
    tables.incidents.insert(
        id,
        Incident {
            id,
            version: 1,
            fingerprint: "f".into(),
            title: "latency".into(),
            severity: Severity::Critical,
            state: IncidentState::Open,
            entity: entity.clone(),
            entities: vec![entity],
            started_at: now,
            detected_at: now,
            updated_at: now,
            resolved_at: None,
            soak_until: None,
            causes: vec![],
            attempts: 0,
            reopened: 0,
            acknowledged_by: None,
            trace: TraceContext::random(),
        },
    );
    id
}

fn gauge(bench: &Bench, value: &str) {
    std::fs::write(bench.path().join("gauge"), value).expect("gauge");
}

async fn reaches(bench: &Bench, id: Id, state: IncidentState) {
    let now = || bench.world.tables().incidents[&id].state;
    eventually(&format!("{state:?}"), async || (now() == state).then_some(())).await;
}

/// The gauge's file as a path that a script in its own folder can use.
const GAUGE: &str = "../../../gauge";

#[tokio::test(flavor = "multi_thread")]
async fn a_cure_is_measured_and_resolves() {
    let cure = case("cure", &format!("echo curing $TARGET_NAME; echo 1 > {GAUGE}"));
    let bench = bench(vec![policy(vec![step(&cure, None)], OnFailure::NextStep)], vec![cure], vec![]);
    gauge(&bench, "9");
    let id = trouble(&bench);
    let healer = bench.start();
    reaches(&bench, id, IncidentState::Resolved).await;
    healer.stop().await;
    let tables = bench.world.tables();
    let v = tables.verifications.values().next().expect("a verification");
    assert_eq!((v.verdict, v.rounds.len()), (Some(Verdict::Fixed), 2));
    assert_eq!(v.baseline[0].holds, Some(false), "measured before the run: {:?}", v.baseline);
    assert!(v.soak_until > v.ended_at);
    let (run, logs) = (tables.runs.values().next().expect("a run"), tables.logs.values().next().expect("a log"));
    assert_eq!((run.state, logs[0].text.as_str()), (RunState::Succeeded, "curing checkout"));
    assert!(tables.events.iter().any(|e| e.kind == EventKind::Resolved));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_step_follows_and_then_a_person() {
    let (idle, second) = (case("idle", "echo nothing"), case("second", "echo nothing either"));
    let steps = vec![step(&idle, None), step(&second, None)];
    let bench = bench(vec![policy(steps, OnFailure::NextStep)], vec![idle, second], vec![]);
    gauge(&bench, "9");
    let id = trouble(&bench);
    let healer = bench.start();
    reaches(&bench, id, IncidentState::Escalated).await;
    healer.stop().await;
    let tables = bench.world.tables();
    let names: Vec<&str> = tables.runs.values().map(|r| r.case_name.as_str()).collect();
    assert_eq!(names, ["idle", "second"]);
    assert!(tables.verifications.values().all(|v| v.verdict == Some(Verdict::NotFixed)));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_made_it_worse_is_taken_back() {
    let (harm, undo) = (case("harm", &format!("echo 90 > {GAUGE}")), case("undo", &format!("echo 9 > {GAUGE}")));
    let steps = vec![step(&harm, Some(&undo))];
    let bench = bench(vec![policy(steps, OnFailure::NextStep)], vec![harm, undo], vec![]);
    gauge(&bench, "9");
    let id = trouble(&bench);
    let healer = bench.start();
    reaches(&bench, id, IncidentState::Escalated).await;
    healer.stop().await;
    let tables = bench.world.tables();
    let purposes: Vec<RunPurpose> = tables.runs.values().map(|r| r.purpose).collect();
    assert_eq!(purposes, [RunPurpose::Heal, RunPurpose::Undo]);
    assert_eq!(tables.verifications.values().next().and_then(|v| v.verdict), Some(Verdict::Worse));
    assert!(tables.events.iter().any(|e| e.kind == EventKind::UndoQueued));
    assert_eq!(std::fs::read_to_string(bench.path().join("gauge")).expect("gauge").trim(), "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_data_nothing_is_cured_until_it_returns() {
    let cure = case("cure", &format!("rm {GAUGE}"));
    let bench = bench(vec![policy(vec![step(&cure, None)], OnFailure::NextStep)], vec![cure], vec![]);
    gauge(&bench, "9");
    let id = trouble(&bench);
    let healer = bench.start();
    let told = |text: &str| bench.world.tables().events.iter().any(|e| e.message.contains(text));
    eventually("it is told", async || told("inconclusive so far: prometheus does not answer").then_some(())).await;
    assert_eq!(bench.world.tables().incidents[&id].state, IncidentState::Verifying);
    gauge(&bench, "1");
    reaches(&bench, id, IncidentState::Resolved).await;
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_never_returns_ends_with_a_person() {
    let cure = case("cure", &format!("rm {GAUGE}"));
    let bench = bench(vec![policy(vec![step(&cure, None)], OnFailure::NextStep)], vec![cure], vec![]);
    gauge(&bench, "9");
    let id = trouble(&bench);
    let healer = bench.start();
    reaches(&bench, id, IncidentState::Escalated).await;
    assert_eq!(bench.world.tables().verifications.values().next().and_then(|v| v.verdict), Some(Verdict::Inconclusive));
    assert_eq!(bench.world.tables().runs.len(), 1, "inconclusive starts no other cure");
    healer.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_policy_is_recorded_once() {
    let bench = bench(vec![], vec![], vec![]);
    gauge(&bench, "9");
    let id = trouble(&bench);
    let healer = bench.start();
    eventually("a decision", async || (!bench.world.tables().decisions.is_empty()).then_some(())).await;
    // A second incident's decision shows that the loop went round again.
    trouble(&bench);
    eventually("the next decision", async || (bench.world.tables().decisions.len() > 1).then_some(())).await;
    let decisions = bench.world.tables().decisions.clone();
    let first: Vec<_> = decisions.iter().filter(|d| d.incident_id == id).collect();
    assert_eq!(first.len(), 1);
    assert_eq!(
        (first[0].outcome, first[0].reason.as_str()),
        (Outcome::Refuse, "none of 0 policies fits service=checkout")
    );
    healer.stop().await;
}
