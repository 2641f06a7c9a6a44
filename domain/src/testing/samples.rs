//! Small, valid objects for tests.

use crate::anomaly::{Anomaly, AnomalyKind, AnomalyState, Evidence, Recovery};
use crate::catalog::{
    CaseSpec, ChannelKind, ChannelSpec, Credentials, DetectorSpec, Direction, Expectations, Language, MonitorSpec,
    ScriptSpec, SourceKind, SourceSpec,
};
use crate::clock::from_millis;
use crate::decision::{Decision, GateFacts, GateResult, Outcome, Plan};
use crate::identity::{Role, User};
use crate::incident::{Actor, EventKind, Incident, IncidentEvent, IncidentState, Severity};
use crate::policy::{Autonomy, Gates, Match, OnFailure, Policy, PolicySpec, Step, VerificationSpec};
use crate::resource::Draft;
use crate::run::{Run, RunMode, RunPurpose, RunSpec};
use crate::signal::SignalKind;
use crate::trace::TraceContext;
use crate::verification::CheckSample;
use crate::{Id, Time, new_id};
use std::collections::BTreeMap;

/// A fixed instant, `secs` seconds after 2026-01-01T00:00:00Z.
#[must_use]
pub fn at(secs: i64) -> Time {
    from_millis((1_767_225_600 + secs) * 1_000)
}

/// A draft without tags.
pub fn draft<T>(name: &str, spec: T) -> Draft<T> {
    Draft { name: name.to_owned(), tags: Vec::new(), spec }
}

/// A Prometheus source with a password.
#[must_use]
pub fn source() -> SourceSpec {
    SourceSpec {
        kind: SourceKind::Prometheus,
        url: "http://prometheus:9090".to_owned(),
        credentials: Credentials::Basic { username: "reader".to_owned(), password: "s3cret".to_owned() },
        index: None,
        fields: BTreeMap::new(),
        timeout_secs: 10,
        enabled: true,
        webhook: None,
        ca: None,
    }
}

/// A monitor of latency by service.
#[must_use]
pub fn monitor(source_id: Id) -> MonitorSpec {
    MonitorSpec {
        source_id,
        query: "latency_seconds".to_owned(),
        interval_secs: 15,
        signal: SignalKind::Latency,
        entity_labels: vec!["service".to_owned()],
        detector: DetectorSpec::Learned,
        rules: Vec::new(),
        sensitivity: 5,
        direction: Direction::Both,
        severity: Severity::Warning,
        unit: "s".to_owned(),
        max_series: 500,
        enabled: true,
        muted_until: None,
    }
}

/// A script of one line.
#[must_use]
pub fn script() -> ScriptSpec {
    ScriptSpec {
        description: String::new(),
        language: Language::Sh,
        body: "echo restarted".to_owned(),
        parameters: serde_json::Value::Null,
        image: None,
        timeout_secs: 60,
        mode: RunMode::AtMostOnce,
        ..ScriptSpec::default()
    }
}

/// A case that runs a script.
#[must_use]
pub fn case(script_id: Id) -> CaseSpec {
    CaseSpec {
        description: String::new(),
        script_id: Some(script_id),
        body: None,
        language: None,
        values: BTreeMap::new(),
        runtime_tags: Vec::new(),
        timeout_secs: None,
        mode: None,
        expectations: Expectations::default(),
        ..CaseSpec::default()
    }
}

/// A policy of one step that acts by itself.
#[must_use]
pub fn policy(case_id: Id) -> PolicySpec {
    PolicySpec {
        description: String::new(),
        enabled: true,
        priority: 0,
        matches: Match::default(),
        steps: vec![Step { case_id, undo_case_id: None, values: BTreeMap::new() }],
        autonomy: Autonomy::Auto,
        gates: Gates::default(),
        verification: VerificationSpec { settle_secs: 7, ..VerificationSpec::default() },
        on_failure: OnFailure::NextStep,
    }
}

/// A policy that was never stored.
#[must_use]
pub fn loose_policy(name: &str) -> Policy {
    draft(name, policy(new_id())).into_resource(new_id(), at(0))
}

