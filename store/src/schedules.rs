//! Windows of schedules: each planned time once, its run in the same transaction.

use crate::connect::Database;
use crate::run_rows;
use crate::sql::{Row, args, word};
use crate::tx::Tx;
use async_trait::async_trait;
use domain::identity::Audit;
use domain::ports::ScheduleStore;
use domain::run::Run;
use domain::schedule::{Overlap, Window, WindowOutcome};
use domain::{Error, Id, Result, Time};

/// Windows at most in one answer.
const MAX_ROWS: u32 = 500;

fn read(row: &Row) -> Result<Window> {
    Ok(Window {
        schedule_id: row.id("schedule_id")?,
        planned_at: row.time("planned_at")?,
        outcome: row.word("outcome")?,
        windows: row.count("windows")?,
        reason: row.text("reason")?,
        run_id: row.opt_id("run_id")?,
        at: row.time("at")?,
    })
}

/// An earlier run of the schedule that is not over.
async fn still_running(tx: &mut Tx, schedule_id: Id) -> Result<Option<String>> {
    let sql = "SELECT id, planned_at FROM test_runs WHERE schedule_id = $1 AND ended_at IS NULL LIMIT 1";
    let row = tx.row(sql, args![schedule_id]).await?;
    row.map(|row| {
        let planned = row.opt_time("planned_at")?.map_or_else(String::new, |t| format!(" of {}", t.to_rfc3339()));
        Ok(format!("run {}{planned} is not over", row.id("id")?))
    })
    .transpose()
}

#[async_trait]
impl ScheduleStore for Database {
    async fn last_window(&self, schedule_id: Id) -> Result<Option<Time>> {
        let sql = "SELECT max(planned_at) AS planned_at FROM schedule_windows WHERE schedule_id = $1";
        self.row(sql, args![schedule_id]).await?.map_or(Ok(None), |row| row.opt_time("planned_at"))
    }

    async fn record_window(&self, mut window: Window, run: Option<Run>, overlap: Overlap) -> Result<Option<Window>> {
        let mut tx = self.begin().await?;
        tx.turn(&format!("schedule {}", window.schedule_id)).await?;
        let sql = "SELECT max(planned_at) AS planned_at FROM schedule_windows WHERE schedule_id = $1";
        let last = tx.row(sql, args![window.schedule_id]).await?.map_or(Ok(None), |row| row.opt_time("planned_at"))?;
        if last.is_some_and(|last| last >= window.planned_at) {
            return Ok(None);
        }
        let mut run = run;
        if run.is_some()
            && overlap == Overlap::Skip
            && let Some(why) = still_running(&mut tx, window.schedule_id).await?
        {
            run = None;
            (window.outcome, window.reason) = (WindowOutcome::Skipped, why);
        }
        window.run_id = run.as_ref().map(|run| run.id);
        tx.run(
            "INSERT INTO schedule_windows (schedule_id, planned_at, outcome, windows, reason, run_id, at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![
                window.schedule_id,
                window.planned_at,
                word(&window.outcome)?,
                window.windows,
                &window.reason,
                window.run_id,
                window.at
            ],
        )
        .await?;
        if let Some(run) = run {
            if !run_rows::insert(&mut tx, &run, None).await? {
                return Err(Error::conflict("a run of this planned time exists"));
            }
            tx.audit(Audit::new(&run.requested_by, "run.start"), "run", run.id);
        }
        tx.commit().await?;
        Ok(Some(window))
    }

    async fn windows(&self, schedule_id: Id, limit: u32) -> Result<Vec<Window>> {
        let sql = "SELECT * FROM schedule_windows WHERE schedule_id = $1 ORDER BY planned_at DESC LIMIT $2";
        self.rows(sql, args![schedule_id, limit.clamp(1, MAX_ROWS)]).await?.iter().map(read).collect()
    }
}
