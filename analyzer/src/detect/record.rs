//! A range of everything a signal has been, slowly forgotten, and how far a new value is beyond it.

use serde::{Deserialize, Serialize};

/// Rows before a range says anything.
const MIN_ROWS: u32 = 30;
/// A young range is widened as the extremes of a normal sample still grow: by 0.4 of itself at 30 rows (the
/// expected range of 30 normal values is 4.1 sigma, of 2,000 it is 6.9), falling to nothing.
const COLD_SHARE: f64 = 0.5;
/// Most ranges a value counts as beyond, and most that one row of one signal counts as growth.
const MOST: f64 = 10.0;
const MOST_GROWTH: f64 = 1.0;
/// Rows between two steps of forgetting: single steps would be lost in single precision.
const FADE_ROWS: u32 = 64;

/// Extremes of one signal. The chance that row `n` of an exchangeable series is a record is `2 / n` whatever its
/// distribution (Renyi 1962), so a record needs no scale, no model and no threshold per series. 12 bytes; single
/// precision is enough, as a change below 0.003 of the usual size is none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Range {
    low: f32,
    high: f32,
    rows: u32,
}

/// Margins of one row, as shares of the range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Margin {
    /// Fixed share.
    pub share: f64,
    /// What 30 independent values explain, falling with the square root of their number.
    pub young: f64,
    /// Rows of the series that one independent value of the signal takes: a smooth signal has seen less than it has rows.
    pub memory: f64,
    /// What the step and the first day explain.
    pub extra: f64,
    /// The smallest distance that means anything, in the signal's unit.
    pub unit: f64,
    /// Share of the range forgotten with this row.
    pub fade: f64,
    /// Rows during which a range is young.
    pub cold: f64,
    /// Factor of the shares by the chosen sensitivity.
    pub factor: f64,
}

/// What a value says about its range.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Beyond {
    /// 0 inside the margin; 1 + the distance beyond it in ranges.
    pub novelty: f64,
    /// Share by which the range grows, less what its youth explains.
    pub growth: f64,
}

impl Range {
    /// Width of the range.
    pub(crate) fn width(&self) -> f64 {
        f64::from(self.high) - f64::from(self.low)
    }

    /// Compares the value with the range, then learns it.
    pub(crate) fn push(&mut self, y: f64, m: &Margin) -> Beyond {
        let beyond = self.compare(y, m);
        self.learn(y, m.fade);
        beyond
    }

    /// What [`Range::push`] answers, without learning.
    pub(crate) fn compare(&self, y: f64, m: &Margin) -> Beyond {
        // as it is kept, so that the same value twice is no record
        let y = f64::from(y as f32);
        let out = (f64::from(self.low) - y).max(y - f64::from(self.high));
        if self.rows < MIN_ROWS || out <= 0.0 {
            return Beyond::default();
        }
        let n = f64::from(self.rows);
        let range = self.width().max(1e-9);
        let cold = COLD_SHARE * (1.0 - n / m.cold).max(0.0);
        let youth = (m.young * (f64::from(MIN_ROWS) * m.memory / n).sqrt() + m.extra) * m.factor + cold;
        let share = m.share * m.factor + youth;
        let ranges = out / (range + m.unit);
        let counts = out > m.unit + share * range;
        Beyond {
            novelty: if counts { 1.0 + (ranges - share).clamp(0.0, MOST) } else { 0.0 },
            growth: (ranges - youth).clamp(0.0, MOST_GROWTH),
        }
    }

    /// Time without rows: what was seen is believed less (`keep`: the share that is left), as if fewer rows had been seen.
    pub(crate) fn age(&mut self, keep: f64) {
        self.rows = (f64::from(self.rows) * keep.clamp(0.0, 1.0)) as u32;
    }

    /// Widens the range to the value and forgets a little.
    pub(crate) fn learn(&mut self, y: f64, fade: f64) {
        let y = y as f32;
        self.rows = self.rows.saturating_add(1);
        if self.rows == 1 {
            // a range aged to nothing begins anew as well
            (self.low, self.high) = (y, y);
        }
        if self.rows > MIN_ROWS && self.rows.is_multiple_of(FADE_ROWS) {
            let shrink = (self.width() * (fade * f64::from(FADE_ROWS)).min(1.0) * 0.5) as f32;
            self.low += shrink;
            self.high -= shrink;
        }
        self.low = self.low.min(y);
        self.high = self.high.max(y);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const M: Margin =
        Margin { share: 0.0, young: 0.0, memory: 1.0, extra: 0.0, unit: 1e-3, fade: 0.0, cold: 150.0, factor: 1.0 };

    #[test]
    fn only_a_value_beyond_everything_seen_scores() {
        let mut range = Range::default();
        for i in 0..500 {
            assert_eq!(range.push(f64::from(i % 10), &M), Beyond::default());
        }
        let hit = range.push(18.0, &M);
        assert!(hit.novelty > 1.9 && hit.growth > 0.9, "{hit:?}");
        assert_eq!(range.push(18.0, &M), Beyond::default());
    }

    #[test]
    fn a_forgotten_range_lets_the_same_value_count_again() {
        let mut range = Range::default();
        let fade = Margin { fade: 0.01, ..M };
        for i in 0..500 {
            range.push(f64::from(i % 10), &fade);
        }
        assert!(range.push(30.0, &fade).novelty > 1.0);
        for i in 0..500 {
            range.push(f64::from(i % 10), &fade);
        }
        assert!(range.push(30.0, &fade).novelty > 1.0);
    }

    #[test]
    fn an_aged_range_is_young_again_and_a_very_old_one_learns_anew() {
        let young = Margin { young: 0.4, ..M };
        let mut range = Range::default();
        for i in 0..2_000 {
            range.push(f64::from(i % 10), &young);
        }
        assert!(range.compare(10.0, &young).novelty > 1.0);
        range.age(0.1);
        assert!(range.compare(10.0, &young).novelty.abs() < f64::EPSILON && range.compare(20.0, &young).novelty > 1.0);
        range.age(0.1);
        assert_eq!(range.compare(20.0, &young), Beyond::default());
    }

    #[test]
    fn youth_explains_growth_and_a_margin_does_not() {
        let mut range = Range::default();
        for i in 0..500 {
            range.push(f64::from(i % 10), &M);
        }
        let plain = range.compare(10.0, &M);
        let margin = range.compare(10.0, &Margin { share: 0.5, ..M });
        let young = range.compare(10.0, &Margin { young: 0.4, ..M });
        assert!(plain.novelty > 1.0 && margin.novelty == 0.0);
        assert!((plain.growth - margin.growth).abs() < 1e-12 && young.growth < plain.growth);
    }
}
