//! Metrics of one entity seen together: a row a tick over all its learned series, scored by the entity detector.

use super::Scored;
use super::key;
use super::lane::{RowEffect, Setting};
use super::series::SeriesState;
use crate::detect::{EntityConfig, EntityDetector, MIN_ROWS, PcaModel};
use chrono::{DateTime, Utc};
use domain::Id;
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState, ChartPoint, Evidence, Recovery};
use domain::clock::from_millis;
use domain::incident::Severity;
use domain::signal::SignalKind;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

/// Fewest series that say something together, and the most of one entity that are looked at together.
const MIN_WIDTH: usize = 3;
const MAX_WIDTH: usize = 128;
/// Series of all entities that are looked at together in this process; the others are judged one by one.
const MOST_COLUMNS: usize = 20_000;
/// Complete rows kept for the fit of how an entity's metrics move together, and rows between two fits.
const FIT_ROWS: usize = 300;
const FIT_EVERY: u32 = 100;
/// Quiet rows in a row that close the anomaly.
const CALM_ROWS: u32 = 6;

#[derive(Debug, Default)]
struct Watched {
    /// Latest row of each member: key -> (time, value, name).
    latest: BTreeMap<u128, (i64, f64, Box<str>)>,
    columns: Vec<u128>,
    detector: Option<EntityDetector>,
    rows: u32,
    history: VecDeque<Vec<f64>>,
    last_ms: i64,
    open: Option<Anomaly>,
    calm: u32,
}

/// The entities of one process.
#[derive(Debug, Default)]
pub(crate) struct EntityWatch(HashMap<Box<str>, Watched>);

impl EntityWatch {
    /// Takes in a monitor's newest rows; scores an entity when a new tick has begun for it.
    pub(crate) fn observe<'a>(
        &mut self,
        set: &Setting<'_>,
        series: impl Iterator<Item = &'a SeriesState>,
        to: DateTime<Utc>,
        orphans: &mut HashMap<String, Anomaly>,
        scored: &mut Scored,
    ) {
        let monitor = set.monitor;
        let step = i64::from(monitor.spec.interval_secs) * 1_000;
        let mut touched: BTreeSet<&str> = BTreeSet::new();
        let mut room = MOST_COLUMNS.saturating_sub(self.0.values().map(|w| w.latest.len()).sum());
        for one in series.filter(|s| s.last_ms > i64::MIN && to.timestamp_millis() - s.last_ms <= 2 * step) {
            let Some(hash) = key::number(&one.key) else { continue };
            if !self.0.contains_key(&one.entity) {
                self.0.insert(one.entity.clone(), Watched::default());
            }
            let Some(watched) = self.0.get_mut(&one.entity) else { continue };
            let width = watched.latest.len();
            match watched.latest.entry(hash) {
                Entry::Occupied(mut known) => {
                    let known = known.get_mut();
                    (known.0, known.1) = (one.last_ms, one.last_value);
                }
                Entry::Vacant(place) if room > 0 && width < MAX_WIDTH => {
                    room -= 1;
                    let name = super::series::title(monitor, &one.labels());
                    place.insert((one.last_ms, one.last_value, name.into()));
                }
                Entry::Vacant(_) => {}
            }
            touched.insert(&one.entity);
        }
        for entity in touched {
            if let Some(watched) = self.0.get_mut(entity) {
                if let Some(orphan) = orphans.remove(&entity_key(entity)) {
                    watched.open = Some(orphan);
                }
                watched.tick(entity, set, to.timestamp_millis(), step, scored);
            }
        }
        self.0.retain(|_, w| !w.latest.is_empty() || w.open.is_some());
    }

    /// Takes out the open anomalies of monitors that are gone.
    pub(crate) fn retire(&mut self, gone: &dyn Fn(Id) -> bool) -> Vec<Anomaly> {
        let watched = self.0.values_mut().filter(|w| w.open.as_ref().is_some_and(|a| gone(a.monitor_id)));
        watched.filter_map(|w| w.open.take()).collect()
    }

    /// Writes the incident into the open anomaly.
    pub(crate) fn attach(&mut self, anomaly: &Anomaly) {
        if let Some(open) =
            self.0.get_mut(anomaly.entity.as_str()).and_then(|w| w.open.as_mut()).filter(|a| a.id == anomaly.id)
        {
            open.incident_id = anomaly.incident_id;
        }
    }

    /// The incident became another one.
    pub(crate) fn redirect(&mut self, from: Id, to: Id) {
        for open in self.0.values_mut().filter_map(|w| w.open.as_mut()).filter(|a| a.incident_id == Some(from)) {
            open.incident_id = Some(to);
        }
    }
}

fn entity_key(entity: &str) -> String {
    format!("entity:{entity}")
}

