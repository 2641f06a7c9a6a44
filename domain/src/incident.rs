//! An incident and its state automaton.

use crate::signal::SignalKind;
use crate::trace::TraceContext;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How bad it is.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// Worth looking at.
    #[default]
    Warning,
    /// Users notice.
    Critical,
}

/// Where an incident stands.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IncidentState {
    /// Seen, nobody acts yet.
    Open,
    /// A person took it.
    Acknowledged,
    /// A run is queued or running.
    Healing,
    /// The run ended; the effect is being measured.
    Verifying,
    /// Over, as measured.
    Resolved,
    /// Handed to a person.
    Escalated,
    /// Muted.
    Suppressed,
    /// Part of another incident.
    Merged,
}

impl IncidentState {
    /// Whether it counts for "one active incident per fingerprint".
    #[must_use]
    pub const fn is_active(self) -> bool {
        !matches!(self, Self::Resolved | Self::Merged)
    }

    /// Whether the automaton has an edge to `next` (DESIGN section 6).
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        use IncidentState as S;
        match self {
            S::Open | S::Acknowledged => !matches!(next, S::Open | S::Verifying),
            S::Healing => matches!(next, S::Open | S::Verifying | S::Escalated | S::Healing),
            S::Verifying => matches!(next, S::Open | S::Healing | S::Resolved | S::Escalated),
            S::Resolved => matches!(next, S::Open | S::Escalated),
            S::Escalated => matches!(next, S::Acknowledged | S::Healing | S::Resolved | S::Suppressed | S::Merged),
            S::Suppressed => matches!(next, S::Open | S::Resolved | S::Merged),
            S::Merged => false,
        }
    }
}

/// One candidate for the cause.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Cause {
    /// The entity, for example `service=checkout`.
    pub entity: String,
    /// 0..1; over all causes they sum to at most 1.
    pub probability: f64,
    /// Signals that point there.
    pub signals: Vec<SignalKind>,
    /// Lines that explain the rank.
    pub evidence: Vec<String>,
    /// Entities along which the trouble came, from the one that suffers to this one; empty when no way is known.
    #[serde(default)]
    pub path: Vec<String>,
}

/// How long a relapse reopens an incident that no policy's verdict resolved, seconds.
pub const DEFAULT_SOAK_SECS: i64 = 600;

/// Anomalies of one trouble, held together.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// UUIDv7.
    pub id: Uuid,
    /// Raised by every change.
    pub version: i64,
    /// Identity of the trouble: entity and kind of signal; one active incident each.
    pub fingerprint: String,
    /// One line for people.
    pub title: String,
    /// How bad.
    pub severity: Severity,
    /// Where it stands.
    pub state: IncidentState,
    /// Most probable entity.
    pub entity: String,
    /// Entities that show anomalies.
    pub entities: Vec<String>,
    /// First anomalous row.
    pub started_at: DateTime<Utc>,
    /// When it was opened.
    pub detected_at: DateTime<Utc>,
    /// Last change.
    pub updated_at: DateTime<Utc>,
    /// When it was measured to be over.
    pub resolved_at: Option<DateTime<Utc>>,
    /// A relapse until then reopens it, as its policy says; absent when it was not resolved by a verdict (then
    /// [`DEFAULT_SOAK_SECS`] after the resolution).
    pub soak_until: Option<DateTime<Utc>>,
    /// Ranked causes, best first; empty while undetermined.
    pub causes: Vec<Cause>,
    /// Automatic attempts so far.
    pub attempts: u32,
    /// How often it came back.
    pub reopened: u32,
    /// Who took it.
    pub acknowledged_by: Option<String>,
    /// Span that the whole life of the incident hangs from.
    pub trace: TraceContext,
}

impl Incident {
    /// Until when a relapse reopens it; absent when it is not resolved.
    #[must_use]
    pub fn soak_end(&self) -> Option<DateTime<Utc>> {
        let resolved_at = self.resolved_at?;
        Some(self.soak_until.unwrap_or(resolved_at + chrono::TimeDelta::seconds(DEFAULT_SOAK_SECS)))
    }
}

/// Who did something.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Actor {
    /// The product itself; the name of the stage.
    System {
        /// Stage, for example `analyzer`.
        stage: String,
    },
    /// A person or an API key.
    User {
        /// Login name.
        name: String,
    },
}

impl Actor {
    /// A stage of the product.
    pub fn system(stage: &str) -> Self {
        Self::System { stage: stage.to_owned() }
    }
}

/// What happened, in the words of the timeline.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EventKind {
    /// Incident opened.
    Opened,
    /// Anomaly joined.
    AnomalyAdded,
    /// Anomaly recovered.
    AnomalyClosed,
    /// Causes ranked anew.
    CauseRanked,
    /// Policy evaluated.
    Decided,
    /// Run queued.
    RunQueued,
    /// Run started.
    RunStarted,
    /// Run ended.
    RunEnded,
    /// Verification began.
    VerificationStarted,
    /// Verification sample with a change of outcome.
    VerificationSampled,
    /// Verdict.
    Verdict,
    /// Undo queued.
    UndoQueued,
    /// Measured to be over.
    Resolved,
    /// Handed to a person.
    Escalated,
    /// Came back.
    Reopened,
    /// Taken by a person.
    Acknowledged,
    /// Remark of a person.
    Comment,
    /// Notification delivered or dead.
    Notified,
    /// Given to a person, or to nobody.
    Assigned,
    /// Severity set by hand.
    SeveritySet,
    /// Became part of another incident, or took one in.
    Merged,
    /// Members became another incident.
    Split,
}

/// One row of an incident's timeline.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IncidentEvent {
    /// UUIDv7; also the order and the resume cursor.
    pub id: Uuid,
    /// The incident.
    pub incident_id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// What.
    pub kind: EventKind,
    /// Who.
    pub actor: Actor,
    /// One line for people.
    pub message: String,
    /// Facts: ids, numbers, links.
    pub data: serde_json::Value,
}

impl IncidentEvent {
    /// A new event now.
    pub fn new(
        incident_id: Uuid,
        at: DateTime<Utc>,
        kind: EventKind,
        actor: Actor,
        message: impl Into<String>,
    ) -> Self {
        Self {
            id: crate::new_id(),
            incident_id,
            at,
            kind,
            actor,
            message: message.into(),
            data: serde_json::Value::Null,
        }
    }

    /// The same event with facts.
    #[must_use]
    pub fn with(mut self, data: serde_json::Value) -> Self {
        self.data = data;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::IncidentState as S;

    #[test]
    fn nothing_leaves_merged_and_resolved_only_reopens() {
        let all =
            [S::Open, S::Acknowledged, S::Healing, S::Verifying, S::Resolved, S::Escalated, S::Suppressed, S::Merged];
        assert!(all.iter().all(|&n| !S::Merged.may_become(n)));
        let out: Vec<_> = all.iter().filter(|&&n| S::Resolved.may_become(n)).collect();
        assert_eq!(out, [&S::Open, &S::Escalated]);
        assert!(!S::Open.may_become(S::Verifying), "verification needs a run");
    }
}
