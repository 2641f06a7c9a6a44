//! Layer 1: nine signals made of a series, each compared with everything that signal has been.

use serde::{Deserialize, Serialize};

use super::record::{Beyond, Margin, Range};
use super::season::Season;
use super::{Params, View};

/// Number of signals.
pub(crate) const SIGNALS: usize = 9;
/// The view each signal answers for.
pub(crate) const VIEWS: [View; SIGNALS] = [
    View::Record,
    View::Level,
    View::Level,
    View::Drift,
    View::Drift,
    View::Season,
    View::Jump,
    View::Spread,
    View::Spread,
];
const SEASON: usize = 5;
const JUMP: usize = 6;
const SPREAD: usize = 7;
const RUN: usize = 8;
/// Rows of the four moving means: powers of four cover minutes to a day at a five-minute step.
const MEANS: [f64; 4] = [4.0, 16.0, 64.0, 256.0];
/// Rows a signal needs before its range is filled: twice its memory.
const NEEDS: [u32; SIGNALS] = [1, 8, 32, 64, 300, 1, 2, 30, 1];
/// Memory of the short and the long variance.
const NEAR: f64 = 5.0;
const FAR: f64 = 500.0;
/// Signals that say less than a mean need a wider margin: jump, variance ratio, length of a flat run.
const WIDER: [f64; SIGNALS] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.14, 0.08, 0.94];
/// Rows that one independent value of the slowest signal takes: the difference of the two longest means.
const SLOW: f64 = 256.0;
/// The same for the variance ratio: squares have long tails, so their range goes on growing for longer.
const SQUARES: f64 = 64.0;
/// A distance below this share of the usual size is no change.
const UNIT: f64 = 0.003;
/// Largest variance ratio.
const MOST_RATIO: f64 = 1e6;
/// Distance in the variance ratio, and in rows of a flat run, that means something.
const RATIO_UNIT: f64 = 0.05;
const RUN_UNIT: f64 = 3.0;
/// Rows closer than five minutes see more extremes of the same noise: up to this share more margin, at 15 s and below.
const DENSE: f64 = 0.07;
/// Rows until the range of a normal sample has nearly stopped to grow; dense rows need more.
const COLD_ROWS: f64 = 150.0;
const DENSE_FROM_MS: f64 = 300_000.0;
/// A day that has not been seen whole may still bring its peak: extra margin at the start of the first day.
const FIRST_DAY: f64 = 0.05;
const DENSE_TO_MS: f64 = 15_000.0;
/// A range is never forgotten faster than this.
const FORGET_MS: f64 = 30.0 * 86_400_000.0;

/// State of the views. The last value and the variances in double precision: the one tells a flat run from a slow
/// counter, the others would overflow.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Views {
    rows: u32,
    run: u32,
    ended: u32,
    prev: f64,
    means: [f32; 4],
    near: f64,
    far: f64,
    plain: f32,
    drift: f32,
    ranges: [Range; SIGNALS],
    fade: (f32, f32),
    pub(crate) season: Season,
}

/// What the views say about a row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Novelty {
    /// 0, or 1 + distance beyond the best view's range.
    pub score: f64,
    /// Which signal.
    pub signal: usize,
    /// Shares by which the ranges grew with this row, summed over the views.
    pub growth: f64,
    /// Seasonal expectation, when trusted.
    pub season: Option<f64>,
}

/// What a row brings beside its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub local_ms: i64,
    pub step_ms: f64,
    pub after_gap: bool,
    /// Steps since the last row, 1 in the regular case.
    pub steps: f64,
    pub factor: f64,
}

