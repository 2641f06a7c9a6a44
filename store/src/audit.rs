//! The audit chain: appended in the transaction of the change, walked to prove that nothing was touched.
//!
//! Each hash is SHA-256 over the hash before and the row's fields, every field with its length in front, so no two
//! rows share an encoding. `audit_head` keeps the end of the chain, so a cut-off tail shows too.

use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::sql::{Row, args};
use crate::tx::Tx;
use async_trait::async_trait;
use domain::identity::AuditRow;
use domain::page::{Page, PageRequest};
use domain::ports::AuditStore;
use domain::{Error, Id, Result};
use sha2::{Digest, Sha256};

/// Rows read at once while walking the chain.
const BATCH: i64 = 2_000;

fn chained(before: &str, row: &AuditRow) -> String {
    let mut hash = Sha256::new();
    let (seq, at) = (row.seq.to_string(), row.at.timestamp_millis().to_string());
    let fields = [before, &seq, &at, &row.actor, &row.action, &row.object_kind, &row.object_id, &row.origin];
    for field in fields {
        hash.update((field.len() as u64).to_be_bytes());
        hash.update(field.as_bytes());
    }
    hex::encode(hash.finalize())
}

/// Appends the audit rows that wait in the transaction; appends take turns on the head row.
pub(crate) async fn append(tx: &mut Tx) -> Result<()> {
    let audits = tx.take_audits();
    if audits.is_empty() {
        return Ok(());
    }
    let mut at = tx.now().await?;
    for (audit, kind, id) in audits {
        let head = tx
            .row("UPDATE audit_head SET seq = seq + 1 WHERE id = 1 RETURNING seq, hash", Vec::new())
            .await?
            .ok_or_else(|| Error::internal("audit_head is empty"))?;
        // PostgreSQL: the clock is read again under the lock, so times rise with the numbers.
        at = at.max(tx.now().await?);
        let no_nul = |text: String| text.replace('\0', "\u{fffd}");
        let mut row = AuditRow {
            seq: head.int("seq")?,
            at,
            actor: no_nul(audit.actor),
            action: no_nul(audit.action),
            object_kind: kind.to_owned(),
            object_id: id.to_string(),
            origin: no_nul(audit.origin),
            hash: String::new(),
        };
        row.hash = chained(&head.text("hash")?, &row);
        tx.run(
            "INSERT INTO audit_events (seq, at, actor, action, object_kind, object_id, origin, hash) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            args![row.seq, row.at, &row.actor, &row.action, &row.object_kind, &row.object_id, &row.origin, &row.hash],
        )
        .await?;
        // The hash alone; the number already moved, so the guard sees no step here.
        tx.run("UPDATE audit_head SET hash = $1 WHERE id = 1", args![&row.hash]).await?;
    }
    Ok(())
}

fn read(row: &Row) -> Result<AuditRow> {
    Ok(AuditRow {
        seq: row.int("seq")?,
        at: row.time("at")?,
        actor: row.text("actor")?,
        action: row.text("action")?,
        object_kind: row.text("object_kind")?,
        object_id: row.text("object_id")?,
        origin: row.text("origin")?,
        hash: row.text("hash")?,
    })
}

fn broken(seq: i64, why: &str) -> Error {
    Error::conflict(format!("audit chain is broken at row {seq}: {why}"))
}

#[async_trait]
impl AuditStore for Database {
    async fn list_audit(&self, page: &PageRequest) -> Result<Page<AuditRow>> {
        let after = cursor::decode(List::Audit, page)?;
        let sql = "SELECT * FROM audit_events WHERE seq < $1 ORDER BY seq DESC LIMIT $2";
        let rows = self.rows(sql, args![after.at, cursor::ask(page)]).await?;
        cursor::page(List::Audit, page, &rows, read, |row| Key { at: row.seq, id: Id::nil() })
    }

    async fn verify_audit(&self) -> Result<i64> {
        let sql = "SELECT seq, hash, (SELECT count(*) FROM audit_events) AS stored, \
                   coalesce((SELECT max(seq) FROM audit_events), 0) AS newest FROM audit_head WHERE id = 1";
        let head = self.row(sql, Vec::new()).await?.ok_or_else(|| broken(0, "its head is missing"))?;
        let (end, stored, newest) = (head.int("seq")?, head.int("stored")?, head.int("newest")?);
        let (mut seq, mut hash) = (0, String::new());
        while seq < end {
            let sql = "SELECT * FROM audit_events WHERE seq > $1 AND seq <= $2 ORDER BY seq LIMIT $3";
            let rows = self.rows(sql, args![seq, end, BATCH]).await?;
            if rows.is_empty() {
                return Err(broken(seq + 1, "it is missing"));
            }
            for row in &rows {
                let row = read(row)?;
                if row.seq != seq + 1 {
                    return Err(broken(seq + 1, "it is missing"));
                }
                if row.hash != chained(&hash, &row) {
                    return Err(broken(row.seq, "it was changed"));
                }
                (seq, hash) = (row.seq, row.hash);
            }
        }
        if newest > end || stored != end {
            return Err(broken(end + 1, "rows stand outside the chain"));
        }
        if hash != head.text("hash")? {
            return Err(broken(end, "it is not the end that was recorded"));
        }
        Ok(end)
    }
}
