//! Ports: what a stage asks of the outside. Narrow on purpose; each has one contract suite in `testing`.

mod signals;
mod store;
mod transport;

pub use signals::{LogCursor, LogPage, LogQuery, LogSource, MetricSource, Sources};
pub use store::{
    AnalyzerCommit, AnalyzerStore, AuditStore, CatalogStore, Claim, HealStore, IncidentFilter, IncidentStore,
    IncidentWrite, OutboxStore, RunFilter, RunStore, StateRow, StatusStore, UserStore, VerificationStep,
};
pub use transport::{Bus, BusReceiver, Topic, Wake, WakeListener};
