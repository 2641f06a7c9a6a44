//! Incidents as rows.

use crate::sql::{Row, args, json, word};
use crate::tx::Tx;
use domain::incident::{Incident, Severity};
use domain::trace::TraceContext;
use domain::{Error, Id, Result};

pub(crate) fn rank(severity: Severity) -> i64 {
    match severity {
        Severity::Info => 0,
        Severity::Warning => 1,
        Severity::Critical => 2,
    }
}

pub(crate) fn incident(row: &Row) -> Result<Incident> {
    Ok(Incident {
        id: row.id("id")?,
        version: row.int("version")?,
        fingerprint: row.text("fingerprint")?,
        title: row.text("title")?,
        severity: row.word("severity")?,
        state: row.word("state")?,
        entity: row.text("entity")?,
        entities: row.json("entities")?,
        started_at: row.time("started_at")?,
        detected_at: row.time("detected_at")?,
        updated_at: row.time("updated_at")?,
        resolved_at: row.opt_time("resolved_at")?,
        soak_until: row.opt_time("soak_until")?,
        causes: row.json("causes")?,
        attempts: row.count("attempts")?,
        reopened: row.count("reopened")?,
        acknowledged_by: row.opt_text("acknowledged_by")?,
        trace: TraceContext { trace_id: row.text("trace_id")?, span_id: row.text("span_id")? },
    })
}

/// Inserts; false when an active incident has the fingerprint (or the id is taken).
pub(crate) async fn insert_incident(tx: &mut Tx, i: &Incident) -> Result<bool> {
    let done = tx
        .run(
            "INSERT INTO incidents (id, version, fingerprint, title, severity, severity_rank, state, entity, entities, \
             causes, started_at, detected_at, updated_at, resolved_at, attempts, reopened, acknowledged_by, trace_id, \
             span_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) \
             ON CONFLICT DO NOTHING",
            args![
                i.id,
                i.version,
                &i.fingerprint,
                &i.title,
                word(&i.severity)?,
                rank(i.severity),
                word(&i.state)?,
                &i.entity,
                json(&i.entities)?,
                json(&i.causes)?,
                i.started_at,
                i.detected_at,
                i.updated_at,
                i.resolved_at,
                i.attempts,
                i.reopened,
                i.acknowledged_by.clone(),
                &i.trace.trace_id,
                &i.trace.span_id
            ],
        )
        .await?;
    Ok(done == 1)
}

/// The incident, locked until the transaction ends.
pub(crate) async fn lock_incident(tx: &mut Tx, id: Id) -> Result<Incident> {
    let row = tx.lock_row("SELECT * FROM incidents WHERE id = $1", args![id]).await?;
    incident(&row.ok_or_else(|| Error::not_found("incident"))?)
}

/// Writes the changed incident back, one version up; the caller holds its lock.
pub(crate) async fn save_incident(tx: &mut Tx, i: &mut Incident) -> Result<()> {
    i.version += 1;
    tx.run(
        "UPDATE incidents SET version = $2, severity = $3, severity_rank = $4, state = $5, entity = $6, entities = $7, \
         causes = $8, updated_at = $9, resolved_at = $10, attempts = $11, reopened = $12, acknowledged_by = $13, \
         soak_until = $14 WHERE id = $1",
        args![
            i.id,
            i.version,
            word(&i.severity)?,
            rank(i.severity),
            word(&i.state)?,
            &i.entity,
            json(&i.entities)?,
            json(&i.causes)?,
            i.updated_at,
            i.resolved_at,
            i.attempts,
            i.reopened,
            i.acknowledged_by.clone(),
            i.soak_until
        ],
    )
    .await
    .map(drop)
}
