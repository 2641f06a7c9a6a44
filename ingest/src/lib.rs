//! Prometheus and Elasticsearch sources, their registry, the poller, and the discovery of what to watch.
//!
//! Imports `domain` only. What is decided (windows, mapping, completeness, proposals) are pure functions; requests and
//! sends are thin. Unknown stays unknown: a failed or partial answer is sent as such and never as an empty one.

pub mod changes;
pub mod discover;
pub mod history;
pub mod poller;
pub mod registry;
pub mod source;
pub mod telemetry;
pub mod topology;

pub use poller::{Poller, PollerConfig};
pub use registry::SourceRegistry;
pub use source::elasticsearch::{Elasticsearch, SearchMetrics};
pub use source::prometheus::Prometheus;
pub use telemetry::{IngestStats, StatsSnapshot};
