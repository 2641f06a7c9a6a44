//! Root cause: which entity an incident started at, and why.

mod blind;
mod evidence;
mod input;
mod lines;
mod live;
mod meter;
mod metrics;
mod offline;
#[cfg(test)]
mod offline_tests;
mod recorded;
#[cfg(test)]
mod recorded_set_tests;
mod recording;
mod stat;
mod topology;
mod trouble;
mod watch;

pub use evidence::{Evidence, Ranked, Ranking, Signal, SignalKind};
pub use input::{LogKind, Series, Telemetry};
pub use live::rank_incident;
pub use offline::{FoundIncident, RankError, RankOutput, RankSummary, RankedCase, rank};
pub use recorded::{Onset, rank_recorded};
pub use topology::{Edge, Topology};
