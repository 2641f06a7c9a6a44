//! Ports: what a stage asks of the outside. Narrow on purpose; each has one contract suite in `testing`.

mod alerts;
mod api_keys;
mod backtest;
mod blobs;
mod changes;
mod discovery;
mod feedback;
mod incident_work;
mod known_secrets;
mod manager_health;
mod queue;
mod retention;
mod roles;
mod run_logs;
mod schedules;
mod secrets;
mod signals;
mod store;
mod templates;
mod topology;
mod transport;
mod versions;
mod wake_link;

pub use alerts::{AlertFilter, AlertQueue, AlertStore, Intake, Moved, Placement};
pub use api_keys::ApiKeyStore;
pub use backtest::Backtest;
pub use blobs::{BlobStore, BlobWriter};
pub use changes::{ChangeFilter, ChangeStore};
pub use discovery::Discovery;
pub use feedback::{FeedbackStore, MemoryStore, Parked};
pub use incident_work::{IncidentWorkStore, Split};
pub use known_secrets::KnownSecrets;
pub use manager_health::{HealthHistory, ManagerTry, TryManager};
pub use queue::{Assigned, QueueStore};
pub use retention::{Expired, RetentionStore};
pub use roles::RoleStore;
pub use run_logs::{LogDamage, LogFound, LogInfo, LogRange, LogSearch, MAX_LINES, ResultStore, RunLogs};
pub use schedules::ScheduleStore;
pub use secrets::SecretStore;
pub use signals::{LogCursor, LogPage, LogQuery, LogSource, MetricSource, Sources};
pub use store::{
    AnalyzerCommit, AnalyzerStore, AuditStore, CatalogStore, Claim, HealStore, IncidentFilter, IncidentStore,
    IncidentWrite, OutboxStore, RunFilter, RunStore, StateRow, StatusStore, UserStore, VerificationStep,
};
pub use templates::{TemplateFilter, TemplateStore};
pub use topology::TopologyStore;
pub use transport::{Bus, BusReceiver, Topic, Wake, WakeListener};
pub use versions::VersionStore;
pub use wake_link::{WakeHeard, WakeLink};
