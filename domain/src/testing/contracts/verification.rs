//! Contract of verifications: one per run, whole verdicts, undo, escalation.

use super::{Stores, by_alice, conflict, failed};
use crate::decision::{GateFacts, Outcome, Plan};
use crate::error::{Kind, Result};
use crate::feedback::{self, Opinion, Voice};
use crate::incident::{Actor, EventKind, IncidentEvent, IncidentState, Severity};
use crate::policy::Policy;
use crate::ports::{AnalyzerCommit, IncidentWrite, VerificationStep};
use crate::run::{Run, RunEnd, RunPurpose, RunState};
use crate::testing::{samples, together};
use crate::verification::{CheckSample, Verdict, Verification};
use crate::{Id, Time};
use chrono::TimeDelta;
use std::time::Duration;

fn go(policy: &Policy, facts: &GateFacts) -> Plan {
    samples::plan(policy, facts, Outcome::Run, "all gates pass")
}

async fn run_to_end(s: &Stores, state: RunState, ended: Time) -> Result<()> {
    let claim = s.runs.claim("w", Duration::from_secs(20)).await?.expect("the run is queued");
    s.runs.started(claim.run.id, claim.run.lease_epoch, ended).await?;
    let end = RunEnd { state, exit_code: None, reason: String::new() };
    s.runs.finish(claim.run.id, claim.run.lease_epoch, end, ended).await
}

/// An incident whose heal ended in `state`, with its verification begun.
async fn verifying(s: &Stores, state: RunState) -> Result<Verification> {
    verifying_after(s, state, vec![samples::sample(2.5, false)]).await
}

/// The same, with what was measured before the run.
async fn verifying_after(s: &Stores, state: RunState, baseline: Vec<CheckSample>) -> Result<Verification> {
    let id = s.open(samples::incident("f", "service=a")).await?.id;
    let plan = s.heal.decide(id, &samples::loose_policy("p"), &go).await?.expect("it is open");
    s.heal.set_baseline(plan.run.expect("it runs").id, baseline).await?;
    run_to_end(s, state, samples::at(100)).await?;
    Ok(s.heal.start_verifications(samples::at(101)).await?.pop().expect("one ended"))
}

fn verdict(v: &Verification, verdict: Verdict, to: IncidentState, undo: Option<Run>) -> VerificationStep {
    let actor = Actor::system("healer");
    VerificationStep::Verdict {
        samples: vec![samples::sample(0.5, true)],
        verdict,
        reason: "as measured".to_owned(),
        at: samples::at(150),
        soak_until: (verdict == Verdict::Fixed).then(|| samples::at(750)),
        to,
        undo: undo.map(Box::new),
        events: vec![IncidentEvent::new(v.incident_id, samples::at(150), EventKind::Verdict, actor, "as measured")],
    }
}

async fn state(s: &Stores, id: Id) -> Result<IncidentState> {
    Ok(s.incidents.incident(id).await?.state)
}

/// Five starters at once: one verification, fixed at the decision's specification, due after the settle time.
pub async fn one_verification_per_run(s: &Stores) -> Result<()> {
    let id = s.open(samples::incident("f", "service=a")).await?.id;
    let plan = s.heal.decide(id, &samples::loose_policy("p"), &go).await?.expect("it is open");
    let run = plan.run.expect("it runs");
    s.heal.set_baseline(run.id, vec![samples::sample(2.5, false)]).await?;
    assert_eq!(s.heal.start_verifications(samples::at(90)).await?, [], "it has not ended");
    run_to_end(s, RunState::Lost, samples::at(100)).await?;
    conflict(s.heal.set_baseline(run.id, Vec::new()).await);
    let started = together((0..5).map(|_| s.heal.start_verifications(samples::at(101)))).await;
    let started: Vec<_> = started.into_iter().collect::<Result<Vec<_>>>()?.concat();
    assert_eq!(started.len(), 1);
    let v = &started[0];
    assert_eq!((v.run_id, v.incident_id, v.spec.settle_secs), (run.id, id, 7));
    assert_eq!((v.baseline.len(), v.next_at), (1, Some(samples::at(107))));
    assert!(v.reason.contains("lost"), "{}", v.reason);
    assert_eq!(s.heal.verifications(id).await?, started);
    assert_eq!(state(s, id).await?, IncidentState::Verifying);
    assert_eq!(s.heal.due_verifications(samples::at(106), 10).await?, []);
    assert_eq!(s.heal.due_verifications(samples::at(107), 10).await?, started);
    let kinds: Vec<_> = s.incidents.events(id, None, 20).await?.iter().map(|e| e.kind).collect();
    let expected = [
        EventKind::Opened,
        EventKind::Decided,
        EventKind::RunQueued,
        EventKind::RunStarted,
        EventKind::RunEnded,
        EventKind::VerificationStarted,
    ];
    assert_eq!(kinds, expected);
    Ok(())
}

