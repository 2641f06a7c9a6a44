//! A process that dies at a named point leaves a whole step or none of it, and the next process goes on.
//!
//! The test starts its own binary as a child that aborts at the point (no unwinding, no clean-up: as `kill -9`).

use crate::databases::{sqlite, url};
use domain::decision::{GateFacts, Outcome, Plan};
use domain::identity::Audit;
use domain::incident::{EventKind, IncidentState, Severity};
use domain::policy::Policy;
use domain::ports::{AuditStore, CatalogStore, HealStore, IncidentStore, OutboxStore, RunStore, VerificationStep};
use domain::run::{RunEnd, RunState};
use domain::testing::contracts::Stores;
use domain::testing::samples;
use domain::verification::Verdict;
use domain::{Id, Kind};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use store::Database;

const URL: &str = "STORE_IT_CHILD_URL";
const POINT: &str = "STORE_IT_CHILD_POINT";
const INCIDENT: Id = Id::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);

fn go(policy: &Policy, facts: &GateFacts) -> Plan {
    samples::plan(policy, facts, Outcome::Run, "all gates pass")
}

/// The whole loop on one incident; every call may be repeated after a death.
async fn go_on(db: &Database) -> domain::Result<()> {
    if let Err(absent) = db.incident(INCIDENT).await {
        assert_eq!(absent.kind, Kind::NotFound);
        let incident = domain::incident::Incident { id: INCIDENT, ..samples::incident("f", "service=a") };
        Stores::of(&Arc::new(db.clone())).open(incident).await?;
    }
    db.decide(INCIDENT, &samples::loose_policy("p"), &go).await?;
    if let Some(claim) = db.claim("w", Duration::ZERO).await? {
        let (id, epoch) = (claim.run.id, claim.run.lease_epoch);
        db.started(id, epoch, samples::at(90)).await?;
        let end = RunEnd { state: RunState::Succeeded, exit_code: Some(0), reason: String::new() };
        db.finish(id, epoch, end, samples::at(100)).await?;
    }
    db.start_verifications(samples::at(101)).await?;
    for v in db.due_verifications(samples::at(900), 10).await? {
        let round = VerificationStep::Round { samples: Vec::new(), next_at: samples::at(120), event: None };
        db.step_verification(v.id, v.version, round).await?;
        db.step_verification(v.id, v.version + 1, fixed()).await?;
    }
    let later = chrono::Utc::now() + chrono::TimeDelta::hours(1);
    for n in db.due(later, Duration::ZERO, 10).await? {
        db.delivered(n.id, later).await?;
    }
    Ok(())
}

fn fixed() -> VerificationStep {
    VerificationStep::Verdict {
        samples: vec![samples::sample(0.5, true)],
        verdict: Verdict::Fixed,
        reason: "as measured".to_owned(),
        at: samples::at(150),
        soak_until: None,
        to: IncidentState::Resolved,
        undo: None,
        events: vec![samples::event(INCIDENT, EventKind::Verdict, "as measured")],
    }
}

/// The child: does nothing in an ordinary test run.
#[tokio::test]
async fn child() {
    let (Ok(url), Ok(point)) = (std::env::var(URL), std::env::var(POINT)) else { return };
    fail::cfg_callback(point, || std::process::abort()).unwrap();
    let db = Database::connect(&url).await.unwrap();
    go_on(&db).await.unwrap();
}

#[tokio::test]
async fn every_point_leaves_a_whole_step() {
    let points = [
        "analyze.commit.before",
        "analyze.commit.after",
        "decide.commit.before",
        "decide.commit.after",
        "claim.commit.after",
        "started.commit.after",
        "finish.commit.before",
        "finish.commit.after",
        "verify.start.commit.after",
        "verify.round.commit.after",
        "verdict.commit.before",
        "verdict.commit.after",
        "outbox.claimed",
        "outbox.delivered.before",
    ];
    for point in points {
        let (folder, db) = sqlite().await;
        db.create(samples::draft("hook", samples::channel(Severity::Info)), Audit::new("alice", "create"))
            .await
            .unwrap();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child", "--test-threads=1"])
            .env(URL, url(&folder))
            .env(POINT, point)
            .output()
            .unwrap();
        assert!(!child.status.success(), "{point}: the child was not stopped");
        assert_eq!(child.status.code(), None, "{point}: it died by a signal");
        // Twice: what was half way is finished, what was finished stays.
        go_on(&db).await.unwrap();
        go_on(&db).await.unwrap();
        finished_once(&db, point).await;
    }
}

async fn finished_once(db: &Database, point: &str) {
    let incident = db.incident(INCIDENT).await.unwrap();
    assert_eq!((incident.state, incident.attempts), (IncidentState::Resolved, 1), "{point}");
    let kinds: Vec<_> = db.events(INCIDENT, None, 100).await.unwrap().into_iter().map(|e| e.kind).collect();
    let once = [
        EventKind::Opened,
        EventKind::Decided,
        EventKind::RunQueued,
        EventKind::RunStarted,
        EventKind::RunEnded,
        EventKind::VerificationStarted,
        EventKind::Verdict,
    ];
    for kind in once {
        assert_eq!(kinds.iter().filter(|k| **k == kind).count(), 1, "{point}: {kind:?}");
    }
    assert_eq!(db.decisions(INCIDENT).await.unwrap().len(), 1, "{point}");
    assert_eq!(db.verifications(INCIDENT).await.unwrap().len(), 1, "{point}");
    let told = db.notifications(INCIDENT).await.unwrap();
    assert_eq!(told.iter().map(|n| n.topic.as_str()).collect::<Vec<_>>(), ["incident.opened", "incident.resolved"]);
    assert_eq!(db.verify_audit().await.unwrap(), 2, "{point}: the channel and the run");
}
