//! What every implementation of a port must do, written once and run against each.

pub mod alerts;
pub mod api_keys;
pub mod audit;
pub mod blobs;
pub mod catalog;
pub mod changes;
pub mod feedback;
pub mod heal;
pub mod incident_work;
pub mod incidents;
pub mod leases;
pub mod manager_health;
pub mod outbox;
pub mod queue;
pub mod retention;
pub mod roles;
pub mod run_logs;
pub mod runs;
pub mod schedules;
pub mod signals;
pub mod templates;
pub mod topology;
pub mod transport;
pub mod users;
pub mod verification;
pub mod versions;

use crate::catalog::{CaseSpec, ChannelSpec, MonitorSpec, RuntimeManagerSpec, ScriptSpec, SourceSpec};
use crate::error::{Error, Kind, Result};
use crate::identity::Audit;
use crate::incident::{EventKind, Incident};
use crate::policy::PolicySpec;
use crate::ports::{
    AlertQueue, AlertStore, AnalyzerCommit, AnalyzerStore, ApiKeyStore, AuditStore, CatalogStore, ChangeStore,
    FeedbackStore, HealStore, HealthHistory, IncidentStore, IncidentWorkStore, IncidentWrite, MemoryStore, OutboxStore,
    QueueStore, RetentionStore, RoleStore, RunStore, StatusStore, TemplateStore, TopologyStore, UserStore,
};
use crate::ports::{ScheduleStore, VersionStore};
use crate::schedule::ScheduleSpec;
use crate::testing::samples;
use std::sync::Arc;

/// Every store port of one empty database.
#[expect(missing_debug_implementations, reason = "the ports are not Debug")]
#[derive(Clone)]
pub struct Stores {
    /// Sources.
    pub sources: Arc<dyn CatalogStore<SourceSpec>>,
    /// Monitors.
    pub monitors: Arc<dyn CatalogStore<MonitorSpec>>,
    /// Scripts.
    pub scripts: Arc<dyn CatalogStore<ScriptSpec>>,
    /// Cases.
    pub cases: Arc<dyn CatalogStore<CaseSpec>>,
    /// Versions of scripts.
    pub versions: Arc<dyn VersionStore>,
    /// Schedules.
    pub schedules: Arc<dyn CatalogStore<ScheduleSpec>>,
    /// Windows of schedules.
    pub windows: Arc<dyn ScheduleStore>,
    /// Runtime managers.
    pub managers: Arc<dyn CatalogStore<RuntimeManagerSpec>>,
    /// Policies.
    pub policies: Arc<dyn CatalogStore<PolicySpec>>,
    /// Channels.
    pub channels: Arc<dyn CatalogStore<ChannelSpec>>,
    /// Live states.
    pub statuses: Arc<dyn StatusStore>,
    /// Checks of runtime managers.
    pub checks: Arc<dyn HealthHistory>,
    /// The analyzer's side.
    pub analyzer: Arc<dyn AnalyzerStore>,
    /// Incidents.
    pub incidents: Arc<dyn IncidentStore>,
    /// Alerts from outside.
    pub alerts: Arc<dyn AlertStore>,
    /// Opinions on anomalies.
    pub feedback: Arc<dyn FeedbackStore>,
    /// Log templates.
    pub templates: Arc<dyn TemplateStore>,
    /// Changes.
    pub changes: Arc<dyn ChangeStore>,
    /// Who depends on whom.
    pub topology: Arc<dyn TopologyStore>,
    /// Upkeep of the analyzer's tables.
    pub memory: Arc<dyn MemoryStore>,
    /// Their way to correlation.
    pub alert_queue: Arc<dyn AlertQueue>,
    /// What people do with incidents.
    pub work: Arc<dyn IncidentWorkStore>,
    /// The healer's side.
    pub heal: Arc<dyn HealStore>,
    /// Runs.
    pub runs: Arc<dyn RunStore>,
    /// Their queue.
    pub queue: Arc<dyn QueueStore>,
    /// Removal of what is old.
    pub retention: Arc<dyn RetentionStore>,
    /// Roles of processes.
    pub roles: Arc<dyn RoleStore>,
    /// Notifications.
    pub outbox: Arc<dyn OutboxStore>,
    /// Users.
    pub users: Arc<dyn UserStore>,
    /// Keys of programs.
    pub api_keys: Arc<dyn ApiKeyStore>,
    /// The audit chain.
    pub audit: Arc<dyn AuditStore>,
}

impl Stores {
    /// The ports of one database that implements them all.
    pub fn of<D>(db: &Arc<D>) -> Self
    where
        D: CatalogStore<SourceSpec>
            + CatalogStore<MonitorSpec>
            + CatalogStore<ScriptSpec>
            + CatalogStore<CaseSpec>
            + VersionStore
            + CatalogStore<ScheduleSpec>
            + ScheduleStore
            + CatalogStore<RuntimeManagerSpec>
            + CatalogStore<PolicySpec>
            + CatalogStore<ChannelSpec>
            + StatusStore
            + HealthHistory
            + AnalyzerStore
            + FeedbackStore
            + MemoryStore
            + TemplateStore
            + TopologyStore
            + ChangeStore
            + IncidentStore
            + AlertStore
            + AlertQueue
            + IncidentWorkStore
            + HealStore
            + RunStore
            + QueueStore
            + RetentionStore
            + RoleStore
            + OutboxStore
            + UserStore
            + ApiKeyStore
            + AuditStore
            + 'static,
    {
        Self {
            sources: db.clone(),
            monitors: db.clone(),
            scripts: db.clone(),
            cases: db.clone(),
            versions: db.clone(),
            schedules: db.clone(),
            windows: db.clone(),
            managers: db.clone(),
            policies: db.clone(),
            channels: db.clone(),
            statuses: db.clone(),
            checks: db.clone(),
            analyzer: db.clone(),
            incidents: db.clone(),
            alerts: db.clone(),
            feedback: db.clone(),
            memory: db.clone(),
            templates: db.clone(),
            topology: db.clone(),
            changes: db.clone(),
            alert_queue: db.clone(),
            work: db.clone(),
            heal: db.clone(),
            runs: db.clone(),
            queue: db.clone(),
            retention: db.clone(),
            roles: db.clone(),
            outbox: db.clone(),
            users: db.clone(),
            api_keys: db.clone(),
            audit: db.clone(),
        }
    }

    /// Opens an incident through the analyzer's port and returns it as stored.
    ///
    /// # Errors
    /// As the store's.
    pub async fn open(&self, incident: Incident) -> Result<Incident> {
        let id = incident.id;
        let events = vec![samples::event(id, EventKind::Opened, "opened")];
        let write = IncidentWrite::Open { incident: Box::new(incident), events };
        self.analyzer.commit(AnalyzerCommit { incidents: vec![write], ..AnalyzerCommit::default() }).await?;
        self.incidents.incident(id).await
    }
}

/// An audit of the contract itself.
fn by_alice(action: &str) -> Audit {
    Audit::new("alice", action)
}

/// The kind of failure; panics on success.
#[track_caller]
fn failed<T>(result: Result<T>) -> Error {
    match result {
        Ok(_) => panic!("this must be refused"),
        Err(error) => error,
    }
}

/// Asserts that it is refused as a conflict.
#[track_caller]
fn conflict<T>(result: Result<T>) {
    let error = failed(result);
    assert_eq!(error.kind, Kind::Conflict, "{error}");
}
