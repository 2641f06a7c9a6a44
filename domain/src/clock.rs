//! The clock port: the only way to the wall clock.

use crate::Time;
use chrono::{DateTime, TimeDelta};
use std::sync::{Arc, Mutex, PoisonError};

/// Source of the current time, injected wherever a decision depends on it.
pub trait Clock: Send + Sync + std::fmt::Debug {
    /// Current UTC time, truncated to the millisecond.
    fn now(&self) -> Time;
}

/// The system's wall clock.
#[derive(Debug, Default, Clone, Copy)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        from_millis(chrono::Utc::now().timestamp_millis())
    }
}

/// A clock that moves only when told to; clones share the same hand.
#[derive(Debug, Clone)]
pub struct FixedClock(Arc<Mutex<Time>>);

impl FixedClock {
    /// A clock that stands at `now`.
    #[must_use]
    pub fn at(now: Time) -> Self {
        Self(Arc::new(Mutex::new(now)))
    }

    /// Moves the hand by `delta` (negative steps back).
    pub fn advance(&self, delta: TimeDelta) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) += delta;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Time {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Time from epoch milliseconds; values outside chrono's range become the epoch.
#[must_use]
pub fn from_millis(ms: i64) -> Time {
    DateTime::from_timestamp_millis(ms).unwrap_or_default()
}
