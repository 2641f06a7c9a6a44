//! Keys of programs: rows without the keys themselves.

use crate::connect::Database;
use crate::sql::{Row, args, word};
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::api_key::{ApiKey, prefix};
use domain::identity::Audit;
use domain::ports::ApiKeyStore;
use domain::{Error, Id, Result, Time};

fn read(row: &Row) -> Result<ApiKey> {
    let id = row.id("id")?;
    Ok(ApiKey {
        id,
        name: row.text("name")?,
        prefix: prefix(id),
        role: row.word("role")?,
        created_by: row.text("created_by")?,
        created_at: row.time("created_at")?,
        expires_at: row.time("expires_at")?,
        revoked_at: row.opt_time("revoked_at")?,
        used_at: row.opt_time("used_at")?,
    })
}

#[async_trait]
impl ApiKeyStore for Database {
    async fn create_key(&self, key: ApiKey, sha256: &str, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.turn("api keys").await?;
        let sql = "SELECT 1 AS one FROM api_keys WHERE name = $1 AND revoked_at IS NULL AND expires_at > $2 LIMIT 1";
        if tx.row(sql, args![&key.name, key.created_at]).await?.is_some() {
            let name = &key.name;
            return Err(Error::conflict(format!("a key named {name} exists: revoke it, or choose another name")));
        }
        tx.run(
            "INSERT INTO api_keys (id, name, sha256, role, created_by, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
            args![key.id, &key.name, sha256, word(&key.role)?, &key.created_by, key.created_at, key.expires_at],
        )
        .await?;
        tx.audit(audit, "api_key", key.id);
        tx.commit().await
    }

    async fn list_keys(&self) -> Result<Vec<ApiKey>> {
        let sql = "SELECT * FROM api_keys ORDER BY created_at DESC, id DESC";
        self.rows(sql, Vec::new()).await?.iter().map(read).collect()
    }

    async fn key(&self, id: Id) -> Result<Option<ApiKey>> {
        self.row("SELECT * FROM api_keys WHERE id = $1", args![id]).await?.as_ref().map(read).transpose()
    }

    async fn revoke_key(&self, id: Id, now: Time, audit: Audit) -> Result<ApiKey> {
        let mut tx = self.begin().await?;
        let sql = "UPDATE api_keys SET revoked_at = coalesce(revoked_at, $2) WHERE id = $1 RETURNING *";
        let row = tx.row(sql, args![id, now]).await?.ok_or_else(|| Error::not_found("API key"))?;
        tx.audit(audit, "api_key", id);
        tx.commit().await?;
        read(&row)
    }

    async fn use_key(&self, sha256: &str, now: Time) -> Result<Option<ApiKey>> {
        let row = self.row("SELECT * FROM api_keys WHERE sha256 = $1", args![sha256]).await?;
        let Some(mut key) = row.as_ref().map(read).transpose()? else { return Ok(None) };
        let stale = key.used_at.is_none_or(|at| now - at >= TimeDelta::minutes(1));
        if stale && key.valid(now) {
            let mut tx = self.begin().await?;
            tx.run("UPDATE api_keys SET used_at = $2 WHERE id = $1", args![key.id, now]).await?;
            tx.commit().await?;
            key.used_at = Some(now);
        }
        Ok(Some(key))
    }
}
