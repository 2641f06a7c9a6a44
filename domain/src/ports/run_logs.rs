//! Logs, artifacts and results of runs.

use crate::Id;
use crate::artifact::Artifact;
use crate::error::Result;
use crate::results::RunResults;
use crate::run::{LogRecord, Stream};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};

/// Lines in one answer at most.
pub const MAX_LINES: u32 = 10_000;

/// Which lines are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogRange {
    /// Only lines with a higher number.
    pub after: i64,
    /// Only lines with a lower number.
    pub before: Option<i64>,
    /// Lines at most, 1 to [`MAX_LINES`].
    pub limit: u32,
    /// Of those in range, the last ones instead of the first.
    pub newest: bool,
    /// Only lines of this output; remarks of the product are always among them.
    pub stream: Option<Stream>,
}

impl LogRange {
    /// The first `limit` lines after number `after`.
    #[must_use]
    pub const fn after(after: i64, limit: u32) -> Self {
        Self { after, before: None, limit, newest: false, stream: None }
    }

    /// The last `limit` lines.
    #[must_use]
    pub const fn tail(limit: u32) -> Self {
        Self { after: 0, before: None, limit, newest: true, stream: None }
    }

    /// Whether a line is in range.
    #[must_use]
    pub fn takes(&self, line: &LogRecord) -> bool {
        line.seq > self.after
            && self.before.is_none_or(|b| line.seq < b)
            && self.stream.is_none_or(|s| line.stream == s || line.stream == Stream::System)
    }
}

/// What is searched for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSearch {
    /// Text, or a regular expression (the syntax of the `regex` crate: linear time, no look-around).
    pub pattern: String,
    /// Whether the pattern is a regular expression.
    pub regex: bool,
    /// Whether capital letters count.
    pub case_sensitive: bool,
    /// Where to look.
    pub range: LogRange,
}

/// What a search found.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogFound {
    /// Lines that match, in order.
    pub lines: Vec<LogRecord>,
    /// Number of the last line that was looked at: search on after it.
    pub searched_to: i64,
    /// Whether the end of what is stored was reached.
    pub complete: bool,
}

/// A part of a log that cannot be read.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogDamage {
    /// First line of the part.
    pub first_seq: i64,
    /// Last line of the part.
    pub last_seq: i64,
    /// What is wrong with it.
    pub reason: String,
}

/// What is stored of a log.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogInfo {
    /// Number of the last line; lines are numbered from 1 without gaps.
    pub last_seq: i64,
    /// Stored bytes.
    pub bytes: u64,
    /// Chunks in file storage; what is newer is in the database.
    pub chunks: u32,
    /// Chunks that are missing or changed; found by reading every chunk.
    pub damaged: Vec<LogDamage>,
}

/// Logs of runs: lines with dense numbers, stored once, readable by every process.
///
/// A part that cannot be read any more stands in every answer as one line of the product with the number of the part's
/// last line, so that readers go on behind it.
#[async_trait]
pub trait RunLogs: Send + Sync + std::fmt::Debug {
    /// Appends lines whose number is above the stored one; repeats are ignored. `Conflict` when the epoch is old.
    async fn append(&self, run: Id, epoch: i64, lines: &[LogRecord]) -> Result<()>;

    /// Lines in range, in order.
    async fn read(&self, run: Id, range: &LogRange) -> Result<Vec<LogRecord>>;

    /// Lines that match, in order. `Invalid` for a pattern that is no expression. Looks at about 16 MiB at once.
    async fn search(&self, run: Id, search: &LogSearch) -> Result<LogFound>;

    /// What is stored; `verify` reads every chunk.
    async fn info(&self, run: Id, verify: bool) -> Result<LogInfo>;
}

/// Artifacts and results of runs.
#[async_trait]
pub trait ResultStore: Send + Sync + std::fmt::Debug {
    /// Stores what was collected, replacing what an earlier owner of the run stored. `Conflict` when the epoch is old.
    async fn put_results(&self, run: Id, epoch: i64, artifacts: &[Artifact], results: &RunResults) -> Result<()>;

    /// Artifacts of a run, by name.
    async fn artifacts(&self, run: Id) -> Result<Vec<Artifact>>;

    /// One artifact. `NotFound` when there is none of this name.
    async fn artifact(&self, run: Id, name: &str) -> Result<Artifact>;

    /// Results of a run; empty ones before its end.
    async fn results(&self, run: Id) -> Result<RunResults>;
}
