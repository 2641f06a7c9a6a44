//! Splits a range query so that no answer holds more points a series than Prometheus allows.

use domain::Time;
use std::time::Duration;

/// Points a series that one answer may hold; Prometheus refuses more than 11,000 steps.
pub(super) const MAX_POINTS: i64 = 11_000;

/// First and last evaluation time of one request, epoch seconds, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: i64,
    pub(super) end: i64,
}

/// Whole seconds of a step: at least one, rounded up.
pub(super) fn step_secs(step: Duration) -> i64 {
    let up = step.as_secs() + u64::from(step.subsec_nanos() > 0);
    i64::try_from(up).unwrap_or(i64::MAX).max(1)
}

/// The requests that cover `from..=to` on one grid, in order, without a shared or a missing point.
pub(super) fn split(from: Time, to: Time, step: i64) -> Vec<Span> {
    let first = from.timestamp() + i64::from(from.timestamp_subsec_nanos() > 0);
    let last = to.timestamp();
    let mut spans = Vec::new();
    let mut start = first;
    while start <= last {
        let end = start.saturating_add(step.saturating_mul(MAX_POINTS - 1)).min(last);
        spans.push(Span { start, end: start + (end - start) / step * step });
        start = next_start(start, end, step);
    }
    spans
}

fn next_start(start: i64, end: i64, step: i64) -> i64 {
    start.saturating_add(((end - start) / step + 1).saturating_mul(step))
}

/// Two halves of a span whose answer was too large; `None` when it is a single point.
pub(super) fn halve(span: Span, step: i64) -> Option<[Span; 2]> {
    let steps = (span.end - span.start) / step;
    (steps > 0).then(|| {
        let middle = span.start + steps / 2 * step;
        [Span { start: span.start, end: middle }, Span { start: middle + step, end: span.end }]
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::clock::from_millis;
    use proptest::prelude::*;

    fn grid(spans: &[Span], step: i64) -> Vec<i64> {
        spans.iter().flat_map(|s| (0..=(s.end - s.start) / step).map(move |n| s.start + n * step)).collect()
    }

    #[test]
    fn thirty_days_by_minute() {
        let spans = split(from_millis(0), from_millis(43_199 * 60_000), 60);
        assert_eq!(spans.len(), 4);
        assert_eq!(grid(&spans, 60).len(), 43_200);
    }

    proptest! {
        #[test]
        fn seams_lose_and_double_nothing(start in 0i64..2_000_000_000, points in 0i64..40_000, step in 1i64..400, rest in 0i64..400) {
            let rest = rest % step;
            let end = start + points * step + rest;
            let spans = split(from_millis(start * 1000), from_millis(end * 1000), step);
            let all = grid(&spans, step);
            prop_assert_eq!(all.len() as i64, points + 1);
            prop_assert!(all.windows(2).all(|w| w[1] - w[0] == step));
            prop_assert!(spans.iter().all(|s| (s.end - s.start) / step < MAX_POINTS));
            for span in spans {
                if let Some(halves) = halve(span, step) {
                    prop_assert_eq!(grid(&halves, step), grid(&[span], step));
                }
            }
        }

        #[test]
        fn a_step_is_whole_seconds(ms in 0u64..10_000) {
            let secs = step_secs(Duration::from_millis(ms));
            prop_assert!(secs >= 1 && secs * 1000 >= ms as i64 && (secs - 1) * 1000 < ms.max(1) as i64);
        }
    }
}
