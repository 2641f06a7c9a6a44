//! Alerts from outside: taken in by one transaction a call, read by people, handed to correlation.

mod intake;

use crate::analyzer::write;
use crate::connect::Database;
use crate::cursor::{self, Key, List};
use crate::sql::{Row, args, contains, placeholders, word};
use crate::tx::Tx;
use async_trait::async_trait;
use domain::alert::{Alert, AlertGroup, Receipt};
use domain::identity::Audit;
use domain::page::{Page, PageRequest};
use domain::ports::{AlertFilter, AlertQueue, AlertStore, AnalyzerCommit, Intake, Moved, Placement};
use domain::{Error, Id, Result, Time};
use sqlx::AssertSqlSafe;
use std::collections::{BTreeMap, HashMap};

/// Ids in one statement.
const CHUNK: usize = 500;

fn read(row: &Row) -> Result<Alert> {
    let alert: Alert = row.json("body")?;
    Ok(Alert {
        state: row.word("state")?,
        ends_at: row.opt_time("ends_at")?,
        last_seen_at: row.time("last_seen_at")?,
        deliveries: row.count("deliveries")?,
        revision: row.int("revision")?,
        incident_id: row.opt_id("incident_id")?,
        ..alert
    })
}

#[async_trait]
impl AlertStore for Database {
    async fn accept(&self, intake: Intake, audit: Audit) -> Result<Receipt> {
        let mut tx = self.begin().await?;
        tx.turn(&format!("alerts of {}", intake.source_id)).await?;
        let source = intake.source_id;
        let receipt = intake::take(&mut tx, intake).await?;
        if receipt.opened + receipt.resolved + receipt.ignored > 0 {
            tx.audit(audit, "source", source);
        }
        tx.commit_between("alerts.commit.before", "alerts.commit.after").await?;
        Ok(receipt)
    }

    async fn list_alerts(&self, filter: &AlertFilter, page: &PageRequest) -> Result<Page<Alert>> {
        let after = cursor::decode(List::Alerts, page)?;
        let mut sql = String::from("SELECT * FROM alerts WHERE (first_seen_at, id) < ($1, $2)");
        let mut args = args![after.at, after.id];
        if let Some(state) = filter.state {
            args.push(word(&state)?.into());
            sql.push_str(&format!(" AND state = ${}", args.len()));
        }
        for (column, id) in [("source_id", filter.source_id), ("incident_id", filter.incident_id)] {
            if let Some(id) = id {
                args.push(id.into());
                sql.push_str(&format!(" AND {column} = ${}", args.len()));
            }
        }
        if let Some(search) = filter.search.as_deref().filter(|s| !s.is_empty()) {
            args.push(contains(search).into());
            let n = args.len();
            sql.push_str(&format!(" AND (lower(name) LIKE ${n} ESCAPE '\\' OR lower(entity) LIKE ${n} ESCAPE '\\')"));
        }
        args.push(cursor::ask(page).into());
        sql.push_str(&format!(" ORDER BY first_seen_at DESC, id DESC LIMIT ${}", args.len()));
        let rows = self.rows_of(sql, args).await?;
        cursor::page(List::Alerts, page, &rows, read, |a| Key { at: a.first_seen_at.timestamp_millis(), id: a.id })
    }

    async fn alert_groups(&self, source_id: Option<Id>) -> Result<Vec<AlertGroup>> {
        let all = "SELECT * FROM alert_groups ORDER BY told_at DESC, group_key LIMIT 200";
        let one = "SELECT * FROM alert_groups WHERE source_id = $1 ORDER BY told_at DESC, group_key LIMIT 200";
        let rows = match source_id {
            Some(id) => self.rows(one, args![id]).await?,
            None => self.rows(all, Vec::new()).await?,
        };
        let count = |row: &Row, column| row.int(column).map(|n| u64::try_from(n).unwrap_or_default());
        let read = |row: &Row| {
            Ok(AlertGroup {
                source_id: row.id("source_id")?,
                group: row.text("group_key")?,
                alerts: count(row, "alerts")?,
                omitted: count(row, "omitted")?,
                told_at: row.time("told_at")?,
            })
        };
        rows.iter().map(read).collect()
    }

