//! A level and a scale that outliers move only a little, and the simple detector made of them.

use serde::{Deserialize, Serialize};

use super::guard::Guard;
use super::{Config, Detector, MIN_ROWS, RestoreError, Score, View, pack, unpack};

/// An outlier moves the scale by at most this many scales.
const WINSOR: f64 = 6.0;
/// Half width of the band in mean absolute deviations; 5 of them are 4 sigma of a normal.
const BAND: f64 = 5.0;
/// Rows outside before the band gives in faster to a new level.
const RELEARN: u32 = 60;

/// Winsorised moving mean and mean absolute deviation (Huber-type recursive location, Gelper et al. 2010).
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Level {
    pub mean: f64,
    pub scale: f64,
    pub low: f64,
    pub high: f64,
    rows: u32,
    outside: u32,
}

impl Level {
    /// Smallest scale that means something for values of this size: relative, so that zero variance never divides.
    pub(crate) fn floor(size: f64) -> f64 {
        (1e-4 * size.abs()).max(1e-9)
    }

    pub(crate) fn rows(&self) -> u32 {
        self.rows
    }

    /// Half width of the expected band.
    pub(crate) fn half_width(&self) -> f64 {
        let learned = BAND * self.scale.max(Self::floor(self.mean));
        if self.rows < MIN_ROWS { learned.max(0.6 * (self.high - self.low)) } else { learned }
    }

    /// `(lower, upper)`; a series that was never negative has no negative band.
    pub(crate) fn band(&self) -> (f64, f64) {
        let half = self.half_width();
        let lower = self.mean - half;
        (if self.low >= 0.0 { lower.max(0.0) } else { lower }, self.mean + half)
    }

    pub(crate) fn learn(&mut self, x: f64, level_memory: f64, scale_memory: f64) {
        self.rows = self.rows.saturating_add(1);
        let n = f64::from(self.rows);
        if self.rows == 1 {
            *self = Self { mean: x, low: x, high: x, rows: 1, ..Self::default() };
            return;
        }
        self.low = self.low.min(x);
        self.high = self.high.max(x);
        let r = x - self.mean;
        let s = self.scale.max(Self::floor(self.mean));
        let warm = self.rows <= MIN_ROWS;
        self.outside = if !warm && r.abs() > self.half_width() { self.outside.saturating_add(1) } else { 0 };
        let relearn = self.outside > RELEARN;
        let free = warm || relearn;
        let moved = if free { r } else { r.clamp(-WINSOR / 2.0 * s, WINSOR / 2.0 * s) };
        let spread = if warm && self.rows < 10 { r.abs() } else { r.abs().min(WINSOR * s) };
        self.mean += (1.0 / level_memory).max(1.0 / n) * moved;
        self.scale += (1.0 / scale_memory).max(1.0 / n) * (spread - self.scale);
    }
}

/// One rule: the value left the band around its robust level.
#[derive(Debug, Clone)]
pub struct RobustLevel {
    config: Config,
    state: State,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
struct State {
    guard: Guard,
    level: Level,
    open: bool,
    frozen: (f64, f64),
    inside: u32,
}

impl RobustLevel {
    /// A fresh detector.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self { config, state: State { guard: Guard::new(config.step_hint_ms), ..State::default() } }
    }

    const KIND: &'static str = "robust_level/1";

    /// Scales a distance by the sensitivity: 5 is the band itself, each step is 15 %.
    fn reach(&self) -> f64 {
        0.85_f64.powi(i32::from(self.config.sensitivity.clamp(1, 10)) - 5)
    }
}

impl Detector for RobustLevel {
    fn push(&mut self, at_ms: i64, value: f64) -> Score {
        let s = &mut self.state;
        let row = match s.guard.take(self.config.kind, at_ms, value) {
            Ok(row) => row,
            Err(skip) => return Score { skip: Some(skip), open: s.open, ..Score::quiet(s.level.mean) },
        };
        let learning = s.level.rows() < MIN_ROWS;
        let (lower, upper) = s.level.band();
        let half = s.level.half_width().max(f64::MIN_POSITIVE);
        let mean = if s.level.rows() == 0 { row.value } else { s.level.mean };
        let z = if learning { 0.0 } else { (row.value - mean).abs() / half };
        let reach = self.reach();
        let s = &mut self.state;
        let out = z > reach;
        let is_event = out && !s.open && !row.after_gap;
        if is_event {
            s.open = true;
            s.frozen = (lower, upper);
        }
        s.inside = if out { 0 } else { s.inside.saturating_add(1) };
        if s.inside >= 3 {
            s.open = false;
        }
        s.level.learn(row.value, 60.0, 300.0);
        let share = z / (z + reach);
        Score {
            point: share,
            event: share,
            is_event,
            open: s.open,
            expected: mean,
            lower,
            upper,
            view: if out { View::Residual } else { View::None },
            learning,
            ..Score::quiet(row.value)
        }
    }

    fn recovered(&self, observed: f64) -> bool {
        let (lower, upper) = if self.state.open { self.state.frozen } else { self.state.level.band() };
        observed >= lower && observed <= upper
    }

    fn snapshot(&self) -> serde_json::Value {
        pack(Self::KIND, &self.state)
    }

    fn restore(&mut self, saved: &serde_json::Value) -> Result<(), RestoreError> {
        self.state = unpack(Self::KIND, saved)?;
        Ok(())
    }
}
