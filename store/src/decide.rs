//! Decides on an incident: facts, gates, decision, reservation and run in one transaction.

use crate::connect::Database;
use crate::notify::{self, Notice};
use crate::rows::{lock_incident, save_incident};
use crate::sql::{Row, args, json, word};
use crate::tx::Tx;
use crate::{events, facts, run_rows};
use chrono::TimeDelta;
use domain::decision::{Decision, Evaluate, GateResult, Outcome, Plan};
use domain::identity::Audit;
use domain::incident::{Actor, EventKind, Incident, IncidentEvent, IncidentState};
use domain::policy::Policy;
use domain::run::{HealLink, RunPurpose, RunState};
use domain::{Error, Id, Result, Time};
use serde_json::json;

/// When to ask again after another heal held the target.
const BUSY_RETRY: TimeDelta = TimeDelta::seconds(5);

pub(crate) fn read(row: &Row) -> Result<Decision> {
    Ok(Decision {
        id: row.id("id")?,
        incident_id: row.id("incident_id")?,
        policy_id: row.opt_id("policy_id")?,
        policy_name: row.text("policy_name")?,
        at: row.time("at")?,
        outcome: row.word("outcome")?,
        reason: row.text("reason")?,
        step: row.count("step")?,
        gates: row.json("gates")?,
        run_id: row.opt_id("run_id")?,
        retry_at: row.opt_time("retry_at")?,
    })
}

pub(crate) async fn decide(
    db: &Database,
    incident_id: Id,
    policy: &Policy,
    evaluate: &Evaluate<'_>,
) -> Result<Option<Plan>> {
    let mut tx = db.begin().await?;
    // Deciders of one policy take turns, so that its limits hold across replicas.
    tx.turn(&format!("policy {}", policy.id)).await?;
    let mut incident = lock_incident(&mut tx, incident_id).await?;
    let to_decide = matches!(incident.state, IncidentState::Open | IncidentState::Acknowledged);
    if !to_decide || !is_current(&mut tx, policy).await? {
        return Ok(None);
    }
    let facts = facts::gather(&mut tx, incident.clone(), policy.id).await?;
    let mut plan = evaluate(policy, &facts);
    plan.decision.incident_id = incident_id;
    if plan.decision.outcome == Outcome::Run {
        reserve(&mut tx, &mut plan, policy, facts.now).await?;
    } else {
        (plan.run, plan.decision.run_id) = (None, None);
    }
    let repeated = !plan.escalate && repeats(&mut tx, &mut plan.decision).await?;
    if let Some(run) = &plan.run {
        tx.audit(Audit::new(format!("policy {}", policy.name), "run.heal"), "run", run.id);
    }
    if plan.run.is_some() || plan.escalate {
        move_on(&mut tx, &mut incident, &plan, facts.now).await?;
    }
    store(&mut tx, &plan.decision, incident.version, repeated).await?;
    if let Some(run) = &plan.run {
        tx.run(
            "INSERT INTO gate_reservations (run_id, decision_id, policy_id, incident_id, target, reserved_at) \
             VALUES ($1, $2, $3, $4, $5, $6)",
            args![run.id, plan.decision.id, policy.id, incident_id, &run.target, facts.now],
        )
        .await?;
    }
    if !repeated {
        tell(&mut tx, &plan, facts.now)?;
    }
    tx.commit_between("decide.commit.before", "decide.commit.after").await?;
    Ok(Some(plan))
}

/// Whether the policy is the stored one; a changed or archived one is decided on with its new text, next time.
async fn is_current(tx: &mut Tx, policy: &Policy) -> Result<bool> {
    let row = tx.row("SELECT version, archived_at FROM policies WHERE id = $1", args![policy.id]).await?;
    match row {
        None => Ok(true),
        Some(row) => Ok(row.int("version")? == policy.version && row.opt_int("archived_at")?.is_none()),
    }
}

/// Enqueues the run of the plan; when its target has an active heal, the decision becomes `wait`.
async fn reserve(tx: &mut Tx, plan: &mut Plan, policy: &Policy, now: Time) -> Result<()> {
    let decision = &mut plan.decision;
    let Some(run) = plan.run.as_mut() else {
        return Err(Error::internal("a decision to run came without a run"));
    };
    let link = HealLink {
        incident_id: decision.incident_id,
        policy_id: policy.id,
        decision_id: decision.id,
        step: decision.step,
    };
    (run.purpose, run.heal, run.state, run.version) = (RunPurpose::Heal, Some(link), RunState::Queued, 1);
    if run_rows::insert(tx, run, Some(&policy.spec.verification)).await? {
        decision.run_id = Some(run.id);
        return Ok(());
    }
    let reason = format!("another run acts on {}", run.target);
    decision.gates.push(GateResult {
        gate: "target_busy".to_owned(),
        passed: false,
        reason: reason.clone(),
        inputs: json!({"target": run.target}),
    });
    (decision.outcome, decision.reason, decision.run_id) = (Outcome::Wait, reason, None);
    decision.retry_at = Some(now + BUSY_RETRY);
    plan.run = None;
    Ok(())
}

