//! Root cause: which entity an incident started at, and why.

mod evidence;
mod live;
mod topology;

pub use evidence::{Evidence, Ranked, Ranking, Signal, SignalKind};
pub use live::rank_incident;
pub use topology::{Edge, Topology};
