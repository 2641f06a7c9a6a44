//! Opens the database and keeps its pools.

use crate::error;
use crate::secrets::SecretKeys;
use crate::sql::{Row, Value, bound};
use crate::tx::Tx;
use domain::error::FieldError;
use domain::{Error, Kind, Result};
use sqlx::postgres::{PgConnectOptions, PgListener, PgPool, PgPoolOptions, Postgres};
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, SqlSafeStr};
use std::str::FromStr;
use std::time::Duration;

/// Which database it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Embedded, one process.
    Sqlite,
    /// A server, any number of processes.
    Postgres,
}

/// The database behind every store port; clones share its pools.
#[derive(Debug, Clone)]
pub struct Database {
    pools: Pools,
    keys: Option<SecretKeys>,
}

#[derive(Debug, Clone)]
enum Pools {
    /// One writer, so that writers queue here instead of spinning on the file's lock; readers beside it (WAL).
    Lite {
        write: SqlitePool,
        read: SqlitePool,
    },
    Pg(PgPool),
}

const READERS: u32 = 6;
const SERVER_CONNECTIONS: u32 = 12;
const ACQUIRE: Duration = Duration::from_secs(15);

impl Database {
    /// Opens `sqlite://path?mode=rwc`, `sqlite::memory:` or `postgres://user:password@host/database`.
    ///
    /// SQLite runs in WAL mode with `synchronous=NORMAL`: a committed row survives the death of the process at any
    /// moment (the write is with the operating system), a power cut may lose the last commits but never corrupts
    /// (<https://sqlite.org/pragma.html#pragma_synchronous>).
    ///
    /// # Errors
    /// `Invalid` for another kind of address, `Unavailable` when the database does not answer.
    pub async fn connect(url: &str) -> Result<Self> {
        if url.starts_with("sqlite:") {
            return Ok(Self { pools: lite(url).await?, keys: None });
        }
        if url.starts_with("postgres:") || url.starts_with("postgresql:") {
            let options = PgConnectOptions::from_str(url).map_err(|e| bad_url().because(e))?;
            let pool = PgPoolOptions::new()
                .max_connections(SERVER_CONNECTIONS)
                .acquire_timeout(ACQUIRE)
                .connect_with(options)
                .await
                .map_err(unreachable)?;
            return Ok(Self { pools: Pools::Pg(pool), keys: None });
        }
        Err(bad_url())
    }

    /// Which database it is.
    #[must_use]
    pub const fn backend(&self) -> Backend {
        match self.pools {
            Pools::Lite { .. } => Backend::Sqlite,
            Pools::Pg(_) => Backend::Postgres,
        }
    }

    /// The same database; what it stores of secrets from now on is sealed with these keys.
    #[must_use]
    pub fn with_keys(self, keys: SecretKeys) -> Self {
        Self { keys: Some(keys), ..self }
    }

    /// The secrets that scripts refer to; absent without keys.
    #[must_use]
    pub fn vault(&self) -> Option<crate::Vault> {
        Some(crate::Vault::new(self.clone(), self.keys.clone()?))
    }

    /// The keys that secrets are sealed with.
    pub(crate) const fn keys(&self) -> Option<&SecretKeys> {
        self.keys.as_ref()
    }

    /// Writes the file anew, without what was deleted (SQLite).
    pub(crate) async fn compact(&self) -> Result<()> {
        if let Pools::Lite { write, .. } = &self.pools {
            sqlx::raw_sql("VACUUM").execute(write).await.map_err(error::of)?;
            sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(write).await.map_err(error::of)?;
        }
        Ok(())
    }

    /// Writes a copy of the database as of now to `file`, which is empty or does not exist; others read and write meanwhile
    /// (<https://sqlite.org/lang_vacuum.html>, `VACUUM INTO`). The copy is read once more and found sound.
    ///
    /// # Errors
    /// `Invalid` on PostgreSQL, which has tools of its own; `Unavailable` when the file cannot be written or is not sound.
    pub async fn copy_to(&self, file: &str) -> Result<()> {
        let Pools::Lite { read, .. } = &self.pools else {
            let message = "PostgreSQL has backups of its own: use pg_dump";
            return Err(Error::invalid(vec![FieldError::new("database.url", message)]));
        };
        sqlx::query("VACUUM INTO $1").bind(file).execute(read).await.map_err(error::of)?;
        let options = SqliteConnectOptions::new().filename(file).read_only(true);
        let mut copy = sqlx::SqliteConnection::connect_with(&options).await.map_err(error::of)?;
        let found: String =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_one(&mut copy).await.map_err(error::of)?;
        copy.close().await.map_err(error::of)?;
        if found != "ok" {
            return Err(Error::unavailable(format!("the copy is not sound ({found}); write it to another disk")));
        }
        Ok(())
    }

