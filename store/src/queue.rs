//! The queue's port: attempts, pauses and what people see; claims, slots and the sweep are in the `queue_*` files.

use crate::connect::Database;
use crate::sql::{Row, args, word};
use crate::tx::Tx;
use crate::{lease, queue_claim, queue_sweep, run_rows, runs};
use async_trait::async_trait;
use domain::error::FieldError;
use domain::identity::Audit;
use domain::ports::{Claim, QueueStore};
use domain::queue::{ManagerUse, OwnerShare, Pause, PauseMode, QueueState, StateCount, Swept};
use domain::run::{Attempt, Run, RunEnd, RunState};
use domain::{Error, Id, Result, Time};
use std::time::Duration;

/// Runs of one request at most.
const MOST: usize = 1_000;
const QUEUE: &str = "queue";

fn scope(manager: Option<Id>) -> String {
    manager.map_or_else(|| QUEUE.to_owned(), |id| id.to_string())
}

fn pause(row: &Row) -> Result<(Option<Id>, Pause)> {
    let scope = row.text("scope")?;
    let manager = if scope == QUEUE { None } else { Some(row.id("scope")?) };
    let pause = Pause {
        mode: row.word("mode")?,
        reason: row.text("reason")?,
        by: row.text("paused_by")?,
        since: row.time("since")?,
    };
    Ok((manager, pause))
}

async fn read_pauses(tx: &mut Tx) -> Result<Vec<(Option<Id>, Pause)>> {
    tx.rows("SELECT * FROM queue_pauses ORDER BY scope", Vec::new()).await?.iter().map(pause).collect()
}

/// Why nothing new may begin on the manager now.
pub(crate) async fn paused_manager(tx: &mut Tx, manager: Id) -> Result<Option<Pause>> {
    let row = tx.row("SELECT * FROM queue_pauses WHERE scope = $1", args![manager]).await?;
    row.map(|row| pause(&row).map(|(_, pause)| pause)).transpose()
}

#[async_trait]
impl QueueStore for Database {
    async fn claim_many(&self, owner: &str, lease: Duration, most: u32, fresh: u32) -> Result<Vec<Claim>> {
        queue_claim::claim_many(self, owner, lease, most, fresh).await
    }

    async fn enqueue_all(&self, all: Vec<Run>, audit: Audit) -> Result<Vec<Run>> {
        if all.is_empty() || all.len() > MOST {
            return Err(Error::invalid(vec![FieldError::new("runs", format!("start 1 to {MOST} runs at once"))]));
        }
        for run in &all {
            runs::check_new(run)?;
        }
        let mut tx = self.begin().await?;
        let mut stored = Vec::new();
        for run in &all {
            if !run_rows::insert(&mut tx, run, None).await? {
                return Err(runs::exists());
            }
            tx.audit(audit.clone(), "run", run.id);
            stored.push(run_rows::lock(&mut tx, run.id).await?);
        }
        tx.commit().await?;
        Ok(stored)
    }

    async fn retry(&self, id: Id, epoch: i64, end: RunEnd, at: Time, pause: Duration) -> Result<()> {
        lease::retry(self, id, epoch, end, at, pause).await
    }

    async fn attempts(&self, run_id: Id) -> Result<Vec<Attempt>> {
        let sql = "SELECT * FROM run_attempts WHERE run_id = $1 ORDER BY attempt";
        self.rows(sql, args![run_id]).await?.iter().map(attempt).collect()
    }

    async fn queue(&self) -> Result<QueueState> {
        let mut tx = self.begin().await?;
        let now = tx.now().await?;
        let states = states(&mut tx).await?;
        let pauses = read_pauses(&mut tx).await?;
        let whole = pauses.iter().find(|(scope, _)| scope.is_none()).map(|(_, pause)| pause.clone());
        let active = states.iter().any(|s| !matches!(s.state, RunState::Queued | RunState::WaitingApproval));
        let counts = tx
            .row(
                "SELECT coalesce(sum(CASE WHEN NOT leased AND parked THEN 1 ELSE 0 END), 0) AS held, \
                 coalesce(sum(CASE WHEN NOT leased AND NOT parked AND ready_at > $1 THEN 1 ELSE 0 END), 0) AS resting, \
                 coalesce(sum(CASE WHEN NOT leased AND NOT parked AND ready_at <= $1 THEN 1 ELSE 0 END), 0) AS ready \
                 FROM run_queue",
                args![now],
            )
            .await?
            .ok_or_else(|| Error::internal("no counts"))?;
        let oldest = tx
            .row(
                "SELECT min(queued_at) AS oldest FROM test_runs WHERE state = 'queued' AND ended_at IS NULL",
                Vec::new(),
            )
            .await?;
        let count = |column| counts.int(column).map(|n| u64::try_from(n).unwrap_or_default());
        Ok(QueueState {
            at: now,
            drained: whole.as_ref().is_some_and(|p| p.mode == PauseMode::Drain) && !active,
            pause: whole,
            states,
            ready: count("ready")?,
            held: count("held")?,
            resting: count("resting")?,
            oldest: oldest.map(|row| row.opt_time("oldest")).transpose()?.flatten(),
            owners: owners(&mut tx).await?,
            managers: managers(&mut tx, pauses).await?,
        })
    }

