//! Layer 2: a statistic's own history turns it into a tail probability, so that one threshold fits every series.

use serde::{Deserialize, Serialize};

/// Share of rows above the tracked quantile.
const TAIL: f64 = 0.02;
/// `-log10(TAIL)`.
const TAIL_SURPRISE: f64 = 1.698_970_004_336_019;
/// `1 / ln(10)`.
const PER_E: f64 = std::f64::consts::LOG10_E;
/// A single row moves the mean excess by at most this many times itself.
const WINSOR: f64 = 10.0;
/// Rows before the quantile is tracked; until then the mean is.
const WARM: f64 = 30.0;

/// Streaming 98 % quantile and mean excess of a non-negative statistic (peaks over threshold with an exponential
/// tail: Siffer et al., KDD 2017, with the quantile followed by stochastic approximation, Tierney 1983). 8 bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Tail {
    quantile: f32,
    excess: f32,
}

impl Tail {
    /// `-log10` of the probability to see `stat` or more.
    pub(crate) fn surprise(&self, stat: f64) -> f64 {
        let (q, m) = (f64::from(self.quantile), f64::from(self.excess));
        if q <= 0.0 || m <= 0.0 {
            return 0.0;
        }
        if stat <= q { TAIL_SURPRISE * (stat / q).max(0.0) } else { TAIL_SURPRISE + PER_E * (stat - q) / m }
    }

    /// Learns `stat`, the `rows`-th of its kind, with a memory of `memory` rows.
    pub(crate) fn learn(&mut self, stat: f64, rows: f64, memory: f64) {
        let (mut q, mut m) = (f64::from(self.quantile), f64::from(self.excess));
        if rows <= WARM {
            // while warming up `excess` holds the mean; an exponential statistic has q98 = 3.9 means, a normal one 2.9
            let capped = if rows > 5.0 { stat.min(m.max(1e-6) * WINSOR) } else { stat };
            m += (capped - m) / rows.max(1.0);
            self.excess = m as f32;
            self.quantile = (3.3 * m) as f32;
            return;
        }
        let gain = (1.0 / rows).max(1.0 / memory);
        let m_floor = (0.02 * q).max(1e-6);
        m = m.max(m_floor);
        if stat > q {
            let over = (stat - q).min(WINSOR * m);
            // the excess is seen once in 50 rows: its own memory is the same number of rows
            m += (gain / TAIL).min(0.2) * (over - m);
            q += (gain / TAIL * (1.0 - TAIL)).min(1.0) * m;
        } else {
            q -= gain * m;
        }
        self.excess = m.max(m_floor) as f32;
        self.quantile = q.max(1e-6) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::Tail;

    #[test]
    fn an_exponential_statistic_gets_its_own_tail() {
        let mut tail = Tail::default();
        let mut u = 0.5_f64;
        for row in 1..20_000 {
            u = (u * 7919.0 + 0.1234).fract();
            tail.learn(-(1.0 - u).max(1e-9).ln(), f64::from(row), 2000.0);
        }
        // P(X > 2 ln 10 = 4.6) = 0.01
        let two = tail.surprise(2.0 * std::f64::consts::LN_10);
        assert!((two - 2.0).abs() < 0.35, "{two}");
    }

    #[test]
    fn a_constant_statistic_never_divides_by_zero() {
        let mut tail = Tail::default();
        for row in 1..1000 {
            tail.learn(0.0, f64::from(row), 500.0);
            assert!(tail.surprise(0.0).is_finite() && tail.surprise(1e9).is_finite());
        }
    }
}
