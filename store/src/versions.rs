//! Versions of scripts: kept by the catalog in the transaction of the change, read by number.

use crate::connect::Database;
use crate::sql::{Row, args, json};
use crate::tx::Tx;
use async_trait::async_trait;
use domain::catalog::{Script, ScriptSpec};
use domain::ports::VersionStore;
use domain::resource::{Resource, Spec};
use domain::version::{ScriptVersion, content_hash};
use domain::{Error, Id, Result};

/// Versions at most in one answer.
const MAX_ROWS: u32 = 200;

const READ: &str = "SELECT v.script_id, v.number, v.sha256, v.created_at, v.created_by, c.spec FROM script_versions v \
                    JOIN script_contents c ON c.sha256 = v.sha256 WHERE v.script_id = $1";

fn read(row: &Row) -> Result<ScriptVersion> {
    Ok(ScriptVersion {
        script_id: row.id("script_id")?,
        number: row.int("number")?,
        sha256: row.text("sha256")?,
        created_at: row.time("created_at")?,
        created_by: row.text("created_by")?,
        spec: row.json("spec")?,
    })
}

/// Keeps the content of a script that was written, as a new version unless it is that of the newest; other kinds have none.
/// The caller holds the script's row.
pub(crate) async fn keep<T: Spec>(tx: &mut Tx, object: &Resource<T>, by: &str) -> Result<()> {
    let spec: &dyn std::any::Any = &object.spec;
    let Some(spec) = spec.downcast_ref::<ScriptSpec>() else { return Ok(()) };
    let newest = tx.row(format_newest(), args![object.id]).await?.map(|row| read(&row)).transpose()?;
    if newest.as_ref().is_some_and(|newest| newest.spec == *spec) {
        return Ok(());
    }
    let sha256 = content_hash(spec);
    tx.run(
        "INSERT INTO script_contents (sha256, spec) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        args![&sha256, json(spec)?],
    )
    .await?;
    let number = newest.map_or(1, |newest| newest.number + 1);
    tx.run(
        "INSERT INTO script_versions (script_id, number, sha256, created_at, created_by) VALUES ($1, $2, $3, $4, $5)",
        args![object.id, number, sha256, object.updated_at, by],
    )
    .await?;
    Ok(())
}

fn format_newest() -> sqlx::AssertSqlSafe<String> {
    sqlx::AssertSqlSafe(format!("{READ} ORDER BY v.number DESC LIMIT 1"))
}

/// Gives a first version to scripts that were stored before there were versions.
pub(crate) async fn backfill(tx: &mut Tx) -> Result<()> {
    let rows = tx
        .rows(
            "SELECT s.* FROM test_scripts s WHERE NOT EXISTS (SELECT 1 FROM script_versions v WHERE v.script_id = s.id)",
            Vec::new(),
        )
        .await?;
    for row in &rows {
        let script: Script = crate::catalog::read(None, row)?;
        keep(tx, &script, "system").await?;
    }
    Ok(())
}

#[async_trait]
impl VersionStore for Database {
    async fn versions(&self, script_id: Id, before: Option<i64>, limit: u32) -> Result<Vec<ScriptVersion>> {
        let sql = format!("{READ} AND v.number < $2 ORDER BY v.number DESC LIMIT $3");
        let args = args![script_id, before.unwrap_or(i64::MAX), limit.clamp(1, MAX_ROWS)];
        let found = self.rows_of(sql, args).await?.iter().map(read).collect::<Result<Vec<_>>>()?;
        if found.is_empty() && before.is_none() {
            return Err(Error::not_found("script"));
        }
        Ok(found)
    }

    async fn version(&self, script_id: Id, number: Option<i64>) -> Result<ScriptVersion> {
        let (above, below) = number.map_or((1, i64::MAX), |n| (n, n));
        let sql = format!("{READ} AND v.number BETWEEN $2 AND $3 ORDER BY v.number DESC LIMIT 1");
        let rows = self.rows_of(sql, args![script_id, above, below]).await?;
        let what = || number.map_or_else(|| "script".to_owned(), |n| format!("version {n} of this script"));
        read(rows.first().ok_or_else(|| Error::not_found(what()))?)
    }
}
