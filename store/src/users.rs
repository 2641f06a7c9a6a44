//! Users, the first admin, failed logins, and the product's own secrets.

use crate::connect::Database;
use crate::sealing;
use crate::sessions;
use crate::sql::{Row, args, word};
use crate::tx::Tx;
use async_trait::async_trait;
use chrono::TimeDelta;
use domain::identity::{Audit, RefreshToken, Role, Rotation, User};
use domain::ports::UserStore;
use domain::{Error, Id, Kind, Result, Time, new_id};

/// Width of the window in which failed logins count.
const FAILURE_WINDOW: TimeDelta = TimeDelta::minutes(15);

pub(crate) fn read(row: &Row) -> Result<User> {
    Ok(User {
        id: row.id("id")?,
        username: row.text("username")?,
        password_hash: row.text("password_hash")?,
        role: row.word("role")?,
        tokens_valid_from: row.time("tokens_valid_from")?,
        disabled: row.flag("disabled")?,
        created_at: row.time("created_at")?,
    })
}

async fn insert(tx: &mut Tx, user: &User) -> Result<()> {
    let done = tx
        .run(
            "INSERT INTO users (id, username, password_hash, role, tokens_valid_from, disabled, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            args![
                user.id,
                &user.username,
                &user.password_hash,
                word(&user.role)?,
                user.tokens_valid_from,
                user.disabled,
                user.created_at
            ],
        )
        .await?;
    if done == 0 {
        return Err(Error::conflict(format!("a user named {} exists: choose another name", user.username)));
    }
    Ok(())
}

#[async_trait]
impl UserStore for Database {
    async fn any_user(&self) -> Result<bool> {
        Ok(self.row("SELECT 1 AS one FROM users LIMIT 1", Vec::new()).await?.is_some())
    }

    async fn put_setup_token(&self, hash: &str, expires_at: Time) -> Result<()> {
        let mut tx = self.begin().await?;
        tx.run(
            "INSERT INTO setup_token (id, hash, expires_at) VALUES (1, $1, $2) \
             ON CONFLICT (id) DO UPDATE SET hash = excluded.hash, expires_at = excluded.expires_at",
            args![hash, expires_at],
        )
        .await?;
        tx.commit().await
    }

    async fn complete_setup(&self, token_hash: &str, user: User, now: Time, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        // The token is used up by its removal, so of two callers one wins; a rollback brings it back.
        let sql = "DELETE FROM setup_token WHERE hash = $1 AND expires_at > $2";
        let fits = tx.run(sql, args![token_hash, now]).await? == 1;
        if tx.row("SELECT 1 AS one FROM users LIMIT 1", Vec::new()).await?.is_some() {
            return Err(Error::conflict("setup is done: log in"));
        }
        if !fits {
            let message = "the setup token is wrong or has expired: start the program again for a new one";
            return Err(Error::new(Kind::Unauthenticated, message));
        }
        insert(&mut tx, &user).await?;
        tx.audit(audit, "user", user.id);
        tx.commit().await
    }

    async fn create_user(&self, user: User, audit: Audit) -> Result<()> {
        let mut tx = self.begin().await?;
        insert(&mut tx, &user).await?;
        tx.audit(audit, "user", user.id);
        tx.commit().await
    }

    async fn user_by_name(&self, username: &str) -> Result<Option<User>> {
        self.row("SELECT * FROM users WHERE username = $1", args![username]).await?.as_ref().map(read).transpose()
    }

    async fn user(&self, id: Id) -> Result<Option<User>> {
        self.row("SELECT * FROM users WHERE id = $1", args![id]).await?.as_ref().map(read).transpose()
    }

    async fn list_users(&self) -> Result<Vec<User>> {
        self.rows("SELECT * FROM users ORDER BY username", Vec::new()).await?.iter().map(read).collect()
    }

    async fn update_user(
        &self,
        id: Id,
        role: Role,
        disabled: bool,
        password_hash: Option<String>,
        now: Time,
        audit: Audit,
    ) -> Result<User> {
        let mut tx = self.begin().await?;
        // One change of rights at a time, so two admins cannot remove each other.
        tx.turn("users").await?;
        let sql = "UPDATE users SET role = $2, disabled = $3, password_hash = coalesce($4, password_hash), \
                   tokens_valid_from = $5 WHERE id = $1 RETURNING *";
        let row = tx.row(sql, args![id, word(&role)?, disabled, password_hash, now]).await?;
        let user = read(&row.ok_or_else(|| Error::not_found("user"))?)?;
        let sql = "SELECT 1 AS one FROM users WHERE role = 'admin' AND disabled = $1 LIMIT 1";
        if tx.row(sql, args![false]).await?.is_none() {
            return Err(Error::conflict("this is the last admin: make another one first"));
        }
        sessions::void_user(&mut tx, id).await?;
        tx.audit(audit, "user", id);
        tx.commit().await?;
        Ok(user)
    }

    async fn session_active(&self, family: Id, now: Time) -> Result<bool> {
        sessions::active(self, family, now).await
    }

    async fn login_failed(&self, key: &str, now: Time) -> Result<u32> {
        let mut tx = self.begin().await?;
        tx.run("DELETE FROM login_failures WHERE at <= $1", args![now - FAILURE_WINDOW]).await?;
        tx.run("INSERT INTO login_failures (id, login_key, at) VALUES ($1, $2, $3)", args![new_id(), key, now]).await?;
        tx.commit().await?;
        self.login_failures(key, now).await
    }

    async fn login_failures(&self, key: &str, now: Time) -> Result<u32> {
        let sql = "SELECT count(*) AS n FROM login_failures WHERE login_key = $1 AND at > $2";
        self.row(sql, args![key, now - FAILURE_WINDOW]).await?.map_or(Ok(0), |row| row.count("n"))
    }

    async fn put_refresh(&self, token: RefreshToken) -> Result<()> {
        sessions::put(self, token).await
    }

    async fn rotate_refresh(&self, hash: &str, next: RefreshToken, now: Time) -> Result<Rotation> {
        sessions::rotate(self, hash, next, now).await
    }

    async fn revoke_refresh(&self, hash: &str) -> Result<()> {
        sessions::revoke(self, hash).await
    }

    async fn secret(&self, name: &str, fresh: &[u8]) -> Result<Vec<u8>> {
        let mut tx = self.begin().await?;
        let sql = "INSERT INTO secrets (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let stored = sealing::own_stored(self.keys(), name, &hex::encode(fresh))?;
        tx.run(sql, args![name, stored]).await?;
        let row = tx.row("SELECT value FROM secrets WHERE name = $1", args![name]).await?;
        tx.commit().await?;
        let text = row.ok_or_else(|| Error::not_found("secret"))?.text("value")?;
        hex::decode(sealing::own(self.keys(), name, &text)?).map_err(|e| crate::error::corrupt("value", e))
    }
}
