//! Logs of one monitor under watch: templates, counts per entity, and open log anomalies.

use super::Scored;
use super::key;
use super::lane::{RowEffect, Setting};
use super::mask::mask;
use crate::logs::{
    FindingKind, Level, Limits, Line, LogFinding, LogStats, MinerSnapshot, StatsConfig, TemplateId, TemplateMiner,
};
use chrono::{DateTime, Utc};
use domain::Id;
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState, ChartPoint, Recovery};
use domain::catalog::Monitor;
use domain::clock::from_millis;
use domain::feedback;
use domain::signal::{LogLevel, LogLine, SignalKind};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, HashSet};

mod templates;
mod words;

use templates::{Hours, Shown};

/// Key of the one memory row of a log monitor.
pub(crate) const KEY: &str = "logs";
/// Narrowest bucket, milliseconds.
const MIN_BUCKET_MS: i64 = 5_000;
/// Time in which an entity's log is learned before anything is reported, milliseconds.
const WARMUP_MS: i64 = 90_000;
/// Sample lines kept for an anomaly.
const SAMPLES: usize = 3;
/// Steps of sensitivity from which on what was said to be noise is not told.
const NOISE_STEPS: f64 = 1.0;
/// Most samples kept in all.
const MOST_SAMPLES: usize = 20_000;
/// Longest sample, characters.
const SAMPLE_CHARS: usize = 400;

type Counts = BTreeMap<(TemplateId, Level), u64>;

/// Logs under watch.
#[derive(Debug)]
pub(crate) struct LogState {
    monitor_id: Id,
    width_ms: i64,
    miner: TemplateMiner,
    stats: BTreeMap<String, LogStats>,
    labels: BTreeMap<String, domain::Labels>,
    pending: BTreeMap<i64, BTreeMap<String, Counts>>,
    samples: HashMap<(String, TemplateId), Vec<String>>,
    known: HashSet<TemplateId>,
    closed_to_ms: i64,
    replay_until_ms: i64,
    open: BTreeMap<String, (Anomaly, FindingKind, Option<TemplateId>)>,
    shown: Shown,
    /// Templates that were part of one that was taken apart, until their first bucket is judged.
    not_new: HashSet<TemplateId>,
}

#[derive(Serialize, Deserialize)]
struct Saved {
    v: u32,
    miner: MinerSnapshot,
    stats: BTreeMap<String, LogStats>,
    labels: BTreeMap<String, domain::Labels>,
    closed_to_ms: i64,
    #[serde(default)]
    hours: HashMap<TemplateId, Hours>,
}

impl LogState {
    pub(crate) fn new(monitor: &Monitor) -> Self {
        Self {
            monitor_id: monitor.id,
            width_ms: (i64::from(monitor.spec.interval_secs) * 1_000).max(MIN_BUCKET_MS),
            miner: TemplateMiner::for_source(Limits::default(), &monitor.id.to_string()),
            stats: BTreeMap::new(),
            labels: BTreeMap::new(),
            pending: BTreeMap::new(),
            samples: HashMap::new(),
            known: HashSet::new(),
            closed_to_ms: i64::MIN,
            replay_until_ms: i64::MIN,
            open: BTreeMap::new(),
            shown: Shown::default(),
            not_new: HashSet::new(),
        }
    }

    /// Counts the lines of `(from, to]` and judges every bucket that is now complete; those from `news` (ms) on may open.
    pub(crate) fn push(
        &mut self,
        set: &Setting<'_>,
        lines: &[LogLine],
        from: DateTime<Utc>,
        to: DateTime<Utc>,
        scored: &mut Scored,
    ) {
        let monitor = set.monitor;
        if self.closed_to_ms == i64::MIN {
            self.closed_to_ms = from.timestamp_millis().div_euclid(self.width_ms) * self.width_ms;
        }
        let mut merged = false;
        let replay_until = self.replay_until_ms;
        for line in lines.iter().filter(|l| l.at.timestamp_millis() >= replay_until) {
            merged |= self.count(monitor, line);
            scored.rows += 1;
        }
        if merged {
            self.follow_merges();
        }
        while self.closed_to_ms + self.width_ms <= to.timestamp_millis() {
            let start = self.closed_to_ms;
            self.closed_to_ms += self.width_ms;
            let bucket = self.pending.remove(&start).unwrap_or_default();
            self.judge(set, start, &bucket, scored);
            self.not_new.clear();
        }
        scored.learning = Some(self.stats.values().all(|s| s.is_learning(to.timestamp_millis())));
    }

    /// Everything before is in the memory; the poller reads from there after a restart.
    pub(crate) fn safe_checkpoint(&self) -> DateTime<Utc> {
        from_millis(self.closed_to_ms.max(0))
    }

