//! Layer 1: nine signals made of a series, each compared with everything that signal has been.

use serde::{Deserialize, Serialize};

use super::record::{Margin, Range};
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
const RUN: usize = 8;
/// Rows of the four moving means: powers of four cover minutes to a day at a five-minute step.
const MEANS: [f64; 4] = [4.0, 16.0, 64.0, 256.0];
/// Rows a signal needs before its range is filled: twice its memory.
const NEEDS: [u32; SIGNALS] = [1, 8, 32, 64, 300, 1, 2, 30, 1];
/// Memory of the short and the long deviation.
const NEAR: f64 = 8.0;
const FAR: f64 = 500.0;
/// Signals that say less than a mean need a wider margin: jump, log deviation, length of a flat run.
const WIDER: [f64; SIGNALS] = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.14, 0.08, 0.94];
/// Rows that one independent value takes, for the two signals that move slowest: the difference of the two longest means,
/// and the seasonal residual, whose expectation is the same for half an hour. Their ranges stay young for longer.
const MEMORY: [f64; SIGNALS] = [1.0, 1.0, 1.0, 1.0, 256.0, 16.0, 1.0, 1.0, 1.0];
/// A distance below this share of the usual size is no change.
const UNIT: f64 = 0.003;
/// Distance in the log deviation, and in rows of a flat run, that means something.
const LOG_UNIT: f64 = 0.05;
const RUN_UNIT: f64 = 3.0;
/// Rows closer than five minutes see more extremes of the same noise: up to this share more margin, at 15 s and below.
const DENSE: f64 = 0.1;
/// Rows until the range of a normal sample has nearly stopped to grow; dense rows need more.
const COLD_ROWS: f64 = 150.0;
const DENSE_FROM_MS: f64 = 300_000.0;
/// A day that has not been seen whole may still bring its peak: extra margin at the start of the first day.
const FIRST_DAY: f64 = 0.15;
const DENSE_TO_MS: f64 = 15_000.0;
/// A range is never forgotten faster than this.
const FORGET_MS: f64 = 30.0 * 86_400_000.0;

/// State of the views. Levels in f64 (raw units), deviations in f32 would lose large offsets, so they are f64 too.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Views {
    rows: u32,
    run: u32,
    ended: u32,
    prev: f64,
    means: [f64; 4],
    near: f64,
    far: f64,
    plain: f64,
    drift: f64,
    ranges: [Range; SIGNALS],
    fade: (f64, f64),
    pub(crate) season: Season,
}

/// What the views say about a row.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Novelty {
    /// 0, or 1 + distance beyond the best view's range.
    pub score: f64,
    /// Which signal.
    pub signal: usize,
    /// Seasonal expectation, when trusted.
    pub season: Option<f64>,
}

/// What a row brings beside its value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Context {
    pub local_ms: i64,
    pub step_ms: f64,
    pub after_gap: bool,
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
            self.means = [x; 4];
        }
        let n = f64::from(self.rows);
        let usual = self.means[3];
        for (mean, memory) in self.means.iter_mut().zip(MEANS) {
            *mean += (x - *mean) / memory.min(n);
        }
        let off = (x - self.means[1]).abs();
        self.near += (off - self.near) / NEAR.min(n);
        self.far += (off - self.far) / FAR.min(n);
        self.ended = self.run;
        let same = n > 1.0 && (x - self.prev).abs() <= 1e-9 * x.abs().max(1e-9);
        self.run = if same { self.run.saturating_add(1) } else { 0 };
        let season = self.season.expect(c.local_ms, self.plain);
        if let Some(mean) = season {
            self.drift += p.drift * (x - mean - self.drift);
        }
        self.plain += ((x - usual).abs() - self.plain) / FAR.min(n);
        let novelty = self.compare(p, x, usual, season, c);
        self.season.learn(c.local_ms, x, c.step_ms);
        self.prev = x;
        novelty
    }

    /// Compares every signal with its range; the farthest beyond wins.
    fn compare(&mut self, p: &Params, x: f64, usual: f64, season: Option<f64>, c: &Context) -> Novelty {
        let unit = (UNIT * usual.abs()).max(1e-9);
        let quiet = unit + 0.01 * self.ranges[0].width();
        let [m4, m16, m64, m256] = self.means;
        let spread = ((self.near + quiet) / (self.far + quiet)).ln();
        let signals = [x, m4, m16, m16 - m64, m64 - m256, self.drift, x - self.prev, spread, 0.0];
        let dense = dense(c.step_ms);
        let cold = COLD_ROWS * (1.0 + 3.0 * dense / DENSE);
        let extra = dense + FIRST_DAY * self.season.newness(c.local_ms);
        let fade = self.fade(p, c.step_ms);
        let mut best = Novelty { season, ..Novelty::default() };
        for (i, (range, y)) in self.ranges.iter_mut().zip(signals).enumerate() {
            let silent = (i == SEASON && season.is_none()) || (i == JUMP && c.after_gap);
            if self.rows < NEEDS[i] || silent {
                continue;
            }
            let margin = Margin {
                share: if i == 0 { p.margin } else { p.view_margin } + WIDER[i] + extra,
                young: p.young,
                memory: MEMORY[i],
                habit: p.habit,
                unit: match i {
                    7 => LOG_UNIT,
                    8 => RUN_UNIT,
                    _ => unit,
                },
                fade,
                factor: c.factor,
                cold,
            };
            let score = if i == RUN { flat(range, self.run, self.ended, &margin) } else { range.push(y, &margin) };
            if score > best.score {
                best.score = score;
                best.signal = i;
            }
        }
        best
    }

    /// Share of a range forgotten with a row; computed anew only when the step has moved.
    fn fade(&mut self, p: &Params, step_ms: f64) -> f64 {
        if (self.fade.0 - step_ms).abs() > 0.1 * step_ms || self.fade.1 <= 0.0 {
            let half = if step_ms > 0.0 { (FORGET_MS / step_ms).max(p.forget) } else { p.forget };
            self.fade = (step_ms, 1.0 - 0.5_f64.powf(1.0 / half));
        }
        self.fade.1
    }
}

/// A run of equal values is judged while it lasts (once, on the row that makes it too long) and learned when it ends.
fn flat(range: &mut Range, run: u32, before: u32, m: &Margin) -> f64 {
    if run == 0 {
        range.learn(f64::from(before), m.fade);
        return 0.0;
    }
    let known = range.score(f64::from(before), m) > 0.0;
    if known { 0.0 } else { range.score(f64::from(run), m) }
}

/// Extra margin for dense rows.
fn dense(step_ms: f64) -> f64 {
    if step_ms <= 0.0 || step_ms >= DENSE_FROM_MS {
        return 0.0;
    }
    DENSE * ((DENSE_FROM_MS / step_ms).ln() / (DENSE_FROM_MS / DENSE_TO_MS).ln()).min(1.0)
}
