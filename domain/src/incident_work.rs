//! What people do with incidents: assign, judge, merge, split; and how much of it there is a day.

use crate::Time;
use crate::anomaly::Anomaly;
use crate::incident::{Incident, IncidentState};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use uuid::Uuid;

/// What people decided about an incident, beside its state.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct IncidentWork {
    /// Login name of the person who works on it.
    pub assignee: Option<String>,
    /// Who set its severity by hand; then no anomaly raises it.
    pub severity_by: Option<String>,
    /// The incident that it became part of.
    pub merged_into: Option<Uuid>,
    /// The incident that it was split from.
    pub split_from: Option<Uuid>,
    /// The incidents that became part of it.
    pub merged: Vec<Uuid>,
}

/// How many incidents and notifications one day brought.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoiseDay {
    /// The day (UTC), `2026-01-31`.
    pub day: String,
    /// Incidents opened.
    pub incidents: u64,
    /// Notifications written.
    pub notifications: u64,
    /// Incidents by the monitor or alert that opened them.
    pub by: BTreeMap<String, u64>,
}

/// Whether members may be moved into or out of an incident in this state: not while its target is acted on or measured.
#[must_use]
pub const fn may_move(state: IncidentState) -> bool {
    matches!(
        state,
        IncidentState::Open | IncidentState::Acknowledged | IncidentState::Escalated | IncidentState::Suppressed
    )
}

/// Entities of the members, sorted.
#[must_use]
pub fn entities(members: &[Anomaly]) -> Vec<String> {
    members.iter().map(|a| a.entity.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

/// The incident that the members of `from` become when they are split off: open, about its strongest member, without
/// a cause until the analyzer ranks one. `None` without members.
#[must_use]
pub fn part(from: &Incident, members: &[Anomaly], title: Option<String>, now: Time) -> Option<Incident> {
    let strongest = members.iter().max_by(|a, b| a.score.total_cmp(&b.score))?;
    let id = crate::new_id();
    Some(Incident {
        id,
        version: 1,
        fingerprint: format!("{}|split:{id}", strongest.entity),
        title: title.unwrap_or_else(|| format!("{} on {}", strongest.monitor_name, strongest.entity)),
        severity: from.severity,
        state: IncidentState::Open,
        entity: strongest.entity.clone(),
        entities: entities(members),
        started_at: members.iter().map(|a| a.started_at).min().unwrap_or(now),
        detected_at: now,
        updated_at: now,
        resolved_at: None,
        soak_until: None,
        causes: Vec::new(),
        attempts: 0,
        reopened: 0,
        acknowledged_by: None,
        trace: from.trace.clone(),
    })
}
