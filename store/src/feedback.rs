//! Opinions on anomalies as rows, those that follow from verdicts included, and the upkeep of the analyzer's tables.

use crate::anomalies;
use crate::connect::Database;
use crate::sql::{Row, args, word};
use crate::tx::Tx;
use async_trait::async_trait;
use domain::anomaly::Anomaly;
use domain::feedback::{Feedback, Opinion, Voice};
use domain::identity::Audit;
use domain::ports::{FeedbackStore, MemoryStore, Parked};
use domain::{Error, Id, Result, Time, new_id};

/// Parked batches kept at most; the oldest go.
const PARKED_KEPT: i64 = 1_000;

#[async_trait]
impl FeedbackStore for Database {
    async fn anomaly(&self, id: Id) -> Result<Anomaly> {
        let row = self.row("SELECT * FROM anomalies WHERE id = $1", args![id]).await?;
        anomalies::read(&row.ok_or_else(|| Error::not_found("anomaly"))?)
    }

    async fn say(&self, feedback: Feedback, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.audit(audit, "anomaly", feedback.anomaly_id);
        put(&mut tx, feedback).await?;
        tx.commit().await
    }

    async fn feedback_of(&self, monitor_id: Id, since: Time) -> Result<Vec<Feedback>> {
        let sql = "SELECT * FROM feedback WHERE monitor_id = $1 AND at > $2 ORDER BY at DESC, id DESC";
        self.rows(sql, args![monitor_id, since]).await?.iter().map(read).collect()
    }

    async fn feedback_on(&self, anomaly_id: Id) -> Result<Vec<Feedback>> {
        let sql = "SELECT * FROM feedback WHERE anomaly_id = $1 ORDER BY at DESC, id DESC";
        self.rows(sql, args![anomaly_id]).await?.iter().map(read).collect()
    }

    async fn all_feedback(&self, since: Time) -> Result<Vec<Feedback>> {
        let sql = "SELECT * FROM feedback WHERE at > $1 ORDER BY at, id";
        self.rows(sql, args![since]).await?.iter().map(read).collect()
    }

    async fn forget_feedback(&self, monitor_id: Id, audit: Audit) -> Result<u64> {
        let mut tx = self.begin().await?;
        let gone = tx.run("DELETE FROM feedback WHERE monitor_id = $1", args![monitor_id]).await?;
        tx.audit(audit, "monitor", monitor_id);
        tx.commit().await?;
        Ok(gone)
    }
}

#[async_trait]
impl MemoryStore for Database {
    async fn drop_states(&self, before: Time) -> Result<u64> {
        let mut tx = self.begin().await?;
        let gone = tx.run("DELETE FROM series_state WHERE as_of < $1", args![before]).await?;
        // Log templates that did not come any more go the same way, unless people set something on them.
        let sql = "DELETE FROM log_templates WHERE last_seen_at < $1 \
                   AND id NOT IN (SELECT template_id FROM template_rules)";
        tx.run(sql, args![before]).await?;
        tx.commit().await?;
        Ok(gone)
    }

    async fn drop_states_of(&self, monitor_id: Id) -> Result<u64> {
        let mut tx = self.begin().await?;
        let gone = tx.run("DELETE FROM series_state WHERE monitor_id = $1", args![monitor_id]).await?;
        tx.commit().await?;
        Ok(gone)
    }

    async fn park(&self, parked: Parked) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run(
            "INSERT INTO parked_batches (id, monitor_id, at, from_at, to_at, reason) VALUES ($1, $2, $3, $4, $5, $6)",
            args![new_id(), parked.monitor_id, parked.at, parked.from, parked.to, &parked.reason],
        )
        .await?;
        let sql = "DELETE FROM parked_batches WHERE id NOT IN \
                   (SELECT id FROM parked_batches ORDER BY at DESC, id DESC LIMIT $1)";
        tx.run(sql, args![PARKED_KEPT]).await?;
        tx.commit().await
    }

    async fn parked(&self, since: Time) -> Result<Vec<Parked>> {
        let read = |row: &Row| {
            Ok(Parked {
                monitor_id: row.id("monitor_id")?,
                at: row.time("at")?,
                from: row.time("from_at")?,
                to: row.time("to_at")?,
                reason: row.text("reason")?,
            })
        };
        let sql = "SELECT * FROM parked_batches WHERE at > $1 ORDER BY at DESC, id DESC LIMIT $2";
        self.rows(sql, args![since, PARKED_KEPT]).await?.iter().map(read).collect()
    }
}

fn read(row: &Row) -> Result<Feedback> {
    Ok(Feedback {
        id: row.id("id")?,
        anomaly_id: row.id("anomaly_id")?,
        monitor_id: row.id("monitor_id")?,
        series_key: row.text("series_key")?,
        fingerprint: row.text("fingerprint")?,
        opinion: row.word("opinion")?,
        voice: row.word("voice")?,
        by: row.text("author")?,
        comment: row.text("comment")?,
        at: row.time("at")?,
    })
}

async fn put(tx: &mut Tx, f: Feedback) -> Result<()> {
    tx.run(
        "INSERT INTO feedback (id, anomaly_id, monitor_id, series_key, fingerprint, opinion, voice, author, comment, at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (anomaly_id, voice, author) DO UPDATE SET \
         opinion = excluded.opinion, comment = excluded.comment, at = excluded.at",
        args![
            f.id,
            f.anomaly_id,
            f.monitor_id,
            f.series_key,
            f.fingerprint,
            word(&f.opinion)?,
            word(&f.voice)?,
            f.by,
            f.comment,
            f.at
        ],
    )
    .await
    .map(drop)
}

/// What the end of an incident says of each of its anomalies, in the transaction that ends it.
pub(crate) async fn conclude(tx: &mut Tx, incident: Id, opinion: Opinion, voice: Voice, at: Time) -> Result<()> {
    for anomaly in anomalies::of_incident(tx, incident).await? {
        let by = if voice == Voice::Verdict { "healer" } else { "analyzer" };
        put(tx, Feedback::of(&anomaly, opinion, voice, by, at)).await?;
    }
    Ok(())
}
