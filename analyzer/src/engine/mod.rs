//! The engine: batches in, one commit out. All state of detection lives here; no I/O.

mod alerts;
mod backtest;
mod counter;
mod entity;
mod key;
mod lane;
mod log_state;
mod mask;
mod memory;
mod pack;
mod ring;
mod scored;
mod series;
mod shell;
mod shell_changes;
mod shell_templates;
mod stats;
mod upkeep;

pub use backtest::Backtest;
pub use shell::{Analyzer, AnalyzerDeps};
pub use stats::AnalyzerStats;

use crate::cause::Topology;
use crate::correlate::Correlator;
use chrono::{DateTime, TimeDelta, Utc};
use domain::anomaly::{Anomaly, AnomalyKind, AnomalyState};
use domain::catalog::{DetectorSpec, Monitor, Rule};
use domain::change::ChangeEvent;
use domain::feedback::Feedback;
use domain::incident::Incident;
use domain::ports::{AnalyzerCommit, StateRow};
use domain::signal::{Batch, Completeness, MetricAnswer, Payload};
use domain::template::RuleOf;
use domain::{Id, Time};
use entity::EntityWatch;
use lane::Setting;
use memory::MonitorState;
pub(crate) use scored::Scored;
use series::SeriesState;
use std::collections::{HashMap, HashSet};

/// Older rows are learned from and open nothing: after a start they are history, not news.
const NEWS: TimeDelta = TimeDelta::seconds(300);

/// All detection state of one process.
#[derive(Debug, Default)]
pub struct Engine {
    monitors: HashMap<Id, MonitorState>,
    entities: EntityWatch,
    correlator: Correlator,
    /// Anomalies that were open before a restart and whose series has not come yet.
    orphans: HashMap<String, Anomaly>,
    /// What was said of anomalies, by monitor.
    feedback: HashMap<Id, Vec<Feedback>>,
    /// Rules on log templates, by monitor.
    template_rules: HashMap<Id, Vec<RuleOf>>,
}

