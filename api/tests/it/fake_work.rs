//! Incidents, runs and what hangs on them in memory; what the API never calls is unreachable.

use crate::fake_catalog::page;
use async_trait::async_trait;
use domain::anomaly::{Anomaly, AnomalyFilter, ChartPoint};
use domain::catalog::RuntimeKind;
use domain::decision::{Decision, Evaluate, Plan};
use domain::identity::Audit;
use domain::incident::{Incident, IncidentEvent, IncidentState};
use domain::outbox::Notification;
use domain::page::{Page, PageRequest};
use domain::policy::Policy;
use domain::ports::{
    Assigned, Claim, HealStore, IncidentFilter, IncidentStore, OutboxStore, RunFilter, RunStore, VerificationStep,
};
use domain::run::{Run, RunEnd, RunState};
use domain::verification::{CheckSample, Verification};
use domain::{Error, Id, Result, Time};
use std::sync::Mutex;
use std::time::Duration;

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Work {
    pub(crate) incidents: Mutex<Vec<Incident>>,
    pub(crate) events: Mutex<Vec<IncidentEvent>>,
    pub(crate) runs: Mutex<Vec<Run>>,
    /// Anomalies of incidents.
    pub(crate) members: Mutex<Vec<Anomaly>>,
    /// The last filter of anomalies.
    pub(crate) asked: Mutex<AnomalyFilter>,
    pub(crate) pause: Mutex<Option<domain::queue::Pause>>,
}

#[async_trait]
impl IncidentStore for Work {
    async fn list_incidents(&self, filter: &IncidentFilter, request: &PageRequest) -> Result<Page<Incident>> {
        let rows = self.incidents.lock().unwrap();
        let wanted = |i: &&Incident| {
            (filter.states.is_empty() || filter.states.contains(&i.state))
                && filter.min_severity.is_none_or(|s| i.severity >= s)
                && filter.search.as_ref().is_none_or(|s| i.title.contains(s.as_str()))
        };
        Ok(page(&rows.iter().filter(wanted).cloned().collect::<Vec<_>>(), request))
    }

    async fn incident(&self, id: Id) -> Result<Incident> {
        let rows = self.incidents.lock().unwrap();
        rows.iter().find(|i| i.id == id).cloned().ok_or_else(|| Error::not_found("incident"))
    }

    async fn events(&self, id: Id, after: Option<Id>, limit: u32) -> Result<Vec<IncidentEvent>> {
        let all = self.events_since(after, u32::MAX).await?;
        Ok(all.into_iter().filter(|e| e.incident_id == id).take(limit as usize).collect())
    }

    async fn events_since(&self, after: Option<Id>, limit: u32) -> Result<Vec<IncidentEvent>> {
        let all = self.events.lock().unwrap();
        let from = after.map_or(0, |after| {
            let exact = all.iter().position(|e| e.id == after).map(|at| at + 1);
            exact.unwrap_or_else(|| all.iter().take_while(|e| e.id < after).count())
        });
        Ok(all.iter().skip(from).take(limit as usize).cloned().collect())
    }

    async fn anomalies_of(&self, id: Id) -> Result<Vec<Anomaly>> {
        Ok(self.members.lock().unwrap().iter().filter(|a| a.incident_id == Some(id)).cloned().collect())
    }

    async fn list_anomalies(&self, filter: &AnomalyFilter, request: &PageRequest) -> Result<Page<Anomaly>> {
        *self.asked.lock().unwrap() = filter.clone();
        Ok(page(&[], request))
    }

    async fn chart(&self, _anomaly_id: Id) -> Result<Vec<ChartPoint>> {
        Ok(Vec::new())
    }

    async fn transition(
        &self,
        id: Id,
        version: i64,
        to: IncidentState,
        event: IncidentEvent,
        _audit: Audit,
    ) -> Result<Incident> {
        let mut rows = self.incidents.lock().unwrap();
        let row = rows.iter_mut().find(|i| i.id == id && i.version == version);
        let row = row.ok_or_else(|| Error::conflict("the incident changed"))?;
        (row.version, row.state) = (version + 1, to);
        self.events.lock().unwrap().push(event);
        Ok(row.clone())
    }

    async fn comment(&self, event: IncidentEvent, _audit: Audit) -> Result<()> {
        self.events.lock().unwrap().push(event);
        Ok(())
    }

