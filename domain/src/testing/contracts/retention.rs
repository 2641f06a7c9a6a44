//! Contract of [`crate::ports::RetentionStore`]: what ended long ago goes whole, everything else stays.

use super::{Stores, by_alice, failed};
use crate::anomaly::AnomalyState;
use crate::blob::run_prefix;
use crate::error::{Kind, Result};
use crate::feedback::{Feedback, Opinion, Voice};
use crate::incident::{EventKind, IncidentState};
use crate::ports::{AnalyzerCommit, Expired, IncidentWrite};
use crate::run::{RunEnd, RunState};
use crate::testing::samples::{self, at};
use crate::{Id, Time, new_id};
use std::time::Duration;

/// After everything that a contract does, whichever clock wrote it.
fn later() -> Time {
    at(100 * 365 * 86_400)
}

/// A closed incident with one closed anomaly.
async fn closed(s: &Stores, name: &str) -> Result<(Id, Id)> {
    let incident = s.open(samples::incident(name, &format!("service={name}"))).await?;
    let mut anomaly = samples::anomaly(new_id(), Some(incident.id));
    anomaly.state = AnomalyState::Closed;
    anomaly.ended_at = Some(at(70));
    let commit = AnalyzerCommit { anomalies: vec![anomaly.clone()], ..AnalyzerCommit::default() };
    s.analyzer.commit(commit).await?;
    let event = samples::event(incident.id, EventKind::Resolved, "over");
    let write = IncidentWrite::ResolveNatural { id: incident.id, at: at(80), event };
    s.analyzer.commit(AnalyzerCommit { incidents: vec![write], ..AnalyzerCommit::default() }).await?;
    Ok((incident.id, anomaly.id))
}

async fn ended_run(s: &Stores) -> Result<Id> {
    let id = s.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?.id;
    let claim = s.runs.claim("w", Duration::from_secs(20)).await?.expect("one is ready");
    assert_eq!(claim.run.id, id);
    let end = RunEnd { state: RunState::Succeeded, exit_code: Some(0), reason: "exit code 0".to_owned() };
    s.runs.finish(id, claim.run.lease_epoch, end, at(90)).await?;
    Ok(id)
}

/// Incidents with all that hangs on them, runs, anomalies of nobody: gone at their age and not before; the audit stays.
///
/// # Errors
/// As the store's.
pub async fn what_ended_long_ago_goes(s: &Stores) -> Result<()> {
    let (incident, anomaly) = closed(s, "a").await?;
    let run = ended_run(s).await?;
    let mut alone = samples::anomaly(new_id(), None);
    alone.state = AnomalyState::Closed;
    s.analyzer.commit(AnalyzerCommit { anomalies: vec![alone.clone()], ..AnalyzerCommit::default() }).await?;
    let audited = s.audit.verify_audit().await?;
    assert_eq!(s.retention.expire(at(0), 100).await?, Expired::default(), "nothing ended before this");
    let gone = s.retention.expire(later(), 100).await?;
    assert_eq!(gone, Expired { incidents: 1, runs: 1, anomalies: 1, ..Expired::default() });
    assert_eq!(failed(s.incidents.incident(incident).await).kind, Kind::NotFound);
    assert_eq!(failed(s.runs.run(run).await).kind, Kind::NotFound);
    for id in [anomaly, alone.id] {
        assert_eq!(failed(s.feedback.anomaly(id).await).kind, Kind::NotFound);
    }
    assert_eq!(s.incidents.events_since(None, 100).await?, [], "no event speaks of what is gone");
    assert_eq!(s.audit.verify_audit().await?, audited);
    assert_eq!(s.retention.expire(later(), 100).await?, Expired::default());
    Ok(())
}

/// Open incidents, waiting runs, open anomalies and what a person judged stay, however old; so does the rest of a batch.
///
/// # Errors
/// As the store's.
pub async fn what_is_under_way_stays(s: &Stores) -> Result<()> {
    let open = s.open(samples::incident("open", "service=open")).await?;
    let (judged, of_judged) = closed(s, "judged").await?;
    let said = Feedback::of(&s.feedback.anomaly(of_judged).await?, Opinion::Noise, Voice::Person, "ann", at(100));
    s.feedback.say(said, by_alice("anomaly.feedback")).await?;
    let anomaly = samples::anomaly(new_id(), None);
    s.analyzer.commit(AnalyzerCommit { anomalies: vec![anomaly.clone()], ..AnalyzerCommit::default() }).await?;
    let waiting = s.runs.enqueue(samples::run("service=a"), by_alice("run.start")).await?;
    let policy = samples::loose_policy("restart");
    let healing = s.open(samples::incident("healing", "service=h")).await?;
    let go = |p: &_, f: &_| samples::plan(p, f, crate::decision::Outcome::Run, "all gates pass");
    s.heal.decide(healing.id, &policy, &go).await?;
    assert_eq!(s.retention.expire(later(), 100).await?, Expired::default());
    for id in [open.id, judged, healing.id] {
        s.incidents.incident(id).await?;
    }
    assert_eq!(s.incidents.incident(judged).await?.state, IncidentState::Resolved);
    s.feedback.anomaly(anomaly.id).await?;
    s.runs.run(waiting.id).await?;
    for name in ["x", "y", "z"] {
        closed(s, name).await?;
    }
    let mut steps = Vec::new();
    for _ in 0..3 {
        steps.push(s.retention.expire(later(), 2).await?.incidents);
    }
    assert_eq!(steps, [2, 1, 0]);
    Ok(())
}

/// The files of a run that is gone are remembered until somebody says that they are gone too.
///
/// # Errors
/// As the store's.
pub async fn files_go_after_their_rows(s: &Stores) -> Result<()> {
    let run = ended_run(s).await?;
    assert_eq!(s.retention.orphaned_files(10).await?, [""; 0]);
    s.retention.expire(later(), 100).await?;
    let prefix = run_prefix(run);
    assert_eq!(s.retention.orphaned_files(10).await?, [prefix.as_str()]);
    s.retention.files_are_gone(&prefix).await?;
    assert_eq!(s.retention.orphaned_files(10).await?, [""; 0]);
    Ok(())
}
