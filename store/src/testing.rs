//! For tests of other crates: an empty PostgreSQL schema that is dropped again.

use crate::error;
use domain::Result;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

/// A schema of its own in a database.
#[derive(Debug)]
pub struct Schema {
    admin: String,
    name: String,
}

impl Schema {
    /// A new empty schema in the database at `url`.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn create(url: &str) -> Result<Self> {
        let name = format!("it_{}", domain::new_id().simple());
        let mut admin = PgConnection::connect(url).await.map_err(error::of)?;
        sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {name}"))).execute(&mut admin).await.map_err(error::of)?;
        Ok(Self { admin: url.to_owned(), name })
    }

    /// The address of a database that has only this schema.
    #[must_use]
    pub fn url(&self) -> String {
        let mark = if self.admin.contains('?') { '&' } else { '?' };
        format!("{}{mark}options[search_path]={}", self.admin, self.name)
    }

    /// Drops it with everything in it.
    ///
    /// # Errors
    /// `Unavailable` when the server does not answer.
    pub async fn drop(self) -> Result<()> {
        let mut admin = PgConnection::connect(&self.admin).await.map_err(error::of)?;
        let sql = format!("DROP SCHEMA {} CASCADE", self.name);
        sqlx::query(AssertSqlSafe(sql)).execute(&mut admin).await.map_err(error::of)?;
        Ok(())
    }
}

/// Time that a bare loop of single-row inserts into a fresh table takes, all in one transaction of SQLite: what the database
/// can do at best, for benchmarks.
///
/// # Errors
/// As the database's.
pub async fn bare_inserts(url: &str, rows: &[String]) -> Result<std::time::Duration> {
    let mut db = sqlx::SqliteConnection::connect(url).await.map_err(error::of)?;
    let table = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; \
                 CREATE TABLE bare (id TEXT PRIMARY KEY, body TEXT NOT NULL)";
    sqlx::raw_sql(table).execute(&mut db).await.map_err(error::of)?;
    let begun = std::time::Instant::now();
    let mut tx = db.begin().await.map_err(error::of)?;
    for row in rows {
        let insert = sqlx::query("INSERT INTO bare (id, body) VALUES ($1, $2)");
        insert.bind(domain::new_id().to_string()).bind(row).execute(&mut *tx).await.map_err(error::of)?;
    }
    tx.commit().await.map_err(error::of)?;
    Ok(begun.elapsed())
}
