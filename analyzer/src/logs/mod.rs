//! Logs: templates mined from messages, and anomalies of their counts.

mod baseline;
mod cjk;
mod extract;
mod findings;
mod followed;
mod grow;
mod hash;
mod level;
mod limits;
mod miner;
mod pattern;
mod room;
mod scan;
mod siblings;
mod slots;
mod stats;
mod tails;
mod template;
#[cfg(test)]
mod stats_tests;
mod words;

pub use level::Level;
pub use limits::Limits;
pub use miner::{Line, Mined, MinerStats, TemplateMiner};
pub use findings::{FindingKind, LogFinding, StatsConfig};
pub use stats::{LogStats, TemplateCount};
pub use template::{Template, TemplateId};
