//! Steps of a verification: one more round, or the verdict with everything that follows from it, at once.

use crate::connect::Database;
use crate::notify::{self, Notice};
use crate::rows::{lock_incident, save_incident};
use crate::sql::{args, json, word};
use crate::tx::Tx;
use crate::{error, run_rows, verification};
use domain::error::FieldError;
use domain::feedback::Voice;
use domain::identity::Audit;
use domain::incident::{Actor, EventKind, Incident, IncidentEvent, IncidentState};
use domain::ports::VerificationStep;
use domain::run::{HealLink, Run, RunPurpose, RunState};
use domain::verification::{CheckSample, Verdict, Verification};
use domain::{Error, Id, Result, Time};
use serde_json::json;

pub(crate) async fn step(db: &Database, id: Id, version: i64, step: VerificationStep) -> Result<()> {
    let mut tx = db.begin().await?;
    let row = tx.lock_row("SELECT * FROM verifications WHERE id = $1", args![id]).await?;
    let v = verification::read(&row.ok_or_else(|| Error::not_found("verification"))?)?;
    if v.version != version {
        return Err(error::stale("the verification", v.version, version));
    }
    if v.verdict.is_some() {
        return Err(Error::conflict("the verification has its verdict"));
    }
    match step {
        VerificationStep::Round { samples, next_at, event } => {
            let rounds = with_round(&v, samples);
            let sql = "UPDATE verifications SET version = version + 1, rounds = $3, next_at = $4 \
                       WHERE id = $1 AND version = $2 AND verdict IS NULL";
            one(tx.run(sql, args![id, version, json(&rounds)?, next_at]).await?)?;
            tx.events(event);
            tx.commit_between("", "verify.round.commit.after").await
        }
        VerificationStep::Verdict { samples, verdict, reason, at, soak_until, to, undo, events } => {
            let given = Given { verdict, reason, at, soak_until, to };
            given.check(undo.is_some())?;
            let rounds = with_round(&v, samples);
            given.write(&mut tx, &v, &rounds).await?;
            if let Some(opinion) = v.says(given.verdict) {
                crate::feedback::conclude(&mut tx, v.incident_id, opinion, Voice::Verdict, given.at).await?;
            }
            follow(&mut tx, &v, &given, undo, events).await?;
            tx.commit_between("verdict.commit.before", "verdict.commit.after").await
        }
    }
}

fn with_round(v: &Verification, samples: Vec<CheckSample>) -> Vec<Vec<CheckSample>> {
    let mut rounds = v.rounds.clone();
    if !samples.is_empty() {
        rounds.push(samples);
    }
    rounds
}

fn one(rows: u64) -> Result<()> {
    if rows == 1 {
        Ok(())
    } else {
        Err(Error::conflict("the verification was changed meanwhile: reload and try again"))
    }
}

/// A verdict and where the incident goes.
struct Given {
    verdict: Verdict,
    reason: String,
    at: Time,
    soak_until: Option<Time>,
    to: IncidentState,
}

impl Given {
    /// Only `fixed` resolves; `healing` needs the undo run.
    fn check(&self, has_undo: bool) -> Result<()> {
        let wrong = if self.to == IncidentState::Resolved && self.verdict != Verdict::Fixed {
            "only the verdict fixed resolves an incident"
        } else if (self.to == IncidentState::Healing) != has_undo {
            "healing and an undo run go together"
        } else if !IncidentState::Verifying.may_become(self.to) {
            "give open, healing, resolved or escalated"
        } else {
            return Ok(());
        };
        Err(Error::invalid(vec![FieldError::new("to", wrong)]))
    }

    async fn write(&self, tx: &mut Tx, v: &Verification, rounds: &[Vec<CheckSample>]) -> Result<()> {
        let sql = "UPDATE verifications SET version = version + 1, rounds = $3, next_at = NULL, verdict = $4, \
                   reason = $5, ended_at = $6, soak_until = $7 WHERE id = $1 AND version = $2 AND verdict IS NULL";
        let args = args![v.id, v.version, json(rounds)?, word(&self.verdict)?, &self.reason, self.at, self.soak_until];
        one(tx.run(sql, args).await?)
    }
}

/// Moves the incident, enqueues the undo, tells people; an incident that a person took meanwhile stays theirs.
/// Events that speak of a move are written only when the incident moves that way.
async fn follow(
    tx: &mut Tx,
    v: &Verification,
    given: &Given,
    undo: Option<Box<Run>>,
    mut events: Vec<IncidentEvent>,
) -> Result<()> {
    use EventKind as E;
    let mut incident = lock_incident(tx, v.incident_id).await?;
    if incident.state != IncidentState::Verifying {
        events.retain(|e| !matches!(e.kind, E::Resolved | E::Escalated | E::UndoQueued));
        tx.events(events);
        return Ok(());
    }
    let (mut to, mut reason) = (given.to, given.reason.clone());
    if let Some(run) = undo
        && !enqueue_undo(tx, v, *run).await?
    {
        to = IncidentState::Escalated;
        reason = format!("{}; the undo cannot start, another run acts on its target", given.reason);
        let event = IncidentEvent::new(v.incident_id, given.at, EventKind::Escalated, Actor::system("healer"), &reason);
        events.retain(|e| e.kind != E::UndoQueued);
        events.push(event.with(json!({"verification_id": v.id, "run_id": v.run_id})));
    }
    tx.events(events);
    (incident.state, incident.updated_at) = (to, given.at);
    if to == IncidentState::Resolved {
        (incident.resolved_at, incident.soak_until) = (Some(given.at), given.soak_until);
    }
    save_incident(tx, &mut incident).await?;
    tell(tx, v, &incident, &reason);
    Ok(())
}

fn tell(tx: &mut Tx, v: &Verification, incident: &Incident, reason: &str) {
    let topic = match incident.state {
        IncidentState::Resolved => notify::RESOLVED,
        IncidentState::Escalated => notify::ESCALATED,
        _ => return,
    };
    let notice = Notice::new(topic, incident, reason)
        .link("verification_id", v.id)
        .link("run_id", v.run_id)
        .link("policy_id", v.policy_id);
    tx.notify(notice);
}

/// Enqueues the undo in place of the run it takes back; false when another heal holds the target.
async fn enqueue_undo(tx: &mut Tx, v: &Verification, mut run: Run) -> Result<bool> {
    let decision: Option<Id> = match tx.row("SELECT decision_id FROM test_runs WHERE id = $1", args![v.run_id]).await? {
        Some(row) => row.opt_id("decision_id")?,
        None => None,
    };
    let decision_id = decision.ok_or_else(|| Error::internal("a verified run has no decision"))?;
    run.heal = Some(HealLink { incident_id: v.incident_id, policy_id: v.policy_id, decision_id, step: v.step });
    (run.purpose, run.state, run.version) = (RunPurpose::Undo, RunState::Queued, 1);
    let queued = run_rows::insert(tx, &run, None).await?;
    if queued {
        tx.audit(Audit::new("healer", "run.undo"), "run", run.id);
    }
    Ok(queued)
}
