//! Reads the bodies of Alertmanager (webhook version 4) and Grafana alerting, which share their shape. Pure.

use super::{AlertState, Delivery, MAX_ALERTS, MAX_LABELS, MAX_VALUE, Told, generic, naming};
use crate::catalog::{SourceKind, SourceSpec};
use crate::error::{Error, FieldError, Result};
use crate::{Labels, Time};
use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

/// Longest fingerprint that is kept as it is.
const MAX_FINGERPRINT: usize = 128;
/// Longest group key that is kept as it is, bytes.
const MAX_GROUP: usize = 1_024;

#[derive(Deserialize)]
struct Envelope {
    #[serde(default)]
    version: Option<Value>,
    #[serde(rename = "groupKey", default)]
    group: Option<Value>,
    #[serde(rename = "truncatedAlerts", default)]
    omitted: u64,
    alerts: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Entry {
    status: String,
    labels: Labels,
    #[serde(default)]
    annotations: Labels,
    #[serde(default)]
    starts_at: Option<String>,
    #[serde(default)]
    ends_at: Option<String>,
    #[serde(rename = "generatorURL", default)]
    generator: Option<String>,
    #[serde(default)]
    fingerprint: Option<String>,
}

/// A wrong field of the body.
pub(super) fn wrong(field: impl Into<String>, message: impl Into<String>) -> Error {
    Error::invalid(vec![FieldError::new(field, message)])
}

/// The alerts of a webhook body, by the kind of its source.
///
/// # Errors
/// `Invalid` that names the field; nothing of such a body is used.
pub fn decode(spec: &SourceSpec, body: &[u8]) -> Result<Delivery> {
    match spec.kind {
        SourceKind::Generic => generic::decode(&spec.webhook.clone().unwrap_or_default(), body),
        SourceKind::Alertmanager | SourceKind::Grafana => read(body, spec.kind == SourceKind::Grafana),
        SourceKind::Prometheus | SourceKind::Elasticsearch => {
            Err(wrong("source", "this source is asked, it does not send alerts; create one of kind alertmanager"))
        }
    }
}

fn read(body: &[u8], grafana: bool) -> Result<Delivery> {
    let envelope: Envelope =
        serde_json::from_slice(body).map_err(|e| wrong("body", format!("not the body of an alert webhook: {e}")))?;
    let version = envelope.version.as_ref().and_then(Value::as_str);
    if !grafana && version != Some("4") {
        return Err(wrong("version", "send Alertmanager's webhook version 4"));
    }
    few(envelope.alerts.len())?;
    let group = envelope.group.as_ref().and_then(Value::as_str).map(group_key).unwrap_or_default();
    let told = envelope.alerts.into_iter().enumerate().map(|(i, entry)| entry.told(i, grafana));
    Ok(Delivery { group, alerts: told.collect::<Result<_>>()?, omitted: envelope.omitted })
}

/// Refuses more alerts than one call may carry.
pub(super) fn few(alerts: usize) -> Result<()> {
    if alerts > MAX_ALERTS {
        return Err(wrong("alerts", format!("send at most {MAX_ALERTS} alerts in one call")));
    }
    Ok(())
}

/// A group key of bounded length; a longer one keeps its identity by a mark.
fn group_key(text: &str) -> String {
    if text.len() <= MAX_GROUP {
        return text.to_owned();
    }
    format!("{}#{}", naming::cut(text, 200), naming::hash(text.as_bytes()))
}

/// A fingerprint of bounded length, that of the labels when there is none.
pub(super) fn identity(given: Option<String>, labels: &Labels) -> String {
    match given.map(|g| g.trim().to_owned()).filter(|g| !g.is_empty()) {
        Some(long) if long.len() > MAX_FINGERPRINT => naming::hash(long.as_bytes()),
        Some(given) => given,
        None => naming::fingerprint(labels),
    }
}

/// Labels within bounds: too many are refused, too long values cut with a mark.
pub(super) fn bounded(field: &str, labels: Labels) -> Result<Labels> {
    if labels.len() > MAX_LABELS {
        return Err(wrong(field, format!("send at most {MAX_LABELS}")));
    }
    if labels.keys().any(|name| name.is_empty() || name.len() > 256) {
        return Err(wrong(field, "give names of 1 to 256 bytes"));
    }
    Ok(labels.into_iter().map(|(name, value)| (name, short(value))).collect())
}

fn short(mut value: String) -> String {
    if value.len() > MAX_VALUE {
        let end = (0..=MAX_VALUE).rev().find(|at| value.is_char_boundary(*at)).unwrap_or(0);
        value.truncate(end);
        value.push('…');
    }
    value
}

/// An address that may be shown as a link.
pub(super) fn link(text: Option<String>) -> String {
    let http = |t: &String| (t.starts_with("http://") || t.starts_with("https://")) && t.len() <= 4_096;
    text.filter(http).unwrap_or_default()
}

/// A time in RFC 3339; the zero time, and none, mean that the sender does not say.
fn time(field: impl FnOnce() -> String, text: Option<&str>) -> Result<Option<Time>> {
    let Some(text) = text.map(str::trim).filter(|t| !t.is_empty()) else { return Ok(None) };
    let at = DateTime::parse_from_rfc3339(text)
        .map_err(|_| wrong(field(), "give a time in RFC 3339, for example 2026-01-31T08:00:00Z"))?;
    Ok(said(at.with_timezone(&Utc)))
}

/// The time, to the millisecond, unless it is a zero time.
pub(super) fn said(at: Time) -> Option<Time> {
    (at.timestamp() > 0).then(|| crate::clock::from_millis(at.timestamp_millis()))
}

impl Entry {
    fn told(self, index: usize, grafana: bool) -> Result<Told> {
        let at = |field: &str| format!("alerts[{index}].{field}");
        let state = match self.status.as_str() {
            "firing" => AlertState::Firing,
            "resolved" => AlertState::Resolved,
            _ => return Err(wrong(at("status"), "give firing or resolved")),
        };
        let starts_at = time(|| at("startsAt"), self.starts_at.as_deref())?;
        let ends_at = time(|| at("endsAt"), self.ends_at.as_deref())?;
        let labels = bounded(&at("labels"), self.labels)?;
        let annotations = bounded(&at("annotations"), self.annotations)?;
        let name = labels.get("alertname").map(|n| naming::cut(n, 200)).filter(|n| !n.trim().is_empty());
        let told = Told {
            fingerprint: identity(self.fingerprint, &labels),
            name: name.unwrap_or_else(|| "unnamed".to_owned()),
            unknown: grafana && without_data(state, &labels, &annotations),
            labels,
            annotations,
            state,
            starts_at,
            ends_at,
            link: link(self.generator),
            note: String::new(),
        };
        Ok(told.sane())
    }
}

/// Grafana fires and resolves for want of data too; neither says anything about the system.
fn without_data(state: AlertState, labels: &Labels, annotations: &Labels) -> bool {
    let reason = annotations.get("grafana_state_reason").map(String::as_str).unwrap_or_default();
    match state {
        AlertState::Firing => {
            matches!(labels.get("alertname").map(String::as_str), Some("DatasourceNoData" | "DatasourceError"))
                || matches!(reason, "NoData" | "Error")
        }
        AlertState::Resolved => matches!(reason, "MissingSeries" | "NoData" | "Error"),
    }
}

impl Told {
    /// An end before the start is no end that can be believed.
    pub(super) fn sane(mut self) -> Self {
        if let (Some(start), Some(end)) = (self.starts_at, self.ends_at)
            && end < start
        {
            "its end lies before its start: nothing is done with it".clone_into(&mut self.note);
            self.unknown = true;
            self.ends_at = None;
        }
        // A firing alert's end is a forecast of its sender.
        if self.state == AlertState::Firing {
            self.ends_at = None;
        } else if self.unknown && self.note.is_empty() {
            "resolved for want of data: taken as unknown".clone_into(&mut self.note);
        }
        self
    }
}
