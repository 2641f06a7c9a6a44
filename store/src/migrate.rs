//! Brings the schema up to date: forward only, each step once, all in one transaction.

use crate::connect::{Backend, Database};
use crate::sql::args;
use domain::{Error, Result};
use sha2::{Digest, Sha256};

struct Step {
    version: i64,
    name: &'static str,
    sqlite: &'static str,
    postgres: &'static str,
}

macro_rules! shared {
    ($version:literal, $name:literal) => {
        Step {
            version: $version,
            name: $name,
            sqlite: include_str!(concat!("../migrations/", $name, ".sql")),
            postgres: include_str!(concat!("../migrations/", $name, ".sql")),
        }
    };
}

const STEPS: [Step; 18] = [
    shared!(1, "0001_catalog"),
    shared!(2, "0002_incidents"),
    shared!(3, "0003_runs"),
    shared!(4, "0004_people"),
    Step {
        version: 5,
        name: "0005_audit_guard",
        sqlite: include_str!("../migrations/0005_audit_guard.sqlite.sql"),
        postgres: include_str!("../migrations/0005_audit_guard.postgres.sql"),
    },
    shared!(6, "0006_soak"),
    shared!(7, "0007_queue"),
    shared!(8, "0008_scripts"),
    shared!(9, "0009_results"),
    shared!(10, "0010_feedback"),
    shared!(11, "0011_alerts"),
    shared!(12, "0012_engine"),
    shared!(13, "0013_logs"),
    shared!(14, "0014_retention"),
    Step {
        version: 15,
        name: "0015_anomaly_entity",
        sqlite: include_str!("../migrations/0015_anomaly_entity.sqlite.sql"),
        postgres: include_str!("../migrations/0015_anomaly_entity.postgres.sql"),
    },
    shared!(16, "0016_manager_health"),
    shared!(17, "0017_topology"),
    shared!(18, "0018_changes"),
];

impl Database {
    /// Creates or updates the schema; does nothing when it is current. Any number of processes may call it at once.
    ///
    /// # Errors
    /// `Conflict` when the schema is newer than this program, or when a step that ran was changed afterwards.
    pub async fn migrate(&self) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.turn("migrate").await?;
        tx.run(
            "CREATE TABLE IF NOT EXISTS schema_steps (version BIGINT PRIMARY KEY, name TEXT NOT NULL, \
             sha256 TEXT NOT NULL, applied_at BIGINT NOT NULL)",
            Vec::new(),
        )
        .await?;
        let done = tx.rows("SELECT version, name, sha256 FROM schema_steps ORDER BY version", Vec::new()).await?;
        let mut applied = Vec::new();
        for row in &done {
            applied.push((row.int("version")?, row.text("sha256")?));
        }
        let known = STEPS.len() as i64;
        if let Some((newest, _)) = applied.last().filter(|(version, _)| *version > known) {
            return Err(Error::conflict(format!(
                "the database has schema {newest}, this program knows {known}: start a newer version of the program"
            )));
        }
        let now = tx.now().await?;
        for step in &STEPS {
            let sql = if self.backend() == Backend::Sqlite { step.sqlite } else { step.postgres };
            let sum = hex::encode(Sha256::digest(sql));
            match applied.iter().find(|(version, _)| *version == step.version) {
                Some((_, stored)) if *stored == sum => {}
                Some(_) => {
                    let text = format!(
                        "schema step {} was changed after it ran: restore the program that matches the database",
                        step.name
                    );
                    return Err(Error::conflict(text));
                }
                None => {
                    tx.script(sql).await?;
                    tx.run(
                        "INSERT INTO schema_steps (version, name, sha256, applied_at) VALUES ($1, $2, $3, $4)",
                        args![step.version, step.name, sum, now],
                    )
                    .await?;
                }
            }
        }
        crate::versions::backfill(&mut tx).await?;
        tx.commit().await
    }
}
