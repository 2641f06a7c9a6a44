//! How far a series lies beyond its own usual range.

use std::fmt::Write as _;

/// A series' departure in a window: logarithmic, 0 when it stays within its usual range.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Excess {
    pub(crate) up: f64,
    pub(crate) down: f64,
    /// Level held for most of the window, on the upper side.
    pub(crate) level: f64,
    /// Upper end of the usual range.
    pub(crate) usual: f64,
}

/// Linear quantile of sorted values; 0 for none.
pub(crate) fn quantile(sorted: &[f64], q: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = q.clamp(0.0, 1.0) * last as f64;
    let (low, part) = (place.floor() as usize, place.fract());
    let high = (low + 1).min(last);
    sorted[low] + part * (sorted[high] - sorted[low])
}

/// What values usually are: the middle, the ends of the range, and how far the middle half spreads.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usual {
    pub(crate) median: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    middle: f64,
}

impl Usual {
    /// Of finite values, which are sorted here; the range leaves `tail` of them out at each end.
    pub(crate) fn of(mut values: Vec<f64>, tail: f64) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |q: f64| quantile(&values, q);
        Self { median: at(0.5), low: at(tail), high: at(1.0 - tail), middle: at(0.75) - at(0.25) }
    }

    /// Unit of departures beyond an end that lies `tail` from the median.
    pub(crate) fn scale(&self, tail: f64, relative: f64, least: f64) -> f64 {
        tail.max(self.middle).max(relative * self.median.abs()).max(least)
    }
}

/// Least share of its median by which a series must leave its usual range.
pub(crate) const RELATIVE: f64 = 0.05;
/// Share of the usual values beyond each end of their range.
pub(crate) const TAIL: f64 = 0.05;
/// Fewest reference values.
const REFERENCE: usize = 6;

/// Compares a window with reference values: the third highest (lowest) value of the window, so that one spike says
/// nothing, against the 5th to 95th percentile of the reference, in units of the spread of the reference.
pub(crate) fn excess(mut reference: Vec<f64>, mut window: Vec<f64>, floor: f64) -> Excess {
    reference.retain(|value| value.is_finite());
    window.retain(|value| value.is_finite());
    if reference.len() < REFERENCE || window.is_empty() {
        return Excess::default();
    }
    window.sort_by(|a, b| b.total_cmp(a));
    let usual = Usual::of(reference, TAIL);
    let held = (window.len() - 1).min(2);
    let (top, bottom) = (window[held], window[window.len() - 1 - held]);
    let scale = |tail: f64| usual.scale(tail, RELATIVE, floor);
    let up = (top - usual.high) / scale(usual.high - usual.median);
    let down = (usual.low - bottom) / scale(usual.median - usual.low);
    Excess { up: up.max(0.0).ln_1p(), down: down.max(0.0).ln_1p(), level: top, usual: usual.high }
}

/// A number for people: three significant digits.
pub(crate) fn short(value: f64) -> String {
    let mut text = String::new();
    let size = value.abs();
    let done = if size >= 100.0 {
        write!(text, "{value:.0}")
    } else if size >= 1.0 {
        write!(text, "{value:.2}")
    } else {
        write!(text, "{value:.4}")
    };
    if done.is_err() {
        text.clear();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{excess, quantile};

    #[test]
    fn one_spike_says_nothing_and_a_held_level_does() {
        let usual: Vec<f64> = (0..60).map(|k| 10.0 + f64::from(k % 5)).collect();
        let spike = excess(usual.clone(), vec![11.0, 900.0, 12.0, 10.0], 0.1);
        assert_eq!((spike.up, spike.down), (0.0, 0.0));
        assert!(excess(usual.clone(), vec![11.0, 90.0, 90.0, 90.0], 0.1).up > 2.0);
        assert!(excess(usual.clone(), vec![0.0, 0.0, 0.0, 0.0], 0.1).down > 1.0);
        assert_eq!(excess(usual, vec![f64::NAN], 0.1).up, 0.0);
        assert_eq!(quantile(&[], 0.5), 0.0);
        assert_eq!(quantile(&[1.0, 2.0, 3.0], 0.75), 2.5);
    }
}
