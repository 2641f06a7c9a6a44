//! Batches of samples and log lines on their way from a source to the analyzer.

use crate::trace::TraceContext;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What a signal measures (the four golden signals and two more).
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignalKind {
    /// How long requests take.
    Latency,
    /// Share or rate of failures.
    Errors,
    /// How much is asked of it.
    Traffic,
    /// How full it is.
    Saturation,
    /// Whether it is there.
    Availability,
    /// Log lines.
    Logs,
    /// Anything else.
    Other,
}

/// One sample: epoch milliseconds and a finite or NaN value.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Epoch milliseconds.
    pub at_ms: i64,
    /// The value; NaN means "no value at this time".
    pub value: f64,
}

/// One label set with its samples, oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Series {
    /// The labels.
    pub labels: BTreeMap<String, String>,
    /// Samples, sorted by time, no duplicates.
    pub points: Vec<Point>,
}

/// How much of the answer was there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Completeness {
    /// All of it.
    Complete,
    /// Some of it: warnings, failed shards, capped series.
    Partial(String),
}

/// The answer of a metric source.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricAnswer {
    /// The series.
    pub series: Vec<Series>,
    /// How much of it was there.
    pub completeness: Completeness,
}

/// Importance of a log line, from the mapped level field.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogLevel {
    /// Trace and debug.
    Debug,
    /// Information.
    Info,
    /// Warning.
    Warn,
    /// Error.
    Error,
    /// Fatal, critical, emergency.
    Fatal,
}

/// One log document.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogLine {
    /// Index (or backing index) that holds it.
    pub index: String,
    /// Document id, unique in its index.
    pub id: String,
    /// `@timestamp`.
    pub at: DateTime<Utc>,
    /// The level.
    pub level: LogLevel,
    /// BTreeMap<String, String> for the entity, for example `service`.
    pub labels: BTreeMap<String, String>,
    /// The message.
    pub message: String,
    /// Trace id of the request, when logged.
    pub trace_id: Option<String>,
}

/// What one poll of one monitor brought.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// The monitor.
    pub monitor_id: Uuid,
    /// When the poll was made.
    pub polled_at: DateTime<Utc>,
    /// The window that is now covered: (from, to].
    pub from: DateTime<Utc>,
    /// End of the window.
    pub to: DateTime<Utc>,
    /// Samples, lines, or the failure.
    pub payload: Payload,
    /// Span of the poll; an incident that it opens goes on in the same trace.
    pub trace: TraceContext,
}

/// The content of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Payload {
    /// Samples of a metric monitor.
    Metrics(MetricAnswer),
    /// Lines of a log monitor.
    Logs {
        /// The lines, by time.
        lines: Vec<LogLine>,
        /// How much of it was there.
        completeness: Completeness,
    },
    /// The source failed; nothing may be concluded from it.
    Failed(String),
}
