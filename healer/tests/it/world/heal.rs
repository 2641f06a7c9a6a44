//! Incidents, decisions and verifications of the store in memory.

use super::World;
use async_trait::async_trait;
use chrono::{TimeDelta, Utc};
use domain::anomaly::{Anomaly, ChartPoint};
use domain::decision::{Decision, Evaluate, GateFacts, PastRun, Plan};
use domain::identity::Audit;
use domain::incident::{Incident, IncidentEvent, IncidentState};
use domain::page::{Page, PageRequest};
use domain::policy::Policy;
use domain::ports::{HealStore, IncidentFilter, IncidentStore, VerificationStep};
use domain::run::{Run, RunPurpose};
use domain::verification::{CheckSample, Verification};
use domain::{Error, Id, Result, Time};

fn not_here<T>() -> Result<T> {
    Err(Error::unavailable("not part of this fake"))
}

impl World {
    fn past(&self) -> Vec<PastRun> {
        let tables = self.tables();
        let one = |r: &Run| {
            let heal = r.heal.as_ref()?;
            let v = tables.verifications.values().find(|v| v.run_id == r.id);
            Some(PastRun {
                id: r.id,
                incident_id: heal.incident_id,
                target: r.target.clone(),
                step: heal.step,
                undo: r.purpose == RunPurpose::Undo,
                state: r.state,
                queued_at: r.queued_at,
                ended_at: r.ended_at,
                verdict: v.and_then(|v| v.verdict),
                verdict_at: v.and_then(|v| v.ended_at),
            })
        };
        tables.runs.values().filter_map(one).collect()
    }

    fn go_to(&self, id: Id, to: IncidentState) {
        let mut tables = self.tables();
        let incident = tables.incidents.get_mut(&id).expect("incident");
        assert!(incident.state.may_become(to), "{:?} -> {to:?}", incident.state);
        incident.state = to;
        incident.version += 1;
        incident.updated_at = Utc::now();
    }
}

#[async_trait]
impl HealStore for World {
    async fn undecided(&self, now: Time, _: u32) -> Result<Vec<Incident>> {
        let tables = self.tables();
        let held = |i: &Incident| {
            let last = tables.decisions.iter().rev().find(|d| d.incident_id == i.id);
            last.is_some_and(|d| d.at >= i.updated_at && d.retry_at.is_none_or(|t| t > now))
        };
        let open = |i: &&Incident| matches!(i.state, IncidentState::Open | IncidentState::Acknowledged);
        Ok(tables.incidents.values().filter(open).filter(|i| !held(i)).cloned().collect())
    }

    async fn decide(&self, id: Id, policy: &Policy, evaluate: &Evaluate<'_>) -> Result<Option<Plan>> {
        let incident = self.tables().incidents[&id].clone();
        if incident.state != IncidentState::Open {
            return Ok(None);
        }
        let anomalies = self.anomalies_of(id).await?;
        let now = Utc::now();
        let runs = self.past();
        let facts =
            GateFacts { incident, anomalies, policy_runs: runs.clone(), target_runs: runs, data_as_of: Some(now), now };
        let plan = evaluate(policy, &facts);
        self.tables().decisions.push(plan.decision.clone());
        if let Some(run) = &plan.run {
            self.tables().runs.insert(run.id, run.as_ref().clone());
            self.go_to(id, IncidentState::Healing);
        } else if plan.escalate {
            self.go_to(id, IncidentState::Escalated);
        }
        Ok(Some(plan))
    }

    async fn record_undecided(&self, decision: Decision) -> Result<()> {
        self.tables().decisions.push(decision);
        Ok(())
    }

    async fn decisions(&self, _: Id) -> Result<Vec<Decision>> {
        Ok(self.tables().decisions.clone())
    }

    async fn set_baseline(&self, run_id: Id, baseline: Vec<CheckSample>) -> Result<()> {
        self.tables().baselines.insert(run_id, baseline);
        Ok(())
    }

