//! Alerts from outside: what a sender told, what is kept of it, and what it means as a member of an incident.

mod envelope;
mod generic;
mod naming;

pub use envelope::decode;
pub use naming::fingerprint;

use crate::anomaly::{Anomaly, AnomalyKind, AnomalyState, Evidence, Recovery};
use crate::catalog::Source;
use crate::incident::Severity;
use crate::signal::SignalKind;
use crate::{Id, Labels, Time};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

/// Alerts of one delivery at most.
pub const MAX_ALERTS: usize = 50_000;
/// Labels of one alert at most.
pub const MAX_LABELS: usize = 64;
/// Longest value of a label or annotation that is kept, bytes; the rest is cut, with a mark.
pub const MAX_VALUE: usize = 16 * 1024;

/// Whether it still fires, as its sender said last.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlertState {
    /// It fires.
    Firing,
    /// Its sender says that it is over.
    Resolved,
}

/// One alert as a sender told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Tells it apart at its sender.
    pub fingerprint: String,
    /// Name of the rule.
    pub name: String,
    /// Labels, byte for byte.
    pub labels: Labels,
    /// Texts for people.
    pub annotations: Labels,
    /// Firing or resolved.
    pub state: AlertState,
    /// When it began; absent when the sender does not say.
    pub starts_at: Option<Time>,
    /// When it ended.
    pub ends_at: Option<Time>,
    /// Address at the sender, http or https, or empty.
    pub link: String,
    /// The sender has no data for it: it opens nothing and ends nothing.
    pub unknown: bool,
    /// What is odd about it, for people; empty when nothing is.
    pub note: String,
}

/// The content of one webhook call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Identity of the group at its sender; empty when it knows none.
    pub group: String,
    /// Its alerts.
    pub alerts: Vec<Told>,
    /// Alerts of the group that the sender left out of the call.
    pub omitted: u64,
}

/// An alert as stored.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// UUIDv7.
    pub id: Uuid,
    /// The source that sent it.
    pub source_id: Uuid,
    /// Its name at that time.
    pub source_name: String,
    /// Tells it apart at its sender.
    pub fingerprint: String,
    /// Name of the rule.
    pub name: String,
    /// What it is about, for example `service=checkout`.
    pub entity: String,
    /// What it measures.
    pub signal: SignalKind,
    /// How bad.
    pub severity: Severity,
    /// Labels, byte for byte.
    pub labels: BTreeMap<String, String>,
    /// Texts for people.
    pub annotations: BTreeMap<String, String>,
    /// Address at the sender, http or https, or empty.
    pub link: String,
    /// Identity of its group at the sender.
    pub group: String,
    /// Firing or resolved.
    pub state: AlertState,
    /// When it began.
    pub starts_at: DateTime<Utc>,
    /// When it ended.
    pub ends_at: Option<DateTime<Utc>>,
    /// When it was first told.
    pub first_seen_at: DateTime<Utc>,
    /// When it was last told.
    pub last_seen_at: DateTime<Utc>,
    /// How often it was told.
    pub deliveries: u32,
    /// The sender has no data for it: it opened nothing.
    pub unknown: bool,
    /// What is odd about it; empty when nothing is.
    pub note: String,
    /// Incident it belongs to.
    pub incident_id: Option<Uuid>,
    /// Raised by every change of its state; tells a placement of old from one of now.
    pub revision: i64,
}

/// An alert on its way into the store.
#[derive(Debug, Clone, PartialEq)]
pub struct Incoming {
    /// The alert, as it is stored when it is new.
    pub alert: Alert,
    /// Whether its sender said when it began; otherwise the one that fires now is meant.
    pub dated: bool,
}

