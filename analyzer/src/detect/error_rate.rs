//! The share of error lines in a log stream, against what is usual for it.

use serde::{Deserialize, Serialize};

use super::{Config, Detector, RestoreError, Score, SeriesDetector, Skip, View, pack, unpack};

/// A window with fewer lines than this is no evidence.
const MIN_LINES: f64 = 10.0;
/// A share above this is an event even while the usual share is still being learned.
const ALWAYS_BAD: f64 = 0.5;

/// Share of error lines per window: learned (a [`SeriesDetector`] on the share, upwards only), with a floor below
/// which nothing fires and a ceiling that fires without learning.
#[derive(Debug)]
pub struct ErrorRate {
    floor: f64,
    state: State,
    inner: SeriesDetector,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct State {
    last_ms: Option<i64>,
    open: bool,
    inside: u32,
    limit: f64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    state: State,
    inner: serde_json::Value,
}

impl ErrorRate {
    const KIND: &'static str = "error_rate/1";

    /// `floor`: a share (0..1) below which nothing fires, for example 0.01.
    #[must_use]
    pub fn new(config: Config, floor: f64) -> Self {
        let floor = if floor.is_finite() { floor.clamp(0.0, 1.0) } else { 0.01 };
        Self { floor, state: State { limit: floor, ..State::default() }, inner: SeriesDetector::new(config) }
    }

    /// Scores a window of `total` lines of which `errors` were errors. Too few lines are skipped.
    pub fn push_counts(&mut self, at_ms: i64, errors: u64, total: u64) -> Score {
        if (total as f64) < MIN_LINES {
            return Score { skip: Some(Skip::NotANumber), open: self.state.open, ..Score::quiet(0.0) };
        }
        self.push(at_ms, errors as f64 / total as f64)
    }
}

impl Detector for ErrorRate {
    fn push(&mut self, at_ms: i64, value: f64) -> Score {
        if value.is_nan() || self.state.last_ms.is_some_and(|last| at_ms <= last) {
            let skip = if value.is_nan() { Skip::NotANumber } else { Skip::OutOfOrder };
            return Score { skip: Some(skip), open: self.state.open, ..Score::quiet(0.0) };
        }
        self.state.last_ms = Some(at_ms);
        let share = value.clamp(0.0, 1.0);
        let mut score = self.inner.push(at_ms, share);
        let high = share > score.upper.max(self.floor);
        let bad = share >= ALWAYS_BAD && (score.learning || high);
        let fires = bad || (share >= self.floor && (score.is_event || score.open) && share > score.expected);
        let is_event = fires && !self.state.open;
        if is_event {
            self.state.open = true;
            self.state.limit = score.upper.clamp(self.floor, ALWAYS_BAD);
        }
        self.state.inside = if share <= self.state.limit { self.state.inside + 1 } else { 0 };
        if self.state.inside >= 2 {
            self.state.open = false;
        }
        if bad {
            score.event = score.event.max(0.9);
            score.point = score.point.max(share);
        }
        score.is_event = is_event;
        score.open = self.state.open;
        score.lower = 0.0;
        score.view = if self.state.open { View::ErrorRate } else { score.view };
        score
    }

    fn recovered(&self, observed: f64) -> bool {
        observed <= self.state.limit
    }

    fn snapshot(&self) -> serde_json::Value {
        pack(Self::KIND, &Saved { state: self.state, inner: self.inner.snapshot() })
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<(), RestoreError> {
        let saved: Saved = unpack(Self::KIND, saved)?;
        self.inner.restore(&saved.inner)?;
        self.state = saved.state;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_of_errors_is_one_event_and_calm_ends_it() {
        let mut d = ErrorRate::new(Config::default(), 0.01);
        let mut events = 0;
        for i in 0..200_i64 {
            let errors = if (120..130).contains(&i) { 40 } else { u64::from(i % 17 == 0) };
            let s = d.push_counts(i * 15_000, errors, 100);
            events += u32::from(s.is_event);
        }
        assert_eq!(events, 1);
        assert!(!d.push_counts(200 * 15_000, 0, 100).open);
    }

    #[test]
    fn a_stream_of_nothing_but_errors_needs_no_learning() {
        let mut d = ErrorRate::new(Config::default(), 0.01);
        assert!(d.push_counts(1000, 90, 100).is_event);
    }
}
