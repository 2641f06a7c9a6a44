//! Values for unit tests: one incident with one anomaly, a policy and a past run.

use domain::Time;
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState, Evidence, Recovery};
use domain::decision::{GateFacts, PastRun};
use domain::incident::{Cause, Incident, IncidentState, Severity};
use domain::policy::{Autonomy, Gates, Match, OnFailure, Policy, PolicySpec, Step, VerificationSpec};
use domain::resource::Resource;
use domain::run::RunState;
use domain::signal::SignalKind;
use domain::trace::TraceContext;
use domain::verification::Verdict;
use uuid::Uuid;

/// Second `n` of the test's time.
pub(crate) fn t(n: i64) -> Time {
    domain::clock::from_millis(1_800_000_000_000 + n * 1_000)
}

pub(crate) const TARGET: &str = "service=checkout";

pub(crate) fn incident() -> Incident {
    Incident {
        id: Uuid::from_u128(1),
        version: 1,
        fingerprint: "f".into(),
        title: "latency of checkout".into(),
        severity: Severity::Warning,
        state: IncidentState::Open,
        entity: TARGET.into(),
        entities: vec![TARGET.into()],
        started_at: t(-60),
        detected_at: t(-30),
        updated_at: t(-30),
        resolved_at: None,
        soak_until: None,
        causes: vec![Cause {
            entity: TARGET.into(),
            probability: 0.9,
            signals: vec![SignalKind::Latency],
            evidence: vec![],
            path: vec![],
        }],
        attempts: 0,
        reopened: 0,
        acknowledged_by: None,
        trace: TraceContext { trace_id: "0af7651916cd43dd8448eb211c80319c".into(), span_id: "b7ad6b7169203331".into() },
    }
}

pub(crate) fn anomaly() -> Anomaly {
    Anomaly {
        id: Uuid::from_u128(2),
        monitor_id: Uuid::from_u128(3),
        monitor_name: "checkout latency".into(),
        series_key: "k".into(),
        entity: TARGET.into(),
        labels: [
            ("service".to_owned(), "checkout".to_owned()),
            ("instance".to_owned(), "web-1; touch pwned".to_owned()),
        ]
        .into(),
        signal: SignalKind::Latency,
        kind: AnomalyKind::Level,
        state: AnomalyState::Open,
        started_at: t(-60),
        last_seen_at: t(-15),
        ended_at: None,
        score: 0.9,
        observed: 2.0,
        expected: 0.2,
        lower: 0.1,
        upper: 0.4,
        evidence: Evidence::default(),
        recovery: Recovery::Closed,
        incident_id: Some(Uuid::from_u128(1)),
    }
}

pub(crate) fn policy() -> Policy {
    Resource {
        id: Uuid::from_u128(9),
        version: 1,
        name: "restart checkout".into(),
        tags: vec![],
        created_at: t(-9_000),
        updated_at: t(-9_000),
        archived_at: None,
        spec: PolicySpec {
            description: String::new(),
            enabled: true,
            priority: 0,
            matches: Match { min_severity: Severity::Info, ..Match::default() },
            steps: vec![Step { case_id: Uuid::from_u128(20), undo_case_id: None, values: [].into() }],
            autonomy: Autonomy::Auto,
            gates: Gates::default(),
            verification: VerificationSpec::default(),
            on_failure: OnFailure::NextStep,
        },
    }
}

pub(crate) fn facts() -> GateFacts {
    GateFacts {
        incident: incident(),
        anomalies: vec![anomaly()],
        policy_runs: vec![],
        target_runs: vec![],
        data_as_of: Some(t(-5)),
        now: t(0),
    }
}

/// A heal run that was queued at `queued`, ended at `ended` and was judged then.
pub(crate) fn past(queued: i64, ended: Option<i64>, verdict: Option<Verdict>) -> PastRun {
    PastRun {
        id: domain::new_id(),
        incident_id: Uuid::from_u128(1),
        target: TARGET.into(),
        step: 0,
        undo: false,
        state: if ended.is_some() { RunState::Succeeded } else { RunState::Running },
        queued_at: t(queued),
        ended_at: ended.map(t),
        verdict,
        verdict_at: verdict.and(ended).map(t),
    }
}
