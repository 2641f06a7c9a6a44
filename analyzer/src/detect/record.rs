//! A range of everything a signal has been, slowly forgotten, and how far a new value is beyond it.

use serde::{Deserialize, Serialize};

/// Rows before a range says anything.
const MIN_ROWS: u32 = 30;
/// A young range is widened as the extremes of a normal sample still grow: by 0.4 of itself at 30 rows (the
/// expected range of 30 normal values is 4.1 sigma, of 2,000 it is 6.9), falling to nothing.
const COLD_SHARE: f64 = 0.5;
/// Rows that separate two episodes of the same view.
const APART: u16 = 50;
/// Rows in which an episode is half forgotten as a habit.
const HABIT_HALF: f32 = 0.999_653_5;
/// Most episodes that count as habit.
const HABIT_MOST: f32 = 4.0;
/// Most ranges a value counts as beyond.
const MOST: f64 = 10.0;

/// Extremes of one signal. The chance that row `n` of an exchangeable series is a record is `2 / n` whatever its
/// distribution (Renyi 1962), so a record needs no scale, no model and no threshold per series. 28 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Range {
    low: f64,
    high: f64,
    rows: u32,
    habit: f32,
    since: u16,
}

/// Margins of one row, as shares of the range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Margin {
    /// Fixed share.
    pub share: f64,
    /// Share at 30 rows, falling with the square root of the rows.
    pub young: f64,
    /// Rows of the series that one independent value of the signal takes: a smooth signal has seen less than it has rows.
    pub memory: f64,
    /// Share added for each recent episode.
    pub habit: f64,
    /// The smallest distance that means anything, in the signal's unit.
    pub unit: f64,
    /// Share of the range forgotten with this row.
    pub fade: f64,
    /// Rows during which a range is young.
    pub cold: f64,
    /// Factor of the shares by the chosen sensitivity.
    pub factor: f64,
}

impl Range {
    /// Width of the range.
    pub(crate) fn width(&self) -> f64 {
        self.high - self.low
    }

    /// 0 inside; 1 + the distance beyond the margin in ranges. Learns the value.
    pub(crate) fn push(&mut self, y: f64, m: &Margin) -> f64 {
        let score = self.score(y, m);
        if score > 0.0 {
            if self.since > APART {
                self.habit += 1.0;
            }
            self.since = 0;
        }
        self.learn(y, m.fade);
        score
    }

    /// What [`Range::push`] answers, without learning.
    pub(crate) fn score(&self, y: f64, m: &Margin) -> f64 {
        if self.rows < MIN_ROWS {
            return 0.0;
        }
        let n = f64::from(self.rows);
        let range = self.width().max(1e-9);
        let cold = COLD_SHARE * (1.0 - n / m.cold).max(0.0);
        let young = m.young * (f64::from(MIN_ROWS) * m.memory / n).sqrt();
        let share = m.share + young + m.habit * f64::from(self.habit.min(HABIT_MOST));
        let share = share * m.factor + cold;
        let beyond = (self.low - y).max(y - self.high);
        let counts = beyond > m.unit + share * range;
        if counts { 1.0 + (beyond / (range + m.unit) - share).clamp(0.0, MOST) } else { 0.0 }
    }

    /// Widens the range to the value and forgets a little.
    pub(crate) fn learn(&mut self, y: f64, fade: f64) {
        self.rows = self.rows.saturating_add(1);
        if self.rows == 1 {
            (self.low, self.high) = (y, y);
        }
        self.since = self.since.saturating_add(1);
        self.habit *= HABIT_HALF;
        if self.rows > MIN_ROWS {
            let shrink = self.width() * fade * 0.5;
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
        Margin { share: 0.0, young: 0.0, memory: 1.0, habit: 0.0, unit: 1e-3, fade: 0.0, cold: 150.0, factor: 1.0 };

    #[test]
    fn only_a_value_beyond_everything_seen_scores() {
        let mut range = Range::default();
        for i in 0..500 {
            assert!(range.push(f64::from(i % 10), &M).abs() < f64::EPSILON);
        }
        assert!(range.push(18.0, &M) > 1.9);
        assert!(range.push(18.0, &M).abs() < f64::EPSILON);
    }

    #[test]
    fn a_forgotten_range_lets_the_same_value_count_again() {
        let mut range = Range::default();
        let fade = Margin { fade: 0.01, ..M };
        for i in 0..500 {
            range.push(f64::from(i % 10), &fade);
        }
        assert!(range.push(30.0, &fade) > 1.0);
        for i in 0..500 {
            range.push(f64::from(i % 10), &fade);
        }
        assert!(range.push(30.0, &fade) > 1.0);
    }
}
