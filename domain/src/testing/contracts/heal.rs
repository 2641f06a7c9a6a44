//! Contract of decisions: facts, reservation, one heal per target, limits that hold under a race.

use super::{Stores, by_alice};
use crate::anomaly::AnomalyState;
use crate::decision::{Decision, GateFacts, Outcome, Plan};
use crate::error::Result;
use crate::incident::{EventKind, IncidentState, Severity};
use crate::new_id;
use crate::policy::Policy;
use crate::ports::{AnalyzerCommit, IncidentWrite, RunFilter};
use crate::run::{RunPurpose, RunState};
use crate::status::{Health, Status, StatusOf};
use crate::testing::{samples, together};
use chrono::TimeDelta;
use std::sync::Mutex;

fn go(policy: &Policy, facts: &GateFacts) -> Plan {
    samples::plan(policy, facts, Outcome::Run, "all gates pass")
}

/// A decision to run moves everything at once: decision, run, queue, incident, events, audit.
pub async fn a_decision_to_run_is_one_step(s: &Stores) -> Result<()> {
    let policy = samples::loose_policy("restart");
    let incident = s.open(samples::incident("f", "service=a")).await?;
    let plan = s.heal.decide(incident.id, &policy, &go).await?.expect("it is open");
    let run = plan.run.expect("it runs");
    let stored = s.runs.run(run.id).await?;
    assert_eq!(stored, *run);
    assert_eq!((stored.purpose, stored.state), (RunPurpose::Heal, RunState::Queued));
    let link = stored.heal.clone().expect("a heal is linked");
    assert_eq!((link.incident_id, link.policy_id, link.decision_id), (incident.id, policy.id, plan.decision.id));
    let after = s.incidents.incident(incident.id).await?;
    assert_eq!((after.state, after.attempts, after.version), (IncidentState::Healing, 1, 2));
    assert_eq!(s.heal.decisions(incident.id).await?, [plan.decision]);
    let kinds: Vec<_> = s.incidents.events(incident.id, None, 10).await?.iter().map(|e| e.kind).collect();
    assert_eq!(kinds, [EventKind::Opened, EventKind::Decided, EventKind::RunQueued]);
    assert_eq!(s.audit.verify_audit().await?, 1);
    assert_eq!(s.heal.decide(incident.id, &policy, &go).await?, None, "it is being healed");
    assert_eq!(s.heal.undecided(samples::at(0), 10).await?, []);
    let filter = RunFilter { incident_id: Some(incident.id), ..RunFilter::default() };
    assert_eq!(s.runs.list_runs(&filter, &crate::page::PageRequest::default()).await?.items.len(), 1);
    Ok(())
}

/// Ten policies on ten incidents of one target at once: one run, the rest wait for the target.
pub async fn one_active_heal_per_target(s: &Stores) -> Result<()> {
    let mut pairs = Vec::new();
    for i in 0..10 {
        let incident = s.open(samples::incident(&format!("f{i}"), "service=a")).await?;
        pairs.push((incident.id, samples::loose_policy(&format!("p{i}"))));
    }
    let plans = together(pairs.iter().map(|(id, policy)| s.heal.decide(*id, policy, &go))).await;
    let plans: Vec<Plan> = plans.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    let (runs, waits): (Vec<_>, Vec<_>) = plans.iter().partition(|p| p.run.is_some());
    assert_eq!((runs.len(), waits.len()), (1, 9));
    for wait in &waits {
        assert_eq!((wait.decision.outcome, wait.decision.run_id), (Outcome::Wait, None));
        assert_eq!(wait.decision.retry_at, Some(wait.decision.at.max(wait.decision.retry_at.unwrap_or_default())));
        let gate = wait.decision.gates.last().expect("the target's gate");
        assert_eq!((gate.gate.as_str(), gate.passed), ("target_busy", false));
    }
    let now = waits[0].decision.at;
    assert_eq!(s.heal.undecided(now - TimeDelta::seconds(60), 20).await?.len(), 0);
    assert_eq!(s.heal.undecided(now + TimeDelta::seconds(60), 20).await?.len(), 9, "asked again after a while");
    Ok(())
}

