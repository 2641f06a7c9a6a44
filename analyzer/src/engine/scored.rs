//! What one batch led to, before incidents are known.

use super::lane::RowEffect;
use crate::correlate::Change;
use chrono::{DateTime, Utc};
use domain::Id;
use domain::anomaly::{Anomaly, ChartPoint};
use domain::incident::Severity;
use domain::ports::StateRow;
use domain::template::LogTemplate;
use std::collections::BTreeMap;

/// What one batch led to.
#[derive(Debug, Default)]
pub(crate) struct Scored {
    pub(crate) changes: Vec<Change>,
    /// Anomalies that go on, by id; stored, but nobody is told.
    pub(crate) ongoing: BTreeMap<Id, Anomaly>,
    pub(crate) points: Vec<(Id, Vec<ChartPoint>)>,
    pub(crate) states: Vec<StateRow>,
    /// Log templates that changed.
    pub(crate) templates: Vec<LogTemplate>,
    /// Where the poller may go on after a restart.
    pub(crate) checkpoint: Option<DateTime<Utc>>,
    /// Whether all of the monitor is still learning; unknown when nothing was scored.
    pub(crate) learning: Option<bool>,
    pub(crate) rows: u64,
}

impl Scored {
    pub(crate) fn take(&mut self, effect: RowEffect, severity: Severity) {
        let Some(anomaly) = effect.changed else { return };
        if effect.opened || effect.closed {
            self.ongoing.remove(&anomaly.id);
            self.changes.push(Change { anomaly, severity });
        } else {
            self.ongoing.insert(anomaly.id, anomaly);
        }
    }

    /// Whether there is anything to store.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.ongoing.is_empty() && self.points.is_empty() && self.states.is_empty()
    }
}