/// Whether the last decision of this policy here says the same (outcome, step, failed gates); then its row is
/// renewed instead of a new one, so that waiting does not fill the timeline.
async fn repeats(tx: &mut Tx, decision: &mut Decision) -> Result<bool> {
    if decision.outcome == Outcome::Run {
        return Ok(false);
    }
    let sql = "SELECT * FROM decisions WHERE incident_id = $1 AND coalesce(policy_id, '') = $2 \
               ORDER BY at DESC, id DESC LIMIT 1";
    let policy = decision.policy_id.map(|id| id.to_string()).unwrap_or_default();
    let Some(row) = tx.row(sql, args![decision.incident_id, policy]).await? else { return Ok(false) };
    let last = read(&row)?;
    let failed =
        |d: &Decision| -> Vec<String> { d.gates.iter().filter(|g| !g.passed).map(|g| g.gate.clone()).collect() };
    let no_gates = decision.gates.is_empty() && last.gates.is_empty();
    let same = last.outcome == decision.outcome
        && last.step == decision.step
        && failed(&last) == failed(decision)
        && (!no_gates || last.reason == decision.reason);
    if same {
        decision.id = last.id;
    }
    Ok(same)
}

async fn store(tx: &mut Tx, d: &Decision, incident_version: i64, repeated: bool) -> Result<()> {
    if repeated {
        let sql = "UPDATE decisions SET incident_version = $2, policy_name = $3, at = $4, reason = $5, gates = $6, \
                   retry_at = $7 WHERE id = $1";
        let args = args![d.id, incident_version, &d.policy_name, d.at, &d.reason, json(&d.gates)?, d.retry_at];
        return tx.run(sql, args).await.map(drop);
    }
    tx.run(
        "INSERT INTO decisions (id, incident_id, incident_version, policy_id, policy_name, at, outcome, reason, step, \
         gates, run_id, retry_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)",
        args![
            d.id,
            d.incident_id,
            incident_version,
            d.policy_id,
            &d.policy_name,
            d.at,
            word(&d.outcome)?,
            &d.reason,
            d.step,
            json(&d.gates)?,
            d.run_id,
            d.retry_at
        ],
    )
    .await
    .map(drop)
}

/// Moves the incident to `healing`, or to `escalated` and tells people.
async fn move_on(tx: &mut Tx, incident: &mut Incident, plan: &Plan, now: Time) -> Result<()> {
    incident.updated_at = now;
    if plan.run.is_some() {
        incident.state = IncidentState::Healing;
        incident.attempts += 1;
        return save_incident(tx, incident).await;
    }
    incident.state = IncidentState::Escalated;
    save_incident(tx, incident).await?;
    let notice = Notice::new(notify::ESCALATED, incident, &plan.decision.reason)
        .link("decision_id", plan.decision.id)
        .link("policy_id", plan.decision.policy_id);
    tx.notify(notice);
    Ok(())
}

/// Writes the events of a plan: decided, then run queued or escalated.
fn tell(tx: &mut Tx, plan: &Plan, now: Time) -> Result<()> {
    let d = &plan.decision;
    let healer = || Actor::system("healer");
    let message = match d.policy_id {
        Some(_) => format!("policy {}: {}: {}", d.policy_name, events::plain(&d.outcome)?, d.reason),
        None => d.reason.clone(),
    };
    let data = json!({"decision_id": d.id, "policy_id": d.policy_id, "outcome": d.outcome, "step": d.step});
    tx.event(IncidentEvent::new(d.incident_id, now, EventKind::Decided, healer(), message).with(data));
    if let Some(run) = &plan.run {
        let message = format!("run of {} on {} queued", run.case_name, run.target);
        let data = json!({"run_id": run.id, "case_id": run.case_id, "step": d.step, "target": run.target});
        tx.event(IncidentEvent::new(d.incident_id, now, EventKind::RunQueued, healer(), message).with(data));
    } else if plan.escalate {
        let data = json!({"decision_id": d.id});
        let event = IncidentEvent::new(d.incident_id, now, EventKind::Escalated, healer(), d.reason.clone());
        tx.event(event.with(data));
    }
    Ok(())
}

pub(crate) async fn record_undecided(db: &Database, mut decision: Decision) -> Result<()> {
    let mut tx = db.begin().await?;
    let incident = lock_incident(&mut tx, decision.incident_id).await?;
    (decision.policy_id, decision.run_id) = (None, None);
    let repeated = repeats(&mut tx, &mut decision).await?;
    store(&mut tx, &decision, incident.version, repeated).await?;
    if !repeated {
        let at = decision.at;
        tell(&mut tx, &Plan { decision, run: None, escalate: false }, at)?;
    }
    tx.commit().await
}