/// What a sender told, named and judged by its source's rules, not stored yet.
#[must_use]
pub fn prepare(told: Told, group: &str, source: &Source, now: Time) -> Incoming {
    let spec = source.spec.webhook.clone().unwrap_or_default();
    let dated = told.starts_at.is_some();
    let alert = Alert {
        id: crate::new_id(),
        source_id: source.id,
        source_name: source.name.clone(),
        entity: naming::entity(&told.labels, &spec.entities, &told.name),
        signal: naming::signal(&told.labels, &spec.signal_label, &told.name),
        severity: naming::severity(&told.labels, &spec.severity_label),
        fingerprint: told.fingerprint,
        name: told.name,
        labels: told.labels,
        annotations: told.annotations,
        link: told.link,
        group: group.to_owned(),
        state: told.state,
        starts_at: told.starts_at.unwrap_or(now),
        ends_at: told.ends_at.or((told.state == AlertState::Resolved).then_some(now)),
        first_seen_at: now,
        last_seen_at: now,
        deliveries: 1,
        unknown: told.unknown,
        note: told.note,
        incident_id: None,
        revision: 1,
    };
    Incoming { alert, dated }
}

/// Mark of an alert's group inside its series key.
fn group_mark(source: Id, group: &str) -> String {
    if group.is_empty() { "-".to_owned() } else { format!("{source}:{}", naming::hash(group.as_bytes())) }
}

/// The group that the series key of an alert's anomaly names; absent for other anomalies and alerts without a group.
#[must_use]
pub fn group_of(series_key: &str) -> Option<&str> {
    let group = series_key.strip_prefix("alert|")?.split('|').next()?;
    (group != "-").then_some(group)
}

impl Alert {
    /// One line for people, English and Chinese.
    #[must_use]
    pub fn sentence(&self) -> (String, String) {
        let summary = ["summary", "description", "message"].iter().find_map(|n| self.annotations.get(*n));
        let summary = summary.map(|s| naming::cut(s.trim(), 300)).filter(|s| !s.is_empty());
        let tail = summary.map(|s| format!(": {s}")).unwrap_or_default();
        let (name, entity, source) = (&self.name, &self.entity, &self.source_name);
        (
            format!("alert {name} fires on {entity} ({source}){tail}"),
            format!("{entity} 触发告警 {name}（{source}）{tail}"),
        )
    }

    /// The alert as a member of an incident. It carries no numbers; its recovery is what the sender says.
    #[must_use]
    pub fn anomaly(&self) -> Anomaly {
        let (en, zh) = self.sentence();
        let closed = self.state == AlertState::Resolved;
        Anomaly {
            id: self.id,
            monitor_id: self.source_id,
            monitor_name: self.name.clone(),
            series_key: format!("alert|{}|{}", group_mark(self.source_id, &self.group), self.fingerprint),
            entity: self.entity.clone(),
            labels: self.labels.clone(),
            signal: self.signal,
            kind: AnomalyKind::Alert,
            state: if closed { AnomalyState::Closed } else { AnomalyState::Open },
            started_at: self.starts_at,
            last_seen_at: self.last_seen_at,
            ended_at: closed.then(|| self.ends_at.unwrap_or(self.last_seen_at)),
            score: match self.severity {
                Severity::Critical => 0.95,
                Severity::Warning => 0.8,
                Severity::Info => 0.5,
            },
            observed: 1.0,
            expected: 0.0,
            lower: 0.0,
            upper: 0.0,
            evidence: Evidence { en, zh, ..Evidence::default() },
            recovery: Recovery::Told,
            incident_id: self.incident_id,
        }
    }
}

/// The last state of a group at its sender.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertGroup {
    /// The source.
    pub source_id: Uuid,
    /// Identity at the sender.
    pub group: String,
    /// Alerts in the last call.
    pub alerts: u64,
    /// Alerts that the sender left out of it.
    pub omitted: u64,
    /// When it was last told.
    pub told_at: DateTime<Utc>,
}

/// What became of a delivery.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Alerts in the call.
    pub alerts: u64,
    /// Stored as new and firing.
    pub opened: u64,
    /// Ended by this call.
    pub resolved: u64,
    /// Told before, nothing new.
    pub repeated: u64,
    /// Firing, but told after their end: late or replayed, no action.
    pub late: u64,
    /// Stored or counted without an action: unknown to us and over already, without data, or with impossible times.
    pub ignored: u64,
    /// Alerts that the sender left out of the call.
    pub omitted: u64,
}

#[cfg(test)]
mod tests;
