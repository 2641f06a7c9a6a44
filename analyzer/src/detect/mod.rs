//! Metric anomaly detection: the `Detector` trait, the score it returns and the settings of the built-in detectors.
//!
//! Everything below this module is pure: a detector sees `(time, value)` rows one at a time, in order, and answers
//! with a [`Score`] that depends on nothing but the rows pushed so far. No clock, no randomness, no I/O. A row never
//! panics and never yields NaN, whatever the value or the time stamp.
//!
//! # How the engine uses it
//!
//! ```
//! use analyzer::detect::{Config, Detector, Kind, Lang, SeriesDetector, explain};
//!
//! let mut detector = SeriesDetector::new(Config { kind: Kind::Gauge, sensitivity: 5, ..Config::default() });
//! for row in 0..600_i64 {
//!     let value = 20.0 + f64::from((row % 7) as u8) * 0.1;
//!     let score = detector.push(row * 15_000, value);
//!     assert!(!score.is_event);
//! }
//! let score = detector.push(600 * 15_000, 90.0);
//! assert!(score.is_event && score.open);
//! assert!(!detector.recovered(90.0) && detector.recovered(20.3));
//! println!("{}", explain(&score, "latency", "ms", Lang::En));
//! let saved = detector.snapshot();
//! let mut again = SeriesDetector::new(Config::default());
//! again.restore(&saved).expect("a snapshot of the same version");
//! ```
//!
//! * [`SeriesDetector`]: the layered ensemble, one per learned series (gauge or counter).
//! * [`RobustLevel`], [`Rate`], [`Absence`], [`Threshold`], [`ErrorRate`]: simple detectors, one rule each.
//! * [`build`]: a boxed detector from a [`Spec`] (what a monitor stores).
//! * [`EntityDetector`]: many series of one entity, one score a row.
//! * [`explain`]: one plain sentence about a score, English or Chinese.
//! * [`offline::detect_dir`]: CSV folders in, scored CSV folders out.
//!
//! An *event* is one row: the row on which an episode opens (`is_event`). `open` stays true on the following rows
//! until the series is back inside the band that held before, or the new level has been learned.

mod absence;
mod csv_series;
mod entity;
mod error_rate;
mod event;
mod explain;
mod guard;
mod level;
pub mod offline;
mod params;
mod pca;
mod rate;
mod record;
mod season;
mod series;
mod shape;
mod spec;
mod threshold;
mod timestamp;
mod views;

#[cfg(test)]
mod fault_tests;
#[cfg(test)]
mod offline_tests;
#[cfg(test)]
mod property_tests;

pub use absence::Absence;
pub use entity::{EntityConfig, EntityDetector, EntityScore};
pub use error_rate::ErrorRate;
pub use explain::{Lang, explain};
pub use level::RobustLevel;
pub use params::Params;
pub use pca::PcaModel;
pub use rate::Rate;
pub use series::SeriesDetector;
pub use shape::ShapeModel;
pub use spec::{Spec, build};
pub use threshold::{Operator, Threshold};

use serde::{Deserialize, Serialize};

/// Rows a detector must have seen before its scores count.
pub const MIN_ROWS: u32 = 30;

/// What a series means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The value itself is scored.
    #[default]
    Gauge,
    /// A counter that only grows: its increase per second is scored, a fall is a reset and never an event.
    Counter,
}

/// Settings of one detector.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Gauge or counter.
    pub kind: Kind,
    /// 1 (quiet) to 10 (keen); 5 is the built-in threshold. Values outside are clamped.
    pub sensitivity: u8,
    /// The expected distance between two rows in milliseconds; 0 = find it from the rows.
    pub step_hint_ms: i64,
    /// Offset of local time from UTC in minutes, for the time-of-day bins.
    pub utc_offset_min: i32,
}

impl Default for Config {
    fn default() -> Self {
        Self { kind: Kind::Gauge, sensitivity: 5, step_hint_ms: 0, utc_offset_min: 0 }
    }
}

/// The view (the question asked of the data) that contributed most to a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum View {
    /// Nothing fired.
    #[default]
    None,
    /// A change from one row to the next.
    Jump,
    /// Distance to where the series has just been.
    Residual,
    /// Distance to what this time of day (or week) usually shows.
    Season,
    /// The mean of the last rows left everything such means have been.
    Level,
    /// The means of minutes and hours drift apart faster than ever before.
    Drift,
    /// The series became noisier or quieter than it was.
    Spread,
    /// Beyond everything seen so far.
    Record,
    /// The shape of the last rows is unlike the learned shapes.
    Shape,
    /// A fixed limit was crossed.
    Threshold,
    /// No rows arrived.
    Absence,
    /// The share of error lines is too high.
    ErrorRate,
    /// Several series of one entity are unusual together.
    Entity,
}

