//! Begins the measurement after a heal that ended; an undo that ended goes to a person.

use crate::connect::Database;
use crate::notify::{self, Notice};
use crate::rows::{lock_incident, save_incident};
use crate::sql::{Row, args, json};
use crate::tx::Tx;
use crate::{events, run_rows};
use chrono::TimeDelta;
use domain::incident::{Actor, EventKind, IncidentEvent, IncidentState};
use domain::policy::VerificationSpec;
use domain::run::{HealLink, Run, RunPurpose, RunState};
use domain::verification::{CheckSample, Verification};
use domain::{Id, Result, Time, new_id};
use serde_json::json;

/// Runs followed up in one call at most.
const BATCH: i64 = 100;

pub(crate) fn read(row: &Row) -> Result<Verification> {
    Ok(Verification {
        id: row.id("id")?,
        version: row.int("version")?,
        incident_id: row.id("incident_id")?,
        run_id: row.id("run_id")?,
        policy_id: row.id("policy_id")?,
        step: row.count("step")?,
        spec: row.json("spec")?,
        baseline: row.json("baseline")?,
        rounds: row.json("rounds")?,
        next_at: row.opt_time("next_at")?,
        started_at: row.time("started_at")?,
        verdict: row.opt_word("verdict")?,
        reason: row.text("reason")?,
        ended_at: row.opt_time("ended_at")?,
        soak_until: row.opt_time("soak_until")?,
    })
}

pub(crate) async fn start_all(db: &Database, now: Time) -> Result<Vec<Verification>> {
    let sql = "SELECT id FROM test_runs WHERE incident_id IS NOT NULL AND ended_at IS NOT NULL AND followed_at IS NULL \
               ORDER BY ended_at, id LIMIT $1";
    let mut started = Vec::new();
    for row in db.rows(sql, args![BATCH]).await? {
        started.extend(follow(db, row.id("id")?, now).await?);
    }
    Ok(started)
}

/// Follows one ended run up, once.
async fn follow(db: &Database, id: Id, now: Time) -> Result<Option<Verification>> {
    let mut tx = db.begin().await?;
    let sql = "UPDATE test_runs SET followed_at = $2 WHERE id = $1 AND followed_at IS NULL RETURNING *";
    let Some(row) = tx.row(sql, args![id, now]).await? else { return Ok(None) };
    let run = run_rows::read(&row)?;
    let Some(link) = run.heal.clone() else { return Ok(None) };
    if run.purpose == RunPurpose::Undo {
        escalate(&mut tx, &run, &link, now).await?;
        tx.commit_between("", "verify.start.commit.after").await?;
        return Ok(None);
    }
    let (spec, baseline) = (row.opt_json("verification")?.unwrap_or_default(), row.opt_json("baseline")?);
    let started = planned(&run, &link, spec, baseline.unwrap_or_default(), now)?;
    if !insert(&mut tx, &started).await? {
        return Ok(None);
    }
    let mut incident = lock_incident(&mut tx, link.incident_id).await?;
    // A person may have taken the incident meanwhile; the effect is measured all the same, the state stays theirs.
    if incident.state == IncidentState::Healing {
        (incident.state, incident.updated_at) = (IncidentState::Verifying, now);
        save_incident(&mut tx, &mut incident).await?;
    }
    let note = if started.reason.is_empty() { String::new() } else { format!(" ({})", started.reason) };
    let message = format!("measuring the effect of {} on {}{note}", run.case_name, run.target);
    let data = json!({"verification_id": started.id, "run_id": run.id, "first_sample_at": started.next_at});
    let healer = Actor::system("healer");
    tx.event(IncidentEvent::new(incident.id, now, EventKind::VerificationStarted, healer, message).with(data));
    tx.commit_between("", "verify.start.commit.after").await?;
    Ok(Some(started))
}

fn planned(
    run: &Run,
    link: &HealLink,
    spec: VerificationSpec,
    baseline: Vec<CheckSample>,
    now: Time,
) -> Result<Verification> {
    let settle = TimeDelta::seconds(i64::from(spec.settle_secs));
    let reason = match run.state {
        RunState::Succeeded => String::new(),
        other => format!("the run ended {}; its effect is measured all the same", events::plain(&other)?),
    };
    Ok(Verification {
        id: new_id(),
        version: 1,
        incident_id: link.incident_id,
        run_id: run.id,
        policy_id: link.policy_id,
        step: link.step,
        baseline,
        rounds: Vec::new(),
        next_at: Some(run.ended_at.unwrap_or(now) + settle),
        spec,
        started_at: now,
        verdict: None,
        reason,
        ended_at: None,
        soak_until: None,
    })
}

async fn insert(tx: &mut Tx, v: &Verification) -> Result<bool> {
    let done = tx
        .run(
            "INSERT INTO verifications (id, version, incident_id, run_id, policy_id, step, spec, baseline, rounds, \
             next_at, started_at, reason) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) \
             ON CONFLICT DO NOTHING",
            args![
                v.id,
                v.version,
                v.incident_id,
                v.run_id,
                v.policy_id,
                v.step,
                json(&v.spec)?,
                json(&v.baseline)?,
                json(&v.rounds)?,
                v.next_at,
                v.started_at,
                &v.reason
            ],
        )
        .await?;
    Ok(done == 1)
}

/// After an undo a person decides.
async fn escalate(tx: &mut Tx, run: &Run, link: &HealLink, now: Time) -> Result<()> {
    let mut incident = lock_incident(tx, link.incident_id).await?;
    let message =
        format!("undo {} on {} ended {}: a person must look", run.case_name, run.target, events::plain(&run.state)?);
    if incident.state == IncidentState::Healing {
        (incident.state, incident.updated_at) = (IncidentState::Escalated, now);
        save_incident(tx, &mut incident).await?;
        let notice = Notice::new(notify::ESCALATED, &incident, &message);
        tx.notify(notice.link("run_id", run.id).link("policy_id", link.policy_id));
    }
    let event = IncidentEvent::new(incident.id, now, EventKind::Escalated, Actor::system("healer"), message);
    tx.event(event.with(json!({"run_id": run.id})));
    Ok(())
}
