//! Usual level and spread of one count: an exponential mean, the dispersion of its residuals, and a daily profile.

use serde::{Deserialize, Serialize};

use super::tails::CountModel;

/// Time constant of the level, ms.
const LEVEL_MS: f64 = 180_000.0;
/// Time constant of the slow level, ms.
const SLOW_MS: f64 = 1_800_000.0;
/// Time constant of the dispersion, ms.
const SPREAD_MS: f64 = 21_600_000.0;
/// Lines that are taken as seen with the spread of pure chance before any was.
const PRIOR_LINES: f64 = 2.0;
/// Parts of a day in the profile.
const PARTS: usize = 48;
/// A part of the day that was never seen.
const UNSEEN: f32 = -1.0;
const DAY_MS: i64 = 86_400_000;
/// Buckets after which a baseline is trusted.
const KNOWN_BUCKETS: u32 = 12;

/// Baseline of a count per bucket. Rates are lines per ms, so that the bucket width may change.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Baseline {
    rate: f64,
    /// The same over half an hour: what a level that is high by chance falls back to.
    #[serde(default)]
    slow: f64,
    /// Decayed sums of the squared residuals and of the lines expected: their ratio is the dispersion.
    #[serde(default)]
    squares: f64,
    #[serde(default)]
    lines: f64,
    buckets: u32,
    frozen: u32,
    profile: Vec<f32>,
    covered_ms: i64,
}

impl Baseline {
    /// True once enough buckets were seen.
    pub(crate) fn is_known(&self) -> bool {
        self.buckets >= KNOWN_BUCKETS
    }

    /// True for a count that comes evenly, such as a heartbeat.
    pub(crate) fn is_regular(&self) -> bool {
        self.dispersion() < 1.5
    }

    /// Variance over mean of the count; 1 when it is pure chance.
    pub(crate) fn dispersion(&self) -> f64 {
        (self.squares + PRIOR_LINES) / (self.lines + PRIOR_LINES)
    }

    /// Expected count in a bucket of a width.
    pub(crate) fn expected(&self, width_ms: i64) -> f64 {
        self.rate * width_ms as f64
    }

    /// Count that is surely expected: the lower of the two levels.
    pub(crate) fn expected_surely(&self, width_ms: i64) -> f64 {
        let slow = if self.slow > 0.0 { self.slow } else { self.rate };
        self.rate.min(slow) * width_ms as f64
    }

    /// Model of the next bucket: around the level, or the daily profile where that is farther out on the tested side.
    pub(crate) fn model(&self, width_ms: i64, start_ms: i64, high: bool) -> CountModel {
        let level = self.expected(width_ms);
        let usual = self.profile_at(start_ms).map_or(level, |rate| rate * width_ms as f64);
        let slow = if self.slow > 0.0 { self.slow * width_ms as f64 } else { level };
        let mean = if high { level.max(usual) } else { slow.min(level.max(usual)) };
        self.around(mean)
    }

    /// Model with the level scaled, for a count that moves with another.
    pub(crate) fn model_scaled(&self, width_ms: i64, start_ms: i64, scale: f64) -> CountModel {
        let level = self.expected(width_ms);
        let usual = self.profile_at(start_ms).map_or(level, |rate| rate * width_ms as f64);
        self.around(level.max(usual) * scale)
    }

    /// Adds what is not known of the mean: half a line, and the error of an average over few buckets.
    fn around(&self, mean: f64) -> CountModel {
        let seen = f64::from(self.buckets.max(1)).min(60.0);
        let mean = mean + 0.5 / seen;
        CountModel::new(mean, self.dispersion().max(1.0) * (1.0 + 1.0 / seen) + 2.0 / seen)
    }

    fn profile_at(&self, start_ms: i64) -> Option<f64> {
        if self.covered_ms < DAY_MS {
            return None;
        }
        self.profile.get(part_of(start_ms)).map(|rate| f64::from(*rate)).filter(|rate| *rate >= 0.0)
    }

    /// Learns one bucket; an unusual one moves the level slowly and the dispersion not at all.
    pub(crate) fn push(&mut self, count: u64, width_ms: i64, start_ms: i64, unusual: bool) {
        let width = width_ms as f64;
        let (observed, expected) = (count as f64, self.expected(width_ms));
        self.buckets = self.buckets.saturating_add(1);
        self.frozen = if unusual { self.frozen.saturating_add(1) } else { 0 };
        let warming = 1.0 / f64::from(self.buckets);
        let level_weight = (width / LEVEL_MS).clamp(0.005, 0.3).max(warming);
        if unusual {
            let weight = (width / 3_600_000.0).clamp(0.0005, 0.1);
            self.rate += weight * (observed / width - self.rate);
            self.slow += weight * (observed / width - self.slow);
            return;
        }
        if self.buckets > 1 {
            let residual = observed - expected;
            let decay = (1.0 - width / SPREAD_MS).clamp(0.0, 1.0);
            self.squares = self.squares * decay + (residual * residual).min(1e12);
            self.lines = self.lines * decay + expected.max(0.0);
        }
        self.rate += level_weight * (observed / width - self.rate);
        self.slow += (width / SLOW_MS).clamp(0.001, 0.2).max(warming) * (observed / width - self.slow);
        self.learn_profile(observed / width, width_ms, start_ms);
    }

    fn learn_profile(&mut self, rate: f64, width_ms: i64, start_ms: i64) {
        self.covered_ms = self.covered_ms.saturating_add(width_ms);
        if self.covered_ms < 1_800_000 {
            return;
        }
        if self.profile.is_empty() {
            self.profile = vec![UNSEEN; PARTS];
        }
        let weight = (width_ms as f64 / 1_800_000.0).min(1.0);
        let weight = if self.covered_ms < DAY_MS { weight.max(0.05) } else { weight * 0.3 };
        let part = self.profile.get_mut(part_of(start_ms));
        if let Some(part) = part {
            if *part < 0.0 {
                *part = rate as f32;
            }
            *part += (weight * (rate - f64::from(*part))) as f32;
        }
    }

    /// Adds another baseline's level, as when two templates become one.
    pub(crate) fn add(&mut self, other: &Self) {
        self.rate += other.rate;
        self.slow += other.slow;
        self.squares += other.squares;
        self.lines += other.lines;
        self.buckets = self.buckets.max(other.buckets);
        self.covered_ms = self.covered_ms.max(other.covered_ms);
        if self.profile.is_empty() {
            self.profile.clone_from(&other.profile);
        } else {
            let parts = self.profile.iter_mut().zip(&other.profile);
            parts.for_each(|(part, more)| *part = if *part < 0.0 { *more } else { *part + more.max(0.0) });
        }
    }
}

fn part_of(start_ms: i64) -> usize {
    (start_ms.rem_euclid(DAY_MS) as usize * PARTS) / DAY_MS as usize
}