impl Watched {
    fn tick(&mut self, entity: &str, set: &Setting<'_>, now_ms: i64, step: i64, scored: &mut Scored) {
        if now_ms - self.last_ms < step {
            return;
        }
        self.last_ms = now_ms;
        self.latest.retain(|_, (at, ..)| now_ms - *at <= 20 * step);
        if self.latest.len() < MIN_WIDTH {
            return;
        }
        if !self.latest.keys().eq(&self.columns) {
            self.columns = self.latest.keys().copied().collect();
            self.detector = Some(EntityDetector::new(EntityConfig::default(), self.columns.len()));
            self.rows = 0;
            self.history.clear();
        }
        let row: Vec<Option<f64>> = self
            .latest
            .values()
            .map(|(at, value, _)| (now_ms - at <= 3 * step && value.is_finite()).then_some(*value))
            .collect();
        let Some(detector) = self.detector.as_mut() else { return };
        let result = detector.push(now_ms, &row);
        self.rows += 1;
        self.learn_together(&row);
        if self.rows <= 2 * MIN_ROWS {
            return;
        }
        let effect = if self.open.is_some() {
            self.go_on(now_ms, result.score.open, result.score.point)
        } else if result.score.is_event && !result.score.learning && now_ms >= set.news {
            self.begin(entity, set, now_ms, &result)
        } else {
            RowEffect::default()
        };
        // By itself it is worth knowing, not worth waking a person: it supports what single series show.
        scored.take(effect, Severity::Info);
        if let Some(open) = &self.open {
            let score = &result.score;
            let (value, lower, upper) = (Some(score.observed), Some(score.lower), Some(score.upper));
            scored.points.push((open.id, vec![ChartPoint { at_ms: now_ms, value, lower, upper, score: score.point }]));
        }
    }

    /// Keeps complete quiet rows, and now and then fits the principal components of how the metrics move together
    /// (linfa). A fit of 600 rows takes about a millisecond; it waits while an anomaly is open, so that trouble is not
    /// learned as normal.
    fn learn_together(&mut self, row: &[Option<f64>]) {
        if self.open.is_some() {
            return;
        }
        if let Some(complete) = row.iter().copied().collect::<Option<Vec<f64>>>() {
            if self.history.len() == FIT_ROWS {
                self.history.pop_front();
            }
            self.history.push_back(complete);
        }
        if self.rows.is_multiple_of(FIT_EVERY)
            && let Some(model) = PcaModel::fit(self.history.make_contiguous())
            && let Some(detector) = self.detector.as_mut()
        {
            detector.set_pca(Some(model));
        }
    }

    fn begin(
        &mut self,
        entity: &str,
        set: &Setting<'_>,
        now_ms: i64,
        result: &crate::detect::EntityScore,
    ) -> RowEffect {
        let names: Vec<&str> = self.latest.values().map(|(.., name)| &**name).collect();
        let blamed: Vec<&str> =
            result.blame.iter().take(3).filter_map(|(column, _)| names.get(*column).copied()).collect();
        let started_at = from_millis(now_ms);
        let anomaly = Anomaly {
            id: key::id(started_at, &entity_key(entity)),
            monitor_id: set.monitor.id,
            monitor_name: format!("{entity} as a whole"),
            series_key: entity_key(entity),
            entity: entity.to_owned(),
            labels: BTreeMap::new(),
            signal: SignalKind::Other,
            kind: AnomalyKind::Entity,
            state: AnomalyState::Open,
            started_at,
            last_seen_at: started_at,
            ended_at: None,
            score: result.score.event.max(result.score.point),
            observed: result.score.observed,
            expected: result.score.expected,
            lower: result.score.lower,
            upper: result.score.upper,
            evidence: Evidence {
                en: format!(
                    "{} metrics of {entity} are unusual together, most of all {}.",
                    names.len(),
                    blamed.join("; ")
                ),
                zh: format!("{entity} 的 {} 个指标同时异常，最明显的是 {}。", names.len(), blamed.join("；")),
                view: "entity".to_owned(),
                way: "up".to_owned(),
                untold: set.muted.to_owned(),
                ..Evidence::default()
            },
            recovery: Recovery::Closed,
            incident_id: None,
        };
        self.calm = 0;
        self.open = Some(anomaly.clone());
        RowEffect { changed: Some(anomaly), opened: true, closed: false }
    }

    fn go_on(&mut self, now_ms: i64, still_open: bool, point: f64) -> RowEffect {
        let Some(anomaly) = self.open.as_mut() else { return RowEffect::default() };
        if still_open {
            self.calm = 0;
            anomaly.last_seen_at = from_millis(now_ms);
            anomaly.score = anomaly.score.max(point);
            return RowEffect::default();
        }
        self.calm += 1;
        if self.calm < CALM_ROWS {
            return RowEffect::default();
        }
        anomaly.state = AnomalyState::Closed;
        anomaly.ended_at = Some(from_millis(now_ms));
        RowEffect { changed: self.open.take(), opened: false, closed: true }
    }
}