    async fn summary(&self, _since: Time) -> Result<serde_json::Value> {
        Ok(serde_json::json!({"incidents": {"open": 2}, "verdicts": {"fixed": 1}, "detect_ms_p50": 1500}))
    }
}

#[async_trait]
impl RunStore for Work {
    async fn enqueue(&self, run: Run, _audit: Audit) -> Result<Run> {
        self.runs.lock().unwrap().push(run.clone());
        Ok(run)
    }

    async fn claim(&self, _owner: &str, _lease: Duration) -> Result<Option<Claim>> {
        unreachable!()
    }

    async fn renew(&self, _id: Id, _epoch: i64, _lease: Duration) -> Result<bool> {
        unreachable!()
    }

    async fn assign(&self, _: Id, _: i64, _: Id, _: RuntimeKind, _: &str) -> Result<Assigned> {
        unreachable!()
    }

    async fn started(&self, _id: Id, _epoch: i64, _at: Time) -> Result<()> {
        unreachable!()
    }

    async fn finish(&self, id: Id, _epoch: i64, end: RunEnd, at: Time) -> Result<()> {
        let mut runs = self.runs.lock().unwrap();
        let run = runs.iter_mut().find(|r| r.id == id).unwrap();
        (run.state, run.exit_code, run.ended_at) = (end.state, end.exit_code, Some(at));
        Ok(())
    }

    async fn release(&self, _id: Id, _epoch: i64, _reason: &str) -> Result<()> {
        unreachable!()
    }

    async fn cancel(&self, id: Id, _audit: Audit) -> Result<Run> {
        let mut runs = self.runs.lock().unwrap();
        let run = runs.iter_mut().find(|r| r.id == id).ok_or_else(|| Error::not_found("run"))?;
        run.state = RunState::Cancelled;
        Ok(run.clone())
    }

    async fn run(&self, id: Id) -> Result<Run> {
        self.runs.lock().unwrap().iter().find(|r| r.id == id).cloned().ok_or_else(|| Error::not_found("run"))
    }

    async fn list_runs(&self, filter: &RunFilter, request: &PageRequest) -> Result<Page<Run>> {
        let runs = self.runs.lock().unwrap();
        let wanted = |r: &&Run| {
            (filter.states.is_empty() || filter.states.contains(&r.state))
                && filter.case_id.is_none_or(|id| r.case_id == id)
                && filter.batch_id.is_none_or(|id| r.batch_id == Some(id))
                && filter.incident_id.is_none_or(|id| r.heal.as_ref().is_some_and(|h| h.incident_id == id))
        };
        Ok(page(&runs.iter().filter(wanted).cloned().collect::<Vec<_>>(), request))
    }

    async fn load(&self) -> Result<Vec<(Id, u32)>> {
        unreachable!()
    }
}

#[async_trait]
impl HealStore for Work {
    async fn undecided(&self, _now: Time, _limit: u32) -> Result<Vec<Incident>> {
        unreachable!()
    }

    async fn decide(&self, _id: Id, _policy: &Policy, _evaluate: &Evaluate<'_>) -> Result<Option<Plan>> {
        unreachable!()
    }

    async fn record_undecided(&self, _decision: Decision) -> Result<()> {
        unreachable!()
    }

    async fn decisions(&self, _incident_id: Id) -> Result<Vec<Decision>> {
        Ok(Vec::new())
    }

    async fn set_baseline(&self, _run_id: Id, _baseline: Vec<CheckSample>) -> Result<()> {
        unreachable!()
    }

    async fn start_verifications(&self, _now: Time) -> Result<Vec<Verification>> {
        unreachable!()
    }

    async fn due_verifications(&self, _now: Time, _limit: u32) -> Result<Vec<Verification>> {
        unreachable!()
    }

    async fn step_verification(&self, _id: Id, _version: i64, _step: VerificationStep) -> Result<()> {
        unreachable!()
    }

    async fn verifications(&self, _incident_id: Id) -> Result<Vec<Verification>> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl OutboxStore for Work {
    async fn due(&self, _now: Time, _hold: Duration, _limit: u32) -> Result<Vec<Notification>> {
        unreachable!()
    }

    async fn delivered(&self, _id: Id, _at: Time) -> Result<()> {
        unreachable!()
    }

    async fn failed(&self, _id: Id, _error: &str, _next_at: Option<Time>) -> Result<()> {
        unreachable!()
    }

    async fn notifications(&self, _incident_id: Id) -> Result<Vec<Notification>> {
        Ok(Vec::new())
    }
}
