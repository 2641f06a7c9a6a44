//! The last rows of a series, small: what the chart of an anomaly begins with.

use domain::anomaly::ChartPoint;
use std::collections::VecDeque;

/// One row in 24 bytes; NaN stands for none.
#[derive(Debug, Clone, Copy)]
struct Kept {
    at_ms: i64,
    value: f32,
    lower: f32,
    upper: f32,
    score: f32,
}

/// A bounded queue of rows.
#[derive(Debug)]
pub(crate) struct Ring {
    rows: VecDeque<Kept>,
    most: usize,
}

#[expect(clippy::cast_possible_truncation, reason = "a chart needs no more than single precision")]
fn small(x: Option<f64>) -> f32 {
    x.map_or(f32::NAN, |v| (v as f32).clamp(f32::MIN, f32::MAX))
}

fn large(x: f32) -> Option<f64> {
    (!x.is_nan()).then_some(f64::from(x))
}

impl Ring {
    /// Room for `most` rows; grows as they come.
    pub(crate) fn new(most: usize) -> Self {
        Self { rows: VecDeque::new(), most: most.max(1) }
    }

    pub(crate) fn push(&mut self, point: ChartPoint) {
        if self.rows.len() >= self.most {
            self.rows.pop_front();
        } else if self.rows.len() == self.rows.capacity() {
            // Doubling would keep up to twice the room for each of many thousand series.
            self.rows.reserve_exact((self.most - self.rows.len()).min(16));
        }
        self.rows.push_back(Kept {
            at_ms: point.at_ms,
            value: small(point.value),
            lower: small(point.lower),
            upper: small(point.upper),
            score: small(Some(point.score)),
        });
    }

    /// Rows after `since_ms`.
    pub(crate) fn after(&self, since_ms: i64) -> impl Iterator<Item = ChartPoint> + '_ {
        let first = self.rows.partition_point(|r| r.at_ms <= since_ms);
        self.rows.range(first..).map(|r| ChartPoint {
            at_ms: r.at_ms,
            value: large(r.value),
            lower: large(r.lower),
            upper: large(r.upper),
            score: f64::from(r.score),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_newest_rows_and_their_holes() {
        let mut ring = Ring::new(40);
        for at_ms in 0..100 {
            let value = (at_ms != 99).then_some(1.5);
            ring.push(ChartPoint { at_ms, value, lower: None, upper: Some(2.0), score: 0.25 });
        }
        let rows: Vec<ChartPoint> = ring.after(i64::MIN).collect();
        assert_eq!((rows.len(), rows[0].at_ms, ring.rows.capacity()), (40, 60, 40));
        assert_eq!((rows[0].value, rows[39].value, rows[0].upper), (Some(1.5), None, Some(2.0)));
        assert_eq!(ring.after(97).count(), 2);
    }
}
