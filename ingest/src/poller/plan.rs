//! When to poll and which window to ask for: pure functions of positions, times and limits.

use domain::clock::from_millis;
use domain::{Id, Time};
use std::time::Duration;

/// Bounds of the windows; see [`super::PollerConfig`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// How long metrics may take to be scraped and stored.
    pub metric_lag: Duration,
    /// History that a learned metric monitor reads at first sight; also the longest gap that is made up for.
    pub backfill: Duration,
    /// Samples of history of one monitor at most, over all its series: with many series it reaches less far back.
    pub history_samples: usize,
    /// Rows of one poll at most; more are history, which is read in small windows.
    pub max_steps: u32,
    /// How long log lines may take to become searchable in the normal case.
    pub log_lag: Duration,
    /// How far back each log window looks again, for lines that came late.
    pub log_overlap: Duration,
    /// History read at first sight of a log monitor.
    pub log_backfill: Duration,
    /// Longest log gap that is made up for.
    pub log_max_gap: Duration,
    /// How long a partial window is asked for again.
    pub partial_hold: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            metric_lag: Duration::from_secs(1),
            backfill: Duration::from_secs(24 * 3600),
            history_samples: 2_000_000,
            max_steps: 500,
            log_lag: Duration::from_secs(2),
            log_overlap: Duration::from_secs(60),
            log_backfill: Duration::from_secs(900),
            log_max_gap: Duration::from_secs(6 * 3600),
            partial_hold: Duration::from_secs(300),
        }
    }
}

/// What to ask for: rows or lines in `(from, to]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Oldest, exclusive.
    pub from: Time,
    /// Newest, inclusive.
    pub to: Time,
    /// Part of the gap that is left out because it is too long, seconds.
    pub skipped_secs: i64,
}

/// Rows of history at first sight, however long the step is and however many series there are.
pub const MIN_BACKFILL_STEPS: i64 = 30;
/// History of a monitor that learns nothing: enough for how long a rule must hold.
pub const RULE_HISTORY: Duration = Duration::from_secs(900);

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

/// The last multiple of `step_ms` that is not after `at_ms`.
#[must_use]
pub fn floor(at_ms: i64, step_ms: i64) -> i64 {
    at_ms - at_ms.rem_euclid(step_ms.max(1))
}

/// The window of a metric monitor: ends on the grid of its step; `None` while no row of the grid is due.
///
/// A gap longer than `limits.backfill` is cut at its old end.
#[must_use]
pub fn metric_window(position: Option<Time>, now: Time, step: Duration, limits: &Limits) -> Option<Window> {
    let step_ms = ms(step).max(1_000);
    let to = floor(now.timestamp_millis() - ms(limits.metric_lag), step_ms);
    let longest = (ms(limits.backfill) / step_ms).max(MIN_BACKFILL_STEPS) * step_ms;
    let (from, skipped) = match position.map(|p| p.timestamp_millis()) {
        None => (to - longest, 0),
        Some(position) if to - position > longest => (to - longest, to - longest - position),
        Some(position) => (position, 0),
    };
    let first = floor(from, step_ms) + step_ms;
    (first <= to).then(|| Window { from: from_millis(from), to: from_millis(to), skipped_secs: skipped / 1_000 })
}

/// First row of the grid inside a window.
#[must_use]
pub fn first_row(window: &Window, step: Duration) -> Time {
    let step_ms = ms(step).max(1_000);
    from_millis(floor(window.from.timestamp_millis(), step_ms) + step_ms)
}

/// Rows of the grid inside a window.
#[must_use]
pub fn rows(window: &Window, step: Duration) -> i64 {
    let step_ms = ms(step).max(1_000);
    let first = first_row(window, step).timestamp_millis();
    ((floor(window.to.timestamp_millis(), step_ms) - first) / step_ms + 1).max(0)
}

/// Whether a window is history: more rows than one poll may bring from `known` series (0: not known yet).
#[must_use]
pub fn is_history(rows: i64, known: usize, samples: usize, limits: &Limits) -> bool {
    let most = i64::from(limits.max_steps.max(1));
    let room = samples.checked_div(known).map_or(20, |rows| i64::try_from(rows).unwrap_or(most).max(4));
    rows > room.min(most)
}

