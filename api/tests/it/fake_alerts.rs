//! Alerts: tokens and calls are remembered; work on incidents: nothing is there, and nothing can be changed.

use async_trait::async_trait;
use domain::alert::{Alert, AlertGroup, Receipt};
use domain::identity::Audit;
use domain::incident::{Incident, IncidentEvent, Severity};
use domain::incident_work::{IncidentWork, NoiseDay};
use domain::page::{Page, PageRequest};
use domain::ports::{AlertFilter, AlertStore, IncidentWorkStore, Intake, Split};
use domain::{Error, Id, Result, Time};
use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

/// Work on incidents: empty.
#[derive(Debug, Default)]
pub(crate) struct Nothing;

/// Alerts as they were taken in.
#[derive(Debug, Default)]
pub(crate) struct Alerts {
    hashes: Mutex<HashMap<Id, String>>,
    pub(crate) taken: Mutex<Vec<Intake>>,
    /// Whether the database cannot take anything now.
    pub(crate) down: AtomicBool,
}

fn nothing<T>() -> Result<T> {
    Err(Error::not_found("incident"))
}

#[async_trait]
impl AlertStore for Alerts {
    async fn accept(&self, intake: Intake, _: Audit) -> Result<Receipt> {
        if self.down.load(Ordering::Relaxed) {
            return Err(Error::unavailable("the database is busy: try again"));
        }
        let alerts = intake.alerts.len() as u64;
        let omitted = intake.omitted;
        self.taken.lock().unwrap().push(intake);
        Ok(Receipt { alerts, opened: alerts, omitted, ..Receipt::default() })
    }

    async fn list_alerts(&self, filter: &AlertFilter, page: &PageRequest) -> Result<Page<Alert>> {
        let taken = self.taken.lock().unwrap();
        let all: Vec<Alert> = taken.iter().flat_map(|i| i.alerts.iter().map(|a| a.alert.clone())).collect();
        let wanted = |a: &Alert| {
            filter.state.is_none_or(|s| a.state == s) && filter.incident_id.is_none_or(|id| a.incident_id == Some(id))
        };
        Ok(crate::fake_catalog::page(&all.into_iter().filter(wanted).collect::<Vec<_>>(), page))
    }

    async fn alert_groups(&self, _: Option<Id>) -> Result<Vec<AlertGroup>> {
        Ok(Vec::new())
    }

    async fn token_hash(&self, source: Id) -> Result<Option<String>> {
        Ok(self.hashes.lock().unwrap().get(&source).cloned())
    }

    async fn set_token_hash(&self, source: Id, hash: Option<String>, _: Time, _: Audit) -> Result<()> {
        let mut hashes = self.hashes.lock().unwrap();
        match hash {
            Some(hash) => hashes.insert(source, hash),
            None => hashes.remove(&source),
        };
        Ok(())
    }
}

#[async_trait]
impl IncidentWorkStore for Nothing {
    async fn work_of(&self, _: Id) -> Result<IncidentWork> {
        nothing()
    }

    async fn assign(&self, _: Id, _: i64, _: Option<String>, _: IncidentEvent, _: Audit) -> Result<Incident> {
        nothing()
    }

    async fn set_severity(&self, _: Id, _: i64, _: Severity, _: IncidentEvent, _: Audit) -> Result<Incident> {
        nothing()
    }

    async fn merge(&self, _: Id, _: i64, _: Id, _: IncidentEvent, _: Audit) -> Result<Incident> {
        nothing()
    }

    async fn split(&self, _: Split, _: IncidentEvent, _: Audit) -> Result<(Incident, Incident)> {
        nothing()
    }

    async fn noise(&self, _: Time) -> Result<Vec<NoiseDay>> {
        Ok(Vec::new())
    }
}
