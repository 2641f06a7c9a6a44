//! A fixed limit with a duration: "value > 0.9 for 5 minutes".

use serde::{Deserialize, Serialize};

use super::{Detector, RestoreError, Score, Skip, View, pack, unpack};

/// How a value is compared with the limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// `>`
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// `==`
    Equal,
    /// `!=`
    NotEqual,
}

impl Operator {
    /// Whether `value OP limit` holds.
    #[must_use]
    pub fn holds(self, value: f64, limit: f64) -> bool {
        match self {
            Self::Above => value > limit,
            Self::AtLeast => value >= limit,
            Self::Below => value < limit,
            Self::AtMost => value <= limit,
            Self::Equal => value == limit,
            Self::NotEqual => value != limit,
        }
    }

    /// The sign a person reads.
    #[must_use]
    pub fn sign(self) -> &'static str {
        match self {
            Self::Above => ">",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::AtMost => "<=",
            Self::Equal => "==",
            Self::NotEqual => "!=",
        }
    }
}

/// Fires once when the condition has held for `for_ms`, closes on the first row on which it does not hold.
#[derive(Debug, Clone)]
pub struct Threshold {
    operator: Operator,
    limit: f64,
    for_ms: i64,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct State {
    last_ms: Option<i64>,
    since_ms: Option<i64>,
    open: bool,
}

impl Threshold {
    const KIND: &'static str = "threshold/1";

    /// `value OP limit` for at least `for_ms` milliseconds (0 = at once).
    #[must_use]
    pub fn new(operator: Operator, limit: f64, for_ms: i64) -> Self {
        let limit = if limit.is_nan() { 0.0 } else { limit.clamp(f64::MIN, f64::MAX) };
        Self { operator, limit, for_ms: for_ms.max(0), state: State::default() }
    }

    /// The band of values that do not fire, finite on both sides; the open side shows the observed value.
    fn band(&self, observed: f64) -> (f64, f64) {
        match self.operator {
            Operator::Above | Operator::AtLeast => (observed.min(self.limit), self.limit),
            Operator::Below | Operator::AtMost => (self.limit, observed.max(self.limit)),
            Operator::Equal | Operator::NotEqual => (self.limit, self.limit),
        }
    }
}

impl Detector for Threshold {
    fn push(&mut self, at_ms: i64, value: f64) -> Score {
        let skip = if value.is_nan() {
            Some(Skip::NotANumber)
        } else {
            self.state.last_ms.is_some_and(|last| at_ms <= last).then_some(Skip::OutOfOrder)
        };
        if skip.is_some() {
            return Score { skip, open: self.state.open, ..Score::quiet(self.limit) };
        }
        self.state.last_ms = Some(at_ms);
        let observed = value.clamp(f64::MIN, f64::MAX);
        let holds = self.operator.holds(observed, self.limit);
        let mut is_event = false;
        let mut share = 0.0;
        if holds {
            let since = *self.state.since_ms.get_or_insert(at_ms);
            let lasted = at_ms.saturating_sub(since);
            share = if self.for_ms == 0 { 1.0 } else { (lasted as f64 / self.for_ms as f64).min(1.0) };
            is_event = lasted >= self.for_ms && !self.state.open;
            self.state.open |= is_event;
        } else {
            self.state.since_ms = None;
            self.state.open = false;
        }
        let (lower, upper) = self.band(observed);
        Score {
            point: share,
            event: share,
            is_event,
            open: self.state.open,
            expected: self.limit,
            lower,
            upper,
            view: if holds { View::Threshold } else { View::None },
            ..Score::quiet(observed)
        }
    }

    fn recovered(&self, observed: f64) -> bool {
        !observed.is_nan() && !self.operator.holds(observed, self.limit)
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
    fn fires_once_after_the_duration_and_closes_when_it_ends() {
        let mut d = Threshold::new(Operator::Above, 0.9, 60_000);
        let events: Vec<bool> = (0..10).map(|i| d.push(i * 30_000, 1.0).is_event).collect();
        assert_eq!(events.iter().filter(|e| **e).count(), 1);
        assert!(events[2]);
        assert!(!d.recovered(0.95) && d.recovered(0.9));
        assert!(!d.push(400_000, 0.5).open);
        assert!(!d.push(430_000, 1.0).is_event);
    }

    #[test]
    fn nan_and_old_rows_change_nothing() {
        let mut d = Threshold::new(Operator::Below, 1.0, 0);
        assert!(d.push(10, 0.0).is_event);
        let before = d.snapshot();
        assert_eq!(d.push(20, f64::NAN).skip, Some(Skip::NotANumber));
        assert_eq!(d.push(5, 3.0).skip, Some(Skip::OutOfOrder));
        assert_eq!(before, d.snapshot());
    }
}