impl Views {
    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Scores a row with what was known before it, and learns it.
    pub(crate) fn push(&mut self, p: &Params, x: f64, c: &Context) -> Novelty {
        self.rows = self.rows.saturating_add(1);
        if self.rows == 1 {
            self.prev = x;
            self.means = [x as f32; 4];
        }
        if c.after_gap {
            let keep = (1.0 - self.fade(p, c.step_ms)).powf(c.steps);
            self.ranges.iter_mut().for_each(|range| range.age(keep));
        }
        let n = f64::from(self.rows);
        let usual = f64::from(self.means[3]);
        for (mean, memory) in self.means.iter_mut().zip(MEANS) {
            let old = f64::from(*mean);
            let mut weight = 1.0 / memory.min(n);
            if c.after_gap {
                // as if the row had stood since the last one: a mean of the time before the gap is no neighbour
                weight = 1.0 - (1.0 - weight).powf(c.steps.max(1.0));
            }
            *mean = (old + (x - old) * weight) as f32;
        }
        let off = (x - f64::from(self.means[1])).powi(2);
        self.near += (off - self.near) / NEAR.min(n);
        self.far += (off - self.far) / FAR.min(n);
        self.ended = self.run;
        let same = n > 1.0 && (x - self.prev).abs() <= 1e-9 * x.abs().max(1e-9);
        self.run = if same { self.run.saturating_add(1) } else { 0 };
        let season = self.season.expect(c.local_ms, f64::from(self.plain));
        if let Some(mean) = season {
            let old = f64::from(self.drift);
            self.drift = (old + p.drift * (x - mean - old)) as f32;
        }
        let plain = f64::from(self.plain);
        self.plain = (plain + ((x - usual).abs() - plain) / FAR.min(n)) as f32;
        let novelty = self.compare(p, x, usual, season, c);
        self.season.learn(c.local_ms, x, c.step_ms);
        self.prev = x;
        novelty
    }

    /// Compares every signal with its range; the farthest beyond wins.
    fn compare(&mut self, p: &Params, x: f64, usual: f64, season: Option<f64>, c: &Context) -> Novelty {
        let unit = (UNIT * usual.abs()).max(1e-9);
        let quiet = (unit + 0.01 * self.ranges[0].width()).powi(2);
        let [m4, m16, m64, m256] = self.means.map(f64::from);
        let spread = ((self.near + quiet) / (self.far + quiet)).min(MOST_RATIO);
        let drift = f64::from(self.drift);
        let signals = [x, m4, m16, m16 - m64, m64 - m256, drift, x - self.prev, spread, 0.0];
        let dense = dense(c.step_ms);
        let mut margin = Margin {
            share: 0.0,
            young: p.young,
            memory: 1.0,
            extra: dense + FIRST_DAY * self.season.newness(c.local_ms),
            unit,
            fade: self.fade(p, c.step_ms),
            cold: COLD_ROWS * (1.0 + 3.0 * dense / DENSE),
            factor: c.factor,
        };
        let mut best = Novelty { season, ..Novelty::default() };
        for (i, (range, y)) in self.ranges.iter_mut().zip(signals).enumerate() {
            let silent = (i == SEASON && season.is_none()) || (i == JUMP && c.after_gap);
            if self.rows < NEEDS[i] || silent {
                continue;
            }
            margin.share = if i == 0 { 0.0 } else { p.margin } + WIDER[i];
            (margin.memory, margin.unit) = match i {
                4 => (SLOW, unit),
                SEASON => (p.bin, unit),
                SPREAD => (SQUARES, RATIO_UNIT),
                RUN => (1.0, RUN_UNIT),
                _ => (1.0, unit),
            };
            let found = if i == RUN { flat(range, self.run, self.ended, &margin) } else { range.push(y, &margin) };
            best.growth += found.growth;
            if found.novelty > best.score {
                best.score = found.novelty;
                best.signal = i;
            }
        }
        best
    }

    /// Share of a range forgotten with a row; computed anew only when the step has moved.
    fn fade(&mut self, p: &Params, step_ms: f64) -> f64 {
        if (f64::from(self.fade.0) - step_ms).abs() > 0.1 * step_ms || self.fade.1 <= 0.0 {
            let half = if step_ms > 0.0 { (FORGET_MS / step_ms).max(p.forget) } else { p.forget };
            self.fade = (step_ms as f32, (1.0 - 0.5_f64.powf(1.0 / half)) as f32);
        }
        f64::from(self.fade.1)
    }
}

/// A run of equal values is judged while it lasts (once, on the row that makes it too long: then it is a case by
/// itself) and learned when it ends.
fn flat(range: &mut Range, run: u32, before: u32, m: &Margin) -> Beyond {
    if run == 0 {
        range.learn(f64::from(before), m.fade);
        return Beyond::default();
    }
    let found = range.compare(f64::from(run), m);
    let known = range.compare(f64::from(before), m).novelty > 0.0;
    if known || found.novelty <= 0.0 { Beyond::default() } else { Beyond { growth: 1.0, ..found } }
}

/// Extra margin for dense rows.
fn dense(step_ms: f64) -> f64 {
    if step_ms <= 0.0 || step_ms >= DENSE_FROM_MS {
        return 0.0;
    }
    DENSE * ((DENSE_FROM_MS / step_ms).ln() / (DENSE_FROM_MS / DENSE_TO_MS).ln()).min(1.0)
}
