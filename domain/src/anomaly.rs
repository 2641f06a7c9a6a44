//! An anomaly: one episode on one series or log template.

use crate::signal::SignalKind;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Which detector found it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyKind {
    /// The learned ensemble on one series.
    Level,
    /// A rate derived from a counter.
    Rate,
    /// A fixed threshold.
    Threshold,
    /// A series that stopped coming.
    Absence,
    /// Many metrics of one entity moved together (PCA residual).
    Entity,
    /// Share of error lines.
    LogErrorRate,
    /// A log template never seen before.
    NewTemplate,
    /// A known template in an unusual number.
    LogBurst,
    /// An alert that a sender outside told.
    Alert,
}

/// Open while it lasts, closed when the recovery criterion held.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnomalyState {
    /// Still outside.
    Open,
    /// Back to normal.
    Closed,
}

/// When the signal counts as recovered; written by the analyzer, measured by the healer.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Recovery {
    /// The monitor's query, at these labels, is within `lower..=upper`.
    Band {
        /// Metric source to ask.
        source_id: Uuid,
        /// PromQL of the monitor.
        query: String,
        /// BTreeMap<String, String> of the series.
        labels: BTreeMap<String, String>,
        /// Lowest healthy value.
        lower: f64,
        /// Highest healthy value.
        upper: f64,
    },
    /// The analyzer closed the anomaly while its data was fresh.
    Closed,
    /// The sender of the alert says that it is over: a sign, and never a proof by itself.
    Told,
}

/// What a person needs to believe it.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// One plain sentence, English.
    pub en: String,
    /// One plain sentence, Chinese.
    pub zh: String,
    /// Sample log lines, masked.
    #[serde(default)]
    pub samples: Vec<String>,
    /// The view that fired, for example `record`, `season`, `threshold`, `new_template`; empty when not known.
    #[serde(default)]
    pub view: String,
    /// `up` or `down` from what was expected; empty when neither.
    #[serde(default)]
    pub way: String,
    /// Why it opens no incident: its monitor is muted, or was said to be noise; empty when it may open one.
    #[serde(default)]
    pub untold: String,
    /// Why it was closed other than by the signal getting well; empty otherwise.
    #[serde(default)]
    pub closed_because: String,
}

/// One episode.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// UUIDv7.
    pub id: Uuid,
    /// Monitor that saw it.
    pub monitor_id: Uuid,
    /// Name of the monitor at that time.
    pub monitor_name: String,
    /// Identity of the series or template: stable over restarts.
    pub series_key: String,
    /// What it is about, for example `service=checkout`.
    pub entity: String,
    /// BTreeMap<String, String> of the series.
    pub labels: BTreeMap<String, String>,
    /// What it measures.
    pub signal: SignalKind,
    /// Which detector found it.
    pub kind: AnomalyKind,
    /// Open or closed.
    pub state: AnomalyState,
    /// First row of the episode.
    pub started_at: DateTime<Utc>,
    /// Last row that was anomalous.
    pub last_seen_at: DateTime<Utc>,
    /// When it closed.
    pub ended_at: Option<DateTime<Utc>>,
    /// Highest score, 0..1.
    pub score: f64,
    /// Value at the highest score.
    pub observed: f64,
    /// What was expected there.
    pub expected: f64,
    /// Lower end of the expected band.
    pub lower: f64,
    /// Upper end of the expected band.
    pub upper: f64,
    /// Why.
    pub evidence: Evidence,
    /// When it counts as recovered.
    pub recovery: Recovery,
    /// Incident it belongs to.
    pub incident_id: Option<Uuid>,
}

impl Anomaly {
    /// Whether it may open, join or leave an incident: not when it is untold, nor when it ends without ever having been
    /// told.
    #[must_use]
    pub fn may_be_told(&self) -> bool {
        self.evidence.untold.is_empty() && (self.state == AnomalyState::Open || self.incident_id.is_some())
    }
}

/// One row of the chart of an anomaly: the series, its band, its score.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChartPoint {
    /// Epoch milliseconds.
    pub at_ms: i64,
    /// The value; absent where there was none.
    pub value: Option<f64>,
    /// Lower end of the band.
    pub lower: Option<f64>,
    /// Upper end of the band.
    pub upper: Option<f64>,
    /// Score 0..1.
    pub score: f64,
}

/// What was said of an anomaly, as a filter.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Said {
    /// Somebody, or a verdict, said that it was useful.
    Useful,
    /// Somebody, or a verdict, said that it was noise.
    Noise,
    /// Nothing was said of it.
    Nothing,
}

/// Which anomalies are wanted; what is absent is not asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AnomalyFilter {
    /// Of this monitor.
    pub monitor_id: Option<Uuid>,
    /// About exactly this entity, for example `service=checkout`.
    pub entity: Option<String>,
    /// Part of the entity or of the monitor's name.
    pub search: Option<String>,
    /// Open or closed.
    pub state: Option<AnomalyState>,
    /// What was said of it.
    pub said: Option<Said>,
    /// Begun at or after this time.
    pub from: Option<DateTime<Utc>>,
    /// Begun before this time.
    pub to: Option<DateTime<Utc>>,
}
