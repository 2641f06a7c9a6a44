//! Logs: templates mined from messages, and anomalies of their counts.

mod cjk;
mod extract;
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
mod template;
mod words;

pub use level::Level;
pub use limits::Limits;
pub use miner::{Line, Mined, MinerStats, TemplateMiner};
pub use template::{Template, TemplateId};