    async fn pauses(&self) -> Result<Vec<(Option<Id>, Pause)>> {
        self.rows("SELECT * FROM queue_pauses ORDER BY scope", Vec::new()).await?.iter().map(pause).collect()
    }

    async fn pause(&self, manager: Option<Id>, mode: PauseMode, reason: &str, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        if let Some(id) = manager {
            let known =
                tx.row("SELECT id FROM runtime_managers WHERE id = $1 AND archived_at IS NULL", args![id]).await?;
            known.ok_or_else(|| Error::not_found("runtime manager"))?;
        }
        let now = tx.now().await?;
        tx.run(
            "INSERT INTO queue_pauses (scope, mode, reason, paused_by, since) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (scope) DO UPDATE SET mode = excluded.mode, reason = excluded.reason, \
             paused_by = excluded.paused_by, since = excluded.since",
            args![scope(manager), word(&mode)?, reason, &audit.actor, now],
        )
        .await?;
        let action = format!("{} ({reason})", audit.action);
        tx.audit(Audit { action, ..audit }, "queue", manager.unwrap_or_default());
        tx.commit().await
    }

    async fn resume(&self, manager: Option<Id>, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        if tx.run("DELETE FROM queue_pauses WHERE scope = $1", args![scope(manager)]).await? == 0 {
            return Err(Error::conflict("it is not paused"));
        }
        tx.audit(audit, "queue", manager.unwrap_or_default());
        tx.commit().await
    }

    async fn stops(&self, owner: &str) -> Result<Vec<Id>> {
        let sql = "SELECT r.id FROM run_queue q JOIN test_runs r ON r.id = q.run_id \
                   WHERE q.leased AND r.state = 'cancelling' AND r.lease_owner = $1";
        self.rows(sql, args![owner]).await?.iter().map(|row| row.id("id")).collect()
    }

    async fn sweep(&self) -> Result<Swept> {
        queue_sweep::sweep(self).await
    }
}

fn attempt(row: &Row) -> Result<Attempt> {
    let exit_code = row.opt_int("exit_code")?.map(i32::try_from).transpose();
    Ok(Attempt {
        attempt: row.count("attempt")?,
        epoch: row.int("epoch")?,
        state: row.word("state")?,
        exit_code: exit_code.map_err(|e| crate::error::corrupt("exit_code", e))?,
        reason: row.text("reason")?,
        manager_id: row.opt_id("manager_id")?,
        started_at: row.opt_time("started_at")?,
        ended_at: row.time("ended_at")?,
    })
}

fn number(row: &Row, column: &'static str) -> Result<u64> {
    row.int(column).map(|n| u64::try_from(n).unwrap_or_default())
}

async fn states(tx: &mut Tx) -> Result<Vec<StateCount>> {
    let sql = "SELECT state, count(*) AS n FROM test_runs WHERE ended_at IS NULL GROUP BY state ORDER BY state";
    let rows = tx.rows(sql, Vec::new()).await?;
    rows.iter().map(|row| Ok(StateCount { state: row.word("state")?, runs: number(row, "n")? })).collect()
}

async fn owners(tx: &mut Tx) -> Result<Vec<OwnerShare>> {
    let sql = "SELECT owner, sum(CASE WHEN leased THEN 0 ELSE 1 END) AS waiting, \
               sum(CASE WHEN leased THEN 1 ELSE 0 END) AS active, count(*) AS n \
               FROM run_queue GROUP BY owner ORDER BY n DESC, owner LIMIT 50";
    let rows = tx.rows(sql, Vec::new()).await?;
    rows.iter()
        .map(|row| {
            Ok(OwnerShare {
                owner: row.text("owner")?,
                waiting: number(row, "waiting")?,
                active: number(row, "active")?,
            })
        })
        .collect()
}

async fn managers(tx: &mut Tx, pauses: Vec<(Option<Id>, Pause)>) -> Result<Vec<ManagerUse>> {
    let rows = tx.rows(runs::LOAD, Vec::new()).await?;
    let mut all = rows
        .iter()
        .map(|row| Ok(ManagerUse { manager_id: row.id("manager_id")?, active: number(row, "n")?, pause: None }))
        .collect::<Result<Vec<_>>>()?;
    for (manager_id, pause) in pauses {
        let Some(manager_id) = manager_id else { continue };
        match all.iter_mut().find(|m| m.manager_id == manager_id) {
            Some(manager) => manager.pause = Some(pause),
            None => all.push(ManagerUse { manager_id, active: 0, pause: Some(pause) }),
        }
    }
    Ok(all)
}
