//! Port of what people do with incidents beyond moving their state; each call is one transaction, audited.

use crate::error::Result;
use crate::identity::Audit;
use crate::incident::{Incident, IncidentEvent, Severity};
use crate::incident_work::{IncidentWork, NoiseDay};
use crate::{Id, Time};
use async_trait::async_trait;

/// Members to split off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Split {
    /// The incident.
    pub id: Id,
    /// Its version as read.
    pub version: i64,
    /// Its anomalies that become another incident.
    pub anomalies: Vec<Id>,
    /// Title of that one; absent: made from its strongest member.
    pub title: Option<String>,
}

/// What people do with incidents. `Conflict` when `version` is old or the incident's state does not allow it.
#[async_trait]
pub trait IncidentWorkStore: Send + Sync {
    /// What people decided about it.
    async fn work_of(&self, id: Id) -> Result<IncidentWork>;
    /// Gives it to a person, or to nobody.
    async fn assign(
        &self,
        id: Id,
        version: i64,
        assignee: Option<String>,
        event: IncidentEvent,
        audit: Audit,
    ) -> Result<Incident>;
    /// Sets its severity by hand; no anomaly raises it from then on.
    async fn set_severity(
        &self,
        id: Id,
        version: i64,
        severity: Severity,
        event: IncidentEvent,
        audit: Audit,
    ) -> Result<Incident>;
    /// Makes it part of `into`: its anomalies and alerts go there, and it is `merged`. Returns `into`. `event` is the
    /// remark for the timeline of the one that goes.
    async fn merge(&self, id: Id, version: i64, into: Id, event: IncidentEvent, audit: Audit) -> Result<Incident>;
    /// Makes members another incident; some must stay. Returns what stays and the new one. `event` is the remark for
    /// the timeline of what stays.
    async fn split(&self, split: Split, event: IncidentEvent, audit: Audit) -> Result<(Incident, Incident)>;
    /// Incidents and notifications by day, oldest day first; days without any are left out.
    async fn noise(&self, since: Time) -> Result<Vec<NoiseDay>>;
}
