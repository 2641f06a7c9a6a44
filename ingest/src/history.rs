//! Walks a long range of rows in windows that are small for the source and for us: pure arithmetic.

use crate::poller::plan::floor;
use domain::Time;
use domain::clock::from_millis;
use std::time::Duration;

/// Rows of the first window, before it is known how many series there are.
const FIRST: i64 = 240;
/// Points a series that Prometheus gives in one answer.
const MOST_POINTS: i64 = 11_000;
/// Samples of one window at most: about 4 MB here and 6 MB as JSON.
pub const WINDOW_SAMPLES: usize = 200_000;

/// Position in a range whose rows lie on the grid of its step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Walk {
    first: i64,
    next: i64,
    last: i64,
    step: i64,
    points: i64,
    samples: usize,
}

impl Walk {
    /// The rows of the grid in `from..=to`, in windows of at most `samples` samples.
    #[must_use]
    pub fn new(from: Time, to: Time, step: Duration, samples: usize) -> Self {
        let step = i64::try_from(step.as_millis()).unwrap_or(i64::MAX).max(1_000);
        let first = floor(from.timestamp_millis() + step - 1, step);
        let last = floor(to.timestamp_millis(), step);
        Self { first, next: first, last, step, points: FIRST, samples: samples.max(1) }
    }

    /// The same, when it is known how many series there are.
    #[must_use]
    pub fn expecting(mut self, series: usize) -> Self {
        self.points = self.fitting(series);
        self
    }

    fn fitting(&self, series: usize) -> i64 {
        i64::try_from(self.samples / series.max(1)).unwrap_or(MOST_POINTS).clamp(1, MOST_POINTS)
    }

    /// First and last row of the next window; `None` at the end.
    #[must_use]
    pub fn window(&self) -> Option<(Time, Time)> {
        let end = self.next.saturating_add(self.step.saturating_mul(self.points - 1)).min(self.last);
        (self.next <= self.last).then(|| (from_millis(self.next), from_millis(end)))
    }

    /// Goes past the window that was read; it had so many series.
    pub fn took(&mut self, series: usize) {
        let Some((_, end)) = self.window() else { return };
        self.next = end.timestamp_millis().saturating_add(self.step);
        self.points = self.fitting(series);
    }

    /// Share of the rows that lies behind, 0..1.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a share for people")]
    pub fn share(&self) -> f64 {
        if self.next > self.last {
            return 1.0;
        }
        ((self.next - self.first) as f64 / (self.last - self.first + self.step) as f64).clamp(0.0, 1.0)
    }

    /// Rows a series.
    #[must_use]
    pub fn rows(&self) -> u64 {
        u64::try_from((self.last - self.first) / self.step + 1).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn windows_cover_the_grid_once_and_stay_small(
            start in 0i64..2_000_000_000_000, rows in 0i64..30_000, step in 1u64..120, series in 0usize..5_000,
        ) {
            let wide = Duration::from_secs(step);
            let to = from_millis(start + rows * i64::try_from(wide.as_millis()).unwrap());
            let mut walk = Walk::new(from_millis(start), to, wide, WINDOW_SAMPLES);
            let (expected, mut seen, mut next, mut share) = (walk.rows(), 0, walk.first, 0.0);
            while let Some((from, to)) = walk.window() {
                prop_assert_eq!(from.timestamp_millis(), next);
                let points = (to - from).num_milliseconds() / walk.step + 1;
                prop_assert!((1..=MOST_POINTS).contains(&points));
                prop_assert!(seen == 0 || points as usize * series <= WINDOW_SAMPLES.max(series));
                seen += u64::try_from(points).unwrap();
                next = to.timestamp_millis() + walk.step;
                walk.took(series);
                prop_assert!(walk.share() >= share);
                share = walk.share();
            }
            prop_assert_eq!(seen, expected);
            prop_assert!((share - 1.0).abs() < 1e-9 || expected == 0);
        }
    }
}