    fn count(&mut self, monitor: &Monitor, line: &LogLine) -> bool {
        let at_ms = line.at.timestamp_millis();
        let mined = self.miner.learn_line(Line { message: &line.message, level: level_of(line.level), at_ms });
        let entity = key::entity(&line.labels, &monitor.spec.entity_labels, &monitor.name);
        self.labels.entry(entity.clone()).or_insert_with(|| line.labels.clone());
        // A late line counts in the oldest bucket that is still open.
        let bucket = (at_ms.div_euclid(self.width_ms) * self.width_ms).max(self.closed_to_ms);
        let counts = self.pending.entry(bucket).or_default().entry(entity.clone()).or_default();
        *counts.entry((mined.template_id, mined.level)).or_default() += 1;
        self.known.insert(mined.template_id);
        self.shown.line(mined.template_id, at_ms);
        if mined.is_new && self.miner.came_of_split(mined.template_id) {
            self.not_new.insert(mined.template_id);
        }
        if self.samples.len() > MOST_SAMPLES {
            self.samples.clear();
        }
        let samples = self.samples.entry((entity, mined.template_id)).or_default();
        if samples.len() == SAMPLES {
            samples.remove(0);
        }
        samples.push(line.message.chars().take(SAMPLE_CHARS).collect());
        mined.changed
    }

    fn follow_merges(&mut self) {
        let moved: Vec<_> =
            self.known.iter().map(|id| (*id, self.miner.resolve(*id))).filter(|(old, new)| old != new).collect();
        for (old, new) in moved {
            self.known.remove(&old);
            self.known.insert(new);
            self.shown.merged(old, new);
            self.stats.values_mut().for_each(|s| s.merge(old, new));
        }
    }

    fn judge(&mut self, set: &Setting<'_>, start: i64, bucket: &BTreeMap<String, Counts>, scored: &mut Scored) {
        let entities: Vec<String> =
            self.stats.keys().chain(bucket.keys()).cloned().collect::<HashSet<_>>().into_iter().collect();
        let mut sorted = entities;
        sorted.sort_unstable();
        for entity in sorted {
            let mut counts: BTreeMap<(TemplateId, Level), u64> = BTreeMap::new();
            for (&(id, level), n) in bucket.get(&entity).into_iter().flatten() {
                *counts.entry((self.miner.resolve(id), level)).or_default() += n;
            }
            let counts: Vec<_> = counts.into_iter().map(|((id, level), n)| (id, level, n)).collect();
            let stats = self
                .stats
                .entry(entity.clone())
                .or_insert_with(|| LogStats::new(StatsConfig { warmup_ms: WARMUP_MS, ..StatsConfig::default() }));
            for (id, level, _) in counts.iter().filter(|(id, ..)| self.not_new.contains(id)) {
                stats.expect(*id, *level, start);
            }
            let findings = stats.push_bucket(start, self.width_ms, &counts);
            for finding in findings.iter().filter(|f| !f.learning) {
                self.found(set, &entity, start, finding, scored);
            }
            self.close_recovered(&entity, start, scored, set.monitor);
        }
    }

    fn found(&mut self, set: &Setting<'_>, entity: &str, start: i64, f: &LogFinding, scored: &mut Scored) {
        let monitor = set.monitor;
        let template = f.template_id.map(|id| self.miner.resolve(id));
        let series_key = words::series_key(self.monitor_id, entity, f.kind, template);
        let at = from_millis(start + self.width_ms);
        let point = ChartPoint {
            at_ms: start + self.width_ms,
            value: Some(f.observed),
            lower: Some(f.lower),
            upper: Some(f.upper),
            score: f.score,
        };
        if let Some((anomaly, ..)) = self.open.get_mut(&series_key) {
            anomaly.last_seen_at = at;
            if f.score > anomaly.score {
                (anomaly.score, anomaly.observed) = (f.score, f.observed);
            }
            scored.points.push((anomaly.id, vec![point]));
            let told_now = anomaly.evidence.untold.starts_with("muted") && set.muted.is_empty() && start >= set.news;
            if told_now {
                anomaly.evidence.untold.clear();
            }
            let changed = Some(anomaly.clone());
            scored.take(RowEffect { changed, opened: told_now, closed: false }, monitor.spec.severity);
            return;
        }
        if start < set.news || template.is_some_and(|id| self.miner.template(id).muted) {
            return;
        }
        let mut anomaly = self.anomaly(monitor, entity, &series_key, at, f, template);
        anomaly.evidence.untold = untold(set, &anomaly);
        scored.points.push((anomaly.id, vec![point]));
        self.open.insert(series_key, (anomaly.clone(), f.kind, f.template_id));
        scored.take(RowEffect { changed: Some(anomaly), opened: true, closed: false }, monitor.spec.severity);
    }