    async fn start_verifications(&self, now: Time) -> Result<Vec<Verification>> {
        let ended: Vec<Run> = {
            let t = self.tables();
            let fresh = |r: &&Run| {
                r.heal.is_some() && r.state.is_terminal() && !t.verifications.values().any(|v| v.run_id == r.id)
            };
            t.runs.values().filter(fresh).cloned().collect()
        };
        let mut made = Vec::new();
        for run in ended {
            let heal = run.heal.clone().expect("a heal");
            if run.purpose == RunPurpose::Undo {
                if self.tables().incidents[&heal.incident_id].state == IncidentState::Healing {
                    self.go_to(heal.incident_id, IncidentState::Escalated);
                }
                continue;
            }
            let spec = crate::heal::verification();
            let v = Verification {
                id: domain::new_id(),
                version: 1,
                incident_id: heal.incident_id,
                run_id: run.id,
                policy_id: heal.policy_id,
                step: heal.step,
                baseline: self.tables().baselines.get(&run.id).cloned().unwrap_or_default(),
                rounds: vec![],
                next_at: Some(run.ended_at.unwrap_or(now) + TimeDelta::seconds(i64::from(spec.settle_secs))),
                started_at: now,
                verdict: None,
                reason: String::new(),
                ended_at: None,
                soak_until: None,
                spec,
            };
            self.tables().verifications.insert(v.id, v.clone());
            self.go_to(heal.incident_id, IncidentState::Verifying);
            made.push(v);
        }
        Ok(made)
    }

    async fn due_verifications(&self, now: Time, _: u32) -> Result<Vec<Verification>> {
        Ok(self
            .tables()
            .verifications
            .values()
            .filter(|v| v.verdict.is_none() && v.next_at <= Some(now))
            .cloned()
            .collect())
    }

    async fn step_verification(&self, id: Id, version: i64, step: VerificationStep) -> Result<()> {
        let mut tables = self.tables();
        let v = tables.verifications.get_mut(&id).ok_or_else(|| Error::not_found("verification"))?;
        if v.version != version {
            return Err(Error::conflict("the verification changed"));
        }
        v.version += 1;
        let incident = v.incident_id;
        match step {
            VerificationStep::Round { samples, next_at, event } => {
                v.rounds.push(samples);
                v.next_at = Some(next_at);
                tables.events.extend(event);
            }
            VerificationStep::Verdict { samples, verdict, reason, at, soak_until, to, undo, events } => {
                v.rounds.push(samples);
                (v.verdict, v.reason, v.ended_at, v.soak_until) = (Some(verdict), reason, Some(at), soak_until);
                tables.events.extend(events);
                if let Some(run) = undo {
                    tables.runs.insert(run.id, *run);
                }
                drop(tables);
                self.go_to(incident, to);
            }
        }
        Ok(())
    }

    async fn verifications(&self, _: Id) -> Result<Vec<Verification>> {
        Ok(self.tables().verifications.values().cloned().collect())
    }
}

#[async_trait]
impl IncidentStore for World {
    async fn list_incidents(&self, _: &IncidentFilter, _: &PageRequest) -> Result<Page<Incident>> {
        not_here()
    }
    async fn incident(&self, id: Id) -> Result<Incident> {
        self.tables().incidents.get(&id).cloned().ok_or_else(|| Error::not_found("incident"))
    }
    async fn events(&self, _: Id, _: Option<Id>, _: u32) -> Result<Vec<IncidentEvent>> {
        not_here()
    }
    async fn events_since(&self, _: Option<Id>, _: u32) -> Result<Vec<IncidentEvent>> {
        not_here()
    }
    async fn anomalies_of(&self, id: Id) -> Result<Vec<Anomaly>> {
        Ok(self.tables().anomalies.iter().filter(|a| a.incident_id == Some(id)).cloned().collect())
    }
    async fn list_anomalies(&self, _: &domain::anomaly::AnomalyFilter, _: &PageRequest) -> Result<Page<Anomaly>> {
        not_here()
    }
    async fn chart(&self, _: Id) -> Result<Vec<ChartPoint>> {
        not_here()
    }
    async fn transition(&self, _: Id, _: i64, _: IncidentState, _: IncidentEvent, _: Audit) -> Result<Incident> {
        not_here()
    }
    async fn comment(&self, _: IncidentEvent, _: Audit) -> Result<()> {
        not_here()
    }
    async fn summary(&self, _: Time) -> Result<serde_json::Value> {
        not_here()
    }
}
