//! Ports towards the systems we observe.

use crate::discovery::MetricMeta;
use crate::error::Result;
use crate::signal::{Completeness, LogLine, MetricAnswer};
use crate::{Id, Time};
use async_trait::async_trait;
use std::sync::Arc;
use std::time::Duration;

/// A place that answers PromQL.
#[async_trait]
pub trait MetricSource: Send + Sync + std::fmt::Debug {
    /// Instant query at `at`, which may be cut to its second.
    ///
    /// # Errors
    /// `Invalid` for wrong PromQL, `Timeout` or `Unavailable` for a source that fails. Never an empty answer instead.
    async fn instant(&self, query: &str, at: Time) -> Result<MetricAnswer>;

    /// Range query over `from..=to`; split by the implementation where the source limits the points.
    ///
    /// # Errors
    /// As [`MetricSource::instant`].
    async fn range(&self, query: &str, from: Time, to: Time, step: Duration) -> Result<MetricAnswer>;

    /// What the source says of its metrics: type and unit by family; empty when it does not tell.
    ///
    /// # Errors
    /// As [`MetricSource::instant`].
    async fn metadata(&self) -> Result<Vec<MetricMeta>> {
        Ok(Vec::new())
    }

    /// Version and reachability, one line, for example `Prometheus 3.16.0`.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout`, `Unauthenticated` with what to do.
    async fn check(&self) -> Result<String>;
}

/// Which log lines are wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct LogQuery {
    /// Lucene query string; empty for all.
    pub query: String,
    /// Oldest, exclusive.
    pub from: Time,
    /// Newest, inclusive.
    pub to: Time,
    /// Lines at most in one page.
    pub page_size: u32,
}

/// Opaque position inside one query's result.
#[derive(Debug, Clone, PartialEq)]
pub struct LogCursor(pub serde_json::Value);

/// One page of lines by time.
#[derive(Debug, Clone, PartialEq)]
pub struct LogPage {
    /// The lines.
    pub lines: Vec<LogLine>,
    /// Where the next page begins; absent at the end.
    pub next: Option<LogCursor>,
    /// How much of it was there.
    pub completeness: Completeness,
    /// Documents that could not be read (no timestamp, wrong shape).
    pub malformed: u64,
}

/// A place that answers log searches.
#[async_trait]
pub trait LogSource: Send + Sync + std::fmt::Debug {
    /// One page; `cursor` from the page before.
    ///
    /// # Errors
    /// `Invalid` for a wrong query, `TooMany` for 429, `Timeout` or `Unavailable` otherwise.
    async fn page(&self, query: &LogQuery, cursor: Option<LogCursor>) -> Result<LogPage>;

    /// Version and reachability, one line.
    ///
    /// # Errors
    /// `Unavailable`, `Timeout`, `Unauthenticated` with what to do.
    async fn check(&self) -> Result<String>;
}

/// Finds the client of a stored source; keeps it until the source changes.
#[async_trait]
pub trait Sources: Send + Sync + std::fmt::Debug {
    /// The metric source with this id.
    ///
    /// # Errors
    /// `NotFound`, or `Invalid` when it is of another kind or disabled.
    async fn metrics(&self, id: Id) -> Result<Arc<dyn MetricSource>>;

    /// The log source with this id.
    ///
    /// # Errors
    /// As [`Sources::metrics`].
    async fn logs(&self, id: Id) -> Result<Arc<dyn LogSource>>;

    /// A connection test of a specification that need not be stored yet.
    ///
    /// # Errors
    /// As the source's own `check`.
    async fn probe(&self, spec: &crate::catalog::SourceSpec) -> Result<String>;
}
