//! What no process has to survive for: deadlines that passed, and targets that became free unnoticed.

use crate::connect::Database;
use crate::sql::{Row, args};
use crate::tx::Tx;
use crate::{lease, queue_slots, run_rows};
use chrono::TimeDelta;
use domain::queue::Swept;
use domain::run::{RunEnd, RunState};
use domain::{Id, Result, Time};
use sqlx::AssertSqlSafe;

/// Time that a new owner gets to end what is beyond its deadline.
const AGAIN: TimeDelta = TimeDelta::seconds(60);
/// Owners that get this time, one after the other.
const OWNERS: i64 = 3;
/// Rows of one sweep.
const BATCH: i64 = 100;

pub(crate) async fn sweep(db: &Database) -> Result<Swept> {
    let mut swept = Swept::default();
    let mut tx = db.begin().await?;
    let now = tx.now().await?;
    for row in &overdue(&mut tx, now).await? {
        let id = row.id("run_id")?;
        if row.int("overdue")? < OWNERS {
            take(&mut tx, id, now).await?;
            swept.taken += 1;
        } else {
            give_up(&mut tx, id, now).await?;
            swept.lost += 1;
        }
    }
    let free = "SELECT DISTINCT slot FROM run_queue q WHERE parked AND NOT EXISTS \
                (SELECT 1 FROM run_queue h WHERE h.slot = q.slot AND NOT h.parked)";
    for row in &tx.rows(free, Vec::new()).await? {
        swept.freed += u64::from(queue_slots::pass_on(&mut tx, &row.text("slot")?).await?);
    }
    if swept != Swept::default() {
        tx.commit().await?;
    }
    Ok(swept)
}

async fn overdue(tx: &mut Tx, now: Time) -> Result<Vec<Row>> {
    let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
    let sql =
        format!("SELECT run_id, overdue FROM run_queue WHERE deadline_at <= $1 ORDER BY deadline_at LIMIT $2{skip}");
    tx.rows(AssertSqlSafe(sql), args![now, BATCH]).await
}

/// Ends the lease now, so that another owner claims the run, finds it beyond its limit and stops it.
async fn take(tx: &mut Tx, id: Id, now: Time) -> Result<()> {
    tx.run(
        "UPDATE run_queue SET overdue = overdue + 1, deadline_at = $3, \
         ready_at = CASE WHEN leased AND ready_at > $2 THEN $2 ELSE ready_at END WHERE run_id = $1",
        args![id, now, now + AGAIN],
    )
    .await?;
    // Fences the present owner at once, not only when the next one has claimed.
    tx.run(
        "UPDATE test_runs SET version = version + 1, lease_epoch = lease_epoch + 1, lease_until = $2 WHERE id = $1",
        args![id, now],
    )
    .await
    .map(drop)
}

async fn give_up(tx: &mut Tx, id: Id, now: Time) -> Result<()> {
    let run = run_rows::lock(tx, id).await?;
    let place =
        if run.manager_reason.is_empty() { "no runtime manager".to_owned() } else { run.manager_reason.clone() };
    let reason =
        format!("its time limit passed long ago and no process could end it; look for what is left of it: {place}");
    lease::end_run(tx, run, RunEnd { state: RunState::Lost, exit_code: None, reason }, now).await.map(drop)
}
