//! What becomes of anomalies and memories whose monitor is gone, changed, or watched elsewhere meanwhile. Pure.

use super::Engine;
use crate::correlate::Change;
use chrono::TimeDelta;
use domain::anomaly::{Anomaly, AnomalyState, Recovery};
use domain::catalog::Monitor;
use domain::incident::{Incident, Severity};
use domain::ports::AnalyzerCommit;
use domain::signal::Batch;
use domain::trace::TraceContext;
use domain::{Id, Time};
use std::collections::HashMap;

/// Why anomalies are closed without their signal getting well.
pub(crate) const OTHER_QUERY: &str = "the monitor asks another question now";
pub(crate) const NO_RULE: &str = "the rule was removed from the monitor";
const ARCHIVED: &str = "the monitor was archived";
const DISABLED: &str = "the monitor was disabled";

/// Series in this process up to which charts have room for 180 rows, beyond it for 48.
const ROOMY: usize = 20_000;

/// The anomaly, closed because of `because`.
pub(crate) fn ended(mut anomaly: Anomaly, now: Time, because: &str) -> Anomaly {
    anomaly.state = AnomalyState::Closed;
    anomaly.ended_at = Some(now.max(anomaly.started_at));
    because.clone_into(&mut anomaly.evidence.closed_because);
    anomaly
}

impl Engine {
    /// One commit that closes anomalies for another reason than a row.
    pub(crate) fn closing(&mut self, closed: Vec<Anomaly>, incidents: &[Incident], now: Time) -> AnalyzerCommit {
        let all = closed.into_iter().map(|anomaly| Change { anomaly, severity: Severity::Info });
        let (mut told, untold): (Vec<_>, Vec<_>) = all.partition(|c| c.anomaly.may_be_told());
        let writes = self.correlator.place(&mut told, incidents, &TraceContext::random(), now);
        let anomalies = told.into_iter().chain(untold).map(|c| c.anomaly).collect();
        AnalyzerCommit { anomalies, incidents: writes, ..AnalyzerCommit::default() }
    }

    /// Closes what belongs to monitors that are not watched any more; `living` holds those that are not archived.
    pub(crate) fn retire(&mut self, living: &HashMap<Id, Monitor>, now: Time) -> Vec<Anomaly> {
        let why = |id: Id| match living.get(&id) {
            None => Some(ARCHIVED),
            Some(monitor) => (!monitor.spec.enabled).then_some(DISABLED),
        };
        let gone: Vec<Id> = self.monitors.keys().copied().filter(|id| why(*id).is_some()).collect();
        let mut open: Vec<Anomaly> = Vec::new();
        for id in gone {
            open.extend(self.monitors.remove(&id).into_iter().flat_map(super::MonitorState::into_open));
        }
        let keys: Vec<String> =
            self.orphans.iter().filter(|(_, a)| why(a.monitor_id).is_some()).map(|(key, _)| key.clone()).collect();
        open.extend(keys.iter().filter_map(|key| self.orphans.remove(key)));
        open.extend(self.entities.retire(&|id| why(id).is_some()));
        open.into_iter()
            .map(|a| {
                let because = why(a.monitor_id).unwrap_or(ARCHIVED);
                ended(a, now, because)
            })
            .collect()
    }

    /// Closes anomalies of before a restart that were found by another query than the monitor's of now.
    pub(crate) fn orphans_of_another_question(&mut self, monitor: &Monitor, now: Time) -> Vec<Anomaly> {
        let other = |a: &Anomaly| {
            a.monitor_id == monitor.id
                && matches!(&a.recovery, Recovery::Band { query, source_id, .. }
                    if !query.contains(&monitor.spec.query) || *source_id != monitor.spec.source_id)
        };
        let keys: Vec<String> = self.orphans.iter().filter(|(_, a)| other(a)).map(|(key, _)| key.clone()).collect();
        keys.iter().filter_map(|k| self.orphans.remove(k)).map(|a| ended(a, now, OTHER_QUERY)).collect()
    }

    /// Whether rows between the last batch and this one were not seen here: another replica had the monitor meanwhile, or
    /// a gap was skipped. What is stored then may be newer than what is in memory.
    pub(crate) fn missed(&self, monitor: &Monitor, batch: &Batch) -> bool {
        let step = TimeDelta::seconds(i64::from(monitor.spec.interval_secs));
        let covered = self.monitors.get(&monitor.id).and_then(|m| m.covered);
        covered.is_some_and(|covered| batch.from > covered + step)
    }

    /// Drops a monitor's memory without closing anything; it is loaded again with its next batch.
    pub(crate) fn forget(&mut self, id: Id) {
        self.monitors.remove(&id);
        self.orphans.retain(|_, a| a.monitor_id != id);
    }

    /// Open anomalies of a monitor as they are stored, after [`Engine::forget`].
    pub(crate) fn adopt(&mut self, monitor: Id, live: Vec<Anomaly>) {
        let mine = live.into_iter().filter(|a| a.monitor_id == monitor && a.state == AnomalyState::Open);
        self.orphans.extend(mine.filter(|a| !a.series_key.starts_with("entity:")).map(|a| (a.series_key.clone(), a)));
    }

    /// Rows that the chart of a new series has room for.
    pub(crate) fn chart_rows(&self) -> usize {
        let series: usize = self.monitors.values().map(|m| m.series.len()).sum();
        if series <= ROOMY { 180 } else { 48 }
    }
}
