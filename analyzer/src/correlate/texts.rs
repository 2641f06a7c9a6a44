//! Titles and lines of the timeline that correlation writes.

use super::MAX_MEMBERS;
use chrono::{DateTime, Utc};
use domain::Id;
use domain::anomaly::{Anomaly, AnomalyState};
use domain::incident::{Actor, Cause, EventKind, IncidentEvent};
use domain::signal::SignalKind;
use serde_json::json;
use std::collections::BTreeSet;

pub(super) fn anomaly_event(id: Id, anomaly: &Anomaly, now: DateTime<Utc>) -> IncidentEvent {
    let (kind, message) = match anomaly.state {
        AnomalyState::Open => (EventKind::AnomalyAdded, anomaly.evidence.en.clone()),
        AnomalyState::Closed => (
            EventKind::AnomalyClosed,
            format!("{} is back to normal; it was: {}", anomaly.monitor_name, anomaly.evidence.en),
        ),
    };
    IncidentEvent::new(id, now, kind, Actor::system("analyzer"), message).with(json!({
        "anomaly_id": anomaly.id, "entity": anomaly.entity, "signal": anomaly.signal, "score": anomaly.score,
        "zh": match anomaly.state {
            AnomalyState::Open => anomaly.evidence.zh.clone(),
            AnomalyState::Closed => format!("{} 已恢复正常；此前：{}", anomaly.monitor_name, anomaly.evidence.zh),
        },
    }))
}

pub(super) fn beyond_event(id: Id, more: usize, now: DateTime<Utc>) -> IncidentEvent {
    let text = format!("{more} more belong to it beyond the {MAX_MEMBERS} members that are shown one by one");
    IncidentEvent::new(id, now, EventKind::AnomalyAdded, Actor::system("analyzer"), text)
        .with(json!({ "beyond": more, "zh": format!("另有 {more} 条归入本事件，超出逐条显示的 {MAX_MEMBERS} 条") }))
}

pub(super) fn entities(members: &[Anomaly]) -> Vec<String> {
    members.iter().map(|a| a.entity.clone()).collect::<BTreeSet<_>>().into_iter().collect()
}

pub(super) fn title(entity: &str, members: &[Anomaly]) -> String {
    let mut signals: Vec<&str> = members
        .iter()
        .filter(|a| a.entity == entity)
        .map(|a| match a.signal {
            SignalKind::Latency => "latency",
            SignalKind::Errors => "errors",
            SignalKind::Traffic => "traffic",
            SignalKind::Saturation => "saturation",
            SignalKind::Availability => "availability",
            SignalKind::Logs => "logs",
            SignalKind::Other => "metrics",
        })
        .collect();
    signals.sort_unstable();
    signals.dedup();
    format!("{} on {entity}", signals.join(", "))
}

pub(super) fn cause_event(id: Id, causes: &[Cause], now: DateTime<Utc>) -> IncidentEvent {
    let message = causes.first().map_or_else(
        || "cause undetermined".to_owned(),
        |c| format!("most probable cause {} ({:.0} %)", c.entity, c.probability * 100.0),
    );
    IncidentEvent::new(id, now, EventKind::CauseRanked, Actor::system("analyzer"), message)
        .with(json!({ "causes": causes }))
}
