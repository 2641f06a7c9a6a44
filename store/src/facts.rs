//! Everything the gates look at, read in the transaction that would enqueue the run.

use crate::anomalies;
use crate::sql::{Row, args, placeholders};
use crate::tx::Tx;
use chrono::TimeDelta;
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState};
use domain::decision::{GateFacts, PastRun};
use domain::incident::Incident;
use domain::run::RunPurpose;
use domain::{Id, Result, Time};
use sqlx::AssertSqlSafe;
use std::collections::BTreeSet;

/// How far back past runs count; active ones count however old.
const PAST: TimeDelta = TimeDelta::hours(24);

const BY_POLICY: &str = "SELECT r.id, r.incident_id, r.target, r.step, r.purpose, r.state, r.queued_at, r.ended_at, \
    v.verdict, v.ended_at AS verdict_at FROM test_runs r LEFT JOIN verifications v ON v.run_id = r.id \
    WHERE r.incident_id IS NOT NULL AND (r.queued_at >= $1 OR r.ended_at IS NULL) AND r.policy_id = $2 \
    ORDER BY r.queued_at DESC, r.id DESC";
const BY_TARGET: &str = "SELECT r.id, r.incident_id, r.target, r.step, r.purpose, r.state, r.queued_at, r.ended_at, \
    v.verdict, v.ended_at AS verdict_at FROM test_runs r LEFT JOIN verifications v ON v.run_id = r.id \
    WHERE r.incident_id IS NOT NULL AND (r.queued_at >= $1 OR r.ended_at IS NULL) AND r.target = $2 \
    ORDER BY r.queued_at DESC, r.id DESC";

/// The facts for `policy_id` on the incident; its target is the incident's entity.
pub(crate) async fn gather(tx: &mut Tx, incident: Incident, policy_id: Id) -> Result<GateFacts> {
    let now = tx.now().await?;
    let anomalies = anomalies::of_incident(tx, incident.id).await?;
    let policy_runs = past(&tx.rows(BY_POLICY, args![now - PAST, policy_id]).await?)?;
    let target_runs = past(&tx.rows(BY_TARGET, args![now - PAST, &incident.entity]).await?)?;
    let data_as_of = data_as_of(tx, &anomalies).await?;
    Ok(GateFacts { incident, anomalies, policy_runs, target_runs, data_as_of, now })
}

fn past(rows: &[Row]) -> Result<Vec<PastRun>> {
    rows.iter()
        .map(|row| {
            Ok(PastRun {
                id: row.id("id")?,
                incident_id: row.id("incident_id")?,
                target: row.text("target")?,
                step: row.opt_count("step")?.unwrap_or(0),
                undo: row.word::<RunPurpose>("purpose")? == RunPurpose::Undo,
                state: row.word("state")?,
                queued_at: row.time("queued_at")?,
                ended_at: row.opt_time("ended_at")?,
                verdict: row.opt_word("verdict")?,
                verdict_at: row.opt_time("verdict_at")?,
            })
        })
        .collect()
}

/// When the monitors behind the incident last had complete data, the oldest of them; `None` when one never had.
/// Monitors of open anomalies count; those of closed ones only when none is open. Where all that counts are alerts from
/// outside, it is when their senders were last heard.
async fn data_as_of(tx: &mut Tx, anomalies: &[Anomaly]) -> Result<Option<Time>> {
    let any_open = anomalies.iter().any(|a| a.state == AnomalyState::Open);
    let counts = |a: &&Anomaly| !any_open || a.state == AnomalyState::Open;
    let of = |told: bool| -> BTreeSet<Id> {
        let kind = |a: &&Anomaly| (a.kind == AnomalyKind::Alert) == told;
        anomalies.iter().filter(counts).filter(kind).map(|a| a.monitor_id).collect()
    };
    let (monitors, kind) = match of(false) {
        none if none.is_empty() => (of(true), "source"),
        measured => (measured, "monitor"),
    };
    if monitors.is_empty() {
        return Ok(None);
    }
    let ids = placeholders(1, monitors.len());
    let sql =
        format!("SELECT ok_at FROM component_status WHERE kind = '{kind}' AND ok_at IS NOT NULL AND id IN ({ids})");
    let rows = tx.rows(AssertSqlSafe(sql), monitors.iter().map(|id| (*id).into()).collect()).await?;
    if rows.len() < monitors.len() {
        return Ok(None);
    }
    let times = rows.iter().map(|row| row.time("ok_at")).collect::<Result<Vec<_>>>()?;
    Ok(times.into_iter().min())
}
