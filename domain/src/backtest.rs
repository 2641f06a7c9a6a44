//! What a monitor would have said of recorded history: the question and the answer.

use crate::anomaly::{Anomaly, ChartPoint};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Bounds of one backtest; what lies beyond is left out and said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BacktestLimits {
    /// Rows read at most, over all series.
    pub rows: u64,
    /// Series with a chart in the report; those with events come first.
    pub series: usize,
    /// Chart rows of one series; of several rows in one place the most telling one stays.
    pub points: usize,
    /// Events in the report.
    pub events: usize,
}

/// One series of a report.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestSeries {
    /// Its identity, as in the events' `series_key`.
    pub key: String,
    /// What it is about, for example `service=checkout`.
    pub entity: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Rows that were judged.
    pub rows: u64,
    /// Events of it.
    pub events: u64,
    /// Value, band and score, thinned out to the bound.
    pub points: Vec<ChartPoint>,
}

/// What the detector said, row after row, knowing nothing of later rows.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BacktestReport {
    /// First row asked for.
    pub from: DateTime<Utc>,
    /// Last row asked for.
    pub to: DateTime<Utc>,
    /// Seconds between rows.
    pub step_secs: u32,
    /// `complete` or `partial`.
    pub completeness: String,
    /// Why it is partial; empty otherwise.
    pub message: String,
    /// Rows judged, over all series.
    pub rows: u64,
    /// Series seen.
    pub series_total: u64,
    /// Series beyond the monitor's bound, not judged.
    pub left_out: u64,
    /// Events found, those beyond the report's bound counted too.
    pub events_total: u64,
    /// The events, oldest first, as the product would have told them.
    pub events: Vec<Anomaly>,
    /// Charts; those with events first.
    pub series: Vec<BacktestSeries>,
}
