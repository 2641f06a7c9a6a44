//! Live state of sources, monitors and runtime managers: what works, what does not, and why.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// What a status row is about.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatusOf {
    /// A source we pull from.
    Source,
    /// A monitor on a source.
    Monitor,
    /// A runtime manager.
    RuntimeManager,
}

/// State of a component; everything but `Ok` is shown and never opens, closes or cures anything.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// Answers as it should.
    Ok,
    /// Not asked yet.
    Unknown,
    /// Works, still learning.
    Learning,
    /// Answered without data.
    NoData,
    /// Answered with a part of the data.
    Partial,
    /// Did not answer, or answered with an error.
    SourceError,
}

/// The last known state of one component.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// What it is about.
    pub of: StatusOf,
    /// Which one.
    pub id: Uuid,
    /// The state.
    pub health: Health,
    /// One line for people: why, and what to do. Empty when healthy.
    pub message: String,
    /// When it was looked at.
    pub checked_at: DateTime<Utc>,
    /// When it last was `Ok`.
    pub ok_at: Option<DateTime<Utc>>,
    /// How long the answer took, milliseconds.
    pub latency_ms: i64,
    /// Facts such as version, series count or platform information.
    pub details: serde_json::Value,
}
