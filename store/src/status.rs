//! Live states of components.

use crate::connect::Database;
use crate::sql::{Row, args, json, word};
use async_trait::async_trait;
use domain::ports::StatusStore;
use domain::status::{Status, StatusOf};
use domain::{Id, Result};

fn read(row: &Row) -> Result<Status> {
    Ok(Status {
        of: row.word("kind")?,
        id: row.id("id")?,
        health: row.word("health")?,
        message: row.text("message")?,
        checked_at: row.time("checked_at")?,
        ok_at: row.opt_time("ok_at")?,
        latency_ms: row.int("latency_ms")?,
        details: row.json("details")?,
    })
}

#[async_trait]
impl StatusStore for Database {
    async fn put_status(&self, status: Status) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run(
            "INSERT INTO component_status (kind, id, health, message, checked_at, ok_at, latency_ms, details) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (kind, id) DO UPDATE SET health = excluded.health, message = excluded.message, \
             checked_at = excluded.checked_at, ok_at = coalesce(excluded.ok_at, component_status.ok_at), \
             latency_ms = excluded.latency_ms, details = excluded.details",
            args![
                word(&status.of)?,
                status.id,
                word(&status.health)?,
                &status.message,
                status.checked_at,
                status.ok_at,
                status.latency_ms,
                json(&status.details)?
            ],
        )
        .await?;
        tx.commit().await
    }

    async fn status(&self, of: StatusOf, id: Id) -> Result<Option<Status>> {
        let sql = "SELECT * FROM component_status WHERE kind = $1 AND id = $2";
        self.row(sql, args![word(&of)?, id]).await?.as_ref().map(read).transpose()
    }

    async fn statuses(&self, of: StatusOf) -> Result<Vec<Status>> {
        let sql = "SELECT * FROM component_status WHERE kind = $1 ORDER BY id";
        self.rows(sql, args![word(&of)?]).await?.iter().map(read).collect()
    }
}