/// Eight deciders of one policy at once see each other's reservations: a limit of two holds.
pub async fn limits_hold_under_a_race(s: &Stores) -> Result<()> {
    let policy = samples::loose_policy("p");
    let mut ids = Vec::new();
    for i in 0..8 {
        ids.push(s.open(samples::incident(&format!("f{i}"), &format!("service=s{i}"))).await?.id);
    }
    let limited = |policy: &Policy, facts: &GateFacts| {
        let outcome = if facts.policy_runs.len() < 2 { Outcome::Run } else { Outcome::Refuse };
        samples::plan(policy, facts, outcome, "limit of two")
    };
    let plans = together(ids.iter().map(|id| s.heal.decide(*id, &policy, &limited))).await;
    let runs = plans.into_iter().collect::<Result<Vec<_>>>()?.into_iter().flatten().filter(|p| p.run.is_some()).count();
    assert_eq!(runs, 2);
    Ok(())
}

/// The gates see the incident, its anomalies, past runs by policy and by target, and the oldest data.
pub async fn facts_are_complete(s: &Stores) -> Result<()> {
    let (fresh, old, closed) = (new_id(), new_id(), new_id());
    let incident = samples::incident("f", "service=a");
    let mut anomalies: Vec<_> = [fresh, old, closed].map(|m| samples::anomaly(m, Some(incident.id))).into();
    anomalies[2].state = AnomalyState::Closed;
    let id = incident.id;
    let incidents = vec![IncidentWrite::Open { incident: Box::new(incident), events: Vec::new() }];
    s.analyzer.commit(AnalyzerCommit { incidents, anomalies, ..AnalyzerCommit::default() }).await?;
    let seen = Mutex::new(Vec::new());
    let look = |policy: &Policy, facts: &GateFacts| {
        seen.lock().expect("not poisoned").push(facts.clone());
        samples::plan(policy, facts, Outcome::Refuse, "only looking")
    };
    let (mine, other) = (samples::loose_policy("mine"), samples::loose_policy("other"));
    s.heal.decide(id, &mine, &look).await?;
    for (monitor, ok) in [(fresh, 50), (old, 40)] {
        let (of, health, message) = (StatusOf::Monitor, Health::Partial, String::new());
        let (checked_at, ok_at, details) = (samples::at(55), Some(samples::at(ok)), serde_json::Value::Null);
        s.statuses
            .put_status(Status { of, id: monitor, health, message, checked_at, ok_at, latency_ms: 1, details })
            .await?;
    }
    let same_target = s.open(samples::incident("g", "service=a")).await?.id;
    s.heal.decide(same_target, &other, &go).await?;
    let elsewhere = s.open(samples::incident("h", "service=b")).await?.id;
    s.heal.decide(elsewhere, &mine, &go).await?;
    s.heal.decide(id, &mine, &look).await?;
    let seen = seen.into_inner().expect("not poisoned");
    assert_eq!((seen[0].data_as_of, seen[0].policy_runs.len(), seen[0].target_runs.len()), (None, 0, 0));
    let facts = &seen[1];
    assert_eq!((facts.incident.id, facts.anomalies.len(), facts.data_as_of), (id, 3, Some(samples::at(40))));
    assert_eq!(facts.policy_runs.iter().map(|r| r.incident_id).collect::<Vec<_>>(), [elsewhere]);
    assert_eq!(facts.target_runs.iter().map(|r| (r.incident_id, r.undo)).collect::<Vec<_>>(), [(same_target, false)]);
    Ok(())
}