    fn anomaly(
        &self,
        monitor: &Monitor,
        entity: &str,
        series_key: &str,
        at: DateTime<Utc>,
        f: &LogFinding,
        template: Option<TemplateId>,
    ) -> Anomaly {
        let text = template.map(|id| words::named(self.miner.template(id)));
        let samples = template.and_then(|id| self.samples.get(&(entity.to_owned(), id)));
        let samples = samples.into_iter().flatten().map(|line| mask(line)).collect();
        Anomaly {
            id: key::id(at, series_key),
            monitor_id: monitor.id,
            monitor_name: monitor.name.clone(),
            series_key: series_key.to_owned(),
            entity: entity.to_owned(),
            labels: self.labels.get(entity).cloned().unwrap_or_default(),
            signal: SignalKind::Logs,
            kind: match f.kind {
                FindingKind::NewTemplate => AnomalyKind::NewTemplate,
                FindingKind::ErrorShare => AnomalyKind::LogErrorRate,
                FindingKind::Burst | FindingKind::Drop | FindingKind::Silence => AnomalyKind::LogBurst,
            },
            state: AnomalyState::Open,
            started_at: from_millis(at.timestamp_millis() - self.width_ms),
            last_seen_at: at,
            ended_at: None,
            score: f.score,
            observed: f.observed,
            expected: f.expected,
            lower: f.lower,
            upper: f.upper,
            evidence: words::evidence(f, entity, text.as_deref(), samples),
            recovery: Recovery::Closed,
            incident_id: None,
        }
    }

    fn close_recovered(&mut self, entity: &str, start: i64, scored: &mut Scored, monitor: &Monitor) {
        let Some(stats) = self.stats.get(entity) else { return };
        let over: Vec<String> = self
            .open
            .iter()
            .filter(|(_, (anomaly, kind, id))| {
                let id = id.map(|id| self.miner.resolve(id));
                anomaly.entity == entity && stats.is_recovered(*kind, id)
            })
            .map(|(key, _)| key.clone())
            .collect();
        for key in over {
            if let Some((mut anomaly, ..)) = self.open.remove(&key) {
                anomaly.state = AnomalyState::Closed;
                anomaly.ended_at = Some(from_millis(start + self.width_ms));
                scored.take(RowEffect { changed: Some(anomaly), opened: false, closed: true }, monitor.spec.severity);
            }
        }
    }

    /// Takes over anomalies that were open before a restart.
    pub(crate) fn adopt(&mut self, orphans: &mut HashMap<String, Anomaly>, monitor: Id) {
        let prefix = words::prefix(monitor);
        let mine: Vec<String> = orphans.keys().filter(|k| k.starts_with(&prefix)).cloned().collect();
        for key in mine {
            if let (Some(anomaly), Some((kind, template))) = (orphans.remove(&key), words::parse(&key)) {
                self.open.insert(key, (anomaly, kind, template));
            }
        }
    }

    /// The anomalies that are open, by key.
    pub(crate) fn into_open(self) -> impl Iterator<Item = (String, Anomaly)> {
        self.open.into_iter().map(|(key, (anomaly, ..))| (key, anomaly))
    }

    /// Writes the incident into the open anomaly.
    pub(crate) fn attach(&mut self, anomaly: &Anomaly) {
        if let Some((open, ..)) = self.open.get_mut(&anomaly.series_key) {
            open.incident_id = anomaly.incident_id;
        }
    }

    /// The incident became another one.
    pub(crate) fn redirect(&mut self, from: Id, to: Id) {
        for (anomaly, ..) in self.open.values_mut().filter(|(a, ..)| a.incident_id == Some(from)) {
            anomaly.incident_id = Some(to);
        }
    }

    pub(crate) fn snapshot(&self) -> serde_json::Value {
        let saved = Saved {
            v: 1,
            miner: self.miner.snapshot(),
            stats: self.stats.clone(),
            labels: self.labels.clone(),
            closed_to_ms: self.closed_to_ms,
            hours: self.shown.hours(),
        };
        serde_json::to_value(saved).unwrap_or_default()
    }

    /// The logs from a memory; `None` when it is of another version: they then learn anew.
    pub(crate) fn restore(monitor: &Monitor, saved: &serde_json::Value) -> Option<Self> {
        let saved: Saved = serde_json::from_value(saved.clone()).ok().filter(|s: &Saved| s.v == 1)?;
        let miner = TemplateMiner::restore(saved.miner);
        let templates: Vec<_> = miner.templates().cloned().collect();
        let known = templates.iter().map(|t| t.id).collect();
        Some(Self {
            miner,
            known,
            shown: Shown::restored(saved.hours, &templates),
            stats: saved.stats,
            labels: saved.labels,
            closed_to_ms: saved.closed_to_ms,
            replay_until_ms: saved.closed_to_ms,
            ..Self::new(monitor)
        })
    }
}

/// Why a log anomaly is not told; empty when it is. Its strength says little about how often it is chance, so what was
/// said to be noise is still found and shown, and calls nobody.
fn untold(set: &Setting<'_>, anomaly: &Anomaly) -> String {
    let steps = feedback::margin(set.history, &anomaly.series_key, &feedback::fingerprint(anomaly), set.now);
    if !set.muted.is_empty() {
        set.muted.to_owned()
    } else if steps >= NOISE_STEPS {
        "it was said to be noise".to_owned()
    } else {
        String::new()
    }
}

const fn level_of(level: LogLevel) -> Level {
    match level {
        LogLevel::Debug => Level::Debug,
        LogLevel::Info => Level::Info,
        LogLevel::Warn => Level::Warn,
        LogLevel::Error => Level::Error,
        LogLevel::Fatal => Level::Fatal,
    }
}
