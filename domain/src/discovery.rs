//! What a metric source holds and what is proposed to watch of it.

use crate::catalog::MonitorSpec;
use crate::resource::Draft;
use serde::{Deserialize, Serialize};

/// What kind of metric a source says that it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricType {
    /// Only grows; a restart sets it back.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Buckets, a sum and a count; as separate series, or native.
    Histogram,
    /// Quantiles, a sum and a count.
    Summary,
    /// Says something by its labels.
    Info,
    /// Not told.
    Unknown,
}

/// What a source says of one metric family.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetricMeta {
    /// Name of the family: without `_bucket`, `_sum` and `_count`.
    pub name: String,
    /// Its type.
    pub kind: MetricType,
    /// Its unit; empty when not told.
    pub unit: String,
}

/// Something that is not watched, and why.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The metric, or the monitor that is not proposed.
    pub what: String,
    /// Why, and what to do for it to be watched all the same.
    pub why: String,
    /// Series, where they were counted.
    pub series: Option<u64>,
}

/// What discovery found on a source.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Discovered {
    /// Proposed monitors, the most telling first; their names are unique.
    pub monitors: Vec<Draft<MonitorSpec>>,
    /// Metric families that are watched by them.
    pub families: Vec<String>,
    /// How often targets are scraped, seconds.
    pub scrape_interval_secs: u64,
    /// Metric names there are.
    pub metrics_total: u64,
    /// Series there are.
    pub series_total: u64,
    /// What is left out, at most a few hundred entries.
    pub left_out: Vec<LeftOut>,
    /// Everything that is left out, entries beyond the list counted too.
    pub left_out_total: u64,
}