/// A wait holds until its time or until the incident changes, and is told once however often it is repeated.
pub async fn waiting_is_told_once(s: &Stores) -> Result<()> {
    let policy = samples::loose_policy("p");
    let id = s.open(samples::incident("f", "service=a")).await?.id;
    assert_eq!(s.heal.undecided(samples::at(0), 10).await?.len(), 1, "no decision yet");
    let wait = |policy: &Policy, facts: &GateFacts| {
        let mut plan = samples::plan(policy, facts, Outcome::Wait, &format!("until {}", new_id()));
        plan.decision.retry_at = Some(samples::at(500));
        plan
    };
    let first = s.heal.decide(id, &policy, &wait).await?.expect("it is open");
    let second = s.heal.decide(id, &policy, &wait).await?.expect("it is open");
    assert_eq!(s.heal.decisions(id).await?, std::slice::from_ref(&second.decision), "the same wait is renewed");
    assert_eq!(first.decision.id, second.decision.id);
    assert_eq!(s.incidents.events(id, None, 10).await?.len(), 2, "opened and decided");
    assert_eq!(s.heal.undecided(samples::at(499), 10).await?, []);
    assert_eq!(s.heal.undecided(samples::at(500), 10).await?.len(), 1, "its time has come");
    let event = samples::event(id, EventKind::AnomalyAdded, "one more");
    let (entity, entities) = ("service=a".to_owned(), vec!["service=a".to_owned()]);
    let write = IncidentWrite::Update {
        id,
        severity: Severity::Info,
        entity,
        entities,
        causes: Vec::new(),
        events: vec![event],
    };
    s.analyzer.commit(AnalyzerCommit { incidents: vec![write], ..AnalyzerCommit::default() }).await?;
    assert_eq!(s.heal.undecided(samples::at(0), 10).await?.len(), 1, "it changed");
    let none = |reason: &str, at| Decision {
        id: new_id(),
        policy_id: None,
        policy_name: String::new(),
        at: second.decision.at + TimeDelta::seconds(at),
        outcome: Outcome::Refuse,
        reason: reason.to_owned(),
        gates: Vec::new(),
        retry_at: None,
        ..second.decision.clone()
    };
    for (reason, at) in [("no policy matches", 1), ("no policy matches", 2), ("all are off", 3)] {
        s.heal.record_undecided(none(reason, at)).await?;
    }
    let reasons: Vec<_> = s.heal.decisions(id).await?.into_iter().map(|d| d.reason).collect();
    assert_eq!(reasons[..2], ["all are off", "no policy matches"]);
    assert_eq!(reasons.len(), 3);
    assert_eq!(s.heal.undecided(samples::at(9_999), 10).await?, []);
    Ok(())
}

/// An escalation moves the incident and tells people, in the same step.
pub async fn escalation_tells_people(s: &Stores) -> Result<()> {
    s.channels.create(samples::draft("all", samples::channel(Severity::Info)), by_alice("create")).await?;
    let policy = samples::loose_policy("p");
    let id = s.open(samples::incident("f", "service=a")).await?.id;
    let give_up = |policy: &Policy, facts: &GateFacts| {
        let plan = samples::plan(policy, facts, Outcome::Refuse, "nothing is left to try");
        Plan { escalate: true, ..plan }
    };
    let plan = s.heal.decide(id, &policy, &give_up).await?.expect("it is open");
    assert_eq!(s.incidents.incident(id).await?.state, IncidentState::Escalated);
    let last = s.incidents.events(id, None, 10).await?.pop().expect("events");
    assert_eq!((last.kind, last.message.as_str()), (EventKind::Escalated, "nothing is left to try"));
    let told = s.outbox.notifications(id).await?;
    let topics: Vec<_> = told.iter().map(|n| n.topic.as_str()).collect();
    assert_eq!(topics, ["incident.opened", "incident.escalated"]);
    let payload = &told[1].payload;
    assert_eq!(payload["links"]["decision_id"], plan.decision.id.to_string());
    assert_eq!(
        (&payload["incident"]["state"], &payload["message"]),
        (&"escalated".into(), &"nothing is left to try".into())
    );
    Ok(())
}

/// A policy that was changed or archived meanwhile decides nothing.
pub async fn old_policies_decide_nothing(s: &Stores) -> Result<()> {
    let script = s.scripts.create(samples::draft("s", samples::script()), by_alice("create")).await?;
    let case = s.cases.create(samples::draft("c", samples::case(script.id)), by_alice("create")).await?;
    let old = s.policies.create(samples::draft("p", samples::policy(case.id)), by_alice("create")).await?;
    let new = s.policies.update(old.id, 1, samples::draft("p2", old.spec.clone()), by_alice("update")).await?;
    let id = s.open(samples::incident("f", "service=a")).await?.id;
    assert_eq!(s.heal.decide(id, &old, &go).await?, None);
    s.policies.archive(new.id, 2, by_alice("archive")).await?;
    assert_eq!(s.heal.decide(id, &new, &go).await?, None);
    assert_eq!(s.incidents.incident(id).await?.state, IncidentState::Open);
    Ok(())
}
