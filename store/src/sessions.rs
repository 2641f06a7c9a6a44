//! Refresh tokens: each is traded once; a second use voids every token of that login.

use crate::connect::Database;
use crate::sql::args;
use crate::tx::Tx;
use crate::users;
use domain::identity::{RefreshToken, Rotation};
use domain::{Id, Result, Time};

async fn insert(tx: &mut Tx, token: &RefreshToken) -> Result<()> {
    tx.run(
        "INSERT INTO refresh_tokens (id, family, user_id, hash, expires_at, void) VALUES ($1, $2, $3, $4, $5, $6)",
        args![token.id, token.family, token.user_id, &token.hash, token.expires_at, false],
    )
    .await
    .map(drop)
}

pub(crate) async fn put(db: &Database, token: RefreshToken) -> Result<()> {
    let mut tx = db.begin().await?;
    insert(&mut tx, &token).await?;
    tx.commit().await
}

async fn void_family(tx: &mut Tx, family: Id) -> Result<()> {
    tx.run("UPDATE refresh_tokens SET void = $2 WHERE family = $1", args![family, true]).await.map(drop)
}

/// When the token was made, from its UUIDv7.
fn made_at_ms(id: Id) -> Option<i64> {
    let (seconds, nanos) = id.get_timestamp()?.to_unix();
    Some(i64::try_from(seconds).ok()? * 1_000 + i64::from(nanos / 1_000_000))
}

pub(crate) async fn rotate(db: &Database, hash: &str, next: RefreshToken, now: Time) -> Result<Rotation> {
    let mut tx = db.begin().await?;
    let Some(row) = tx.lock_row("SELECT * FROM refresh_tokens WHERE hash = $1", args![hash]).await? else {
        return Ok(Rotation::Unknown);
    };
    let (id, family) = (row.id("id")?, row.id("family")?);
    if row.opt_time("used_at")?.is_some() {
        void_family(&mut tx, family).await?;
        tx.commit().await?;
        return Ok(Rotation::Reused);
    }
    if row.flag("void")? || row.time("expires_at")? <= now {
        return Ok(Rotation::Unknown);
    }
    let Some(user) = tx.row("SELECT * FROM users WHERE id = $1", args![row.id("user_id")?]).await? else {
        return Ok(Rotation::Unknown);
    };
    let user = users::read(&user)?;
    let old = made_at_ms(id).is_some_and(|made| made < user.tokens_valid_from.timestamp_millis());
    if user.disabled || old {
        return Ok(Rotation::Unknown);
    }
    tx.run("UPDATE refresh_tokens SET used_at = $2 WHERE id = $1", args![id, now]).await?;
    insert(&mut tx, &RefreshToken { family, user_id: user.id, ..next }).await?;
    tx.run("DELETE FROM refresh_tokens WHERE expires_at <= $1", args![now - chrono::TimeDelta::days(1)]).await?;
    tx.commit().await?;
    Ok(Rotation::Rotated(user))
}

pub(crate) async fn revoke(db: &Database, hash: &str) -> Result<()> {
    let mut tx = db.begin().await?;
    if let Some(row) = tx.lock_row("SELECT family FROM refresh_tokens WHERE hash = $1", args![hash]).await? {
        void_family(&mut tx, row.id("family")?).await?;
    }
    tx.commit().await
}

/// Voids every token of a user.
pub(crate) async fn void_user(tx: &mut Tx, user: Id) -> Result<()> {
    tx.run("UPDATE refresh_tokens SET void = $2 WHERE user_id = $1", args![user, true]).await.map(drop)
}

/// Whether a token of the family can still be traded.
pub(crate) async fn active(db: &Database, family: Id, now: Time) -> Result<bool> {
    let sql = "SELECT 1 AS one FROM refresh_tokens WHERE family = $1 AND void = $2 AND used_at IS NULL \
               AND expires_at > $3 LIMIT 1";
    Ok(db.row(sql, args![family, false, now]).await?.is_some())
}
