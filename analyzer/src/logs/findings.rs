//! The shapes of log anomalies and the settings they are found by.

use serde::{Deserialize, Serialize};

use super::level::Level;
use super::template::TemplateId;

/// What is unusual about a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A template that was never seen before.
    NewTemplate,
    /// Far more lines of a template than expected.
    Burst,
    /// Far fewer lines of a template than expected.
    Drop,
    /// A template, or (without one) the whole source, stopped.
    Silence,
    /// A larger share of error lines in the whole source.
    ErrorShare,
}

/// One anomaly in one bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LogFinding {
    /// What is unusual.
    pub kind: FindingKind,
    /// Template concerned; `None` for the source as a whole.
    pub template_id: Option<TemplateId>,
    /// Severity of the template's lines.
    pub level: Level,
    /// Strength from 0 to 1, from the tail probability and the severity.
    pub score: f64,
    /// Lines seen in the bucket; for an error share the error lines.
    pub observed: f64,
    /// Lines expected.
    pub expected: f64,
    /// Least count that would pass as usual.
    pub lower: f64,
    /// Greatest count that would pass as usual.
    pub upper: f64,
    /// True while the source or the template is still being learnt.
    pub learning: bool,
}

/// Settings of [`LogStats`].
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StatsConfig {
    /// Time after the first bucket in which nothing is reported, ms.
    pub warmup_ms: i64,
    /// False alarms a day that are acceptable for one source.
    pub false_alarms_per_day: f64,
    /// Most templates followed; those unseen for longest go first.
    pub templates: usize,
}

impl Default for StatsConfig {
    fn default() -> Self {
        Self { warmup_ms: 120_000, false_alarms_per_day: 0.5, templates: 10_000 }
    }
}

/// Strength from 0 to 1: tail probability on a logarithmic scale, full at 1e-12, less for low severities.
pub(crate) fn strength(p: f64, level: Level) -> f64 {
    let decades = -(p.max(1e-300)).log10();
    let weight = match level {
        Level::Fatal | Level::Error => 1.0,
        Level::Warn => 0.85,
        Level::Unknown => 0.8,
        _ => 0.7,
    };
    ((decades / 12.0).clamp(0.0, 1.0).sqrt() * weight).clamp(0.0, 1.0)
}
