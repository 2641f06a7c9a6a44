//! Removes what ended long ago, in small transactions; files are remembered in the same step and removed afterwards.

use crate::connect::Database;
use crate::sql::args;
use crate::tx::Tx;
use async_trait::async_trait;
use domain::blob::run_prefix;
use domain::ports::{Expired, RetentionStore};
use domain::{Id, Result, Time};
use sqlx::AssertSqlSafe;

/// Over, steady, told to everybody, and dear to nobody.
const INCIDENTS: &str = "SELECT i.id FROM incidents i WHERE i.detected_at < $1 AND i.state IN ('resolved', 'merged') \
     AND coalesce(i.resolved_at, i.updated_at) < $1 AND (i.soak_until IS NULL OR i.soak_until < $1) \
     AND NOT EXISTS (SELECT 1 FROM test_runs r WHERE r.incident_id = i.id AND r.ended_at IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM verifications v WHERE v.incident_id = i.id AND v.verdict IS NULL) \
     AND NOT EXISTS (SELECT 1 FROM notifications n WHERE n.incident_id = i.id AND n.state = 'pending') \
     AND NOT EXISTS (SELECT 1 FROM anomalies a WHERE a.incident_id = i.id AND (a.state = 'open' OR EXISTS \
         (SELECT 1 FROM feedback f WHERE f.anomaly_id = a.id AND f.voice = 'person'))) \
     AND NOT EXISTS (SELECT 1 FROM incident_work w JOIN incidents p ON p.id = w.merged_into \
         WHERE w.incident_id = i.id AND p.state NOT IN ('resolved', 'merged')) \
     ORDER BY i.detected_at LIMIT $2";

const RUNS: &str = "SELECT r.id FROM test_runs r WHERE r.queued_at < $1 AND r.ended_at < $1 AND r.purpose = 'manual' \
     ORDER BY r.queued_at LIMIT $2";

const ANOMALIES: &str = "SELECT a.id FROM anomalies a WHERE a.started_at < $1 AND a.state = 'closed' \
     AND a.incident_id IS NULL AND NOT EXISTS (SELECT 1 FROM feedback f WHERE f.anomaly_id = a.id AND f.voice = 'person') \
     ORDER BY a.started_at LIMIT $2";

const ALERTS: &str = "SELECT l.id FROM alerts l WHERE l.first_seen_at < $1 AND l.last_seen_at < $1 \
     AND l.state = 'resolved' AND l.pending = 0 AND l.incident_id IS NULL ORDER BY l.first_seen_at LIMIT $2";

const PLANNED: &str = "DELETE FROM schedule_windows WHERE at < $1 AND planned_at < \
     (SELECT max(newest.planned_at) FROM schedule_windows newest WHERE newest.schedule_id = schedule_windows.schedule_id)";

#[async_trait]
impl RetentionStore for Database {
    async fn expire(&self, before: Time, limit: u32) -> Result<Expired> {
        let mut tx = self.begin().await?;
        let mut gone = Expired { incidents: incidents(&mut tx, before, limit).await?, ..Expired::default() };
        gone.runs = runs(&mut tx, before, limit).await?;
        gone.anomalies = rows(&mut tx, ANOMALIES, "DELETE FROM anomalies WHERE id = $1", before, limit).await?;
        gone.alerts = rows(&mut tx, ALERTS, "DELETE FROM alerts WHERE id = $1", before, limit).await?;
        gone.planned = tx.run(PLANNED, args![before]).await?;
        if gone.total() > 0 {
            tx.commit().await?;
        }
        Ok(gone)
    }

    async fn orphaned_files(&self, limit: u32) -> Result<Vec<String>> {
        let sql = "SELECT prefix FROM orphaned_files ORDER BY since, prefix LIMIT $1";
        self.rows(sql, args![limit]).await?.iter().map(|row| row.text("prefix")).collect()
    }

    async fn files_are_gone(&self, prefix: &str) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run("DELETE FROM orphaned_files WHERE prefix = $1", args![prefix]).await?;
        tx.commit().await
    }
}

/// Ids of what may go. Rows that another process removes just now are left to it.
async fn ids(tx: &mut Tx, select: &str, before: Time, limit: u32) -> Result<Vec<Id>> {
    let skip = tx.on_postgres(" FOR UPDATE SKIP LOCKED");
    let found = tx.rows(AssertSqlSafe(format!("{select}{skip}")), args![before, limit]).await?;
    found.iter().map(|row| row.id("id")).collect()
}

async fn rows(tx: &mut Tx, select: &str, delete: &'static str, before: Time, limit: u32) -> Result<u64> {
    let mut gone = 0;
    for id in ids(tx, select, before, limit).await? {
        gone += tx.run(delete, args![id]).await?;
    }
    Ok(gone)
}

async fn incidents(tx: &mut Tx, before: Time, limit: u32) -> Result<u64> {
    let mut gone = 0;
    for id in ids(tx, INCIDENTS, before, limit).await? {
        for row in &tx.rows("SELECT id FROM test_runs WHERE incident_id = $1", args![id]).await? {
            orphan(tx, row.id("id")?).await?;
        }
        gone += tx.run("DELETE FROM incidents WHERE id = $1", args![id]).await?;
    }
    Ok(gone)
}

async fn runs(tx: &mut Tx, before: Time, limit: u32) -> Result<u64> {
    let mut gone = 0;
    for id in ids(tx, RUNS, before, limit).await? {
        orphan(tx, id).await?;
        gone += tx.run("DELETE FROM test_runs WHERE id = $1", args![id]).await?;
    }
    Ok(gone)
}

/// Remembers that the files of a run have to go.
async fn orphan(tx: &mut Tx, run: Id) -> Result<()> {
    let now = tx.now().await?;
    let sql = "INSERT INTO orphaned_files (prefix, since) VALUES ($1, $2) ON CONFLICT (prefix) DO NOTHING";
    tx.run(sql, args![run_prefix(run), now]).await.map(drop)
}
