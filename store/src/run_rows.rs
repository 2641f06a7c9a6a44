//! Runs as rows.

use crate::queue_slots;
use crate::sql::{Row, args, json, placeholders, word};
use crate::tx::Tx;
use domain::policy::VerificationSpec;
use domain::run::{HealLink, Run, RunPurpose, RunState};
use domain::trace::TraceContext;
use domain::{Error, Id, Result};
use sqlx::AssertSqlSafe;

pub(crate) fn read(row: &Row) -> Result<Run> {
    let heal = match (row.opt_id("incident_id")?, row.opt_id("policy_id")?, row.opt_id("decision_id")?) {
        (Some(incident_id), Some(policy_id), Some(decision_id)) => {
            Some(HealLink { incident_id, policy_id, decision_id, step: row.opt_count("step")?.unwrap_or(0) })
        }
        _ => None,
    };
    let schedule_id = row.opt_id("schedule_id")?;
    let purpose = match (row.word("purpose")?, schedule_id) {
        (RunPurpose::Manual, Some(_)) => RunPurpose::Scheduled,
        (purpose, _) => purpose,
    };
    let exit_code = row.opt_int("exit_code")?.map(i32::try_from).transpose();
    Ok(Run {
        id: row.id("id")?,
        version: row.int("version")?,
        case_id: row.id("case_id")?,
        case_name: row.text("case_name")?,
        purpose,
        target: row.text("target")?,
        heal,
        state: row.word("state")?,
        spec: row.json("spec")?,
        run_key: row.text("run_key")?,
        manager_id: row.opt_id("manager_id")?,
        runtime: row.opt_word("runtime")?,
        manager_reason: row.text("manager_reason")?,
        lease_epoch: row.int("lease_epoch")?,
        lease_owner: row.opt_text("lease_owner")?,
        lease_until: row.opt_time("lease_until")?,
        exit_code: exit_code.map_err(|e| crate::error::corrupt("exit_code", e))?,
        reason: row.text("reason")?,
        log_lines: row.int("log_lines")?,
        requested_by: row.text("requested_by")?,
        owner: row.text("owner")?,
        priority: i32::try_from(row.int("priority")?).map_err(|e| crate::error::corrupt("priority", e))?,
        exclusive: row.flag("exclusive")?,
        attempt: row.count("attempt")?,
        attempt_after: row.int("attempt_after")?,
        batch_id: row.opt_id("batch_id")?,
        schedule_id,
        planned_at: row.opt_time("planned_at")?,
        script_version: row.opt_text("script_version")?,
        deadline_at: row.opt_time("deadline_at")?,
        queued_at: row.time("queued_at")?,
        started_at: row.opt_time("started_at")?,
        ended_at: row.opt_time("ended_at")?,
        cancel_requested_at: row.opt_time("cancel_requested_at")?,
        trace: TraceContext { trace_id: row.text("trace_id")?, span_id: row.text("span_id")? },
    })
}

/// Inserts a new run (`queued` or `waiting_approval`, not yet claimed) and its queue row; false when its target has
/// an active heal, or its id or planned time has a run. `verification` is how a heal's effect will be measured.
pub(crate) async fn insert(tx: &mut Tx, run: &Run, verification: Option<&VerificationSpec>) -> Result<bool> {
    let link = run.heal.as_ref();
    // A planned run is stored as manual, with its schedule.
    let purpose = if run.purpose == RunPurpose::Scheduled { RunPurpose::Manual } else { run.purpose };
    let values = args![
        run.id,
        run.version,
        run.case_id,
        &run.case_name,
        word(&purpose)?,
        &run.target,
        link.map(|l| l.incident_id),
        link.map(|l| l.policy_id),
        link.map(|l| l.decision_id),
        link.map(|l| l.step),
        word(&run.state)?,
        json(&run.spec)?,
        &run.run_key,
        &run.manager_reason,
        &run.reason,
        &run.requested_by,
        run.queued_at,
        &run.trace.trace_id,
        &run.trace.span_id,
        verification.map(json).transpose()?,
        &run.owner,
        run.priority,
        run.exclusive,
        run.batch_id,
        run.schedule_id,
        run.planned_at,
        run.script_version.clone(),
        0_i64
    ];
    let sql = format!("{INSERT} VALUES ({}, $28, $28) ON CONFLICT DO NOTHING", placeholders(1, values.len() - 1));
    let done = tx.run(AssertSqlSafe(sql), values).await?;
    if done == 1 && run.state == RunState::Queued {
        queue_slots::enter(tx, run).await?;
    }
    Ok(done == 1)
}

const INSERT: &str = "INSERT INTO test_runs (id, version, case_id, case_name, purpose, target, incident_id, policy_id, \
    decision_id, step, state, spec, run_key, manager_reason, reason, requested_by, queued_at, trace_id, span_id, \
    verification, owner, priority, exclusive, batch_id, schedule_id, planned_at, script_version, lease_epoch, log_lines)";

/// The run, locked until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, id: Id) -> Result<Run> {
    let row = tx.lock_row("SELECT * FROM test_runs WHERE id = $1", args![id]).await?;
    read(&row.ok_or_else(|| Error::not_found("run"))?)
}
