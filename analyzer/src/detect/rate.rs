//! Turns a counter into its increase per second and hands that to another detector.

use serde::{Deserialize, Serialize};

use super::guard::Guard;
use super::{Detector, Kind, RestoreError, Score, pack, unpack};

/// A counter's rate, judged by the inner detector. A fall of the counter is a reset: no score, no event.
#[derive(Debug)]
pub struct Rate {
    inner: Box<dyn Detector>,
    guard: Guard,
    last: Score,
}

#[derive(Debug, Serialize, Deserialize)]
struct Saved {
    guard: Guard,
    last: Score,
    inner: serde_json::Value,
}

impl Rate {
    const KIND: &'static str = "rate/1";

    /// Judges the per-second rate of a counter with `inner`.
    #[must_use]
    pub fn new(inner: Box<dyn Detector>) -> Self {
        Self { inner, guard: Guard::new(0), last: Score::quiet(0.0) }
    }
}

impl Detector for Rate {
    fn push(&mut self, at_ms: i64, value: f64) -> Score {
        match self.guard.take(Kind::Counter, at_ms, value) {
            Ok(row) => {
                self.last = self.inner.push(row.at_ms, row.value);
                self.last
            }
            Err(skip) => Score { skip: Some(skip), is_event: false, ..self.last },
        }
    }

    fn recovered(&self, observed: f64) -> bool {
        self.inner.recovered(observed)
    }

    fn snapshot(&self) -> serde_json::Value {
        let saved = Saved { guard: self.guard, last: self.last, inner: self.inner.snapshot() };
        pack(Self::KIND, &saved)
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<(), RestoreError> {
        let saved: Saved = unpack(Self::KIND, saved)?;
        self.inner.restore(&saved.inner)?;
        self.guard = saved.guard;
        self.last = saved.last;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Operator, Skip, Threshold};
    use super::*;

    #[test]
    fn a_reset_is_no_event_and_the_rate_is_per_second() {
        let mut d = Rate::new(Box::new(Threshold::new(Operator::Above, 50.0, 0)));
        assert_eq!(d.push(0, 1000.0).skip, Some(Skip::NoIncrease));
        assert!((d.push(10_000, 1100.0).observed - 10.0).abs() < 1e-9);
        assert_eq!(d.push(20_000, 3.0).skip, Some(Skip::CounterReset));
        assert!((d.push(30_000, 103.0).observed - 10.0).abs() < 1e-9);
        assert!(d.push(40_000, 1103.0).is_event);
    }
}
