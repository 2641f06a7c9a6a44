//! Runs as people see, start and stop them.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::sql::{Value, args, contains, json, placeholders, word};
use crate::{lease, queue_claim, run_rows};
use async_trait::async_trait;
use domain::catalog::RuntimeKind;
use domain::error::FieldError;
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{Assigned, Claim, RunFilter, RunStore};
use domain::run::{PRIORITIES, Run, RunEnd, RunPurpose, RunState};
use domain::{Error, Id, Result, Time};
use std::time::Duration;

/// Active runs by manager.
pub(crate) const LOAD: &str = "SELECT manager_id, count(*) AS n FROM test_runs WHERE ended_at IS NULL \
    AND manager_id IS NOT NULL AND state <> 'queued' GROUP BY manager_id";

/// Refuses what cannot be a new run of a person or a schedule.
pub(crate) fn check_new(run: &Run) -> Result<()> {
    let mut wrong = Vec::new();
    let planned = run.schedule_id.is_some() && run.planned_at.is_some();
    let fits = match run.purpose {
        RunPurpose::Manual => run.schedule_id.is_none() && run.planned_at.is_none(),
        RunPurpose::Scheduled => planned,
        RunPurpose::Heal | RunPurpose::Undo => false,
    };
    if !fits || run.heal.is_some() {
        let text = "only a decision starts heals and undos: give manual, or scheduled with schedule_id and planned_at";
        wrong.push(FieldError::new("purpose", text));
    }
    if !matches!(run.state, RunState::Queued | RunState::WaitingApproval) || run.lease_epoch != 0 {
        wrong.push(FieldError::new("state", "a new run is queued, or waits for approval, at epoch 0"));
    }
    if !PRIORITIES.contains(&run.priority) {
        wrong.push(FieldError::new("priority", "give a number from -100 to 100"));
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::invalid(wrong)) }
}

pub(crate) fn exists() -> Error {
    Error::conflict("a run with this id, or for this planned time of its schedule, exists")
}

/// Adds the conditions of the filter.
fn narrow(filter: &RunFilter, sql: &mut String, args: &mut Vec<Value>) -> Result<()> {
    let ids = [
        ("case_id", filter.case_id),
        ("incident_id", filter.incident_id),
        ("manager_id", filter.manager_id),
        ("batch_id", filter.batch_id),
        ("schedule_id", filter.schedule_id),
    ];
    for (column, id) in ids {
        if let Some(id) = id {
            args.push(id.into());
            sql.push_str(&format!(" AND {column} = ${}", args.len()));
        }
    }
    if let Some(target) = &filter.target {
        args.push(target.into());
        sql.push_str(&format!(" AND target = ${}", args.len()));
    }
    if !filter.states.is_empty() {
        sql.push_str(&format!(" AND state IN ({})", placeholders(args.len() + 1, filter.states.len())));
        for state in &filter.states {
            args.push(word(state)?.into());
        }
    }
    if !filter.purposes.is_empty() {
        let any = filter.purposes.iter().map(|purpose| match purpose {
            RunPurpose::Manual => "(purpose = 'manual' AND schedule_id IS NULL)",
            RunPurpose::Scheduled => "schedule_id IS NOT NULL",
            RunPurpose::Heal => "purpose = 'heal'",
            RunPurpose::Undo => "purpose = 'undo'",
        });
        sql.push_str(&format!(" AND ({})", any.collect::<Vec<_>>().join(" OR ")));
    }
    for (bound, time) in [(">=", filter.since), ("<", filter.until)] {
        if let Some(time) = time {
            args.push(time.into());
            sql.push_str(&format!(" AND queued_at {bound} ${}", args.len()));
        }
    }
    if let Some(who) = &filter.requested_by {
        args.push(who.into());
        sql.push_str(&format!(" AND requested_by = ${}", args.len()));
    }
    if let Some(tag) = &filter.tag {
        args.push(json(tag)?.into());
        let n = args.len();
        sql.push_str(&format!(" AND case_id IN (SELECT id FROM test_cases WHERE replace(tags, ${n}, '') <> tags)"));
    }
    if let Some(text) = &filter.search {
        args.push(contains(text).into());
        let n = args.len();
        let any =
            ["case_name", "target", "requested_by", "reason"].map(|c| format!("lower({c}) LIKE ${n} ESCAPE '\\'"));
        sql.push_str(&format!(" AND ({})", any.join(" OR ")));
    }
    Ok(())
}

#[async_trait]
impl RunStore for Database {
    async fn enqueue(&self, run: Run, audit: Audit) -> Result<Run> {
        check_new(&run)?;
        fail::fail_point!("break.accept", |_| Ok(run.clone()));
        let mut tx = self.begin().await?;
        if !run_rows::insert(&mut tx, &run, None).await? {
            return Err(exists());
        }
        tx.audit(audit, "run", run.id);
        tx.commit().await?;
        self.run(run.id).await
    }

    async fn claim(&self, owner: &str, lease: Duration) -> Result<Option<Claim>> {
        Ok(queue_claim::claim_many(self, owner, lease, 1, 1).await?.pop())
    }

    async fn renew(&self, id: Id, epoch: i64, lease: Duration) -> Result<bool> {
        lease::renew(self, id, epoch, lease).await
    }

    async fn assign(&self, id: Id, epoch: i64, manager_id: Id, runtime: RuntimeKind, reason: &str) -> Result<Assigned> {
        lease::assign(self, id, epoch, manager_id, runtime, reason).await
    }

    async fn started(&self, id: Id, epoch: i64, at: Time) -> Result<()> {
        lease::started(self, id, epoch, at).await
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
        narrow(filter, &mut sql, &mut args)?;
        args.push(cursor::ask(page).into());
        sql.push_str(&format!(" ORDER BY queued_at DESC, id DESC LIMIT ${}", args.len()));
        let rows = self.rows_of(sql, args).await?;
        cursor::page(List::Runs, page, &rows, run_rows::read, |r| Key { at: r.queued_at.timestamp_millis(), id: r.id })
    }

    async fn load(&self) -> Result<Vec<(Id, u32)>> {
        self.rows(LOAD, Vec::new()).await?.iter().map(|row| Ok((row.id("manager_id")?, row.count("n")?))).collect()
    }
}
