//! The timeline: events numbered in commit order.

use crate::connect::Database;
use crate::sql::{Row, Value, args, json, word};
use crate::tx::Tx;
use domain::incident::IncidentEvent;
use domain::{Id, Result};

/// Writes the events that wait in the transaction. The head row stays locked until the commit, so numbers become
/// visible in order and a reader that continues after the last number misses nothing.
pub(crate) async fn append(tx: &mut Tx) -> Result<()> {
    let events = tx.take_events();
    if events.is_empty() {
        return Ok(());
    }
    let count = events.len() as i64;
    let head = tx
        .row("UPDATE event_head SET seq = seq + $1 WHERE id = 1 RETURNING seq", args![count])
        .await?
        .ok_or_else(|| domain::Error::internal("event_head is empty"))?
        .int("seq")?;
    let rows = events.iter().zip(head - count + 1..).map(|(e, seq)| values(e, seq)).collect::<Result<Vec<_>>>()?;
    let head = "INSERT INTO incident_events (id, seq, incident_id, at, kind, actor, message, data)";
    // A writer that did not hear of its commit writes the same events again: each is told once.
    tx.insert_many(head, "ON CONFLICT (id) DO NOTHING", rows).await
}

fn values(e: &IncidentEvent, seq: i64) -> Result<Vec<Value>> {
    Ok(args![e.id, seq, e.incident_id, e.at, word(&e.kind)?, json(&e.actor)?, &e.message, json(&e.data)?])
}

fn read(row: &Row) -> Result<IncidentEvent> {
    Ok(IncidentEvent {
        id: row.id("id")?,
        incident_id: row.id("incident_id")?,
        at: row.time("at")?,
        kind: row.word("kind")?,
        actor: row.json("actor")?,
        message: row.text("message")?,
        data: row.json("data")?,
    })
}

/// Events of one incident (or of all) after the event `after`, in commit order.
pub(crate) async fn list(
    db: &Database,
    incident: Option<Id>,
    after: Option<Id>,
    limit: u32,
) -> Result<Vec<IncidentEvent>> {
    let from = match after {
        None => 0,
        Some(id) => position(db, id).await?,
    };
    let limit = i64::from(limit.clamp(1, 1_000));
    let rows = match incident {
        Some(id) => {
            db.rows(
                "SELECT * FROM incident_events WHERE incident_id = $1 AND seq > $2 ORDER BY seq LIMIT $3",
                args![id, from, limit],
            )
            .await?
        }
        None => {
            db.rows("SELECT * FROM incident_events WHERE seq > $1 ORDER BY seq LIMIT $2", args![from, limit]).await?
        }
    };
    rows.iter().map(read).collect()
}

/// Number of the event; for an unknown id (UUIDv7), of the newest event made before it.
async fn position(db: &Database, id: Id) -> Result<i64> {
    let sql = "SELECT coalesce((SELECT seq FROM incident_events WHERE id = $1), \
               (SELECT max(seq) FROM incident_events WHERE id < $1), 0) AS seq";
    db.row(sql, args![id]).await?.map_or(Ok(0), |row| row.int("seq"))
}

/// The word of an enum as people read it: `timed out` for `timed_out`.
pub(crate) fn plain<T: serde::Serialize>(value: &T) -> Result<String> {
    Ok(word(value)?.replace('_', " "))
}
