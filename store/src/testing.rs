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
