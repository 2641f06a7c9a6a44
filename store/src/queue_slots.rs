//! Targets that one run has for itself: the other runs of the target are parked until it has ended.
//!
//! A unique index holds it; who changes a slot takes its turn, and never waits for a row while it has the turn.

use crate::sql::{args, word};
use crate::tx::Tx;
use domain::run::{Run, RunState};
use domain::{Id, Result};
use sqlx::AssertSqlSafe;

async fn turn(tx: &mut Tx, slot: &str) -> Result<()> {
    tx.turn(&format!("target {slot}")).await
}

/// Puts a new run into the queue; parked when its target is held.
pub(crate) async fn enter(tx: &mut Tx, run: &Run) -> Result<()> {
    debug_assert_eq!(run.state, RunState::Queued, "{}", word(&run.state)?);
    let now = tx.now().await?;
    let slot = run.exclusive.then_some(run.target.as_str());
    let parked = match slot {
        Some(slot) => {
            turn(tx, slot).await?;
            !free(tx, slot, run.priority).await?
        }
        None => false,
    };
    tx.run(
        "INSERT INTO run_queue (run_id, ready_at, leased, started_before, owner, priority, slot, parked) \
         VALUES ($1, $2, $3, $3, $4, $5, $6, $7)",
        args![run.id, now, false, &run.owner, run.priority, slot, parked],
    )
    .await
    .map(drop)
}

/// Whether a run of this priority may have the slot; a waiting holder of lower priority gives way.
async fn free(tx: &mut Tx, slot: &str, priority: i32) -> Result<bool> {
    let held = tx.row("SELECT run_id FROM run_queue WHERE slot = $1 AND NOT parked", args![slot]).await?;
    if held.is_none() {
        return Ok(true);
    }
    let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
    let sql = format!(
        "WITH holder AS (SELECT run_id FROM run_queue WHERE slot = $1 AND NOT parked AND NOT leased \
         AND NOT started_before AND priority < $2{skip}) \
         UPDATE run_queue SET parked = TRUE WHERE run_id IN (SELECT run_id FROM holder)"
    );
    Ok(tx.run(AssertSqlSafe(sql), args![slot, priority]).await? == 1)
}

/// Takes an ended run out of the queue, and lets the next run of its target go.
pub(crate) async fn leave(tx: &mut Tx, id: Id) -> Result<()> {
    let gone = tx.row("DELETE FROM run_queue WHERE run_id = $1 RETURNING slot, parked", args![id]).await?;
    let Some(row) = gone else { return Ok(()) };
    match row.opt_text("slot")? {
        Some(slot) if !row.flag("parked")? => pass_on(tx, &slot).await.map(drop),
        _ => Ok(()),
    }
}

/// Lets the next parked run of a free slot go; whether there was one.
pub(crate) async fn pass_on(tx: &mut Tx, slot: &str) -> Result<bool> {
    turn(tx, slot).await?;
    let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
    let sql = format!(
        "WITH next AS (SELECT run_id FROM run_queue WHERE slot = $1 AND parked AND NOT EXISTS \
         (SELECT 1 FROM run_queue h WHERE h.slot = $1 AND NOT h.parked) \
         ORDER BY priority DESC, run_id LIMIT 1{skip}) \
         UPDATE run_queue SET parked = FALSE WHERE run_id IN (SELECT run_id FROM next)"
    );
    Ok(tx.run(AssertSqlSafe(sql), args![slot]).await? == 1)
}
