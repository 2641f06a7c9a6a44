//! Notifications that were written in the same transaction as what they tell about.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// Where a notification stands.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotificationState {
    /// To be sent.
    Pending,
    /// The other side accepted it.
    Delivered,
    /// Given up; a person sees it.
    Dead,
}

/// One message to one channel; delivered at least once, always with the same id.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Notification {
    /// UUIDv7; the receiver's key against doubles.
    pub id: Uuid,
    /// The channel.
    pub channel_id: Uuid,
    /// The incident.
    pub incident_id: Uuid,
    /// What happened, for example `incident.resolved`.
    pub topic: String,
    /// JSON body.
    pub payload: serde_json::Value,
    /// Where it stands.
    pub state: NotificationState,
    /// Tries so far.
    pub attempts: u32,
    /// When the next try is due.
    pub next_at: DateTime<Utc>,
    /// What went wrong last.
    pub last_error: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
}
