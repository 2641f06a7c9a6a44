//! Artifacts and results of runs as rows; the files themselves are in file storage.

use crate::connect::Database;
use crate::sql::{Row, args, json};
use async_trait::async_trait;
use domain::artifact::Artifact;
use domain::ports::ResultStore;
use domain::results::RunResults;
use domain::{Error, Id, Result};

fn read(row: &Row) -> Result<Artifact> {
    Ok(Artifact {
        name: row.text("name")?,
        bytes: u64::try_from(row.int("bytes")?).map_err(|e| crate::error::corrupt("bytes", e))?,
        media_type: row.text("media_type")?,
        sha256: row.text("sha256")?,
        stored_at: row.time("stored_at")?,
        key: row.text("blob_key")?,
    })
}

#[async_trait]
impl ResultStore for Database {
    async fn put_results(&self, run: Id, epoch: i64, artifacts: &[Artifact], results: &RunResults) -> Result<()> {
        let mut tx = self.begin().await?;
        let row = tx.lock_row("SELECT lease_epoch FROM test_runs WHERE id = $1", args![run]).await?;
        let stored = row.ok_or_else(|| Error::not_found("run"))?.int("lease_epoch")?;
        if stored != epoch {
            return Err(Error::conflict(format!(
                "the run was taken over (epoch {stored}, yours {epoch}): stop at once"
            )));
        }
        tx.run("DELETE FROM run_artifacts WHERE run_id = $1", args![run]).await?;
        let rows = artifacts
            .iter()
            .map(|a| {
                let bytes = i64::try_from(a.bytes).map_err(Error::internal)?;
                Ok(args![run, &a.name, bytes, &a.media_type, &a.sha256, a.stored_at, &a.key])
            })
            .collect::<Result<Vec<_>>>()?;
        let head = "INSERT INTO run_artifacts (run_id, name, bytes, media_type, sha256, stored_at, blob_key)";
        tx.insert_many(head, "", rows).await?;
        let sql = "INSERT INTO run_results (run_id, results) VALUES ($1, $2) \
                   ON CONFLICT (run_id) DO UPDATE SET results = excluded.results";
        tx.run(sql, args![run, json(results)?]).await?;
        tx.commit().await
    }

    async fn artifacts(&self, run: Id) -> Result<Vec<Artifact>> {
        let rows = self.rows("SELECT * FROM run_artifacts WHERE run_id = $1 ORDER BY name", args![run]).await?;
        let mut all = rows.iter().map(read).collect::<Result<Vec<_>>>()?;
        // Databases sort text by their own rules.
        all.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(all)
    }

    async fn artifact(&self, run: Id, name: &str) -> Result<Artifact> {
        let sql = "SELECT * FROM run_artifacts WHERE run_id = $1 AND name = $2";
        let row = self.row(sql, args![run, name]).await?;
        read(&row.ok_or_else(|| Error::not_found("artifact"))?)
    }

    async fn results(&self, run: Id) -> Result<RunResults> {
        let row = self.row("SELECT results FROM run_results WHERE run_id = $1", args![run]).await?;
        row.map_or_else(|| Ok(RunResults::default()), |r| r.json("results"))
    }
}