/// What a verdict says of the anomalies: cured means useful, healthy before the run already means noise, else nothing.
pub async fn a_verdict_is_an_opinion(s: &Stores) -> Result<()> {
    let (sick, well) = (|| vec![samples::sample(2.5, false)], || vec![samples::sample(0.5, true)]);
    let cases = [
        (sick(), Verdict::Fixed, Some(Opinion::Useful)),
        (well(), Verdict::Fixed, Some(Opinion::Noise)),
        (Vec::new(), Verdict::Fixed, Some(Opinion::Useful)),
        (sick(), Verdict::NotFixed, None),
        (well(), Verdict::Inconclusive, None),
    ];
    for (baseline, given, expected) in cases {
        let v = verifying_after(s, RunState::Succeeded, baseline).await?;
        let anomaly = samples::anomaly(crate::new_id(), Some(v.incident_id));
        s.analyzer.commit(AnalyzerCommit { anomalies: vec![anomaly.clone()], ..AnalyzerCommit::default() }).await?;
        let to = if given == Verdict::Fixed { IncidentState::Resolved } else { IncidentState::Escalated };
        s.heal.step_verification(v.id, v.version, verdict(&v, given, to, None)).await?;
        let said = s.feedback.feedback_on(anomaly.id).await?;
        let told: Vec<_> = said.iter().map(|f| (f.opinion, f.voice, f.fingerprint.clone())).collect();
        let print = feedback::fingerprint(&anomaly);
        assert_eq!(told, expected.map(|o| (o, Voice::Verdict, print)).into_iter().collect::<Vec<_>>(), "{given:?}");
        if given != Verdict::Fixed {
            let event = samples::event(v.incident_id, EventKind::Resolved, "over");
            let now = s.incidents.incident(v.incident_id).await?.version;
            s.incidents.transition(v.incident_id, now, IncidentState::Resolved, event, by_alice("resolve")).await?;
        }
    }
    Ok(())
}

/// Rounds add up; a verdict comes with everything that follows from it; of five at once one is written.
pub async fn a_verdict_is_one_step(s: &Stores) -> Result<()> {
    s.channels.create(samples::draft("all", samples::channel(Severity::Info)), by_alice("create")).await?;
    let v = verifying(s, RunState::Succeeded).await?;
    let moved = IncidentWrite::Update {
        id: v.incident_id,
        severity: Severity::Critical,
        entity: "service=b".to_owned(),
        entities: vec!["service=b".to_owned()],
        causes: Vec::new(),
        events: Vec::new(),
    };
    s.analyzer.commit(AnalyzerCommit { incidents: vec![moved], ..AnalyzerCommit::default() }).await?;
    let kept = s.incidents.incident(v.incident_id).await?;
    assert_eq!((kept.entity.as_str(), kept.severity), ("service=a", Severity::Critical), "acted on: keeps its target");
    let round = || VerificationStep::Round {
        samples: vec![samples::sample(0.5, true)],
        next_at: samples::at(120),
        event: None,
    };
    s.heal.step_verification(v.id, 1, round()).await?;
    conflict(s.heal.step_verification(v.id, 1, round()).await);
    let give = || s.heal.step_verification(v.id, 2, verdict(&v, Verdict::Fixed, IncidentState::Resolved, None));
    let (won, refused): (Vec<_>, Vec<_>) = together((0..5).map(|_| give())).await.into_iter().partition(Result::is_ok);
    assert_eq!(won.len(), 1);
    refused.into_iter().for_each(conflict);
    let stored = s.heal.verifications(v.incident_id).await?.remove(0);
    assert_eq!((stored.verdict, stored.rounds.len(), stored.next_at), (Some(Verdict::Fixed), 2, None));
    assert_eq!((stored.ended_at, stored.soak_until), (Some(samples::at(150)), Some(samples::at(750))));
    conflict(s.heal.step_verification(v.id, stored.version, round()).await);
    let incident = s.incidents.incident(v.incident_id).await?;
    assert_eq!((incident.state, incident.resolved_at), (IncidentState::Resolved, Some(samples::at(150))));
    assert_eq!(incident.soak_end(), Some(samples::at(750)), "as the verdict says");
    assert_eq!(s.analyzer.recent_incidents(samples::at(749)).await?.len(), 1, "its soak goes on");
    assert_eq!(s.analyzer.recent_incidents(samples::at(750)).await?.len(), 0);
    let topics: Vec<_> = s.outbox.notifications(v.incident_id).await?.into_iter().map(|n| n.topic).collect();
    assert_eq!(topics, ["incident.opened", "incident.resolved"]);
    let events = s.incidents.events(v.incident_id, None, 50).await?;
    assert_eq!(events.iter().filter(|e| e.kind == EventKind::Verdict).count(), 1);
    assert_eq!(s.heal.due_verifications(samples::at(9_999), 10).await?, []);
    assert_eq!(s.incidents.summary(samples::at(0)).await?["verdicts"]["fixed"], 1);
    Ok(())
}

