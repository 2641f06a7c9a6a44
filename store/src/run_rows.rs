//! Runs as rows.

use crate::sql::{Row, args, json, word};
use crate::tx::Tx;
use domain::policy::VerificationSpec;
use domain::run::{HealLink, Run};
use domain::trace::TraceContext;
use domain::{Error, Id, Result};

pub(crate) fn read(row: &Row) -> Result<Run> {
    let heal = match (row.opt_id("incident_id")?, row.opt_id("policy_id")?, row.opt_id("decision_id")?) {
        (Some(incident_id), Some(policy_id), Some(decision_id)) => {
            Some(HealLink { incident_id, policy_id, decision_id, step: row.opt_count("step")?.unwrap_or(0) })
        }
        _ => None,
    };
    let exit_code = row.opt_int("exit_code")?.map(i32::try_from).transpose();
    Ok(Run {
        id: row.id("id")?,
        version: row.int("version")?,
        case_id: row.id("case_id")?,
        case_name: row.text("case_name")?,
        purpose: row.word("purpose")?,
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
        queued_at: row.time("queued_at")?,
        started_at: row.opt_time("started_at")?,
        ended_at: row.opt_time("ended_at")?,
        cancel_requested_at: row.opt_time("cancel_requested_at")?,
        trace: TraceContext { trace_id: row.text("trace_id")?, span_id: row.text("span_id")? },
    })
}

/// Inserts a new run (`queued` or `waiting_approval`, not yet claimed) and its queue row; false when its target has
/// an active heal. `verification` is how a heal's effect will be measured.
pub(crate) async fn insert(tx: &mut Tx, run: &Run, verification: Option<&VerificationSpec>) -> Result<bool> {
    let link = run.heal.as_ref();
    let done = tx
        .run(
            "INSERT INTO test_runs (id, version, case_id, case_name, purpose, target, incident_id, policy_id, \
             decision_id, step, state, spec, run_key, manager_reason, lease_epoch, reason, log_lines, requested_by, \
             queued_at, trace_id, span_id, verification) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 0, $15, 0, $16, $17, $18, $19, $20) \
             ON CONFLICT DO NOTHING",
            args![
                run.id,
                run.version,
                run.case_id,
                &run.case_name,
                word(&run.purpose)?,
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
                verification.map(json).transpose()?
            ],
        )
        .await?;
    if done == 1 && run.state == domain::run::RunState::Queued {
        let now = tx.now().await?;
        tx.run(
            "INSERT INTO run_queue (run_id, ready_at, leased, started_before) VALUES ($1, $2, $3, $3)",
            args![run.id, now, false],
        )
        .await?;
    }
    Ok(done == 1)
}

/// The run, locked until the transaction ends.
pub(crate) async fn lock(tx: &mut Tx, id: Id) -> Result<Run> {
    let row = tx.lock_row("SELECT * FROM test_runs WHERE id = $1", args![id]).await?;
    read(&row.ok_or_else(|| Error::not_found("run"))?)
}
