//! Health checks of runtime managers over time.

use crate::connect::Database;
use crate::sql::{Row, args, word};
use async_trait::async_trait;
use domain::manager_health::{HealthCheck, KEPT_SECS, SLOT_SECS};
use domain::ports::HealthHistory;
use domain::{Id, Result, Time};

fn read(row: &Row) -> Result<HealthCheck> {
    Ok(HealthCheck {
        manager_id: row.id("manager_id")?,
        at: row.time("at")?,
        health: row.word("health")?,
        latency_ms: row.int("latency_ms")?,
        running: row.opt_count("running")?,
        message: row.text("message")?,
    })
}

#[async_trait]
impl HealthHistory for Database {
    async fn keep_check(&self, check: HealthCheck) -> Result<()> {
        let mut tx = self.begin().await?;
        let slot = check.at.timestamp().div_euclid(SLOT_SECS);
        tx.run(
            "INSERT INTO manager_checks (manager_id, slot, at, health, latency_ms, running, message) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (manager_id, slot) DO UPDATE SET at = excluded.at, health = excluded.health, \
             latency_ms = excluded.latency_ms, running = excluded.running, message = excluded.message \
             WHERE excluded.health <> 'ok' OR manager_checks.health = 'ok'",
            args![
                check.manager_id,
                slot,
                check.at,
                word(&check.health)?,
                check.latency_ms,
                check.running,
                &check.message
            ],
        )
        .await?;
        let oldest = check.at.timestamp_millis() - KEPT_SECS * 1_000;
        tx.run("DELETE FROM manager_checks WHERE at < $1", args![oldest]).await?;
        tx.commit().await
    }

    async fn checks(&self, manager_id: Id, from: Time, to: Time) -> Result<Vec<HealthCheck>> {
        let sql = "SELECT * FROM manager_checks WHERE manager_id = $1 AND at >= $2 AND at < $3 ORDER BY slot";
        self.rows(sql, args![manager_id, from, to]).await?.iter().map(read).collect()
    }
}
