//! The state of one monitor: its series or logs, and which of it is stored when.

use super::log_state::{self, LogState};
use super::scored::Scored;
use super::series::SeriesState;
use super::{key, pack, upkeep};
use chrono::{DateTime, TimeDelta, Utc};
use domain::anomaly::Anomaly;
use domain::catalog::{DetectorSpec, Monitor};
use domain::ports::StateRow;
use domain::{Id, Time};
use std::collections::{BTreeMap, HashMap};

/// Memories of a small monitor are stored at least so often; also whenever an anomaly opens or closes.
const PERSIST_EVERY: TimeDelta = TimeDelta::seconds(30);
/// Series whose memories are stored with one batch. A larger monitor is stored in turns; what was not stored yet when
/// the process dies is read again from the source, from the start of the last whole turn on.
const SLICE: usize = 1_000;
/// A series that has not come for so long is dropped from memory, unless an anomaly of it is open.
const VANISHED: TimeDelta = TimeDelta::days(1);

/// State of one monitor.
#[derive(Debug)]
pub(crate) struct MonitorState {
    pub(crate) version: i64,
    /// Which question the memory is of.
    pub(crate) asked: String,
    pub(crate) is_logs: bool,
    pub(crate) series: BTreeMap<u128, SeriesState>,
    pub(crate) logs: Option<LogState>,
    /// End of the last batch that was scored.
    pub(crate) covered: Option<Time>,
    persisted_at: Time,
    /// Where the next slice begins, and the end of the batch with which this turn began.
    cursor: u128,
    turn_began: Option<Time>,
}

impl MonitorState {
    pub(crate) fn new(monitor: &Monitor, asked: String, now: Time) -> Self {
        Self {
            version: monitor.version,
            asked,
            is_logs: matches!(monitor.spec.detector, DetectorSpec::Logs),
            series: BTreeMap::new(),
            logs: None,
            covered: None,
            persisted_at: now,
            cursor: 0,
            turn_began: None,
        }
    }

    pub(crate) fn restore_logs(
        &mut self,
        monitor: &Monitor,
        rows: &[StateRow],
        orphans: &mut HashMap<String, Anomaly>,
    ) {
        let saved = rows.iter().find(|r| r.key == log_state::KEY).and_then(|r| pack::unpack(&r.state));
        let mut logs = saved.and_then(|s| LogState::restore(monitor, &s)).unwrap_or_else(|| LogState::new(monitor));
        logs.adopt(orphans, monitor.id);
        self.logs = Some(logs);
    }

    /// Restores series; returns anomalies that no judge of them is for any more, closed.
    pub(crate) fn restore_series(
        &mut self,
        monitor: &Monitor,
        rows: &[StateRow],
        orphans: &mut HashMap<String, Anomaly>,
        chart: usize,
        now: Time,
    ) -> Vec<Anomaly> {
        for row in rows {
            if let Some(series) = SeriesState::restore(monitor, &self.asked, &row.state, chart, now)
                && let Some(hash) = key::number(&series.key)
            {
                self.series.insert(hash, series);
            }
        }
        let mine: Vec<String> =
            orphans.iter().filter(|(_, a)| a.monitor_id == monitor.id).map(|(key, _)| key.clone()).collect();
        let mut homeless = Vec::new();
        for key in mine {
            let Some(series) = key::number(&key).and_then(|hash| self.series.get_mut(&hash)) else { continue };
            if let Some(left) = orphans.remove(&key).and_then(|a| series.adopt(a)) {
                homeless.push(upkeep::ended(left, now, upkeep::NO_RULE));
            }
        }
        homeless
    }

    /// Memories of everything, as of now.
    pub(crate) fn memories(&mut self, monitor: &Monitor, asked: &str) -> Vec<StateRow> {
        let mut rows: Vec<StateRow> = self.series.values_mut().filter_map(|s| s.memory(monitor, asked)).collect();
        rows.extend(self.logs.iter().map(|logs| log_memory(monitor, logs)));
        rows
    }

