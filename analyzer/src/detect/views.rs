//! Layer 1: the questions asked of every row, each answered by a calibrated surprise (`-log10` of a tail probability).

use serde::{Deserialize, Serialize};

use super::calibrate::Tail;
use super::season::{Expectation, Season};
use super::{Params, View};

/// Views with a tail of their own, in the order of `Views::tails`.
pub(crate) const VIEWS: [View; 6] = [View::Jump, View::Residual, View::Season, View::Level, View::Spread, View::Record];
/// Memory of the fast, short and long means in rows.
const FAST: f64 = 6.0;
const SHORT: f64 = 16.0;
const LONG: f64 = 300.0;
/// An outlier moves a scale by at most this many scales.
const WINSOR: f64 = 6.0;
/// Largest surprise one row can have: beyond it a tail model says nothing.
const MOST: f64 = 12.0;

/// State of the views: levels in f64 (raw units), scales and tails in f32.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Views {
    rows: u32,
    prev: f64,
    fast: f64,
    short: f64,
    long: f64,
    low: f64,
    high: f64,
    jump: f32,
    residual: f32,
    plain: f32,
    level: f32,
    near: f32,
    far: f32,
    ratio: f32,
    drift: f32,
    tails: [Tail; 6],
    pub(crate) season: Season,
}

/// The surprises of one row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Surprises {
    pub by_view: [f64; 6],
    pub season: Option<(f64, f64)>,
}

fn follow(scale: &mut f32, stat: f64, gain: f64, rows: f64) {
    let s = f64::from(*scale);
    let capped = if rows > 10.0 { stat.min(WINSOR * s.max(1e-30)) } else { stat };
    *scale = (s + gain * (capped - s)) as f32;
}

impl Views {
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// The smallest scale that means something for values of this size.
    fn floor(&self) -> f64 {
        let size = self.long.abs().max(0.01 * (self.high - self.low));
        (1e-3 * size).max(1e-9)
    }

    /// Scores a row with what was known before it, then learns it.
    pub(crate) fn push(&mut self, p: &Params, x: f64, local_ms: i64, step_ms: f64, after_gap: bool) -> Surprises {
        self.rows = self.rows.saturating_add(1);
        if self.rows == 1 {
            (self.prev, self.fast, self.short, self.long, self.low, self.high) = (x, x, x, x, x, x);
            self.season.learn(local_ms, x, step_ms, 1.0);
            return Surprises::default();
        }
        if after_gap {
            (self.prev, self.fast, self.short) = (x, x, x);
        }
        let n = f64::from(self.rows);
        let gain = (1.0 / n).max(1.0 / p.memory);
        let floor = self.floor();
        let season = self.season.expect(local_ms, f64::from(self.plain));
        let stats = self.stats(x, floor, season);
        let by_view = self.surprise(&stats, x, n, floor);
        for (tail, stat) in self.tails.iter_mut().zip(stats) {
            tail.learn(stat, n, p.memory);
        }
        self.learn(x, n, gain);
        self.season.learn(local_ms, x, step_ms, gain);
        Surprises { by_view, season: season.map(|e| (e.mean, e.scale)) }
    }

    fn stats(&mut self, x: f64, floor: f64, season: Option<Expectation>) -> [f64; 6] {
        let over = |d: f64, s: f32| d.abs() / f64::from(s).max(floor);
        let jump = over(x - self.prev, self.jump);
        let residual = over(x - self.fast, self.residual);
        let drift_now = season.map_or(0.0, |e| (x - e.mean) / e.scale.max(floor));
        self.drift += (0.3 * (drift_now.clamp(-30.0, 30.0) - f64::from(self.drift))) as f32;
        let short = self.short + (x - self.short) / SHORT;
        let level = over(short - self.long, self.level);
        let near = f64::from(self.near) + ((x - self.fast).abs() - f64::from(self.near)) / SHORT;
        let log_ratio = ((near + floor) / (f64::from(self.far) + floor)).ln();
        let spread = (log_ratio - f64::from(self.ratio)).abs();
        [jump, residual, f64::from(self.drift).abs(), level, spread, 0.0]
    }

    fn surprise(&self, stats: &[f64; 6], x: f64, n: f64, floor: f64) -> [f64; 6] {
        let mut out = [0.0; 6];
        for i in 0..5 {
            out[i] = self.tails[i].surprise(stats[i]).min(MOST);
        }
        let beyond = (self.low - x).max(x - self.high).max(0.0);
        if beyond > floor {
            let range = (self.high - self.low).max(floor);
            out[5] = (n.log10() * (beyond / (0.1 * range)).min(1.0) + beyond / range).min(MOST);
        }
        out
    }

    fn learn(&mut self, x: f64, n: f64, gain: f64) {
        follow(&mut self.jump, (x - self.prev).abs(), gain, n);
        let r = (x - self.fast).abs();
        follow(&mut self.residual, r, gain, n);
        follow(&mut self.far, r, gain, n);
        self.near += ((r.min(1e30) - f64::from(self.near)) / SHORT) as f32;
        let floor = self.floor();
        let ratio = ((f64::from(self.near) + floor) / (f64::from(self.far) + floor)).ln();
        self.ratio += (gain * (ratio - f64::from(self.ratio))) as f32;
        follow(&mut self.plain, (x - self.long).abs(), gain, n);
        self.short += (x - self.short) / SHORT.min(n);
        follow(&mut self.level, (self.short - self.long).abs(), gain, n);
        self.long += (x - self.long) * (1.0 / n).max(1.0 / LONG);
        self.fast += (x - self.fast) / FAST.min(n);
        self.prev = x;
        self.low = self.low.min(x);
        self.high = self.high.max(x);
    }
}
