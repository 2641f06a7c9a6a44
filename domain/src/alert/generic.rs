//! Reads any JSON body by the mapping of its source. Pure.

use super::envelope::{bounded, few, identity, link, said, wrong};
use super::{AlertState, Delivery, Told, naming};
use crate::catalog::{AlertMapping, WebhookSpec};
use crate::error::Result;
use crate::{Labels, Time};
use chrono::{DateTime, Utc};
use serde_json::Value;

/// Values of one body at most: a value takes more room than its text.
const MAX_VALUES: usize = 400_000;
/// Words that mean resolved when the mapping names none.
const RESOLVED: [&str; 5] = ["resolved", "ok", "closed", "inactive", "normal"];

pub(super) fn decode(spec: &WebhookSpec, body: &[u8]) -> Result<Delivery> {
    let Some(mapping) = &spec.mapping else {
        return Err(wrong("webhook.mapping", "the source does not say where its bodies keep what"));
    };
    let values = body.iter().filter(|b| matches!(b, b',' | b'[' | b'{')).count();
    if values > MAX_VALUES {
        return Err(wrong("body", format!("send at most {MAX_VALUES} values in one call")));
    }
    let body: Value = serde_json::from_slice(body).map_err(|e| wrong("body", format!("not valid JSON: {e}")))?;
    let found = body.pointer(&mapping.alerts);
    let alerts: &[Value] = match found {
        Some(Value::Array(list)) => list,
        Some(one @ Value::Object(_)) => std::slice::from_ref(one),
        _ => {
            let place = if mapping.alerts.is_empty() { "body" } else { &mapping.alerts };
            return Err(wrong(place, "send an object, or a list of objects"));
        }
    };
    few(alerts.len())?;
    let told = alerts.iter().enumerate().map(|(i, alert)| read(mapping, i, alert));
    Ok(Delivery { group: String::new(), alerts: told.collect::<Result<_>>()?, omitted: 0 })
}

/// The scalar at a place, as text.
fn text(alert: &Value, place: Option<&String>) -> Option<String> {
    match alert.pointer(place?)? {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn read(mapping: &AlertMapping, index: usize, alert: &Value) -> Result<Told> {
    let at = |field: &str| format!("alerts[{index}]{field}");
    let name = text(alert, Some(&mapping.name)).map(|n| naming::cut(n.trim(), 200)).filter(|n| !n.is_empty());
    let name = name.ok_or_else(|| wrong(at(&mapping.name), "give the alert's name here, or correct the mapping"))?;
    let mut labels = Labels::new();
    if let Some(Value::Object(map)) = mapping.labels.as_ref().and_then(|place| alert.pointer(place)) {
        for (label, value) in map {
            if let Some(value) = text(value, Some(&String::new())) {
                labels.insert(label.clone(), value);
            }
        }
    }
    for (label, place) in &mapping.fields {
        if let Some(value) = text(alert, Some(place)) {
            labels.insert(label.clone(), value);
        }
    }
    labels.entry("alertname".to_owned()).or_insert_with(|| name.clone());
    let labels = bounded(&at(".labels"), labels)?;
    let summary = text(alert, mapping.summary.as_ref());
    let annotations = summary.map(|s| Labels::from([("summary".to_owned(), s)])).unwrap_or_default();
    let told = Told {
        fingerprint: identity(text(alert, mapping.fingerprint.as_ref()), &labels),
        state: state(mapping, alert),
        name,
        labels,
        annotations: bounded(&at(".annotations"), annotations)?,
        starts_at: time(at("starts_at"), alert, mapping.starts_at.as_ref())?,
        ends_at: time(at("ends_at"), alert, mapping.ends_at.as_ref())?,
        link: link(text(alert, mapping.link.as_ref())),
        unknown: false,
        note: String::new(),
    };
    Ok(told.sane())
}

fn state(mapping: &AlertMapping, alert: &Value) -> AlertState {
    let Some(word) = text(alert, mapping.status.as_ref()).map(|w| w.trim().to_lowercase()) else {
        return AlertState::Firing;
    };
    let over = if mapping.resolved.is_empty() {
        RESOLVED.contains(&word.as_str())
    } else {
        mapping.resolved.iter().any(|r| r.to_lowercase() == word)
    };
    if over { AlertState::Resolved } else { AlertState::Firing }
}

/// RFC 3339, or epoch seconds or milliseconds.
fn time(field: String, alert: &Value, place: Option<&String>) -> Result<Option<Time>> {
    let Some(text) = text(alert, place).map(|t| t.trim().to_owned()).filter(|t| !t.is_empty()) else { return Ok(None) };
    if let Ok(number) = text.parse::<f64>() {
        // The year 2286 in seconds, 1970-04-26 in milliseconds: below it they are seconds.
        let millis = if number.abs() < 10_000_000_000.0 { number * 1_000.0 } else { number };
        return Ok(said(crate::clock::from_millis(millis as i64)));
    }
    let at = DateTime::parse_from_rfc3339(&text)
        .map_err(|_| wrong(field, "give a time in RFC 3339, or epoch seconds or milliseconds"))?;
    Ok(said(at.with_timezone(&Utc)))
}
