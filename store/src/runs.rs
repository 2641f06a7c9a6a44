//! Runs as people see, start and stop them.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::sql::{args, placeholders, word};
use crate::{lease, run_rows};
use async_trait::async_trait;
use domain::catalog::RuntimeKind;
use domain::error::FieldError;
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{Claim, RunFilter, RunStore};
use domain::run::{LogRecord, Run, RunEnd, RunPurpose, RunState};
use domain::{Error, Id, Result, Time};
use std::time::Duration;

/// Log lines at most in one answer.
const MAX_LINES: u32 = 10_000;

#[async_trait]
impl RunStore for Database {
    async fn enqueue(&self, run: Run, audit: Audit) -> Result<Run> {
        let mut wrong = Vec::new();
        if run.purpose != RunPurpose::Manual || run.heal.is_some() {
            wrong.push(FieldError::new("purpose", "only a decision starts heals and undos: give manual"));
        }
        if !matches!(run.state, RunState::Queued | RunState::WaitingApproval) || run.lease_epoch != 0 {
            wrong.push(FieldError::new("state", "a new run is queued, or waits for approval, at epoch 0"));
        }
        if !wrong.is_empty() {
            return Err(Error::invalid(wrong));
        }
        let mut tx = self.begin().await?;
        if !run_rows::insert(&mut tx, &run, None).await? {
            return Err(Error::conflict("a run with this id exists"));
        }
        tx.audit(audit, "run", run.id);
        tx.commit().await?;
        self.run(run.id).await
    }

    async fn claim(&self, owner: &str, lease: Duration) -> Result<Option<Claim>> {
        lease::claim(self, owner, lease).await
    }

    async fn renew(&self, id: Id, epoch: i64, lease: Duration) -> Result<bool> {
        lease::renew(self, id, epoch, lease).await
    }

    async fn assign(&self, id: Id, epoch: i64, manager_id: Id, runtime: RuntimeKind, reason: &str) -> Result<()> {
        lease::assign(self, id, epoch, manager_id, runtime, reason).await
    }

    async fn started(&self, id: Id, epoch: i64, at: Time) -> Result<()> {
        lease::started(self, id, epoch, at).await
    }

    async fn append_logs(&self, id: Id, epoch: i64, lines: &[LogRecord]) -> Result<()> {
        lease::append_logs(self, id, epoch, lines).await
    }

    async fn finish(&self, id: Id, epoch: i64, end: RunEnd, at: Time) -> Result<()> {
        lease::finish(self, id, epoch, end, at).await
    }

    async fn release(&self, id: Id, epoch: i64, reason: &str) -> Result<()> {
        lease::release(self, id, epoch, reason).await
    }

    async fn cancel(&self, id: Id, audit: Audit) -> Result<Run> {
        let mut tx = self.begin().await?;
        let queue = tx.lock_row("SELECT leased, started_before FROM run_queue WHERE run_id = $1", args![id]).await?;
        let run = run_rows::lock(&mut tx, id).await?;
        if run.state.is_terminal() {
            return Err(Error::conflict("the run has ended: there is nothing to cancel"));
        }
        if run.cancel_requested_at.is_some() {
            return Ok(run);
        }
        let now = tx.now().await?;
        tx.audit(audit, "run", id);
        let may_run = match queue {
            Some(row) => row.flag("leased")? || row.flag("started_before")?,
            None => false,
        };
        let sql = "UPDATE test_runs SET version = version + 1, cancel_requested_at = $2, state = $3 WHERE id = $1";
        let next = if may_run { RunState::Cancelling } else { run.state };
        tx.run(sql, args![id, now, word(&next)?]).await?;
        if !may_run {
            let end = RunEnd {
                state: RunState::Cancelled,
                exit_code: None,
                reason: "cancelled before it started".to_owned(),
            };
            let run = run_rows::lock(&mut tx, id).await?;
            lease::end_run(&mut tx, run, end, now).await?;
        }
        tx.commit().await?;
        self.run(id).await
    }

    async fn run(&self, id: Id) -> Result<Run> {
        let row = self.row("SELECT * FROM test_runs WHERE id = $1", args![id]).await?;
        run_rows::read(&row.ok_or_else(|| Error::not_found("run"))?)
    }

    async fn list_runs(&self, filter: &RunFilter, page: &PageRequest) -> Result<Page<Run>> {
        let after = cursor::decode(List::Runs, page)?;
        let mut sql = String::from("SELECT * FROM test_runs WHERE (queued_at, id) < ($1, $2)");
        let mut args = args![after.at, after.id];
        for (column, id) in [("case_id", filter.case_id), ("incident_id", filter.incident_id)] {
            if let Some(id) = id {
                args.push(id.into());
                sql.push_str(&format!(" AND {column} = ${}", args.len()));
            }
        }
        if !filter.states.is_empty() {
            sql.push_str(&format!(" AND state IN ({})", placeholders(args.len() + 1, filter.states.len())));
            for state in &filter.states {
                args.push(word(state)?.into());
            }
        }
        args.push(cursor::ask(page).into());
        sql.push_str(&format!(" ORDER BY queued_at DESC, id DESC LIMIT ${}", args.len()));
        let rows = self.rows_of(sql, args).await?;
        cursor::page(List::Runs, page, &rows, run_rows::read, |r| Key { at: r.queued_at.timestamp_millis(), id: r.id })
    }

    async fn logs(&self, id: Id, after_seq: i64, limit: u32) -> Result<Vec<LogRecord>> {
        let sql = "SELECT seq, at, stream, text FROM run_logs WHERE run_id = $1 AND seq > $2 ORDER BY seq LIMIT $3";
        let rows = self.rows(sql, args![id, after_seq, limit.clamp(1, MAX_LINES)]).await?;
        rows.iter()
            .map(|row| {
                Ok(LogRecord {
                    seq: row.int("seq")?,
                    at: row.time("at")?,
                    stream: row.word("stream")?,
                    text: row.text("text")?,
                })
            })
            .collect()
    }

    async fn load(&self) -> Result<Vec<(Id, u32)>> {
        let sql = "SELECT manager_id, count(*) AS n FROM test_runs WHERE ended_at IS NULL AND manager_id IS NOT NULL \
                   AND state <> 'queued' GROUP BY manager_id";
        self.rows(sql, Vec::new()).await?.iter().map(|row| Ok((row.id("manager_id")?, row.count("n")?))).collect()
    }
}