/// Why a row was not scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Skip {
    /// NaN: Prometheus's stale marker or a division by zero. Nothing was learned.
    NotANumber,
    /// A time stamp not after the last one.
    OutOfOrder,
    /// The counter fell: its process restarted.
    CounterReset,
    /// The first row, or the first after a gap, of a counter: there is no increase yet.
    NoIncrease,
}

/// What a detector says about one row. All numbers are finite.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// How unusual the series is now, 0..1, kept up while the trouble lasts. For charts and ranking.
    pub point: f64,
    /// Strength of this row, 0..1; at least 0.5 on an event and on later rows of its episode that are unusual again: 0.75 a
    /// fifth of the known range beyond the margin, 0.92 a whole range. A healthy series' chance records stay below 0.75.
    /// Between 0 and 0.5: unusual, but not (or not yet) confirmed by the growth of the ranges.
    pub event: f64,
    /// An episode opens on this row. One alarm per episode.
    pub is_event: bool,
    /// An episode is open (this row included).
    pub open: bool,
    /// The scored value: the input itself, or the rate per second of a counter.
    pub observed: f64,
    /// What was expected, in the unit of `observed`.
    pub expected: f64,
    /// Lower edge of the expected band.
    pub lower: f64,
    /// Upper edge of the expected band.
    pub upper: f64,
    /// The view that contributed most.
    pub view: View,
    /// True until enough rows were seen; no events before.
    pub learning: bool,
    /// Set when the row was not scored; the other fields then repeat the last state.
    pub skip: Option<Skip>,
}

impl Score {
    /// A quiet score for a value without a band.
    #[must_use]
    pub fn quiet(observed: f64) -> Self {
        let v = if observed.is_finite() { observed } else { 0.0 };
        Self {
            point: 0.0,
            event: 0.0,
            is_event: false,
            open: false,
            observed: v,
            expected: v,
            lower: v,
            upper: v,
            view: View::None,
            learning: false,
            skip: None,
        }
    }
}

/// A snapshot could not be read back.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// Written by another detector or version.
    #[error("snapshot is of {found}, expected {expected}; drop it and learn from history")]
    Kind {
        /// What the snapshot says.
        found: String,
        /// What this detector reads.
        expected: &'static str,
    },
    /// Not the fields this version writes.
    #[error("snapshot field is unreadable; drop it and learn from history")]
    Field(#[source] serde_json::Error),
}

/// A causal, single-pass detector of one series.
pub trait Detector: Send + Sync + std::fmt::Debug {
    /// Takes the next row (`at_ms`: Unix milliseconds) and scores it with what was known before it.
    fn push(&mut self, at_ms: i64, value: f64) -> Score;

    /// Whether a value (in the unit of [`Score::observed`]) is back to normal: inside the band that held when the
    /// last event opened, or the band of now when there was none.
    fn recovered(&self, observed: f64) -> bool;

    /// Fits what is fitted off the hot path (the shape view, [`ShapeModel`]) on a stretch of the series' history, oldest row
    /// first, in the unit of [`Detector::push`]; under a millisecond. Detectors without such models ignore it.
    fn learn_history(&mut self, _rows: &[(i64, f64)]) {}

    /// The whole state as versioned JSON.
    fn snapshot(&self) -> serde_json::Value;

    /// Replaces the state by a snapshot of the same kind.
    ///
    /// # Errors
    /// When the snapshot is of another detector or version, or unreadable; the state is then unchanged.
    fn restore(&mut self, saved: &serde_json::Value) -> Result<(), RestoreError>;
}

/// Wraps a state for [`Detector::snapshot`].
pub(crate) fn pack<S: Serialize>(kind: &'static str, state: &S) -> serde_json::Value {
    let state = serde_json::to_value(state).unwrap_or_default();
    serde_json::json!({ "kind": kind, "state": state })
}

/// Reads a state written by [`pack`].
pub(crate) fn unpack<S: serde::de::DeserializeOwned>(
    kind: &'static str,
    saved: &serde_json::Value,
) -> Result<S, RestoreError> {
    let found = saved.get("kind").and_then(|k| k.as_str()).unwrap_or("nothing");
    if found != kind {
        return Err(RestoreError::Kind { found: found.to_owned(), expected: kind });
    }
    let state = saved.get("state").cloned().unwrap_or_default();
    serde_json::from_value(state).map_err(RestoreError::Field)
}
