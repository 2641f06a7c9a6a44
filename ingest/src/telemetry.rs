//! Counters of this crate in one place; the binary exports them under the names given here.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Names and help texts of the counters, in the order of [`StatsSnapshot::values`].
pub const METRICS: [(&str, &str); 10] = [
    ("aiops_ingest_polls_total", "Polls of monitors that were made."),
    ("aiops_ingest_poll_failures_total", "Polls that failed; nothing is concluded from them."),
    ("aiops_ingest_partial_total", "Polls whose answer was partial."),
    ("aiops_ingest_rows_total", "Samples sent to the analyzer."),
    ("aiops_ingest_lines_total", "Log lines sent to the analyzer."),
    ("aiops_ingest_malformed_total", "Log documents without a usable timestamp or message."),
    ("aiops_ingest_ticks_total", "Ticks of metric monitors that were read, those read late included."),
    (
        "aiops_ingest_ticks_missed_total",
        "Ticks that were read with a later one: the poll of their own time did not come off.",
    ),
    ("aiops_ingest_history_rows_total", "Samples of history read to learn from."),
    ("aiops_ingest_lag_milliseconds", "Age of the newest covered time at the last poll."),
];

/// Counters of the poller, shared by all its tasks.
#[derive(Debug, Default)]
pub struct IngestStats {
    polls: AtomicU64,
    failures: AtomicU64,
    partial: AtomicU64,
    rows: AtomicU64,
    lines: AtomicU64,
    malformed: AtomicU64,
    ticks: AtomicU64,
    missed: AtomicU64,
    history: AtomicU64,
    lag_ms: AtomicI64,
}

/// The counters at one moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StatsSnapshot {
    /// Polls made.
    pub polls: u64,
    /// Polls that failed.
    pub failures: u64,
    /// Polls with a partial answer.
    pub partial: u64,
    /// Samples sent.
    pub rows: u64,
    /// Log lines sent.
    pub lines: u64,
    /// Documents that could not be read.
    pub malformed: u64,
    /// Ticks read.
    pub ticks: u64,
    /// Ticks read late.
    pub missed: u64,
    /// Samples of history.
    pub history: u64,
    /// Age of the newest covered time at the last poll, milliseconds.
    pub lag_ms: i64,
}

impl StatsSnapshot {
    /// The values in the order of [`METRICS`].
    #[must_use]
    pub fn values(&self) -> [i64; 10] {
        let count = |v: u64| i64::try_from(v).unwrap_or(i64::MAX);
        [
            count(self.polls),
            count(self.failures),
            count(self.partial),
            count(self.rows),
            count(self.lines),
            count(self.malformed),
            count(self.ticks),
            count(self.missed),
            count(self.history),
            self.lag_ms,
        ]
    }
}

impl IngestStats {
    /// The counters now.
    #[must_use]
    pub fn snapshot(&self) -> StatsSnapshot {
        StatsSnapshot {
            polls: self.polls.load(Ordering::Relaxed),
            failures: self.failures.load(Ordering::Relaxed),
            partial: self.partial.load(Ordering::Relaxed),
            rows: self.rows.load(Ordering::Relaxed),
            lines: self.lines.load(Ordering::Relaxed),
            malformed: self.malformed.load(Ordering::Relaxed),
            ticks: self.ticks.load(Ordering::Relaxed),
            missed: self.missed.load(Ordering::Relaxed),
            history: self.history.load(Ordering::Relaxed),
            lag_ms: self.lag_ms.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn polled(&self) {
        self.polls.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn failed(&self) {
        self.failures.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn was_partial(&self) {
        self.partial.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn sent_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// A live poll brought its tick, and `late` ones before it.
    pub(crate) fn ticked(&self, late: i64) {
        let late = u64::try_from(late).unwrap_or_default();
        self.ticks.fetch_add(1 + late, Ordering::Relaxed);
        self.missed.fetch_add(late, Ordering::Relaxed);
    }

    pub(crate) fn sent_history(&self, rows: usize) {
        self.history.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn sent_lines(&self, lines: usize, malformed: u64) {
        self.lines.fetch_add(lines as u64, Ordering::Relaxed);
        self.malformed.fetch_add(malformed, Ordering::Relaxed);
    }

    pub(crate) fn lag(&self, lag_ms: i64) {
        self.lag_ms.store(lag_ms, Ordering::Relaxed);
    }
}
