//! What the owner of a run writes: every write carries the epoch of its claim and is refused when that is old.
//!
//! Locks are taken queue row first, run row second, everywhere, so that owners and claimers never wait in a circle.

use crate::connect::Database;
use crate::sql::{Value, args, word};
use crate::tx::Tx;
use crate::{events, run_rows};
use chrono::TimeDelta;
use domain::catalog::RuntimeKind;
use domain::error::FieldError;
use domain::incident::{Actor, EventKind, IncidentEvent};
use domain::ports::Claim;
use domain::run::{LogRecord, Run, RunEnd, RunState};
use domain::{Error, Id, Result, Time};
use serde_json::json;
use sqlx::AssertSqlSafe;
use std::time::Duration;

/// Rest before a released run is offered again, so that a full manager is not asked in a tight loop.
const REST: TimeDelta = TimeDelta::seconds(1);

/// A duration that can be added to any time of ours.
pub(crate) fn span(of: Duration) -> TimeDelta {
    TimeDelta::from_std(of).unwrap_or(TimeDelta::MAX).min(TimeDelta::days(3_650))
}

/// The run, locked, when `epoch` is still the epoch of its claim.
async fn fenced(tx: &mut Tx, id: Id, epoch: i64) -> Result<Run> {
    tx.lock_row("SELECT run_id FROM run_queue WHERE run_id = $1", args![id]).await?;
    let run = run_rows::lock(tx, id).await?;
    if run.lease_epoch != epoch {
        let stored = run.lease_epoch;
        return Err(Error::conflict(format!("the run was taken over (epoch {stored}, yours {epoch}): stop at once")));
    }
    Ok(run)
}

/// [`fenced`], and not ended.
async fn owned(tx: &mut Tx, id: Id, epoch: i64) -> Result<Run> {
    let run = fenced(tx, id, epoch).await?;
    if run.state.is_terminal() {
        return Err(Error::conflict("the run has ended: stop at once"));
    }
    Ok(run)
}

/// One conditional write of the owner; the epoch is part of the condition.
async fn write(tx: &mut Tx, sql: &'static str, args: Vec<Value>) -> Result<()> {
    match tx.run(sql, args).await? {
        1 => Ok(()),
        _ => Err(Error::conflict("the run was taken over: stop at once")),
    }
}

pub(crate) fn event(run: &Run, at: Time, kind: EventKind, message: String) -> Option<IncidentEvent> {
    let link = run.heal.as_ref()?;
    let data = json!({"run_id": run.id, "step": link.step, "state": run.state, "exit_code": run.exit_code});
    Some(IncidentEvent::new(link.incident_id, at, kind, Actor::system("healer"), message).with(data))
}

pub(crate) async fn claim(db: &Database, owner: &str, lease: Duration) -> Result<Option<Claim>> {
    let mut tx = db.begin().await?;
    let now = tx.now().await?;
    let until = now + span(lease);
    let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
    let sql = format!(
        "UPDATE run_queue SET ready_at = $2, started_before = (started_before OR leased), leased = TRUE \
         WHERE run_id = (SELECT run_id FROM run_queue WHERE ready_at <= $1 ORDER BY ready_at, run_id LIMIT 1{skip}) \
         RETURNING run_id, started_before"
    );
    let Some(row) = tx.row(AssertSqlSafe(sql), args![now, until]).await? else { return Ok(None) };
    let recovered = row.flag("started_before")?;
    let row = tx
        .row(
            "UPDATE test_runs SET version = version + 1, lease_epoch = lease_epoch + 1, lease_owner = $2, \
             lease_until = $3, state = CASE WHEN state = 'cancelling' THEN state ELSE 'leased' END \
             WHERE id = $1 AND ended_at IS NULL RETURNING *",
            args![row.id("run_id")?, owner, until],
        )
        .await?
        .ok_or_else(|| Error::internal("a run that ended is in the queue"))?;
    let run = run_rows::read(&row)?;
    tx.commit_between("", "claim.commit.after").await?;
    Ok(Some(Claim { run, recovered }))
}

pub(crate) async fn renew(db: &Database, id: Id, epoch: i64, lease: Duration) -> Result<bool> {
    let mut tx = db.begin().await?;
    let run = owned(&mut tx, id, epoch).await?;
    let until = tx.now().await? + span(lease);
    write(&mut tx, "UPDATE test_runs SET lease_until = $3 WHERE id = $1 AND lease_epoch = $2", args![id, epoch, until])
        .await?;
    tx.run("UPDATE run_queue SET ready_at = $2 WHERE run_id = $1 AND leased", args![id, until]).await?;
    tx.commit().await?;
    Ok(run.cancel_requested_at.is_some())
}

