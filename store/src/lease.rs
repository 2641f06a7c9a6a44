//! What the owner of a run writes: every write carries the epoch of its claim and is refused when that is old.
//!
//! Locks are taken queue row first, run row second, everywhere, so that owners and claimers never wait in a circle.

use crate::connect::Database;
use crate::sql::{Value, args, word};
use crate::tx::Tx;
use crate::{events, queue, queue_slots, run_rows};
use chrono::TimeDelta;
use domain::catalog::{RuntimeKind, RuntimeManagerSpec};
use domain::error::FieldError;
use domain::incident::{Actor, EventKind, IncidentEvent};
use domain::ports::Assigned;
use domain::run::{Run, RunEnd, RunState};
use domain::{Error, Id, Result, Time};
use serde_json::json;
use std::time::Duration;

/// Rest before a released run is offered again, so that a full manager is not asked in a tight loop.
const REST: TimeDelta = TimeDelta::seconds(1);

/// Time that starting may take before the deadline of a run is near.
const START: TimeDelta = TimeDelta::seconds(240);
/// Time beyond its limit that a run's owner gets to stop it, before others do.
const BEYOND: TimeDelta = TimeDelta::seconds(60);

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
) -> Result<Assigned> {
    let mut tx = db.begin().await?;
    let run = owned(&mut tx, id, epoch).await?;
    // Owners take turns at one manager, so that they never overfill it together.
    tx.turn(&format!("manager {manager}")).await?;
    if let Some(why) = no_room(&mut tx, manager, id).await? {
        return Ok(Assigned::No(why));
    }
    let deadline = run.deadline_at.unwrap_or(tx.now().await? + limit(&run) + START);
    write(
        &mut tx,
        "UPDATE test_runs SET version = version + 1, manager_id = $3, runtime = $4, manager_reason = $5, \
         deadline_at = $6 WHERE id = $1 AND lease_epoch = $2",
        args![id, epoch, manager, word(&runtime)?, reason, deadline],
    )
    .await?;
    tx.run("UPDATE run_queue SET deadline_at = $2 WHERE run_id = $1", args![id, deadline]).await?;
    tx.commit().await?;
    Ok(Assigned::Yes)
}

/// Why the manager cannot take one more run; one that is not in the catalog has no limit.
async fn no_room(tx: &mut Tx, manager: Id, run: Id) -> Result<Option<String>> {
    if let Some(pause) = queue::paused_manager(tx, manager).await? {
        return Ok(Some(format!("it is paused by {}: {}", pause.by, pause.reason)));
    }
    let Some(row) = tx.row("SELECT spec FROM runtime_managers WHERE id = $1", args![manager]).await? else {
        return Ok(None);
    };
    let spec: RuntimeManagerSpec = row.json("spec")?;
    if spec.draining {
        return Ok(Some("it is draining".to_owned()));
    }
    let used = "SELECT count(*) AS n FROM test_runs WHERE manager_id = $1 AND ended_at IS NULL AND state <> 'queued' \
                AND id <> $2";
    let used = tx.row(used, args![manager, run]).await?.map_or(Ok(0), |row| row.count("n"))?;
    Ok((used >= spec.capacity).then(|| format!("it is full ({used} of {})", spec.capacity)))
}

/// The run's own time limit.
fn limit(run: &Run) -> TimeDelta {
    TimeDelta::seconds(run.spec.timeout_secs.into())
}

pub(crate) async fn started(db: &Database, id: Id, epoch: i64, at: Time) -> Result<()> {
    let mut tx = db.begin().await?;
    let mut run = owned(&mut tx, id, epoch).await?;
    let first = run.started_at.is_none();
    let deadline = if first { Some(tx.now().await? + limit(&run) + BEYOND) } else { run.deadline_at };
    write(
        &mut tx,
        "UPDATE test_runs SET version = version + 1, started_at = coalesce(started_at, $3), deadline_at = $4, \
         state = CASE WHEN state = 'cancelling' THEN state ELSE 'running' END WHERE id = $1 AND lease_epoch = $2",
        args![id, epoch, at, deadline],
    )
    .await?;
    if first {
        tx.run("UPDATE run_queue SET deadline_at = $2 WHERE run_id = $1", args![id, deadline]).await?;
        run.state = RunState::Running;
        let message = format!("run of {} on {} started", run.case_name, run.target);
        tx.events(event(&run, at, EventKind::RunStarted, message));
    }
    tx.commit_between("", "started.commit.after").await
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
    queue_slots::leave(tx, run.id).await?;
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

/// Ends this attempt and queues the next one; a run whose cancel was asked for ends instead.
pub(crate) async fn retry(db: &Database, id: Id, epoch: i64, end: RunEnd, at: Time, pause: Duration) -> Result<()> {
    if !matches!(end.state, RunState::Failed | RunState::TimedOut | RunState::Lost) {
        return Err(Error::invalid(vec![FieldError::new(
            "state",
            "only what failed, timed out or was lost is repeated",
        )]));
    }
    let mut tx = db.begin().await?;
    let run = owned(&mut tx, id, epoch).await?;
    if run.cancel_requested_at.is_some() {
        let reason = format!("cancelled before its next attempt; attempt {}: {}", run.attempt, end.reason);
        end_run(&mut tx, run, RunEnd { state: RunState::Cancelled, reason, ..end }, at).await?;
        return tx.commit_between("finish.commit.before", "finish.commit.after").await;
    }
    let ready = tx.now().await? + span(pause);
    tx.run(
        "INSERT INTO run_attempts (run_id, attempt, epoch, state, exit_code, reason, manager_id, started_at, ended_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            id,
            run.attempt,
            epoch,
            word(&end.state)?,
            end.exit_code,
            &end.reason,
            run.manager_id,
            run.started_at,
            at
        ],
    )
    .await?;
    let reason = format!("attempt {} ended: {}", run.attempt, end.reason);
    // The epoch rises, so that the owner of the attempt that ended writes nothing into the next one.
    write(
        &mut tx,
        "UPDATE test_runs SET version = version + 1, attempt = attempt + 1, attempt_after = $2, \
         lease_epoch = lease_epoch + 1, lease_owner = NULL, lease_until = NULL, manager_id = NULL, runtime = NULL, \
         manager_reason = '', state = 'queued', started_at = NULL, deadline_at = NULL, reason = $3 \
         WHERE id = $1 AND lease_epoch = $2",
        args![id, epoch, &reason],
    )
    .await?;
    tx.run(
        "UPDATE run_queue SET leased = FALSE, started_before = FALSE, ready_at = $2, deadline_at = NULL, overdue = 0 \
         WHERE run_id = $1",
        args![id, ready],
    )
    .await?;
    tx.commit_between("retry.commit.before", "retry.commit.after").await
}
