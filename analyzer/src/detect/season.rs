//! The time-of-day view: 48 half-hour bins, and 7 x 24 hourly ones once two weeks were seen; used only while they explain.

use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
const HALF_HOUR_MS: i64 = 1_800_000;
const HOUR_MS: i64 = 3_600_000;
const DAILY: usize = 48;
const WEEKLY: usize = 168;
/// A bin forgets half of itself in about two days: each day's mean counts a third.
const DAY_GAIN: f64 = 0.33;
/// The season is trusted while its residual is below this share of the unseasonal one.
const GATE: f64 = 0.7;
/// Step in milliseconds above which half-hour bins would be emptier than they look.
const COARSEST_MS: f64 = 3_600_000.0;

/// One set of bins with the bin now being filled.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bins {
    means: Vec<f32>,
    filled: Vec<u64>,
    current: u16,
    sum: f64,
    count: f64,
    scale: f32,
    rows: u32,
}

impl Bins {
    fn new(size: usize) -> Self {
        Self {
            means: vec![0.0; size],
            filled: vec![0; size.div_ceil(64)],
            current: u16::MAX,
            sum: 0.0,
            count: 0.0,
            scale: 0.0,
            rows: 0,
        }
    }

    fn is_filled(&self, bin: usize) -> bool {
        self.filled[bin / 64] >> (bin % 64) & 1 == 1
    }

    /// What this bin usually holds, relative to the origin.
    fn expected(&self, bin: usize) -> Option<f64> {
        self.is_filled(bin).then(|| f64::from(self.means[bin]))
    }

    /// The row's value joins its bin; the bin's old mean changes only when the bin is left.
    fn learn(&mut self, bin: usize, x: f64) {
        if usize::from(self.current) != bin {
            self.close();
            self.current = bin as u16;
        }
        self.sum += x;
        self.count += 1.0;
    }

    fn close(&mut self) {
        let bin = usize::from(self.current);
        if bin < self.means.len() && self.count > 0.0 {
            let mean = self.sum / self.count;
            if self.is_filled(bin) {
                let old = f64::from(self.means[bin]);
                let room = 4.0 * f64::from(self.scale);
                let moved = if room > 0.0 { (mean - old).clamp(-room, room) } else { mean - old };
                self.means[bin] = (old + DAY_GAIN * moved) as f32;
            } else {
                self.means[bin] = mean as f32;
                self.filled[bin / 64] |= 1 << (bin % 64);
            }
        }
        self.sum = 0.0;
        self.count = 0.0;
    }

    fn learn_scale(&mut self, residual: f64, gain: f64) {
        self.rows = self.rows.saturating_add(1);
        let s = f64::from(self.scale);
        let g = gain.max(1.0 / f64::from(self.rows));
        let capped = if self.rows > 30 { residual.abs().min(6.0 * s.max(1e-30)) } else { residual.abs() };
        self.scale = (s + g * (capped - s)) as f32;
    }
}

/// Daily and, later, weekly bins of one series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Season {
    origin: f64,
    first_ms: i64,
    started: bool,
    daily: Option<Box<Bins>>,
    weekly: Option<Box<Bins>>,
}

/// What the season says about a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Expectation {
    pub mean: f64,
    pub scale: f64,
}

fn slot(at_ms: i64, size: i64, of: i64) -> usize {
    (at_ms.rem_euclid(of) / size) as usize
}

impl Season {
    /// The trusted expectation for this time, if the bins explain the series (`plain` = scale without a season).
    pub(crate) fn expect(&self, local_ms: i64, plain: f64) -> Option<Expectation> {
        let pick = |bins: &Option<Box<Bins>>, bin: usize| {
            let bins = bins.as_deref()?;
            let mean = bins.expected(bin)? + self.origin;
            let scale = f64::from(bins.scale);
            (bins.rows > 30 && scale < GATE * plain).then_some(Expectation { mean, scale })
        };
        let week = pick(&self.weekly, slot(local_ms, HOUR_MS, 7 * DAY_MS));
        let day = pick(&self.daily, slot(local_ms, HALF_HOUR_MS, DAY_MS));
        match (week, day) {
            (Some(w), Some(d)) => Some(if w.scale < d.scale { w } else { d }),
            (w, d) => w.or(d),
        }
    }

    /// Learns a row. Bins exist only once the series has lived for a while, so short-lived series stay small.
    pub(crate) fn learn(&mut self, local_ms: i64, x: f64, step_ms: f64, gain: f64) {
        if !self.started {
            self.started = true;
            self.origin = x;
            self.first_ms = local_ms;
        }
        if step_ms > COARSEST_MS {
            return;
        }
        let age = local_ms.saturating_sub(self.first_ms);
        let x = x - self.origin;
        let day = slot(local_ms, HALF_HOUR_MS, DAY_MS);
        let bins = self.daily.get_or_insert_with(|| Box::new(Bins::new(DAILY)));
        Self::one(bins, day, x, gain);
        if age >= 14 * DAY_MS || self.weekly.is_some() {
            let bins = self.weekly.get_or_insert_with(|| Box::new(Bins::new(WEEKLY)));
            Self::one(bins, slot(local_ms, HOUR_MS, 7 * DAY_MS), x, gain);
        }
    }

    fn one(bins: &mut Bins, bin: usize, x: f64, gain: f64) {
        if let Some(mean) = bins.expected(bin) {
            bins.learn_scale(x - mean, gain);
        }
        bins.learn(bin, x);
    }
}
