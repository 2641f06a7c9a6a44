//! Logs: templates mined from messages, and anomalies of their counts.

mod baseline;
mod cjk;
mod extract;
mod findings;
mod followed;
mod frame;
mod grow;
mod hash;
#[cfg(test)]
mod injector;
#[cfg(test)]
mod injector_tests;
mod level;
mod limits;
mod miner;
#[cfg(test)]
mod miner_tests;
mod offline;
mod pattern;
mod peaks;
mod room;
mod scan;
mod siblings;
mod slots;
mod snapshot;
mod split;
mod stats;
#[cfg(test)]
mod stats_tests;
mod tails;
mod template;
mod words;

pub use findings::{FindingKind, LogFinding, StatsConfig};
pub use frame::{Framer, is_continuation, strip_head};
pub use level::Level;
pub use limits::Limits;
pub use miner::{Line, Mined, MinerStats, TemplateMiner};
pub use offline::{MineError, MineOptions, MineSummary, mine};
pub use snapshot::{MinerSnapshot, SnapshotError};
pub use stats::{LogStats, TemplateCount};
pub use template::{Template, TemplateId};
