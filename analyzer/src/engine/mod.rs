//! The engine: batches in, one commit out. All state of detection lives here; no I/O.

mod entity;
mod key;
mod log_state;
mod mask;
mod series;
mod shell;

pub use shell::{Analyzer, AnalyzerDeps, AnalyzerStats};

use crate::cause::Topology;
use crate::correlate::{Change, Correlator};
use chrono::{DateTime, TimeDelta, Utc};
use domain::Id;
use domain::anomaly::{Anomaly, AnomalyState, ChartPoint};
use domain::catalog::{DetectorSpec, Monitor};
use domain::incident::{Incident, Severity};
use domain::ports::{AnalyzerCommit, StateRow};
use domain::signal::{Batch, Completeness, MetricAnswer, Payload};
use entity::EntityWatch;
use log_state::LogState;
use series::SeriesState;
use std::collections::{BTreeMap, HashMap, HashSet};

/// Detector memories are stored at least so often; also whenever an anomaly opens or closes.
const PERSIST_EVERY: TimeDelta = TimeDelta::seconds(30);

/// Older rows are learned from and open nothing: after a start they are history, not news.
const NEWS: TimeDelta = TimeDelta::seconds(300);

/// What one batch led to, before incidents are known.
#[derive(Debug, Default)]
pub(crate) struct Scored {
    pub(crate) changes: Vec<Change>,
    /// Anomalies that go on; stored, but nobody is told.
    pub(crate) ongoing: Vec<Anomaly>,
    pub(crate) points: Vec<(Id, Vec<ChartPoint>)>,
    pub(crate) states: Vec<StateRow>,
    /// Where the poller may go on after a restart.
    pub(crate) checkpoint: Option<DateTime<Utc>>,
    /// Whether all of the monitor is still learning; unknown when nothing was scored.
    pub(crate) learning: Option<bool>,
    pub(crate) rows: u64,
}

#[derive(Debug)]
struct MonitorState {
    version: i64,
    series: BTreeMap<String, SeriesState>,
    logs: Option<LogState>,
    persisted_at: DateTime<Utc>,
}

/// All detection state of one process.
#[derive(Debug, Default)]
pub struct Engine {
    monitors: HashMap<Id, MonitorState>,
    entities: EntityWatch,
    correlator: Correlator,
    /// Anomalies that were open before a restart and whose series has not come yet.
    orphans: HashMap<String, Anomaly>,
}

impl Engine {
    /// An engine that knows which anomalies are open, and those of active incidents.
    #[must_use]
    pub fn new(live: Vec<Anomaly>) -> Self {
        let mut engine = Self::default();
        engine.correlator.adopt(&live);
        let open = live.into_iter().filter(|a| a.state == AnomalyState::Open);
        engine.orphans = open.map(|a| (a.series_key.clone(), a)).collect();
        engine
    }

    /// Whether the monitor's memory has been loaded.
    #[must_use]
    pub fn knows(&self, monitor: &Monitor) -> bool {
        self.monitors.get(&monitor.id).is_some_and(|m| m.version == monitor.version)
    }

    /// Sets the service graph used for correlation and ranking.
    pub fn set_topology(&mut self, topology: Topology) {
        self.correlator.set_topology(topology);
    }

    /// Loads a monitor's memory; what cannot be read learns anew.
    pub fn load(&mut self, monitor: &Monitor, rows: &[StateRow], now: DateTime<Utc>) {
        if let Some(old) = self.monitors.remove(&monitor.id) {
            for series in old.series.into_values() {
                self.orphans.extend(series.open.map(|a| (a.series_key.clone(), a)));
            }
            self.orphans.extend(old.logs.into_iter().flat_map(LogState::into_open));
        }
        let mut state =
            MonitorState { version: monitor.version, series: BTreeMap::new(), logs: None, persisted_at: now };
        if matches!(monitor.spec.detector, DetectorSpec::Logs) {
            let saved = rows.iter().find(|r| r.key == log_state::KEY);
            let mut logs =
                saved.and_then(|r| LogState::restore(monitor, &r.state)).unwrap_or_else(|| LogState::new(monitor));
            logs.adopt(&mut self.orphans, monitor.id);
            state.logs = Some(logs);
        } else {
            for mut series in rows.iter().filter_map(|r| SeriesState::restore(monitor, &r.state)) {
                if let Some(anomaly) = self.orphans.remove(&series.key) {
                    series.adopt(anomaly);
                }
                state.series.insert(series.key.clone(), series);
            }
        }
        self.monitors.insert(monitor.id, state);
    }

    /// Scores a batch. A failed or partial answer changes nothing: unknown is not normal.
    pub(crate) fn score(&mut self, monitor: &Monitor, batch: &Batch, now: DateTime<Utc>) -> Scored {
        let muted = monitor.spec.muted_until.is_some_and(|until| now < until);
        // Rows from here on may open an anomaly.
        let news = if muted { i64::MAX } else { (now - NEWS).timestamp_millis() };
        let mut scored = Scored::default();
        let Some(state) = self.monitors.get_mut(&monitor.id) else { return scored };
        match &batch.payload {
            Payload::Failed(_)
            | Payload::Metrics(MetricAnswer { completeness: Completeness::Partial(_), .. })
            | Payload::Logs { completeness: Completeness::Partial(_), .. } => return scored,
            Payload::Metrics(answer) => {
                score_metrics(state, &mut self.orphans, monitor, batch, answer, news, &mut scored);
                if !muted && matches!(monitor.spec.detector, DetectorSpec::Learned) {
                    self.entities.observe(monitor, state.series.values(), batch.to, &mut self.orphans, &mut scored);
                }
            }
            Payload::Logs { lines, .. } => {
                if let Some(logs) = state.logs.as_mut() {
                    logs.push(monitor, lines, batch.from, batch.to, news, &mut scored);
                }
            }
        }
        let due = now - state.persisted_at >= PERSIST_EVERY;
        if due || !scored.changes.is_empty() {
            state.persisted_at = now;
            scored.states = memories(monitor, state, batch.to);
            scored.checkpoint = Some(state.logs.as_ref().map_or(batch.to, LogState::safe_checkpoint));
        }
        scored
    }

