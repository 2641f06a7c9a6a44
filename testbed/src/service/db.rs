//! The service's SQL database: SQLite or PostgreSQL behind one bounded pool, every wait and call measured.
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use sqlx::pool::PoolConnection;
use sqlx::{PgPool, Postgres, Row as _, Sqlite, SqlitePool};

use super::metrics::{Metrics, PoolReading};

/// Most connections one service may hold.
pub(crate) const MAX_CONNECTIONS: u32 = 8;
/// Longest wait for a connection before a request fails.
const ACQUIRE_TIMEOUT: Duration = Duration::from_millis(800);

/// A bounded pool on one of the two databases.
#[derive(Debug, Clone)]
pub(crate) struct Db {
    pool: Pool,
    metrics: Arc<Metrics>,
}

#[derive(Debug, Clone)]
enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// A connection taken from the pool; it goes back when dropped.
#[derive(Debug)]
pub(crate) enum Connection {
    /// On SQLite.
    Sqlite(PoolConnection<Sqlite>),
    /// On PostgreSQL.
    Postgres(PoolConnection<Postgres>),
}

/// A parameter of a statement.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Arg {
    /// A whole number (`BIGINT`).
    Int(i64),
    /// A real number (`DOUBLE PRECISION`).
    Real(f64),
}

impl Db {
    /// Opens `sqlite:PATH` or `postgres://...`; SQLite files are created with write-ahead logging.
    /// On PostgreSQL the tables live in a schema of their own, so that several shops share a database in peace.
    pub(crate) async fn open(url: &str, schema: &str, metrics: Arc<Metrics>) -> anyhow::Result<Self> {
        let pool = if url.starts_with("postgres") {
            Pool::Postgres(open_postgres(url, schema).await?)
        } else {
            let options: sqlx::sqlite::SqliteConnectOptions = url.parse().context("read the database url")?;
            let options = options
                .create_if_missing(true)
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Normal)
                .busy_timeout(Duration::from_secs(2));
            let pool = sqlx::sqlite::SqlitePoolOptions::new()
                .max_connections(MAX_CONNECTIONS)
                .acquire_timeout(ACQUIRE_TIMEOUT);
            Pool::Sqlite(pool.connect_with(options).await.context("open the sqlite database")?)
        };
        Ok(Self { pool, metrics })
    }

    /// Takes a connection, waiting at most [`ACQUIRE_TIMEOUT`].
    pub(crate) async fn acquire(&self) -> Result<Connection, sqlx::Error> {
        let start = Instant::now();
        let got = match &self.pool {
            Pool::Sqlite(pool) => pool.acquire().await.map(Connection::Sqlite),
            Pool::Postgres(pool) => pool.acquire().await.map(Connection::Postgres),
        };
        self.metrics.db.wait.observe(start.elapsed().as_secs_f64());
        if matches!(got, Err(sqlx::Error::PoolTimedOut)) {
            self.metrics.db.timeouts.inc();
        }
        got
    }

    /// Runs a statement on a connection; returns the rows it changed.
    pub(crate) async fn execute(
        &self,
        connection: &mut Connection,
        operation: &str,
        sql: &'static str,
        args: &[Arg],
    ) -> Result<u64, sqlx::Error> {
        let start = Instant::now();
        let done = match connection {
            Connection::Sqlite(c) => bind_sqlite(sql, args).execute(&mut **c).await.map(|done| done.rows_affected()),
            Connection::Postgres(c) => {
                bind_postgres(sql, args).execute(&mut **c).await.map(|done| done.rows_affected())
            }
        };
        self.observe(operation, start);
        done
    }

    /// Runs a query whose columns are all real numbers (`DOUBLE PRECISION`); returns its rows.
    pub(crate) async fn rows(
        &self,
        connection: &mut Connection,
        operation: &str,
        sql: &'static str,
        args: &[Arg],
    ) -> Result<Vec<Vec<f64>>, sqlx::Error> {
        let start = Instant::now();
        let rows = match connection {
            Connection::Sqlite(c) => {
                let rows = bind_sqlite(sql, args).fetch_all(&mut **c).await?;
                rows.iter().map(|row| (0..row.len()).map(|i| row.try_get(i)).collect()).collect()
            }
            Connection::Postgres(c) => {
                let rows = bind_postgres(sql, args).fetch_all(&mut **c).await?;
                rows.iter().map(|row| (0..row.len()).map(|i| row.try_get(i)).collect()).collect()
            }
        };
        self.observe(operation, start);
        rows
    }

    /// How full the pool is.
    pub(crate) fn reading(&self) -> PoolReading {
        let (size, idle) = match &self.pool {
            Pool::Sqlite(pool) => (pool.size(), pool.num_idle()),
            Pool::Postgres(pool) => (pool.size(), pool.num_idle()),
        };
        let idle = i64::try_from(idle).unwrap_or(i64::MAX);
        PoolReading { used: (i64::from(size) - idle).max(0), idle, max: i64::from(MAX_CONNECTIONS) }
    }

    fn observe(&self, operation: &str, start: Instant) {
        self.metrics.db.duration.with_label_values(&[operation]).observe(start.elapsed().as_secs_f64());
    }
}

async fn open_postgres(url: &str, schema: &str) -> anyhow::Result<PgPool> {
    let schema = schema.replace('"', "");
    let options: sqlx::postgres::PgConnectOptions = url.parse().context("read the database url")?;
    let options = options.options([("search_path", schema.as_str())]);
    let pool = sqlx::postgres::PgPoolOptions::new().max_connections(MAX_CONNECTIONS).acquire_timeout(ACQUIRE_TIMEOUT);
    let pool = pool.connect_with(options).await.context("connect to the postgres database")?;
    let create = format!("CREATE SCHEMA IF NOT EXISTS \"{schema}\"");
    // The name is our own prefix without quotation marks, never input of a user of the shop.
    sqlx::query(sqlx::AssertSqlSafe(create)).execute(&pool).await.context("create the shop's schema")?;
    Ok(pool)
}

fn bind_sqlite<'a>(sql: &'static str, args: &[Arg]) -> sqlx::query::Query<'a, Sqlite, sqlx::sqlite::SqliteArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match *arg {
        Arg::Int(value) => query.bind(value),
        Arg::Real(value) => query.bind(value),
    })
}

fn bind_postgres<'a>(sql: &'static str, args: &[Arg]) -> sqlx::query::Query<'a, Postgres, sqlx::postgres::PgArguments> {
    args.iter().fold(sqlx::query(sql), |query, arg| match *arg {
        Arg::Int(value) => query.bind(value),
        Arg::Real(value) => query.bind(value),
    })
}