    async fn token_hash(&self, source_id: Id) -> Result<Option<String>> {
        let row = self.row("SELECT hash FROM webhook_tokens WHERE source_id = $1", args![source_id]).await?;
        row.map(|row| row.text("hash")).transpose()
    }

    async fn set_token_hash(&self, source_id: Id, hash: Option<String>, now: Time, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        if tx.row("SELECT id FROM sources WHERE id = $1", args![source_id]).await?.is_none() {
            return Err(Error::not_found("source"));
        }
        match hash {
            Some(hash) => {
                let sql = "INSERT INTO webhook_tokens (source_id, hash, created_at) VALUES ($1, $2, $3) \
                           ON CONFLICT (source_id) DO UPDATE SET hash = excluded.hash, created_at = excluded.created_at";
                tx.run(sql, args![source_id, hash, now]).await?;
            }
            None => {
                tx.run("DELETE FROM webhook_tokens WHERE source_id = $1", args![source_id]).await?;
            }
        }
        tx.audit(audit, "source", source_id);
        tx.commit().await
    }
}

#[async_trait]
impl AlertQueue for Database {
    async fn unplaced(&self, limit: u32) -> Result<Vec<Alert>> {
        let sql = "SELECT * FROM alerts WHERE pending = 1 ORDER BY id LIMIT $1";
        self.rows(sql, args![limit]).await?.iter().map(read).collect()
    }

    async fn place(&self, commit: AnalyzerCommit, placed: Vec<Placement>) -> Result<Vec<(Id, Id)>> {
        let mut tx = self.begin().await?;
        let joined = write(&mut tx, commit).await?;
        mark(&mut tx, placed, &joined).await?;
        tx.commit_between("alerts.place.before", "alerts.place.after").await?;
        Ok(joined.into_iter().collect())
    }

    async fn moved_since(&self, seq: i64) -> Result<Vec<Moved>> {
        let sql = "SELECT seq, anomaly_id, incident_id FROM incident_moves WHERE seq > $1 ORDER BY seq";
        let read = |row: &Row| {
            Ok(Moved { seq: row.int("seq")?, anomaly_id: row.id("anomaly_id")?, incident_id: row.id("incident_id")? })
        };
        self.rows(sql, args![seq]).await?.iter().map(read).collect()
    }

    async fn last_move(&self) -> Result<i64> {
        let row = self.row("SELECT coalesce(max(seq), 0) AS seq FROM incident_moves", Vec::new()).await?;
        row.map_or(Ok(0), |row| row.int("seq"))
    }
}

/// Marks alerts placed; one that another process placed meanwhile is a conflict, one that changed meanwhile stays
/// pending.
async fn mark(tx: &mut Tx, placed: Vec<Placement>, joined: &HashMap<Id, Id>) -> Result<()> {
    let mut alike: BTreeMap<(Option<Id>, i64), Vec<Id>> = BTreeMap::new();
    for p in placed {
        let incident = p.incident_id.map(|id| joined.get(&id).copied().unwrap_or(id));
        alike.entry((incident, p.revision)).or_default().push(p.alert_id);
    }
    for ((incident, revision), ids) in alike {
        for chunk in ids.chunks(CHUNK) {
            let sql = format!(
                "UPDATE alerts SET incident_id = coalesce($1, incident_id), \
                 pending = CASE WHEN revision = $2 THEN 0 ELSE 1 END WHERE pending = 1 AND id IN ({})",
                placeholders(3, chunk.len())
            );
            let mut args = args![incident, revision];
            args.extend(chunk.iter().map(|id| (*id).into()));
            if tx.run(AssertSqlSafe(sql), args).await? != chunk.len() as u64 {
                return Err(Error::conflict("alerts were placed by another process meanwhile"));
            }
        }
    }
    Ok(())
}
