//! Heights a count has jumped to before: a job of every hour is no news, however far it is above the level.

use serde::{Deserialize, Serialize};

/// Peaks remembered.
const MOST: usize = 12;
/// How long they are, ms.
const MEMORY_MS: i64 = 8 * 86_400_000;
/// Two peaks closer than this are one, ms.
const APART_MS: i64 = 600_000;
/// A count up to so many times a remembered peak is one like it.
const LIKE: f64 = 1.5;
/// Peaks alike after which another is usual.
const ENOUGH: usize = 2;
/// ... where the lines are trouble: these must come by the clock as well.
const ENOUGH_TROUBLE: usize = 3;
/// Peaks come by the clock when their minutes in the hour are so close, ms.
const CLOCK_MS: i64 = 180_000;
const HOUR_MS: i64 = 3_600_000;

/// Peaks of one count.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Peaks {
    past: Vec<Peak>,
    /// The one that goes on.
    now: Option<Peak>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
struct Peak {
    from_ms: i64,
    to_ms: i64,
    height: u64,
}

impl Peaks {
    /// Takes a count that is far above its level.
    pub(crate) fn high(&mut self, at_ms: i64, count: u64) {
        match &mut self.now {
            Some(peak) if at_ms.saturating_sub(peak.to_ms) < APART_MS => {
                (peak.to_ms, peak.height) = (at_ms, peak.height.max(count));
            }
            _ => {
                self.close();
                self.now = Some(Peak { from_ms: at_ms, to_ms: at_ms, height: count });
            }
        }
        self.past.retain(|peak| at_ms.saturating_sub(peak.to_ms) < MEMORY_MS);
    }

    fn close(&mut self) {
        self.past.extend(self.now.take());
        let surplus = self.past.len().saturating_sub(MOST);
        self.past.drain(..surplus);
    }

    /// Whether peaks as high as this one have come often enough before to be usual; for trouble by the clock only.
    pub(crate) fn is_usual(&self, at_ms: i64, count: u64, trouble: bool) -> bool {
        let began = self.now.filter(|peak| at_ms.saturating_sub(peak.to_ms) < APART_MS).map_or(at_ms, |p| p.from_ms);
        let like = |peak: &&Peak| {
            let phase = (began.saturating_sub(peak.from_ms)).rem_euclid(HOUR_MS);
            let by_the_clock = phase.min(HOUR_MS - phase) <= CLOCK_MS;
            count as f64 <= peak.height as f64 * LIKE && (by_the_clock || !trouble)
        };
        let done = self.now.iter().filter(|peak| at_ms.saturating_sub(peak.to_ms) >= APART_MS);
        let alike = self.past.iter().chain(done).filter(like).count();
        alike >= if trouble { ENOUGH_TROUBLE } else { ENOUGH }
    }

    /// Rough bytes held beside the struct itself.
    #[cfg(test)]
    fn remembered(&self) -> usize {
        self.past.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_by_the_hour_is_usual_and_what_is_higher_is_not() {
        let mut peaks = Peaks::default();
        for hour in 0..3 {
            assert!(!peaks.is_usual(hour * HOUR_MS, 40, true), "{hour}");
            peaks.high(hour * HOUR_MS, 40 + hour as u64);
            peaks.high(hour * HOUR_MS + 60_000, 10);
        }
        assert!(peaks.is_usual(3 * HOUR_MS, 45, true));
        assert!(!peaks.is_usual(3 * HOUR_MS, 100, true), "far higher");
        assert!(!peaks.is_usual(3 * HOUR_MS + 20 * 60_000, 45, true), "not its minute");
        assert!(peaks.is_usual(3 * HOUR_MS + 20 * 60_000, 45, false), "information comes when it likes");
    }

    #[test]
    fn memory_is_bounded_and_ends() {
        let mut peaks = Peaks::default();
        for hour in 0..100 {
            peaks.high(hour * HOUR_MS, 40);
        }
        assert_eq!(peaks.remembered(), MOST);
        peaks.high(100 * HOUR_MS + MEMORY_MS, 40);
        assert!(!peaks.is_usual(101 * HOUR_MS + MEMORY_MS, 40, false));
    }
}
