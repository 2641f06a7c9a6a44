//! Alerts and work on incidents that no test needs yet: nothing is there, and nothing can be changed.

use async_trait::async_trait;
use domain::alert::{Alert, AlertGroup, Receipt};
use domain::identity::Audit;
use domain::incident::{Incident, IncidentEvent, Severity};
use domain::incident_work::{IncidentWork, NoiseDay};
use domain::page::{Page, PageRequest};
use domain::ports::{AlertFilter, AlertStore, IncidentWorkStore, Intake, Split};
use domain::{Error, Id, Result, Time};

/// Empty.
#[derive(Debug, Default)]
pub(crate) struct Nothing;

fn nothing<T>() -> Result<T> {
    Err(Error::not_found("incident"))
}

#[async_trait]
impl AlertStore for Nothing {
    async fn accept(&self, _: Intake, _: Audit) -> Result<Receipt> {
        Err(Error::unavailable("not part of this fake"))
    }

    async fn list_alerts(&self, _: &AlertFilter, _: &PageRequest) -> Result<Page<Alert>> {
        Ok(Page { items: Vec::new(), next_cursor: None })
    }

    async fn alert_groups(&self, _: Option<Id>) -> Result<Vec<AlertGroup>> {
        Ok(Vec::new())
    }

    async fn token_hash(&self, _: Id) -> Result<Option<String>> {
        Ok(None)
    }

    async fn set_token_hash(&self, _: Id, _: Option<String>, _: Time, _: Audit) -> Result<()> {
        nothing()
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
