//! Counters of the analyzer for the product's own metrics.

use std::sync::atomic::AtomicU64;

/// Counters for the product's own metrics.
#[derive(Debug, Default)]
pub struct AnalyzerStats {
    /// Batches worked through.
    pub batches: AtomicU64,
    /// Rows and lines scored.
    pub rows: AtomicU64,
    /// Anomalies opened.
    pub anomalies: AtomicU64,
    /// Incidents opened.
    pub incidents: AtomicU64,
    /// Questions to the database that failed and were asked again.
    pub retries: AtomicU64,
    /// Batches whose results the database refused for good.
    pub parked: AtomicU64,
    /// Age of the newest row of the last batch when it was worked through, milliseconds.
    pub lag_ms: AtomicU64,
}
