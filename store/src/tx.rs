//! A write transaction that ends in one fixed order: events, notifications, audit, commit.
//!
//! Events and audit rows are handed out by a counter row each, which stays locked until the commit. Because they are
//! written last and always in the same order, two transactions cannot wait for each other there.

use crate::notify::Notice;
use crate::sql::{Row, Value, bound};
use crate::{audit, error, events, notify};
use domain::clock::from_millis;
use domain::identity::Audit;
use domain::incident::IncidentEvent;
use domain::{Id, Result, Time};
use sqlx::postgres::Postgres;
use sqlx::sqlite::Sqlite;
use sqlx::{AssertSqlSafe, SqlSafeStr, Transaction};

enum Inner {
    Lite(Transaction<'static, Sqlite>),
    Pg(Transaction<'static, Postgres>),
}

/// An open transaction; dropped without [`Tx::commit`] it rolls back.
pub(crate) struct Tx {
    inner: Inner,
    events: Vec<IncidentEvent>,
    notices: Vec<Notice>,
    audits: Vec<(Audit, &'static str, Id)>,
}

/// Rows of one `INSERT` at most.
const CHUNK: usize = 50;

impl Tx {
    pub(crate) fn lite(inner: Transaction<'static, Sqlite>) -> Self {
        Self::new(Inner::Lite(inner))
    }

    pub(crate) fn pg(inner: Transaction<'static, Postgres>) -> Self {
        Self::new(Inner::Pg(inner))
    }

    const fn new(inner: Inner) -> Self {
        Self { inner, events: Vec::new(), notices: Vec::new(), audits: Vec::new() }
    }

    /// Writes an event at the end of the transaction.
    pub(crate) fn event(&mut self, event: IncidentEvent) {
        self.events.push(event);
    }

    /// Writes events at the end of the transaction.
    pub(crate) fn events(&mut self, events: impl IntoIterator<Item = IncidentEvent>) {
        self.events.extend(events);
    }

    /// Notifies every channel that wants it, at the end of the transaction.
    pub(crate) fn notify(&mut self, notice: Notice) {
        self.notices.push(notice);
    }

    /// Adds an audit row at the end of the transaction.
    pub(crate) fn audit(&mut self, audit: Audit, kind: &'static str, id: Id) {
        self.audits.push((audit, kind, id));
    }

    /// Reads rows.
    pub(crate) async fn rows(&mut self, sql: impl SqlSafeStr + Send, args: Vec<Value>) -> Result<Vec<Row>> {
        match &mut self.inner {
            Inner::Lite(tx) => {
                let rows = bound!(Sqlite, sql, args).fetch_all(&mut **tx).await.map_err(error::of)?;
                Ok(rows.into_iter().map(Row::Lite).collect())
            }
            Inner::Pg(tx) => {
                let rows = bound!(Postgres, sql, args).fetch_all(&mut **tx).await.map_err(error::of)?;
                Ok(rows.into_iter().map(Row::Pg).collect())
            }
        }
    }

    /// Reads at most one row.
    pub(crate) async fn row(&mut self, sql: impl SqlSafeStr + Send, args: Vec<Value>) -> Result<Option<Row>> {
        Ok(self.rows(sql, args).await?.into_iter().next())
    }

    /// Reads at most one row and locks it until the end (SQLite holds the write lock already).
    pub(crate) async fn lock_row(&mut self, sql: &'static str, args: Vec<Value>) -> Result<Option<Row>> {
        match self.inner {
            Inner::Lite(_) => self.row(sql, args).await,
            Inner::Pg(_) => self.row(AssertSqlSafe(format!("{sql} FOR NO KEY UPDATE")), args).await,
        }
    }

    /// Runs a statement; the number of rows it touched.
    pub(crate) async fn run(&mut self, sql: impl SqlSafeStr + Send, args: Vec<Value>) -> Result<u64> {
        match &mut self.inner {
            Inner::Lite(tx) => {
                Ok(bound!(Sqlite, sql, args).execute(&mut **tx).await.map_err(error::of)?.rows_affected())
            }
            Inner::Pg(tx) => {
                Ok(bound!(Postgres, sql, args).execute(&mut **tx).await.map_err(error::of)?.rows_affected())
            }
        }
    }

    /// Runs several statements without arguments.
    pub(crate) async fn script(&mut self, sql: &'static str) -> Result<()> {
        match &mut self.inner {
            Inner::Lite(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop),
            Inner::Pg(tx) => sqlx::raw_sql(sql).execute(&mut **tx).await.map(drop),
        }
        .map_err(error::of)
    }

    /// Inserts many rows of `columns` values each: `head (..), (..) tail`.
    pub(crate) async fn insert_many(&mut self, head: &str, tail: &str, rows: Vec<Vec<Value>>) -> Result<()> {
        for chunk in rows.chunks(CHUNK) {
            let mut next = 1;
            let groups: Vec<String> = chunk
                .iter()
                .map(|row| {
                    let group = format!("({})", crate::sql::placeholders(next, row.len()));
                    next += row.len();
                    group
                })
                .collect();
            let sql = format!("{head} VALUES {} {tail}", groups.join(", "));
            self.run(AssertSqlSafe(sql), chunk.concat()).await?;
        }
        Ok(())
    }

    /// The database's clock.
    pub(crate) async fn now(&mut self) -> Result<Time> {
        let sql = match self.inner {
            // 2440587.5 is the Julian day of the epoch; the text form is exact to the millisecond.
            Inner::Lite(_) => {
                "SELECT CAST(strftime('%s', 'now') AS INTEGER) * 1000 \
                 + CAST(substr(strftime('%f', 'now'), 4) AS INTEGER) AS now_ms"
            }
            Inner::Pg(_) => "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT) AS now_ms",
        };
        let row = self.row(sql, Vec::new()).await?.ok_or_else(|| domain::Error::internal("no clock"))?;
        Ok(from_millis(row.int("now_ms")?))
    }

    /// Waits for the turn among transactions that name the same thing (PostgreSQL; SQLite has one writer).
    pub(crate) async fn turn(&mut self, of: &str) -> Result<()> {
        if matches!(self.inner, Inner::Pg(_)) {
            self.rows(
                "SELECT 1 AS one FROM (SELECT pg_advisory_xact_lock(hashtextextended($1, 0))) AS turn",
                crate::sql::args![of],
            )
            .await?;
        }
        Ok(())
    }

    /// `FOR SHARE` or `FOR UPDATE SKIP LOCKED` on PostgreSQL, nothing on SQLite.
    pub(crate) const fn on_postgres(&self, clause: &'static str) -> &'static str {
        match self.inner {
            Inner::Lite(_) => "",
            Inner::Pg(_) => clause,
        }
    }

    /// Writes what waits and commits.
    pub(crate) async fn commit(self) -> Result<()> {
        self.commit_between("", "").await
    }

    /// [`Tx::commit`] between two named points at which tests stop or kill the process.
    pub(crate) async fn commit_between(mut self, before: &str, after: &str) -> Result<()> {
        events::append(&mut self).await?;
        notify::append(&mut self).await?;
        audit::append(&mut self).await?;
        if !before.is_empty() {
            fail::fail_point!(before);
        }
        match self.inner {
            Inner::Lite(tx) => tx.commit().await,
            Inner::Pg(tx) => tx.commit().await,
        }
        .map_err(error::of)?;
        if !after.is_empty() {
            fail::fail_point!(after);
        }
        Ok(())
    }

    pub(crate) fn take_events(&mut self) -> Vec<IncidentEvent> {
        std::mem::take(&mut self.events)
    }

    pub(crate) fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    pub(crate) fn take_audits(&mut self) -> Vec<(Audit, &'static str, Id)> {
        std::mem::take(&mut self.audits)
    }
}
