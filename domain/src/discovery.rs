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

/// Why something is not watched: a code and its parts, for readers of any language.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "code", rename_all = "snake_case")]
pub enum Why {
    /// Says something of the thing that measures, or of its runtime.
    Internal {
        /// Of what: `go`, `process`, `python`, `jvm`, `nodejs`, `exporter`, `prometheus`, `scrape`, `aiops`, `alerts`, `collector`.
        of: String,
    },
    /// Of an exporter whose telling signals are watched.
    KnownExporter,
    /// Repeats other metrics.
    RecordingRule,
    /// Its value does not change.
    Constant,
    /// Typed as a histogram, without buckets and without native histograms.
    NoHistogram,
    /// Its series carry other labels than those that would name an entity.
    NoLabels {
        /// The labels that are missing.
        labels: Vec<String>,
    },
    /// More families than are looked at.
    BeyondFamilies {
        /// How many are.
        most: u64,
    },
    /// More monitors than are proposed for a source.
    BeyondMonitors {
        /// How many are.
        most: u64,
    },
    /// One monitor cannot hold so many services.
    TooManyServices {
        /// How many there are.
        services: u64,
        /// How many it can hold.
        most: u64,
    },
    /// A proposed monitor watches a part of its series.
    SeriesCut {
        /// How many there are.
        series: u64,
        /// How many are watched.
        most: u64,
    },
    /// The source did not count its series.
    NotCounted {
        /// What it said.
        error: String,
    },
}

impl Why {
    /// One English line: why, and what to do.
    #[must_use]
    pub fn en(&self) -> String {
        let add = "add a PromQL monitor for it";
        match self {
            Self::Internal { of } => internal(of).to_owned(),
            Self::KnownExporter => format!("of a known exporter whose telling signals are watched; {add}"),
            Self::RecordingRule => format!("a recording rule: it repeats other metrics; {add}"),
            Self::Constant => "says something by its labels, or a time; its value does not change".to_owned(),
            Self::NoHistogram => {
                format!("its type says histogram, and it has neither buckets nor native histograms; {add}")
            }
            Self::NoLabels { labels } => format!("its series have no {}; {add}", labels.join(", ")),
            Self::BeyondFamilies { most } => format!("beyond the {most} families that are looked at; {add}"),
            Self::BeyondMonitors { most } => {
                format!("beyond the {most} monitors that are proposed for one source; create it in the UI")
            }
            Self::TooManyServices { services, most } => {
                format!("{services} services are more than the {most} of one monitor; narrow it by hand")
            }
            Self::SeriesCut { series, most } => {
                format!("{most} of {series} series are watched; raise max_series, at most 20000, or narrow its query")
            }
            Self::NotCounted { error } => format!("the source did not count all of its series ({error})"),
        }
    }
}

fn internal(of: &str) -> &'static str {
    match of {
        "go" => "internal of the Go runtime",
        "process" => "internal of the process; processor time, memory and files are watched",
        "python" => "internal of the Python runtime",
        "jvm" => "internal of the JVM; the heap is watched",
        "nodejs" => "internal of Node.js; the event loop is watched",
        "prometheus" => "internal of Prometheus",
        "scrape" => "written by Prometheus at each scrape",
        "aiops" => "our own",
        "alerts" => "alerts of Prometheus; they come by Alertmanager",
        "collector" => "internal of the collector",
        _ => "internal of the exporter",
    }
}

/// Something that is not watched, and why.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeftOut {
    /// The metric, or the monitor that is not proposed.
    pub what: String,
    /// Why, and what to do for it to be watched all the same; English.
    pub why: String,
    /// The same as a code with its parts.
    pub told: Why,
    /// Series, where they were counted.
    pub series: Option<u64>,
}

impl LeftOut {
    /// `what` is left out because of `told`.
    #[must_use]
    pub fn new(what: impl Into<String>, told: Why, series: Option<u64>) -> Self {
        Self { what: what.into(), why: told.en(), told, series }
    }
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
