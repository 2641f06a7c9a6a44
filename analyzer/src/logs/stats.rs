//! Anomalies of log counts: new templates, bursts, drops, silence and a shifted share of errors.
//!
//! Each template's count per bucket is held against a negative binomial around its own level, with a dispersion
//! learnt from its own residuals. All tests of a bucket go through Benjamini and Hochberg's procedure at a rate that
//! allows about half a false alarm a day, and an anomaly must also be large enough to matter.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::baseline::Baseline;
use super::findings::{FindingKind, LogFinding, StatsConfig, strength};
use super::followed::{Bucket, CALM_BUCKETS, Candidate, Followed, NEW_GAP_MS, TAIL};
use super::level::Level;
use super::tails::discovery_threshold;
use super::template::TemplateId;

/// Count of one template in a bucket.
pub type TemplateCount = (TemplateId, Level, u64);

/// Log statistics of one source. Feed buckets in time order, the empty ones too.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct LogStats {
    config: StatsConfig,
    started_ms: Option<i64>,
    followed: BTreeMap<TemplateId, Followed>,
    total: Baseline,
    errors: Baseline,
    empty: u32,
    novelty: f64,
    share_active: bool,
    share_calm: u32,
}

impl LogStats {
    /// Statistics without history.
    #[must_use]
    pub fn new(config: StatsConfig) -> Self {
        Self {
            config,
            started_ms: None,
            followed: BTreeMap::new(),
            total: Baseline::default(),
            errors: Baseline::default(),
            empty: 0,
            novelty: 0.0,
            share_active: false,
            share_calm: 0,
        }
    }

    /// Takes the counts of the bucket `[start_ms, start_ms + width_ms)` and returns what is unusual in it. An anomaly
    /// is returned again for each bucket it lasts.
    pub fn push_bucket(&mut self, start_ms: i64, width_ms: i64, counts: &[TemplateCount]) -> Vec<LogFinding> {
        let width_ms = width_ms.max(1);
        let started = *self.started_ms.get_or_insert(start_ms);
        let total = counts.iter().fold(0u64, |sum, (_, _, n)| sum.saturating_add(*n));
        let warm = start_ms.saturating_sub(started) >= self.config.warmup_ms;
        let bucket = Bucket { start_ms, width_ms, warm, total };
        if total == 0 {
            return self.silent(&bucket);
        }
        self.empty = 0;
        let mut candidates = self.new_templates(&bucket, counts);
        let new: BTreeSet<TemplateId> = candidates.iter().filter_map(|found| found.finding.template_id).collect();
        let mut by_id: BTreeMap<TemplateId, u64> = BTreeMap::new();
        for (id, _, n) in counts {
            let sum = by_id.entry(*id).or_default();
            *sum = sum.saturating_add(*n);
        }
        candidates.extend(self.known_templates(&bucket, &by_id, &new));
        candidates.extend(self.error_share(&bucket, counts));
        self.total.push(bucket.total, width_ms, start_ms, false);
        self.forget();
        self.report(&bucket, candidates)
    }

    /// Takes a merge of templates over: the history of `old` is added to that of `new`, and a merge is never "new".
    pub fn merge(&mut self, old: TemplateId, new: TemplateId) {
        let Some(gone) = self.followed.remove(&old) else { return };
        match self.followed.get_mut(&new) {
            Some(kept) => {
                kept.baseline.add(&gone.baseline);
                kept.first_ms = kept.first_ms.min(gone.first_ms);
                kept.last_ms = kept.last_ms.max(gone.last_ms);
                kept.new &= gone.new;
            }
            None => {
                self.followed.insert(new, gone);
            }
        }
    }

    /// Follows a template from the start of a bucket on as one that is not new, whenever it is seen first.
    pub fn expect(&mut self, id: TemplateId, level: Level, start_ms: i64) {
        let bucket = Bucket { start_ms, width_ms: 1, warm: false, total: 0 };
        self.followed.entry(id).or_insert_with(|| Followed::new(level, &bucket));
    }

