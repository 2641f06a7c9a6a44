//! Rows that should arrive and do not.

use serde::{Deserialize, Serialize};

use super::{Detector, RestoreError, Score, Skip, View, pack, unpack};

/// Fires once when no value has arrived for `for_ms`. The engine calls [`Detector::push`] on its own schedule:
/// with the value when there is one, with NaN when the query answered without this series.
#[derive(Debug, Clone)]
pub struct Absence {
    for_ms: i64,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct State {
    last_seen_ms: Option<i64>,
    last_ms: Option<i64>,
    value: f64,
    open: bool,
}

impl Absence {
    const KIND: &'static str = "absence/1";

    /// Absent after `for_ms` milliseconds without a value (at least 1).
    #[must_use]
    pub fn new(for_ms: i64) -> Self {
        Self { for_ms: for_ms.max(1), state: State::default() }
    }
}

impl Detector for Absence {
    fn push(&mut self, at_ms: i64, value: f64) -> Score {
        let s = &mut self.state;
        if s.last_ms.is_some_and(|last| at_ms <= last) {
            return Score { skip: Some(Skip::OutOfOrder), open: s.open, ..Score::quiet(s.value) };
        }
        s.last_ms = Some(at_ms);
        if !value.is_nan() {
            s.last_seen_ms = Some(at_ms);
            s.value = value.clamp(f64::MIN, f64::MAX);
            s.open = false;
            return Score::quiet(s.value);
        }
        // never seen at all: the wait starts with the first question
        let seen = *s.last_seen_ms.get_or_insert(at_ms);
        let missing = at_ms.saturating_sub(seen);
        let share = (missing as f64 / self.for_ms as f64).min(1.0);
        let is_event = missing >= self.for_ms && !s.open;
        s.open |= is_event;
        let view = if s.open { View::Absence } else { View::None };
        Score { point: share, event: share, is_event, open: s.open, view, ..Score::quiet(s.value) }
    }

    fn recovered(&self, observed: f64) -> bool {
        !observed.is_nan()
    }

    fn snapshot(&self) -> serde_json::Value {
        pack(Self::KIND, &self.state)
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<(), RestoreError> {
        self.state = unpack(Self::KIND, saved)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fires_once_when_values_stop_and_closes_when_they_return() {
        let mut d = Absence::new(60_000);
        assert!(!d.push(0, 1.0).is_event);
        let events = (1..10).filter(|i| d.push(i * 30_000, f64::NAN).is_event).count();
        assert_eq!(events, 1);
        assert!(!d.push(600_000, 1.0).open);
    }
}