/// Only `fixed` resolves; a refused verdict leaves nothing behind; the next step is open for a decision.
pub async fn only_fixed_resolves(s: &Stores) -> Result<()> {
    let v = verifying(s, RunState::Succeeded).await?;
    for wrong in [Verdict::Improved, Verdict::NotFixed, Verdict::Worse, Verdict::Inconclusive] {
        let step = verdict(&v, wrong, IncidentState::Resolved, None);
        assert_eq!(failed(s.heal.step_verification(v.id, 1, step).await).kind, Kind::Invalid, "{wrong:?}");
    }
    assert_eq!(s.heal.verifications(v.incident_id).await?, std::slice::from_ref(&v));
    assert_eq!(state(s, v.incident_id).await?, IncidentState::Verifying);
    s.heal.step_verification(v.id, 1, verdict(&v, Verdict::NotFixed, IncidentState::Open, None)).await?;
    assert_eq!(s.heal.undecided(samples::at(0), 10).await?.len(), 1);
    let seen = std::sync::Mutex::new(Vec::new());
    let look = |policy: &Policy, facts: &GateFacts| {
        *seen.lock().expect("not poisoned") = facts.target_runs.clone();
        samples::plan(policy, facts, Outcome::Refuse, "only looking")
    };
    s.heal.decide(v.incident_id, &samples::loose_policy("q"), &look).await?;
    let past = seen.into_inner().expect("not poisoned");
    assert_eq!((past[0].verdict, past[0].verdict_at), (Some(Verdict::NotFixed), Some(samples::at(150))));
    Ok(())
}

/// An undo is enqueued with the verdict; when it ends, a person is called.
pub async fn an_undo_ends_with_a_person(s: &Stores) -> Result<()> {
    s.channels.create(samples::draft("all", samples::channel(Severity::Info)), by_alice("create")).await?;
    let v = verifying(s, RunState::Failed).await?;
    let none = verdict(&v, Verdict::Worse, IncidentState::Healing, None);
    assert_eq!(failed(s.heal.step_verification(v.id, 1, none).await).kind, Kind::Invalid);
    let undo = samples::run("service=a");
    let undo_id = undo.id;
    s.heal.step_verification(v.id, 1, verdict(&v, Verdict::Worse, IncidentState::Healing, Some(undo))).await?;
    assert_eq!(state(s, v.incident_id).await?, IncidentState::Healing);
    let stored = s.runs.run(undo_id).await?;
    assert_eq!((stored.purpose, stored.heal.map(|l| l.incident_id)), (RunPurpose::Undo, Some(v.incident_id)));
    run_to_end(s, RunState::Succeeded, samples::at(200)).await?;
    assert_eq!(s.heal.start_verifications(samples::at(201)).await?, []);
    assert_eq!(state(s, v.incident_id).await?, IncidentState::Escalated);
    let topics: Vec<_> = s.outbox.notifications(v.incident_id).await?.into_iter().map(|n| n.topic).collect();
    assert_eq!(topics, ["incident.opened", "incident.escalated"]);
    s.heal.start_verifications(samples::at(202)).await?;
    assert_eq!(s.outbox.notifications(v.incident_id).await?.len(), 2, "followed up once");
    Ok(())
}

/// An undo that finds its target taken becomes a call for a person; no second heal starts.
pub async fn an_undo_waits_for_nobody(s: &Stores) -> Result<()> {
    let v = verifying(s, RunState::Succeeded).await?;
    let other = s.open(samples::incident("g", "service=a")).await?.id;
    s.heal.decide(other, &samples::loose_policy("q"), &go).await?.expect("it is open");
    let undo = samples::run("service=a");
    let undo_id = undo.id;
    s.heal.step_verification(v.id, 1, verdict(&v, Verdict::Worse, IncidentState::Healing, Some(undo))).await?;
    assert_eq!(state(s, v.incident_id).await?, IncidentState::Escalated);
    assert_eq!(failed(s.runs.run(undo_id).await).kind, Kind::NotFound);
    Ok(())
}

/// What a person took while it was measured stays theirs.
pub async fn a_persons_change_stays(s: &Stores) -> Result<()> {
    let v = verifying(s, RunState::Succeeded).await?;
    let incident = s.incidents.incident(v.incident_id).await?;
    let actor = Actor::User { name: "alice".to_owned() };
    let event = IncidentEvent::new(v.incident_id, samples::at(140), EventKind::Escalated, actor, "mine");
    s.incidents
        .transition(v.incident_id, incident.version, IncidentState::Escalated, event, by_alice("escalate"))
        .await?;
    let mut step = verdict(&v, Verdict::Fixed, IncidentState::Resolved, None);
    if let VerificationStep::Verdict { events, .. } = &mut step {
        events.push(samples::event(v.incident_id, EventKind::Resolved, "over"));
    }
    s.heal.step_verification(v.id, 1, step).await?;
    assert_eq!(state(s, v.incident_id).await?, IncidentState::Escalated);
    let told: Vec<_> = s.incidents.events(v.incident_id, None, 20).await?.iter().map(|e| e.kind).collect();
    assert!(told.contains(&EventKind::Verdict) && !told.contains(&EventKind::Resolved), "{told:?}");
    assert_eq!(s.heal.verifications(v.incident_id).await?[0].verdict, Some(Verdict::Fixed));
    assert!(s.heal.verifications(v.incident_id).await?[0].started_at + TimeDelta::seconds(1) > samples::at(101));
    Ok(())
}