    /// Turns scored rows into one commit, given the incidents as stored now; they are not looked at when nothing opened
    /// or closed.
    pub(crate) fn correlate(
        &mut self,
        mut scored: Scored,
        incidents: &[Incident],
        batch: &Batch,
        now: DateTime<Utc>,
    ) -> AnalyzerCommit {
        scored.ongoing.iter().for_each(|a| self.correlator.follow(a));
        let mut writes = Vec::new();
        if !scored.changes.is_empty() {
            writes = self.correlator.place(&mut scored.changes, incidents, &batch.trace, now);
            writes.extend(self.correlator.natural_recoveries(incidents, now));
        }
        let mut anomalies = scored.ongoing;
        for change in &scored.changes {
            self.attach(&change.anomaly);
        }
        anomalies.extend(scored.changes.into_iter().map(|c| c.anomaly));
        AnalyzerCommit { states: scored.states, anomalies, points: scored.points, incidents: writes }
    }

    /// Incidents whose anomalies have all closed and that nobody acts on, and those that were resolved and go on.
    pub(crate) fn quiet(&self, incidents: &[Incident], now: DateTime<Utc>) -> AnalyzerCommit {
        let mut writes = self.correlator.natural_recoveries(incidents, now);
        writes.extend(self.correlator.relapses(incidents, now));
        AnalyzerCommit { incidents: writes, ..AnalyzerCommit::default() }
    }

    /// The store put a proposed incident's anomalies under another one.
    pub(crate) fn redirect(&mut self, from: Id, to: Id) {
        self.correlator.redirect(from, to);
        for series in self.monitors.values_mut().flat_map(|m| m.series.values_mut()) {
            if let Some(anomaly) = series.open.as_mut().filter(|a| a.incident_id == Some(from)) {
                anomaly.incident_id = Some(to);
            }
        }
        self.entities.redirect(from, to);
        self.monitors.values_mut().filter_map(|m| m.logs.as_mut()).for_each(|l| l.redirect(from, to));
    }

    /// Writes the incident into the open anomaly that the series keeps.
    fn attach(&mut self, anomaly: &Anomaly) {
        if anomaly.state == AnomalyState::Closed {
            return;
        }
        if let Some(monitor) = self.monitors.get_mut(&anomaly.monitor_id) {
            if let Some(open) = monitor.series.get_mut(&anomaly.series_key).and_then(|s| s.open.as_mut()) {
                open.incident_id = anomaly.incident_id;
            }
            if let Some(logs) = monitor.logs.as_mut() {
                logs.attach(anomaly);
            }
        }
        self.entities.attach(anomaly);
    }
}

fn score_metrics(
    state: &mut MonitorState,
    orphans: &mut HashMap<String, Anomaly>,
    monitor: &Monitor,
    batch: &Batch,
    answer: &MetricAnswer,
    news: i64,
    scored: &mut Scored,
) {
    let mut present = HashSet::new();
    for incoming in answer.series.iter().take(monitor.spec.max_series as usize) {
        let key = key::series(monitor.id, &incoming.labels);
        let series = state.series.entry(key.clone()).or_insert_with(|| {
            let mut fresh = SeriesState::new(monitor, &incoming.labels);
            if let Some(anomaly) = orphans.remove(&fresh.key) {
                fresh.adopt(anomaly);
            }
            fresh
        });
        let since = series.last_ms;
        for point in &incoming.points {
            scored.take(series.push(monitor, point.at_ms, point.value, point.at_ms >= news), monitor.spec.severity);
            scored.rows += 1;
        }
        scored.learning = Some(scored.learning.unwrap_or(true) && series.learning);
        scored.points.extend(series.chart_rows(since));
        present.insert(key);
    }
    if matches!(monitor.spec.detector, DetectorSpec::Absence { .. }) {
        for series in state.series.values_mut().filter(|s| !present.contains(&s.key)) {
            let since = series.last_ms;
            let at_ms = batch.to.timestamp_millis();
            scored.take(series.push(monitor, at_ms, f64::NAN, at_ms >= news), monitor.spec.severity);
            scored.points.extend(series.chart_rows(since));
        }
    }
}

impl Scored {
    pub(crate) fn take(&mut self, effect: series::RowEffect, severity: Severity) {
        let Some(anomaly) = effect.changed else { return };
        if effect.opened || effect.closed {
            self.ongoing.retain(|a| a.id != anomaly.id);
            self.changes.push(Change { anomaly, severity });
        } else {
            self.ongoing.retain(|a| a.id != anomaly.id);
            self.ongoing.push(anomaly);
        }
    }
}

fn memories(monitor: &Monitor, state: &MonitorState, as_of: DateTime<Utc>) -> Vec<StateRow> {
    let series = state.series.values().map(|s| StateRow {
        monitor_id: monitor.id,
        key: s.key.clone(),
        as_of,
        state: s.snapshot(),
    });
    let logs = state.logs.iter().map(|l| StateRow {
        monitor_id: monitor.id,
        key: log_state::KEY.to_owned(),
        as_of: l.safe_checkpoint(),
        state: l.snapshot(),
    });
    series.chain(logs).collect()
}

#[cfg(test)]
mod tests;