    /// Forgets a template: that it does not come any more says nothing.
    pub fn drop_template(&mut self, id: TemplateId) {
        self.followed.remove(&id);
    }

    /// True when an anomaly returned earlier is over: three buckets in a row were usual, or a new template has not been
    /// seen for a minute. An anomaly that is not known counts as recovered.
    #[must_use]
    pub fn is_recovered(&self, kind: FindingKind, template_id: Option<TemplateId>) -> bool {
        match (kind, template_id) {
            (FindingKind::ErrorShare, _) => !self.share_active,
            (FindingKind::Silence, None) => self.empty == 0,
            (_, Some(id)) => self.followed.get(&id).is_none_or(|followed| followed.active != Some(kind)),
            (_, None) => true,
        }
    }

    /// True until the warm-up has passed.
    #[must_use]
    pub fn is_learning(&self, now_ms: i64) -> bool {
        self.started_ms.is_none_or(|started| now_ms.saturating_sub(started) < self.config.warmup_ms)
    }

    fn silent(&mut self, bucket: &Bucket) -> Vec<LogFinding> {
        self.empty += 1;
        let model = self.total.model(bucket.width_ms, bucket.start_ms, false);
        let chance = model.at_most_surely(0).powi(self.empty.min(1000) as i32);
        let expected = self.total.expected(bucket.width_ms);
        let usual = self.empty < 2 || chance > self.rate(bucket) || !bucket.warm;
        if usual {
            if self.empty < 2 {
                self.total.push(0, bucket.width_ms, bucket.start_ms, false);
            }
            return Vec::new();
        }
        let (lower, upper) = model.interval(TAIL);
        vec![LogFinding {
            kind: FindingKind::Silence,
            template_id: None,
            level: Level::Unknown,
            score: strength(chance, Level::Error),
            observed: 0.0,
            expected,
            lower: lower as f64,
            upper: upper as f64,
            learning: false,
        }]
    }

    /// Follows templates seen for the first time; reports those that matter.
    fn new_templates(&mut self, bucket: &Bucket, counts: &[TemplateCount]) -> Vec<Candidate> {
        let mut found = Vec::new();
        let mut fresh_trouble = 0.0;
        for (id, level, count) in counts.iter().filter(|(_, _, count)| *count > 0) {
            let fresh = !self.followed.contains_key(id);
            if fresh {
                fresh_trouble += f64::from(u8::from(level.is_trouble()));
                self.followed.insert(*id, Followed::new(*level, bucket));
            }
            let Some(followed) = self.followed.get_mut(id) else { continue };
            let returning =
                bucket.start_ms.saturating_sub(followed.last_ms) > NEW_GAP_MS.max(bucket.width_ms.saturating_mul(3));
            if followed.new && returning {
                followed.end_new();
                followed.baseline = Baseline::default();
            }
            followed.last_ms = bucket.start_ms;
            let share = *count as f64 / bucket.total as f64;
            let material = *count >= 20 && share >= 0.2;
            if followed.new && (level.is_trouble() || material) {
                followed.active = Some(FindingKind::NewTemplate);
                followed.calm = 0;
                let p = novelty_p(self.novelty, *level, *count);
                found.push(Candidate { finding: new_finding(*id, *level, *count, p), p: 0.0 });
            }
        }
        let weight = (bucket.width_ms as f64 / 3_600_000.0).clamp(0.001, 0.5);
        self.novelty += weight * (fresh_trouble - self.novelty);
        if bucket.warm { found } else { Vec::new() }
    }

    fn known_templates(
        &mut self,
        bucket: &Bucket,
        counts: &BTreeMap<TemplateId, u64>,
        new: &BTreeSet<TemplateId>,
    ) -> Vec<Candidate> {
        let mut found = Vec::new();
        for (id, followed) in &mut self.followed {
            let count = counts.get(id).copied().unwrap_or(0);
            if new.contains(id) || followed.new {
                followed.age_new(bucket, count);
                continue;
            }
            if let Some(candidate) = followed.test(*id, bucket, count) {
                found.push(candidate);
            }
        }
        found
    }