/// The newest part of a window of history that is worth reading for so many series.
#[must_use]
pub fn worth(mut window: Window, first_sight: bool, series: usize, step: Duration, limits: &Limits) -> Window {
    let most = i64::try_from(limits.history_samples / series.max(1)).unwrap_or(i64::MAX).max(MIN_BACKFILL_STEPS);
    if rows(&window, step) > most {
        let from = floor(window.to.timestamp_millis(), ms(step).max(1_000)) - most * ms(step).max(1_000);
        let cut = (from - window.from.timestamp_millis()).max(0) / 1_000;
        window.from = from_millis(from);
        window.skipped_secs += if first_sight { 0 } else { cut };
    }
    window
}

/// The window of a log monitor. The overlap is left out while catching up, so that it cannot eat all progress.
#[must_use]
pub fn log_window(position: Option<Time>, now: Time, catching_up: bool, limits: &Limits) -> Option<Window> {
    let to = now.timestamp_millis() - ms(limits.log_lag);
    let Some(position) = position.map(|p| p.timestamp_millis()) else {
        return Some(Window { from: from_millis(to - ms(limits.log_backfill)), to: from_millis(to), skipped_secs: 0 });
    };
    if to <= position {
        return None;
    }
    let oldest = to - ms(limits.log_max_gap);
    let overlap = if catching_up { 0 } else { ms(limits.log_overlap) };
    let from = (position - overlap).max(oldest);
    let skipped = (oldest - position).max(0) / 1_000;
    Some(Window { from: from_millis(from), to: from_millis(to), skipped_secs: skipped })
}

/// The position after a partial answer: as before, so that the rest is asked for again, but not for ever.
#[must_use]
pub fn held(window: &Window, limits: &Limits) -> Time {
    window.from.max(from_millis(window.to.timestamp_millis() - ms(limits.partial_hold)))
}

/// Milliseconds from `now_ms` to the next poll: the next multiple of the interval, plus the monitor's own offset.
#[must_use]
pub fn wait_ms(now_ms: i64, interval_ms: i64, offset_ms: i64) -> i64 {
    let interval = interval_ms.max(1);
    let due = floor(now_ms - offset_ms, interval) + interval + offset_ms;
    (due - now_ms).clamp(1, interval)
}

/// Seconds by which what was read last lies ahead of the clock, when that is more than a minute: the clock was set back.
#[must_use]
pub fn ahead_secs(position: Option<Time>, now: Time) -> Option<i64> {
    let ahead = (position? - now).num_seconds();
    (ahead > 60).then_some(ahead)
}

/// Longest pause between two polls of a source that refuses them as too many, milliseconds.
const LONGEST_PAUSE_MS: i64 = 300_000;

/// The wait after `refused` polls in a row that met "too many requests": two, four, ... intervals, at most five minutes.
#[must_use]
pub fn backed_off_ms(wait_ms: i64, interval_ms: i64, refused: u32) -> i64 {
    if refused == 0 {
        return wait_ms;
    }
    let grown = interval_ms.max(1).saturating_mul(1 << refused.min(20));
    wait_ms.max(grown.min(LONGEST_PAUSE_MS))
}

