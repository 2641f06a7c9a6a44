//! Root cause: which entity an incident started at, and why.

mod blind;
mod evidence;
mod input;
mod lines;
mod live;
mod metrics;
mod offline;
mod recorded;
mod stat;
mod topology;

pub use evidence::{Evidence, Ranked, Ranking, Signal, SignalKind};
pub use input::{LogKind, Series, Telemetry};
pub use live::rank_incident;
pub use offline::{FoundIncident, RankError, RankOutput, RankSummary, RankedCase, rank};
pub use recorded::rank_recorded;
pub use topology::{Edge, Topology};