/// A webhook channel.
#[must_use]
pub fn channel(min_severity: Severity) -> ChannelSpec {
    ChannelSpec {
        kind: ChannelKind::Webhook,
        url: "http://receiver:8080/hook".to_owned(),
        secret: Some("hmac".to_owned()),
        min_severity,
        enabled: true,
    }
}

/// An open incident on `entity`, detected at `at(60)`.
#[must_use]
pub fn incident(fingerprint: &str, entity: &str) -> Incident {
    Incident {
        id: new_id(),
        version: 1,
        fingerprint: fingerprint.to_owned(),
        title: format!("latency of {entity}"),
        severity: Severity::Warning,
        state: IncidentState::Open,
        entity: entity.to_owned(),
        entities: vec![entity.to_owned()],
        started_at: at(0),
        detected_at: at(60),
        updated_at: at(60),
        resolved_at: None,
        soak_until: None,
        causes: Vec::new(),
        attempts: 0,
        reopened: 0,
        acknowledged_by: None,
        trace: TraceContext::random(),
    }
}

/// An event of `kind` by the analyzer.
#[must_use]
pub fn event(incident_id: Id, kind: EventKind, message: &str) -> IncidentEvent {
    IncidentEvent::new(incident_id, at(60), kind, Actor::system("analyzer"), message)
}

/// An open anomaly of `monitor_id`, in `incident_id`.
#[must_use]
pub fn anomaly(monitor_id: Id, incident_id: Option<Id>) -> Anomaly {
    Anomaly {
        id: new_id(),
        monitor_id,
        monitor_name: "latency".to_owned(),
        series_key: "service=checkout".to_owned(),
        entity: "service=checkout".to_owned(),
        labels: BTreeMap::from([("service".to_owned(), "checkout".to_owned())]),
        signal: SignalKind::Latency,
        kind: AnomalyKind::Level,
        state: AnomalyState::Open,
        started_at: at(0),
        last_seen_at: at(60),
        ended_at: None,
        score: 0.9,
        observed: 2.5,
        expected: 0.5,
        lower: 0.25,
        upper: 0.75,
        evidence: Evidence::default(),
        recovery: Recovery::Closed,
        incident_id,
    }
}

/// A manual run that waits for a worker.
#[must_use]
pub fn run(target: &str) -> Run {
    let spec =
        RunSpec { language: Language::Sh, body: "echo restarted".to_owned(), timeout_secs: 60, ..RunSpec::default() };
    let case = (new_id(), "restart".to_owned());
    Run::new(case, RunPurpose::Manual, target.to_owned(), spec, "alice".to_owned(), at(60))
}

/// A plan with this outcome; for `run` with a run on the incident's entity.
#[must_use]
pub fn plan(policy: &Policy, facts: &GateFacts, outcome: Outcome, reason: &str) -> Plan {
    let mut run = run(&facts.incident.entity);
    run.queued_at = facts.now;
    let passed = outcome == Outcome::Run;
    Plan {
        decision: Decision {
            id: new_id(),
            incident_id: facts.incident.id,
            policy_id: Some(policy.id),
            policy_name: policy.name.clone(),
            at: facts.now,
            outcome,
            reason: reason.to_owned(),
            step: 0,
            gates: vec![GateResult {
                gate: "sample".to_owned(),
                passed,
                reason: reason.to_owned(),
                inputs: serde_json::Value::Null,
            }],
            run_id: passed.then_some(run.id),
            retry_at: None,
        },
        run: passed.then(|| Box::new(run)),
        escalate: false,
    }
}

/// A sample of one condition.
#[must_use]
pub fn sample(value: f64, holds: bool) -> CheckSample {
    CheckSample {
        check: "latency".to_owned(),
        at: at(120),
        value: Some(value),
        healthy: Some((None, Some(0.75))),
        holds: Some(holds),
        distance: Some(if holds { 0.0 } else { 1.0 }),
        note: String::new(),
    }
}

/// An enabled user.
#[must_use]
pub fn user(username: &str, role: Role) -> User {
    User {
        id: new_id(),
        username: username.to_owned(),
        password_hash: "$argon2id$sample".to_owned(),
        role,
        tokens_valid_from: at(0),
        disabled: false,
        created_at: at(0),
    }
}