    /// Adds the memories that are due to what is stored with this batch.
    pub(crate) fn persist(&mut self, monitor: &Monitor, to: Time, now: Time, scored: &mut Scored) {
        let news = !scored.changes.is_empty();
        let due = news || now - self.persisted_at >= PERSIST_EVERY;
        if let Some(logs) = &mut self.logs {
            if due {
                self.persisted_at = now;
                scored.templates = logs.changed_templates();
                scored.states = vec![log_memory(monitor, logs)];
                scored.checkpoint = Some(logs.safe_checkpoint());
            }
        } else if self.series.len() <= SLICE {
            if due {
                self.persisted_at = now;
                (self.cursor, self.turn_began) = (0, None);
                self.prune(monitor, to);
                scored.states = slice(self.series.values_mut(), monitor, &self.asked);
                scored.checkpoint = Some(to);
            }
        } else {
            self.persist_in_turns(monitor, to, scored);
        }
    }

    fn persist_in_turns(&mut self, monitor: &Monitor, to: Time, scored: &mut Scored) {
        let began = *self.turn_began.get_or_insert(to);
        let next = self.series.range(self.cursor..).nth(SLICE).map(|(hash, _)| *hash);
        let end = next.unwrap_or(u128::MAX);
        scored.states = slice(self.series.range_mut(self.cursor..=end).map(|(_, s)| s), monitor, &self.asked);
        // What opened or closed is stored with its episode, wherever the turn is.
        let changed = scored.changes.iter().filter_map(|c| key::number(&c.anomaly.series_key));
        for hash in changed.collect::<std::collections::BTreeSet<_>>() {
            let row = self.series.get_mut(&hash).filter(|s| s.last_ms > s.stored_ms);
            scored.states.extend(row.and_then(|s| s.memory(monitor, &self.asked)));
        }
        self.cursor = next.unwrap_or(0);
        if next.is_none() {
            scored.checkpoint = Some(began);
            self.turn_began = None;
            self.prune(monitor, to);
        }
    }

    /// Forgets series that are gone; beyond twice the monitor's bound those that have been gone longest.
    fn prune(&mut self, monitor: &Monitor, to: DateTime<Utc>) {
        let oldest = (to - VANISHED).timestamp_millis();
        self.series.retain(|_, s| s.last_ms >= oldest || s.has_open());
        let most = 2 * monitor.spec.max_series as usize;
        if self.series.len() > most {
            let mut ages: Vec<i64> = self.series.values().filter(|s| !s.has_open()).map(|s| s.last_ms).collect();
            ages.sort_unstable();
            let excess = self.series.len() - most;
            let cut = ages.get(excess).copied().unwrap_or(i64::MAX);
            self.series.retain(|_, s| s.last_ms >= cut || s.has_open());
        }
    }

    /// The anomalies that are open.
    pub(crate) fn into_open(self) -> impl Iterator<Item = Anomaly> {
        let of_series = self
            .series
            .into_values()
            .flat_map(|mut s| s.lanes_mut().filter_map(|l| l.open.take().map(|a| *a)).collect::<Vec<_>>());
        of_series.chain(self.logs.into_iter().flat_map(LogState::into_open).map(|(_, a)| a))
    }

    /// Writes the incident into the open anomaly that is kept here.
    pub(crate) fn attach(&mut self, anomaly: &Anomaly) {
        let series = key::number(&anomaly.series_key).and_then(|hash| self.series.get_mut(&hash));
        if let Some(open) = series.and_then(|s| s.lane_of(&anomaly.series_key)).and_then(|l| l.open.as_mut()) {
            open.incident_id = anomaly.incident_id;
        }
        if let Some(logs) = self.logs.as_mut() {
            logs.attach(anomaly);
        }
    }

    /// The incident became another one.
    pub(crate) fn redirect(&mut self, from: Id, to: Id) {
        let lanes = self.series.values_mut().flat_map(SeriesState::lanes_mut);
        for anomaly in lanes.filter_map(|l| l.open.as_mut()).filter(|a| a.incident_id == Some(from)) {
            anomaly.incident_id = Some(to);
        }
        if let Some(logs) = self.logs.as_mut() {
            logs.redirect(from, to);
        }
    }
}

/// Memories of those that have learned something since they were stored.
fn slice<'a>(series: impl Iterator<Item = &'a mut SeriesState>, monitor: &Monitor, asked: &str) -> Vec<StateRow> {
    series.filter(|s| s.last_ms > s.stored_ms).filter_map(|s| s.memory(monitor, asked)).collect()
}

fn log_memory(monitor: &Monitor, logs: &LogState) -> StateRow {
    StateRow {
        monitor_id: monitor.id,
        key: log_state::KEY.to_owned(),
        as_of: logs.safe_checkpoint(),
        state: pack::pack(logs.snapshot()),
    }
}
