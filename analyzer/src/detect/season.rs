//! The time-of-day view: 48 half-hour bins, and 7 x 24 hourly ones once two weeks were seen; used only while they explain.

use serde::{Deserialize, Serialize};

const DAY_MS: i64 = 86_400_000;
const HALF_HOUR_MS: i64 = 1_800_000;
const HOUR_MS: i64 = 3_600_000;
const DAILY: usize = 48;
const WEEKLY: usize = 168;
/// Each visit to a bin counts a third: a bin forgets half of itself in about two visits.
const VISIT: f64 = 0.33;
/// The season is trusted while its residual is below this share of the unseasonal one.
const GATE: f64 = 0.7;
/// Rows of residual before the season is trusted.
const TRUST_ROWS: u32 = 100;
/// Memory of the residual's scale in rows, and how far one row moves it.
const SCALE_ROWS: f64 = 500.0;
const WINSOR: f64 = 6.0;
/// Rows farther apart than this make empty bins.
const COARSEST_MS: f64 = 3_600_000.0;

/// One set of bins with the bin now being filled. Means are kept relative to the series' first value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Bins {
    means: Box<[f32]>,
    filled: [u64; 3],
    sum: f64,
    count: u32,
    scale: f32,
    rows: u32,
    current: u16,
}

impl Bins {
    fn new(size: usize) -> Self {
        Self {
            means: vec![0.0; size].into_boxed_slice(),
            filled: [0; 3],
            sum: 0.0,
            count: 0,
            scale: 0.0,
            rows: 0,
            current: u16::MAX,
        }
    }

    fn is_filled(&self, bin: usize) -> bool {
        self.filled[bin / 64] >> (bin % 64) & 1 == 1
    }

    /// What this bin usually holds.
    fn expected(&self, bin: usize) -> Option<f64> {
        self.is_filled(bin).then(|| f64::from(self.means[bin]))
    }

    /// The expectation and its scale, when trusted.
    fn trusted(&self, bin: usize, plain: f64) -> Option<(f64, f64)> {
        let scale = f64::from(self.scale);
        if self.rows > TRUST_ROWS && scale < GATE * plain { Some((self.expected(bin)?, scale)) } else { None }
    }

    /// The row joins its bin; the bin's mean changes only when the bin is left, so a row never explains itself.
    fn learn(&mut self, bin: usize, x: f64, scored: bool) {
        if let (Some(mean), true) = (self.expected(bin), scored) {
            self.rows = self.rows.saturating_add(1);
            let s = f64::from(self.scale);
            let off = (x - mean).abs();
            let off = if self.rows > 30 { off.min(WINSOR * s) } else { off };
            self.scale = (s + (off - s) / f64::from(self.rows).min(SCALE_ROWS)) as f32;
        }
        if usize::from(self.current) != bin {
            self.close();
            self.current = bin as u16;
        }
        self.sum += x;
        self.count = self.count.saturating_add(1);
    }

    fn close(&mut self) {
        let bin = usize::from(self.current);
        if bin < self.means.len() && self.count > 0 {
            let mean = self.sum / f64::from(self.count);
            if self.is_filled(bin) {
                let old = f64::from(self.means[bin]);
                self.means[bin] = (old + VISIT * (mean - old)) as f32;
            } else {
                self.means[bin] = mean as f32;
                self.filled[bin / 64] |= 1 << (bin % 64);
            }
        }
        self.sum = 0.0;
        self.count = 0;
    }
}

/// Daily and weekly bins of one series.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Season {
    origin: f64,
    first_ms: i64,
    bins: Option<Box<(Bins, Option<Bins>)>>,
}

fn slot(at_ms: i64, size: i64, of: i64) -> usize {
    (at_ms.rem_euclid(of) / size) as usize
}

impl Season {
    /// The trusted expectation for this local time (`plain`: scale of the series without a season).
    pub(crate) fn expect(&self, local_ms: i64, plain: f64) -> Option<f64> {
        let (daily, weekly) = self.bins.as_deref()?;
        let day = daily.trusted(slot(local_ms, HALF_HOUR_MS, DAY_MS), plain);
        let week = weekly.as_ref().and_then(|w| w.trusted(slot(local_ms, HOUR_MS, 7 * DAY_MS), plain));
        let (mean, _) = match (week, day) {
            (Some(w), Some(d)) => {
                if w.1 < d.1 {
                    w
                } else {
                    d
                }
            }
            (w, d) => w.or(d)?,
        };
        Some(mean + self.origin)
    }

    /// 1 at the series' first row, 0 once a whole day has been seen.
    pub(crate) fn newness(&self, local_ms: i64) -> f64 {
        let age = local_ms.saturating_sub(self.first_ms);
        if self.bins.is_none() && self.first_ms == 0 { 1.0 } else { (1.0 - age as f64 / DAY_MS as f64).clamp(0.0, 1.0) }
    }

    /// Bytes on the heap.
    pub(crate) fn heap_bytes(&self) -> usize {
        let of = |b: &Bins| b.means.len() * std::mem::size_of::<f32>();
        self.bins.as_deref().map_or(0, |b| std::mem::size_of_val(b) + of(&b.0) + b.1.as_ref().map_or(0, of))
    }

    /// Learns a row. Daily bins exist after half an hour, weekly ones after a week, so young series stay small.
    pub(crate) fn learn(&mut self, local_ms: i64, x: f64, step_ms: f64) {
        if self.bins.is_none() {
            if self.first_ms == 0 {
                (self.origin, self.first_ms) = (x, local_ms);
            }
            if step_ms > COARSEST_MS || local_ms.saturating_sub(self.first_ms) < HALF_HOUR_MS {
                return;
            }
        }
        let age = local_ms.saturating_sub(self.first_ms);
        let x = x - self.origin;
        let (daily, weekly) = &mut **self.bins.get_or_insert_with(|| Box::new((Bins::new(DAILY), None)));
        daily.learn(slot(local_ms, HALF_HOUR_MS, DAY_MS), x, true);
        if age >= 7 * DAY_MS && weekly.is_none() {
            *weekly = Some(Bins::new(WEEKLY));
        }
        if let Some(weekly) = weekly {
            weekly.learn(slot(local_ms, HOUR_MS, 7 * DAY_MS), x, age >= 14 * DAY_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wave(ms: i64) -> f64 {
        (ms as f64 / DAY_MS as f64 * std::f64::consts::TAU).sin() * 10.0
    }

    #[test]
    fn a_daily_wave_is_expected_after_two_days_and_noise_never() {
        let (mut season, mut none) = (Season::default(), Season::default());
        for i in 0..288 * 4_i64 {
            let at = 1 + i * 300_000;
            season.learn(at, wave(at), 300_000.0);
            none.learn(at, (i * 7919 % 101) as f64, 300_000.0);
        }
        let at = 288 * 4 * 300_000;
        let expected = season.expect(at, 6.0).expect("explains");
        assert!((expected - wave(at)).abs() < 1.0, "{expected} {}", wave(at));
        assert_eq!(none.expect(at, 25.0), None);
    }
}