pub(crate) async fn assign(
    db: &Database,
    id: Id,
    epoch: i64,
    manager: Id,
    runtime: RuntimeKind,
    reason: &str,
) -> Result<()> {
    let mut tx = db.begin().await?;
    owned(&mut tx, id, epoch).await?;
    write(
        &mut tx,
        "UPDATE test_runs SET version = version + 1, manager_id = $3, runtime = $4, manager_reason = $5 \
         WHERE id = $1 AND lease_epoch = $2",
        args![id, epoch, manager, word(&runtime)?, reason],
    )
    .await?;
    tx.commit().await
}

pub(crate) async fn started(db: &Database, id: Id, epoch: i64, at: Time) -> Result<()> {
    let mut tx = db.begin().await?;
    let mut run = owned(&mut tx, id, epoch).await?;
    write(
        &mut tx,
        "UPDATE test_runs SET version = version + 1, started_at = coalesce(started_at, $3), \
         state = CASE WHEN state = 'cancelling' THEN state ELSE 'running' END WHERE id = $1 AND lease_epoch = $2",
        args![id, epoch, at],
    )
    .await?;
    if run.started_at.is_none() {
        run.state = RunState::Running;
        let message = format!("run of {} on {} started", run.case_name, run.target);
        tx.events(event(&run, at, EventKind::RunStarted, message));
    }
    tx.commit_between("", "started.commit.after").await
}

pub(crate) async fn append_logs(db: &Database, id: Id, epoch: i64, lines: &[LogRecord]) -> Result<()> {
    let mut tx = db.begin().await?;
    let run = fenced(&mut tx, id, epoch).await?;
    let fresh: Vec<_> = lines.iter().filter(|line| line.seq > run.log_lines).collect();
    let Some(last) = fresh.iter().map(|line| line.seq).max() else { return Ok(()) };
    let rows = fresh
        .iter()
        .map(|line| Ok(args![id, line.seq, line.at, word(&line.stream)?, &line.text]))
        .collect::<Result<Vec<_>>>()?;
    tx.insert_many("INSERT INTO run_logs (run_id, seq, at, stream, text)", "ON CONFLICT DO NOTHING", rows).await?;
    write(&mut tx, "UPDATE test_runs SET log_lines = $3 WHERE id = $1 AND lease_epoch = $2", args![id, epoch, last])
        .await?;
    tx.commit().await
}

pub(crate) async fn finish(db: &Database, id: Id, epoch: i64, end: RunEnd, at: Time) -> Result<()> {
    if !end.state.is_terminal() {
        return Err(Error::invalid(vec![FieldError::new("state", "give a state in which a run ends")]));
    }
    let mut tx = db.begin().await?;
    let run = fenced(&mut tx, id, epoch).await?;
    if run.state.is_terminal() {
        return Ok(());
    }
    end_run(&mut tx, run, end, at).await?;
    tx.commit_between("finish.commit.before", "finish.commit.after").await
}

/// Writes the one terminal state, takes the run out of the queue and tells the incident.
pub(crate) async fn end_run(tx: &mut Tx, mut run: Run, end: RunEnd, at: Time) -> Result<Run> {
    run.version += 1;
    (run.state, run.exit_code, run.reason, run.ended_at) = (end.state, end.exit_code, end.reason, Some(at));
    run.lease_until = None;
    write(
        tx,
        "UPDATE test_runs SET version = $3, state = $4, exit_code = $5, reason = $6, ended_at = $7, \
         lease_until = NULL WHERE id = $1 AND lease_epoch = $2 AND ended_at IS NULL",
        args![run.id, run.lease_epoch, run.version, word(&run.state)?, run.exit_code, &run.reason, at],
    )
    .await?;
    tx.run("DELETE FROM run_queue WHERE run_id = $1", args![run.id]).await?;
    let message = format!("run of {} on {} ended: {}", run.case_name, run.target, events::plain(&run.state)?);
    tx.events(event(&run, at, EventKind::RunEnded, message));
    Ok(run)
}

pub(crate) async fn release(db: &Database, id: Id, epoch: i64, reason: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    let run = owned(&mut tx, id, epoch).await?;
    if !matches!(run.state, RunState::Leased | RunState::Cancelling) {
        return Err(Error::conflict("the run has started and cannot be put back"));
    }
    // A manager chosen by an earlier owner stays: that is where a started run must be looked for.
    write(
        &mut tx,
        "UPDATE test_runs SET version = version + 1, lease_owner = NULL, lease_until = NULL, manager_reason = $3, \
         state = CASE WHEN state = 'cancelling' THEN state ELSE 'queued' END WHERE id = $1 AND lease_epoch = $2",
        args![id, epoch, reason],
    )
    .await?;
    let ready = tx.now().await? + REST;
    tx.run("UPDATE run_queue SET leased = FALSE, ready_at = $2 WHERE run_id = $1", args![id, ready]).await?;
    tx.commit().await
}