    /// Asks the database for a sign of life.
    ///
    /// # Errors
    /// `Unavailable` when it does not answer.
    pub async fn ping(&self) -> Result<()> {
        self.rows("SELECT 1 AS one", Vec::new()).await.map(drop)
    }

    /// A connection of its own that listens; it is not of the pool, so that it takes nothing away from it.
    pub(crate) async fn listener(&self) -> Result<PgListener> {
        let Pools::Pg(pool) = &self.pools else {
            return Err(Error::internal("only PostgreSQL notifies"));
        };
        let own = PgPoolOptions::new().max_connections(1).acquire_timeout(ACQUIRE);
        let own = own.connect_with((*pool.connect_options()).clone()).await.map_err(error::of)?;
        PgListener::connect_with(&own).await.map_err(error::of)
    }

    /// Closes the connections; further calls fail. SQLite folds its log into the file.
    pub async fn close(&self) {
        match &self.pools {
            Pools::Lite { write, read } => {
                read.close().await;
                write.close().await;
            }
            Pools::Pg(pool) => pool.close().await,
        }
    }

    /// Begins a write transaction. On SQLite it takes the write lock at once, so reading first is safe.
    pub(crate) async fn begin(&self) -> Result<Tx> {
        let tx = match &self.pools {
            Pools::Lite { write, .. } => Tx::lite(write.begin_with("BEGIN IMMEDIATE").await.map_err(error::of)?),
            Pools::Pg(pool) => Tx::pg(pool.begin().await.map_err(error::of)?),
        };
        Ok(tx)
    }

    /// Reads rows outside a transaction.
    pub(crate) async fn rows(&self, sql: impl SqlSafeStr + Send, args: Vec<Value>) -> Result<Vec<Row>> {
        match &self.pools {
            Pools::Lite { read, .. } => {
                let rows = bound!(Sqlite, sql, args).fetch_all(read).await.map_err(error::of)?;
                Ok(rows.into_iter().map(Row::Lite).collect())
            }
            Pools::Pg(pool) => {
                let rows = bound!(Postgres, sql, args).fetch_all(pool).await.map_err(error::of)?;
                Ok(rows.into_iter().map(Row::Pg).collect())
            }
        }
    }

    /// Reads at most one row outside a transaction.
    pub(crate) async fn row(&self, sql: impl SqlSafeStr + Send, args: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// [`Database::rows`] for SQL put together from constant parts.
    pub(crate) async fn rows_of(&self, sql: String, args: Vec<Value>) -> Result<Vec<Row>> {
        self.rows(AssertSqlSafe(sql), args).await
    }
}

async fn lite(url: &str) -> Result<Pools> {
    let options = SqliteConnectOptions::from_str(url)
        .map_err(|e| bad_url().because(e))?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Normal)
        .busy_timeout(Duration::from_secs(5))
        .foreign_keys(true);
    // On a full disk SQLite ends a transaction by itself, of which the client learns nothing: such a connection is closed.
    let pool = SqlitePoolOptions::new()
        .acquire_timeout(ACQUIRE)
        .idle_timeout(None)
        .max_lifetime(None)
        .before_acquire(|connection, _| Box::pin(async move { Ok(!connection.is_in_transaction()) }));
    let write = pool.clone().max_connections(1).connect_with(options.clone()).await.map_err(unreachable)?;
    // An in-memory database lives in its one connection.
    let read = if url.contains(":memory:") || url.contains("mode=memory") {
        write.clone()
    } else {
        pool.max_connections(READERS).connect_with(options).await.map_err(unreachable)?
    };
    Ok(Pools::Lite { write, read })
}

fn bad_url() -> Error {
    let message = "give sqlite://path?mode=rwc, sqlite::memory: or postgres://user:password@host/database";
    Error::invalid(vec![FieldError::new("database.url", message)])
}

fn unreachable(cause: sqlx::Error) -> Error {
    Error::new(Kind::Unavailable, "the database cannot be opened: check database.url and that the server runs")
        .because(cause)
}