    fn error_share(&mut self, bucket: &Bucket, counts: &[TemplateCount]) -> Option<Candidate> {
        let errors = counts.iter().filter(|(_, level, _)| level.is_error());
        let errors = errors.fold(0u64, |sum, (_, _, n)| sum.saturating_add(*n));
        let usual_total = self.total.expected(bucket.width_ms).max(1e-9);
        let scale = (bucket.total as f64 / usual_total).clamp(0.1, 10.0);
        let model = self.errors.model_scaled(bucket.width_ms, bucket.start_ms, scale);
        let expected = self.errors.expected(bucket.width_ms) * scale;
        let p = model.at_least(errors);
        let matters = errors as f64 >= expected * 2.0 + 5.0 && errors as f64 / bucket.total as f64 >= 0.02;
        let unusual = matters && p < 1e-4 && self.errors.is_known();
        self.errors.push(errors, bucket.width_ms, bucket.start_ms, unusual);
        if !unusual {
            self.share_calm += 1;
            self.share_active &= self.share_calm < CALM_BUCKETS;
            return None;
        }
        self.share_calm = 0;
        let (lower, upper) = model.interval(TAIL);
        Some(Candidate {
            finding: LogFinding {
                kind: FindingKind::ErrorShare,
                template_id: None,
                level: Level::Error,
                score: strength(p, Level::Error),
                observed: errors as f64,
                expected,
                lower: lower as f64,
                upper: upper as f64,
                learning: !bucket.warm,
            },
            p,
        })
    }

    /// False discovery rate at which one bucket is judged.
    fn rate(&self, bucket: &Bucket) -> f64 {
        (self.config.false_alarms_per_day * bucket.width_ms as f64 / 86_400_000.0).clamp(1e-7, 1e-3)
    }

    fn report(&mut self, bucket: &Bucket, candidates: Vec<Candidate>) -> Vec<LogFinding> {
        if !bucket.warm {
            return Vec::new();
        }
        let tests = self.followed.len().max(candidates.len());
        let mut p_values: Vec<f64> = candidates.iter().map(|found| found.p).collect();
        p_values.resize(tests, 1.0);
        let threshold = discovery_threshold(&mut p_values, self.rate(bucket));
        let mut findings = Vec::new();
        for Candidate { finding, p } in candidates {
            let ongoing = !self.is_recovered(finding.kind, finding.template_id) && p < 0.01;
            if p > threshold && !ongoing {
                continue;
            }
            match finding.template_id {
                Some(id) => {
                    if let Some(followed) = self.followed.get_mut(&id) {
                        followed.active = Some(finding.kind);
                        followed.calm = 0;
                    }
                }
                None => self.share_active = true,
            }
            findings.push(finding);
        }
        findings.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.template_id.cmp(&b.template_id)));
        findings
    }

    fn forget(&mut self) {
        while self.followed.len() > self.config.templates.max(1) {
            let oldest = self.followed.iter().min_by_key(|(id, followed)| (followed.last_ms, **id)).map(|(id, _)| *id);
            let Some(id) = oldest else { break };
            self.followed.remove(&id);
        }
    }
}

fn new_finding(id: TemplateId, level: Level, count: u64, p: f64) -> LogFinding {
    LogFinding {
        kind: FindingKind::NewTemplate,
        template_id: Some(id),
        level,
        score: strength(p, level),
        observed: count as f64,
        expected: 0.0,
        lower: 0.0,
        upper: 0.0,
        learning: false,
    }
}

/// How unlikely a first sight is in a source that shows `novelty` new trouble templates a bucket.
fn novelty_p(novelty: f64, level: Level, count: u64) -> f64 {
    let chance = 1.0 - (-novelty.max(1e-3)).exp();
    let lines = (count as f64).ln_1p() * if level.is_error() { 1.5 } else { 1.0 };
    chance * (-lines * 2.0).exp()
}
