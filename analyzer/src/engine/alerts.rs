//! Alerts from outside meet anomalies: the same correlation gives them their incident.

use super::Engine;
use crate::correlate::Change;
use domain::alert::{Alert, AlertState};
use domain::incident::Incident;
use domain::ports::{AnalyzerCommit, Moved, Placement};
use domain::trace::TraceContext;
use domain::{Id, Time};
use std::collections::HashMap;

impl Engine {
    /// Where each alert belongs, and what that changes. `incidents` as for [`Engine::correlate`].
    ///
    /// One that was over before it was placed opens nothing. An incident keeps a bounded number of members; the alerts
    /// beyond it belong to it and are counted, and hold it open while they fire.
    pub(crate) fn place_alerts(
        &mut self,
        alerts: &[Alert],
        incidents: &[Incident],
        now: Time,
    ) -> (AnalyzerCommit, Vec<Placement>) {
        let active = |id: Id| incidents.iter().any(|i| i.id == id);
        let (mut changes, mut anomalies) = (Vec::new(), Vec::new());
        for alert in alerts {
            let anomaly = alert.anomaly();
            let member = alert.incident_id.is_some_and(|id| self.correlator.has(id, alert.id));
            match (alert.incident_id, alert.state) {
                (None, AlertState::Resolved) => {}
                (Some(id), AlertState::Resolved) if active(id) && !member => {}
                (Some(_), AlertState::Firing) if !member => {}
                (Some(_), AlertState::Firing) => {
                    self.correlator.follow(&anomaly);
                    anomalies.push(anomaly);
                }
                _ => changes.push(Change { anomaly, severity: alert.severity }),
            }
        }
        let mut writes = self.correlator.place(&mut changes, incidents, &TraceContext::random(), now);
        writes.extend(self.correlator.natural_recoveries(incidents, now));
        let homes: HashMap<Id, Option<Id>> = changes.iter().map(|c| (c.anomaly.id, c.anomaly.incident_id)).collect();
        let placed = alerts.iter().map(|alert| {
            let incident_id = homes.get(&alert.id).copied().flatten().or(alert.incident_id);
            Placement { alert_id: alert.id, revision: alert.revision, incident_id }
        });
        let placed = placed.collect();
        let kept = changes.into_iter().map(|c| c.anomaly).filter(|a| {
            let gone = a.ended_at.is_some();
            gone || a.incident_id.is_some_and(|id| self.correlator.has(id, a.id))
        });
        anomalies.extend(kept);
        (AnalyzerCommit { anomalies, incidents: writes, ..AnalyzerCommit::default() }, placed)
    }

    /// A person put members elsewhere.
    pub(crate) fn moved(&mut self, moves: &[Moved]) {
        for one in moves {
            if let Some(anomaly) = self.correlator.moved(one.anomaly_id, one.incident_id) {
                self.attach(&anomaly);
            }
        }
    }
}
