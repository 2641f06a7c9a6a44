//! Layer 0: time stamps, steps, gaps, non-finite values and counter resets, before anything is learned.

use serde::{Deserialize, Serialize};

use super::{Kind, Skip};

/// Values are clamped to this size: beyond it single precision has no room for a scale.
const LARGEST: f64 = 1e30;
/// Rows with older stamps, in order among themselves, after which the new clock is believed.
const BACKWARD_ROWS: u8 = 5;
/// A clock is not believed to have been wrong by more than this.
const MOST_TURNED_MS: i64 = 400 * 86_400_000;
/// A gap longer than this many steps resets what compares neighbours.
const GAP_STEPS: f64 = 3.0;

/// A row that passed the guard.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Row {
    /// Milliseconds, strictly increasing unless the clock was re-based.
    pub at_ms: i64,
    /// Finite value, or rate per second.
    pub value: f64,
    /// The row follows a gap (or a re-based clock): do not compare it with its neighbour.
    pub after_gap: bool,
    /// Steps since the last row, 1 in the regular case.
    pub steps: f64,
    /// Milliseconds to add to the stamp for the time of day: a clock that was set back does not turn the day back.
    pub turned_ms: i64,
}

/// What the guard remembers of the last row.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Guard {
    last_ms: i64,
    last_raw: f64,
    step_ms: f64,
    turned_ms: i64,
    backward_ms: i64,
    backward: u8,
    seen: bool,
    gap: bool,
    dropped: u32,
    clamped: u32,
}

impl Guard {
    pub(crate) fn new(step_hint_ms: i64) -> Self {
        Self { step_ms: step_hint_ms.max(0) as f64, ..Self::default() }
    }

    /// Typical distance of two rows in milliseconds, 0 while unknown.
    pub(crate) fn step_ms(&self) -> f64 {
        self.step_ms
    }

    pub(crate) fn take(&mut self, kind: Kind, at_ms: i64, value: f64) -> Result<Row, Skip> {
        if value.is_nan() {
            return Err(Skip::NotANumber);
        }
        let value = self.clamp(value);
        if !self.seen {
            self.seen = true;
            self.last_ms = at_ms;
            self.last_raw = value;
            return match kind {
                Kind::Gauge => Ok(Row { at_ms, value, after_gap: true, steps: 1.0, turned_ms: 0 }),
                Kind::Counter => Err(Skip::NoIncrease),
            };
        }
        if at_ms <= self.last_ms {
            return self.backwards(at_ms, value);
        }
        self.backward = 0;
        let dt = at_ms.saturating_sub(self.last_ms) as f64;
        let steps = if self.step_ms > 0.0 { dt / self.step_ms } else { 1.0 };
        if steps > GAP_STEPS && (dt - self.turned_ms as f64).abs() <= GAP_STEPS * self.step_ms {
            // the clock was put right again
            self.turned_ms = 0;
        }
        self.learn_step(dt);
        let after_gap = std::mem::take(&mut self.gap) || steps > GAP_STEPS;
        let before = std::mem::replace(&mut self.last_raw, value);
        self.last_ms = at_ms;
        match kind {
            Kind::Gauge => Ok(Row { at_ms, value, after_gap, steps, turned_ms: self.turned_ms }),
            Kind::Counter if value < before => {
                self.gap = true;
                Err(Skip::CounterReset)
            }
            Kind::Counter => {
                let value = (value - before) / (dt / 1000.0);
                Ok(Row { at_ms, value, after_gap, steps, turned_ms: self.turned_ms })
            }
        }
    }

    /// Infinity and absurd sizes become the largest size that can still be scaled.
    fn clamp(&mut self, value: f64) -> f64 {
        if value.abs() > LARGEST {
            self.clamped = self.clamped.saturating_add(1);
        }
        value.clamp(-LARGEST, LARGEST)
    }

    /// A stamp that is not newer: dropped, unless older stamps keep coming in their own order (the clock was set back).
    fn backwards(&mut self, at_ms: i64, value: f64) -> Result<Row, Skip> {
        self.dropped = self.dropped.saturating_add(1);
        if at_ms < self.last_ms {
            self.backward = if self.backward > 0 && at_ms > self.backward_ms { self.backward + 1 } else { 1 };
            self.backward_ms = at_ms;
            if self.backward >= BACKWARD_ROWS {
                self.backward = 0;
                let due = (self.last_ms as f64 + self.step_ms * f64::from(BACKWARD_ROWS)) as i64;
                self.turned_ms =
                    self.turned_ms.saturating_add(due.saturating_sub(at_ms)).clamp(-MOST_TURNED_MS, MOST_TURNED_MS);
                self.last_ms = at_ms;
                self.last_raw = value;
                self.gap = true;
            }
        }
        Err(Skip::OutOfOrder)
    }

    /// The step follows the usual distance; one long distance moves it by a fifth at most.
    fn learn_step(&mut self, dt: f64) {
        if self.step_ms <= 0.0 {
            self.step_ms = dt;
        } else {
            let near = dt.clamp(self.step_ms * 0.5, self.step_ms * 2.0);
            self.step_ms += 0.1 * (near - self.step_ms);
        }
    }
}
