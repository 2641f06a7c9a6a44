//! History of one template and the test of its count in a bucket.

use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::findings::{FindingKind, LogFinding, strength};
use super::level::Level;
use super::peaks::Peaks;
use super::tails::combined;
use super::template::TemplateId;

/// Buckets in a row inside the usual range after which an anomaly has recovered.
pub(crate) const CALM_BUCKETS: u32 = 3;
/// Time without a line after which a new template's first appearance is over, ms.
pub(crate) const NEW_GAP_MS: i64 = 60_000;
/// Tail probability on each side of the usual range that is shown.
pub(crate) const TAIL: f64 = 1e-3;

/// The bucket under test; `warm` once the warm-up has passed.
pub(crate) struct Bucket {
    pub(crate) start_ms: i64,
    pub(crate) width_ms: i64,
    pub(crate) warm: bool,
    pub(crate) total: u64,
}

/// A test's outcome before false discovery control.
pub(crate) struct Candidate {
    pub(crate) finding: LogFinding,
    pub(crate) p: f64,
}

/// A template's history.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Followed {
    pub(crate) level: Level,
    pub(crate) baseline: Baseline,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    /// First seen after the warm-up and still within its first appearance.
    pub(crate) new: bool,
    pub(crate) high: u32,
    pub(crate) low: u32,
    pub(crate) zeros: u32,
    pub(crate) active: Option<FindingKind>,
    pub(crate) calm: u32,
    /// Logarithm of the product of the probabilities of the run of high, or of low, buckets that goes on.
    #[serde(default)]
    pub(crate) high_ln: f64,
    #[serde(default)]
    pub(crate) low_ln: f64,
    #[serde(default)]
    pub(crate) peaks: Peaks,
}

impl Followed {
    pub(crate) fn new(level: Level, bucket: &Bucket) -> Self {
        Self {
            level,
            baseline: Baseline::default(),
            first_ms: bucket.start_ms,
            last_ms: bucket.start_ms,
            new: bucket.warm,
            high: 0,
            low: 0,
            zeros: 0,
            active: None,
            calm: 0,
            high_ln: 0.0,
            low_ln: 0.0,
            peaks: Peaks::default(),
        }
    }

    pub(crate) fn end_new(&mut self) {
        self.new = false;
        if self.active == Some(FindingKind::NewTemplate) {
            self.active = None;
        }
    }

    /// A new template is learnt beside; its first appearance ends after a minute without a line, or after an hour.
    pub(crate) fn age_new(&mut self, bucket: &Bucket, count: u64) {
        self.baseline.push(count, bucket.width_ms, bucket.start_ms, false);
        let quiet = bucket.start_ms.saturating_sub(self.last_ms) >= NEW_GAP_MS.max(bucket.width_ms.saturating_mul(3));
        if quiet {
            self.baseline = Baseline::default();
        }
        if quiet || bucket.start_ms.saturating_sub(self.first_ms) > 3_600_000 {
            self.end_new();
        }
    }

    /// Tests a count and learns it. That trouble stops is no anomaly.
    pub(crate) fn test(&mut self, id: TemplateId, bucket: &Bucket, count: u64) -> Option<Candidate> {
        let (width, start) = (bucket.width_ms, bucket.start_ms);
        let high_model = self.baseline.model(width, start, true);
        let low_model = self.baseline.model(width, start, false);
        let expected = self.baseline.expected(width);
        let known = self.baseline.is_known();
        let (p_high, p_low) = (high_model.at_least(count), low_model.at_most_surely(count));
        let observed = count as f64;
        let large = observed >= expected * 2.0 + 5.0 && (observed >= expected * 3.0 || observed >= expected + 10.0);
        let jumps = known && large && p_high < 0.01;
        let is_high = jumps && !self.peaks.is_usual(start, count, self.level.is_trouble());
        // What might be told is remembered; chance is not.
        if jumps && p_high < 1e-5 {
            self.peaks.high(start, count);
        }
        let missed = known && !self.level.is_trouble();
        let surely = self.baseline.expected_surely(width);
        let is_low =
            missed && surely >= 5.0 * self.baseline.dispersion().max(1.0) && observed <= surely * 0.3 && p_low < 0.01;
        self.zeros = if count == 0 { self.zeros.saturating_add(1) } else { 0 };
        let zero_chance = low_model.at_most_surely(0).powi(self.zeros.min(1000) as i32);
        let is_silent = missed && self.zeros >= 3 && self.baseline.is_regular() && zero_chance < 1e-6;
        self.high = if is_high { self.high + 1 } else { 0 };
        self.low = if is_low || is_silent { self.low + 1 } else { 0 };
        self.high_ln = if is_high { self.high_ln + p_high.max(1e-300).ln() } else { 0.0 };
        self.low_ln = if is_low { self.low_ln + p_low.max(1e-300).ln() } else { 0.0 };
        self.baseline.push(count, width, start, jumps || is_low || is_silent);
        if !(is_high || is_low || is_silent) {
            self.calm += 1;
            if self.calm >= CALM_BUCKETS {
                self.active = None;
            }
            return None;
        }
        let enough = if is_high { self.level.is_trouble() || self.high >= 2 } else { self.low >= 2 };
        if !enough {
            return None;
        }
        let (kind, p, model) = match (is_high, is_silent) {
            (true, _) => (FindingKind::Burst, combined(self.high_ln, self.high), high_model),
            (_, true) => (FindingKind::Silence, zero_chance, low_model),
            _ => (FindingKind::Drop, combined(self.low_ln, self.low), low_model),
        };
        let (lower, upper) = model.interval(TAIL);
        let finding = LogFinding {
            kind,
            template_id: Some(id),
            level: self.level,
            score: strength(p, self.level),
            observed,
            expected,
            lower: lower as f64,
            upper: upper as f64,
            learning: false,
        };
        Some(Candidate { finding, p })
    }
}