/// Offset of a monitor's polls, so that not all of them come at once: below a quarter of the interval and 3 s.
#[must_use]
pub fn offset_ms(id: Id, interval_ms: i64, lag: Duration) -> i64 {
    let spread = (interval_ms / 4).clamp(1, 3_000);
    let hash = i64::from(u16::from_be_bytes([id.as_bytes()[14], id.as_bytes()[15]]));
    (ms(lag) + hash % spread).rem_euclid(interval_ms.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn secs(s: i64) -> Time {
        from_millis(s * 1_000)
    }

    #[test]
    fn first_sight_reads_history_and_later_polls_go_on() {
        let limits = Limits::default();
        let step = Duration::from_secs(15);
        let first = metric_window(None, secs(100_007), step, &limits).unwrap();
        assert_eq!((first.from, first.to), (secs(100_005 - 86_400), secs(100_005)));
        assert_eq!(metric_window(Some(first.to), secs(100_020), step, &limits), None);
        let next = metric_window(Some(first.to), secs(100_021), step, &limits).unwrap();
        assert_eq!((next.from, next.to), (first.to, secs(100_020)));
        assert_eq!(first_row(&next, step), secs(100_020));
    }

    #[test]
    fn a_long_gap_is_cut_and_told() {
        let limits = Limits::default();
        let step = Duration::from_secs(10);
        let window = metric_window(Some(secs(0)), secs(100_001), step, &limits).unwrap();
        assert_eq!((window.from, window.to, window.skipped_secs), (secs(13_600), secs(100_000), 13_600));
        assert_eq!(rows(&window, step), 8_640);
        let few = worth(window, false, 20_000, step, &limits);
        assert_eq!((few.from, few.skipped_secs, rows(&few, step)), (secs(99_000), 99_000, 100));
        assert_eq!(worth(window, true, 20_000, step, &limits).skipped_secs, 13_600);
        assert_eq!(worth(window, false, 10, step, &limits), window);
        let logs = log_window(Some(secs(0)), secs(100_002), false, &limits).unwrap();
        assert_eq!((logs.from, logs.skipped_secs), (secs(100_000 - 21_600), 78_400));
    }

    #[test]
    fn many_rows_of_many_series_are_history() {
        let limits = Limits::default();
        let is = |rows, known| is_history(rows, known, 200_000, &limits);
        assert!(!is(1, 0) && !is(20, 0) && is(21, 0), "unknown: careful");
        assert!(!is(500, 10) && is(501, 10));
        assert!(!is(10, 20_000) && is(11, 20_000) && !is(4, 1_000_000));
    }

    #[test]
    fn log_windows_overlap_unless_catching_up() {
        let limits = Limits::default();
        let at = |catching_up| log_window(Some(secs(1_000)), secs(1_017), catching_up, &limits).unwrap();
        assert_eq!((at(false).from, at(false).to), (secs(940), secs(1_015)));
        assert_eq!(at(true).from, secs(1_000));
        assert_eq!(log_window(Some(secs(1_000)), secs(1_001), false, &limits), None);
    }

    #[test]
    fn a_clock_that_was_set_back_is_seen() {
        assert_eq!(ahead_secs(Some(secs(7_200)), secs(3_600)), Some(3_600));
        assert_eq!((ahead_secs(Some(secs(100)), secs(90)), ahead_secs(None, secs(0))), (None, None));
    }

    #[test]
    fn refusals_make_the_pauses_grow_up_to_a_bound() {
        let waits: Vec<i64> = (0..6).map(|refused| backed_off_ms(7_000, 15_000, refused)).collect();
        assert_eq!(waits, [7_000, 30_000, 60_000, 120_000, 240_000, 300_000]);
        assert_eq!(backed_off_ms(3_600_000, 3_600_000, 9), 3_600_000, "never shorter than the interval itself");
    }

    #[test]
    fn a_partial_window_is_held_for_a_while() {
        let limits = Limits::default();
        let window = |from, to| Window { from: secs(from), to: secs(to), skipped_secs: 0 };
        assert_eq!(held(&window(1_000, 1_015), &limits), secs(1_000));
        assert_eq!(held(&window(1_000, 2_000), &limits), secs(1_700));
    }

    proptest! {
        #[test]
        fn windows_join_without_a_missing_row(start in 0i64..1_000_000, step in 1i64..60, waits in proptest::collection::vec(0i64..120_000, 1..30)) {
            let limits = Limits::default();
            let step = Duration::from_secs(step as u64);
            let mut now = 1_000_000_000 + start;
            let mut rows = Vec::new();
            let mut position = Some(from_millis(floor(now, ms(step))));
            for wait in waits {
                now += wait;
                if let Some(w) = metric_window(position, from_millis(now), step, &limits) {
                    let mut row = first_row(&w, step).timestamp_millis();
                    while row <= w.to.timestamp_millis() { rows.push(row); row += ms(step); }
                    position = Some(w.to);
                }
            }
            prop_assert!(rows.windows(2).all(|w| w[1] - w[0] == ms(step)));
        }

        #[test]
        fn the_next_poll_is_within_one_interval(now in 0i64..1_000_000_000, interval in 1i64..100_000, bytes in any::<u128>()) {
            let offset = offset_ms(Id::from_u128(bytes), interval, Duration::from_secs(1));
            let wait = wait_ms(now, interval, offset);
            prop_assert!((1..=interval).contains(&wait));
            prop_assert_eq!((now + wait - offset).rem_euclid(interval), 0);
        }
    }
}