impl Engine {
    /// An engine that knows which anomalies are open, and those of active incidents.
    #[must_use]
    pub fn new(live: Vec<Anomaly>) -> Self {
        let mut engine = Self::default();
        engine.correlator.adopt(&live);
        let own = |a: &Anomaly| a.state == AnomalyState::Open && a.kind != AnomalyKind::Alert;
        let open = live.into_iter().filter(own);
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

    /// Sets the changes that may be evidence.
    pub fn set_changes(&mut self, changes: Vec<ChangeEvent>) {
        self.correlator.set_changes(changes);
    }

    /// Sets all that was said of anomalies; it counts from the next row on.
    pub fn set_feedback(&mut self, all: Vec<Feedback>) {
        self.feedback.clear();
        for one in all {
            self.feedback.entry(one.monitor_id).or_default().push(one);
        }
    }

    /// Sets every rule on log templates.
    pub fn set_template_rules(&mut self, all: Vec<RuleOf>) {
        self.template_rules.clear();
        for one in all {
            self.template_rules.entry(one.monitor_id).or_default().push(one);
        }
        for (id, monitor) in &mut self.monitors {
            if let Some(logs) = monitor.logs.as_mut() {
                logs.apply_rules(self.template_rules.get(id).map_or(&[], Vec::as_slice));
            }
        }
    }

    /// Loads a monitor's memory, for a monitor that is new here or was changed; what cannot be read learns anew.
    /// Returns anomalies that are closed by it: those of another question, and of rules that are no more.
    pub(crate) fn load(&mut self, monitor: &Monitor, rows: &[StateRow], now: Time) -> Vec<Anomaly> {
        let asked = key::asked(monitor);
        let mut closed = Vec::new();
        let mut kept: Option<Vec<StateRow>> = None;
        if let Some(mut old) = self.monitors.remove(&monitor.id) {
            if old.asked == asked {
                kept = Some(old.memories(monitor, &asked));
                self.orphans.extend(old.into_open().map(|a| (a.series_key.clone(), a)));
            } else {
                closed.extend(old.into_open().map(|a| upkeep::ended(a, now, upkeep::OTHER_QUERY)));
            }
        }
        closed.extend(self.orphans_of_another_question(monitor, now));
        let mut state = MonitorState::new(monitor, asked, now);
        let rows = kept.as_deref().unwrap_or(rows);
        if state.is_logs {
            state.restore_logs(monitor, rows, &mut self.orphans);
            if let Some(logs) = state.logs.as_mut() {
                logs.apply_rules(self.template_rules.get(&monitor.id).map_or(&[], Vec::as_slice));
            }
        } else {
            let chart = self.chart_rows();
            closed.extend(state.restore_series(monitor, rows, &mut self.orphans, chart, now));
        }
        self.monitors.insert(monitor.id, state);
        closed
    }

    /// Scores a batch. A failed or partial answer changes nothing: unknown is not normal.
    pub(crate) fn score(&mut self, monitor: &Monitor, batch: &Batch, now: DateTime<Utc>) -> Scored {
        let mut scored = Scored::default();
        let chart = self.chart_rows();
        let Some(state) = self.monitors.get_mut(&monitor.id) else { return scored };
        let muted = muted(monitor, now);
        let history = self.feedback.get(&monitor.id).map(Vec::as_slice).unwrap_or_default();
        let news = (now - NEWS).timestamp_millis();
        let set = Setting { monitor, history, now, news, muted: &muted };
        let step = TimeDelta::seconds(i64::from(monitor.spec.interval_secs));
        match &batch.payload {
            Payload::Failed(_)
            | Payload::Metrics(MetricAnswer { completeness: Completeness::Partial(_), .. })
            | Payload::Logs { completeness: Completeness::Partial(_), .. } => {
                // Nothing is learned, but these windows were here and with no other replica.
                state.covered = state.covered.map(|c| if batch.from <= c + step { c.max(batch.to) } else { c });
                return scored;
            }
            Payload::Metrics(answer) => {
                score_metrics(state, &mut self.orphans, &set, batch, answer, chart, &mut scored);
                if matches!(monitor.spec.detector, DetectorSpec::Learned) {
                    self.entities.observe(&set, state.series.values(), batch.to, &mut self.orphans, &mut scored);
                }
            }
            Payload::Logs { lines, .. } => {
                if let Some(logs) = state.logs.as_mut() {
                    logs.push(&set, lines, batch.from, batch.to, &mut scored);
                }
            }
        }
        state.persist(monitor, batch.to, now, &mut scored);
        scored
    }

    /// Turns scored rows into one commit, given the incidents as stored now; they are not looked at when nothing opened
    /// or closed.
    pub(crate) fn correlate(
        &mut self,
        scored: Scored,
        incidents: &[Incident],
        batch: &Batch,
        now: DateTime<Utc>,
    ) -> AnalyzerCommit {
        let Scored { changes, ongoing, points, states, .. } = scored;
        ongoing.values().for_each(|a| self.correlator.follow(a));
        // What is muted, or closes without ever having been told, is stored and moves no incident.
        let (mut told, untold): (Vec<_>, Vec<_>) = changes.into_iter().partition(|c| c.anomaly.may_be_told());
        let mut writes = Vec::new();
        if !told.is_empty() {
            writes = self.correlator.place(&mut told, incidents, &batch.trace, now);
            writes.extend(self.correlator.natural_recoveries(incidents, now));
        }
        let mut anomalies: Vec<Anomaly> = ongoing.into_values().collect();
        for change in &told {
            self.attach(&change.anomaly);
        }
        anomalies.extend(told.into_iter().chain(untold).map(|c| c.anomaly));
        AnalyzerCommit { states, anomalies, points, incidents: writes }
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
        for state in self.monitors.values_mut() {
            state.redirect(from, to);
        }
        self.entities.redirect(from, to);
    }

    /// Writes the incident into the open anomaly that the series keeps.
    fn attach(&mut self, anomaly: &Anomaly) {
        if anomaly.state == AnomalyState::Closed {
            return;
        }
        if let Some(monitor) = self.monitors.get_mut(&anomaly.monitor_id) {
            monitor.attach(anomaly);
        }
        self.entities.attach(anomaly);
    }
}

/// Why nothing of a monitor is told now; empty when it is.
fn muted(monitor: &Monitor, now: Time) -> String {
    match monitor.spec.muted_until {
        Some(until) if now < until => format!("muted until {}", until.format("%Y-%m-%d %H:%M UTC")),
        _ => String::new(),
    }
}

fn score_metrics(
    state: &mut MonitorState,
    orphans: &mut HashMap<String, Anomaly>,
    set: &Setting<'_>,
    batch: &Batch,
    answer: &MetricAnswer,
    chart: usize,
    scored: &mut Scored,
) {
    let monitor = set.monitor;
    let watches_absence = matches!(monitor.spec.detector, DetectorSpec::Absence { .. })
        || monitor.spec.rules.iter().any(|r| matches!(r, Rule::Absence { .. }));
    let mut present = HashSet::new();
    for incoming in answer.series.iter().take(monitor.spec.max_series as usize) {
        let hash = key::hash(monitor.id, &incoming.labels);
        let series = state.series.entry(hash).or_insert_with(|| {
            let mut fresh = SeriesState::new(monitor, &key::text(hash), &incoming.labels, chart);
            let tails: Vec<String> = fresh.lanes().map(|l| format!("{}{}", fresh.key, l.tail)).collect();
            for anomaly in tails.iter().filter_map(|k| orphans.remove(k)) {
                fresh.adopt(anomaly);
            }
            fresh
        });
        let since = series.last_ms;
        for point in &incoming.points {
            series.push(set, point.at_ms, point.value, scored);
            scored.rows += 1;
        }
        series.learn_history(&incoming.points);
        scored.learning = Some(scored.learning.unwrap_or(true) && series.learning);
        series.chart(since, scored);
        if watches_absence {
            present.insert(hash);
        }
    }
    if watches_absence {
        for (_, series) in state.series.iter_mut().filter(|(hash, _)| !present.contains(hash)) {
            series.missing(set, batch.to.timestamp_millis(), scored);
        }
    }
    state.covered = Some(batch.to);
}

#[cfg(test)]
mod alerts_tests;
#[cfg(test)]
mod feedback_tests;
#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod template_tests;
#[cfg(test)]
mod tests;
