//! Documents as log lines: ECS, OpenTelemetry and plain field names, nested or dotted, with overrides.

use super::level;
use chrono::{DateTime, NaiveDateTime, Utc};
use domain::clock::from_millis;
use domain::signal::{LogLevel, LogLine};
use domain::{Labels, Time};
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest message that is kept, bytes; the rest is cut, with a mark that tells the true length.
pub const MAX_MESSAGE: usize = 64 << 10;

const TIMESTAMP: [&str; 1] = ["@timestamp"];
const LEVEL: [&str; 5] = ["log.level", "level", "severity_text", "severity_number", "log.syslog.severity.name"];
const MESSAGE: [&str; 5] = ["message", "body.text", "body", "log.original", "event.original"];
const SERVICE: [&str; 7] = [
    "service.name",
    "service",
    "resource.attributes.service.name",
    "kubernetes.labels.app_kubernetes_io/name",
    "kubernetes.labels.app",
    "resource.attributes.k8s.deployment.name",
    "kubernetes.container.name",
];
const TRACE_ID: [&str; 3] = ["trace.id", "trace_id", "traceId"];
/// Labels beyond the service that help to name an entity.
const LABELS: [(&str, &[&str]); 5] = [
    ("instance", &["service.node.name", "service.instance.id", "resource.attributes.service.instance.id", "instance"]),
    ("host", &["host.name", "host.hostname", "resource.attributes.host.name", "hostname"]),
    (
        "namespace",
        &[
            "kubernetes.namespace",
            "kubernetes.namespace_name",
            "resource.attributes.k8s.namespace.name",
            "k8s.namespace.name",
        ],
    ),
    ("pod", &["kubernetes.pod.name", "kubernetes.pod_name", "resource.attributes.k8s.pod.name", "k8s.pod.name"]),
    ("container", &["container.name", "kubernetes.container_name", "resource.attributes.k8s.container.name"]),
];

/// Field names of each role in the order they are tried.
#[derive(Debug, Clone)]
pub(super) struct Fields {
    pub(super) timestamp: Vec<String>,
    level: Vec<String>,
    message: Vec<String>,
    service: Vec<String>,
    trace_id: Vec<String>,
}

impl Fields {
    /// The defaults, each role overridden by `given` where it names a field.
    pub(super) fn new(given: &BTreeMap<String, String>) -> Self {
        let role = |name: &str, defaults: &[&str]| match given.get(name).filter(|f| !f.trim().is_empty()) {
            Some(field) => vec![field.trim().to_owned()],
            None => defaults.iter().map(|f| (*f).to_owned()).collect(),
        };
        Self {
            timestamp: role("timestamp", &TIMESTAMP),
            level: role("level", &LEVEL),
            message: role("message", &MESSAGE),
            service: role("service", &SERVICE),
            trace_id: role("trace_id", &TRACE_ID),
        }
    }

    /// The field that searches sort and filter by.
    pub(super) fn time_field(&self) -> &str {
        self.timestamp.first().map_or("@timestamp", String::as_str)
    }

    /// Fields that searches must bring; nothing else of a document is read.
    pub(super) fn wanted(&self) -> Vec<String> {
        let roles = [&self.timestamp, &self.level, &self.message, &self.service, &self.trace_id];
        let mut all: Vec<String> = roles.into_iter().flatten().cloned().collect();
        all.extend(LABELS.iter().flat_map(|(_, fields)| fields.iter().map(|f| (*f).to_owned())));
        all.sort();
        all.dedup();
        all
    }

    /// The line of a document; `None` when it has no usable timestamp or no message.
    pub(super) fn line(&self, index: &str, id: &str, source: &Value) -> Option<LogLine> {
        let at = first(source, &self.timestamp).and_then(time)?;
        let message = self.message.iter().find_map(|f| find(source, f).and_then(text))?;
        let level = self.level.iter().find_map(|f| find(source, f).and_then(level::of));
        let level = level.or_else(|| level::in_text(&message)).unwrap_or(LogLevel::Info);
        let mut labels = Labels::new();
        if let Some(service) = self.service.iter().find_map(|f| find(source, f).and_then(scalar)) {
            labels.insert("service".to_owned(), service);
        }
        for (name, fields) in LABELS {
            if let Some(value) = fields.iter().find_map(|f| find(source, f).and_then(scalar)) {
                labels.insert(name.to_owned(), value);
            }
        }
        let trace_id = self.trace_id.iter().find_map(|f| find(source, f).and_then(scalar));
        Some(LogLine { index: index.to_owned(), id: id.to_owned(), at, level, labels, message: cut(message), trace_id })
    }
}

fn first<'a>(source: &'a Value, fields: &[String]) -> Option<&'a Value> {
    fields.iter().find_map(|f| find(source, f))
}

/// The value at a dotted path, whichever of its dots are nesting and whichever are part of a name.
fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    let value = match value {
        Value::Array(items) => items.first()?,
        other => other,
    };
    let object = value.as_object()?;
    if let Some(found) = object.get(path).filter(|v| !v.is_null()) {
        return Some(found);
    }
    path.match_indices('.')
        .find_map(|(dot, _)| object.get(&path[..dot]).and_then(|inner| find(inner, &path[dot + 1..])))
}

fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if !text.is_empty() => Some(text.chars().take(256).collect()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(items) => items.first().and_then(scalar),
        _ => None,
    }
}

/// A message: text as it is, a structured body as JSON.
fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Null => None,
        Value::Array(items) if items.len() == 1 => text(&items[0]),
        other => Some(other.to_string()),
    }
}

fn cut(mut message: String) -> String {
    let length = message.len();
    if length > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push_str(&format!(" …[cut, {length} bytes]"));
        message.shrink_to_fit();
    }
    message
}

/// A timestamp as RFC 3339, as date and time without a zone (UTC), or as epoch milliseconds.
fn time(value: &Value) -> Option<Time> {
    let at = match value {
        Value::String(text) => parse_time(text.trim())?,
        Value::Number(number) => from_epoch(number.as_i64().or_else(|| whole(number.as_f64()?))?)?,
        Value::Array(items) => return items.first().and_then(time),
        _ => return None,
    };
    Some(from_millis(at.timestamp_millis()))
}

fn parse_time(text: &str) -> Option<Time> {
    if let Ok(at) = DateTime::parse_from_rfc3339(text) {
        return Some(at.with_timezone(&Utc));
    }
    if let Ok(at) = DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z") {
        return Some(at.with_timezone(&Utc));
    }
    for format in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"] {
        if let Ok(at) = NaiveDateTime::parse_from_str(text, format) {
            return Some(at.and_utc());
        }
    }
    text.parse().ok().and_then(from_epoch)
}

fn from_epoch(ms: i64) -> Option<Time> {
    DateTime::from_timestamp_millis(ms)
}

#[expect(clippy::cast_possible_truncation, reason = "checked to be finite and within the range of i64's milliseconds")]
fn whole(ms: f64) -> Option<i64> {
    (ms.is_finite() && ms.abs() < 1e16).then_some(ms as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn line(source: &Value) -> Option<LogLine> {
        Fields::new(&BTreeMap::new()).line("i", "1", source)
    }

    #[test]
    fn ecs_otel_dotted_and_plain_give_the_same_line() {
        let documents = [
            json!({"@timestamp": "2026-01-01T00:00:00.123Z", "log": {"level": "error"}, "message": "boom", "service": {"name": "pay"}, "trace": {"id": "t1"}}),
            json!({"@timestamp": "2026-01-01T01:00:00.123+01:00", "severity_text": "ERROR", "body": {"text": "boom"}, "resource": {"attributes": {"service.name": "pay"}}, "trace_id": "t1"}),
            json!({"@timestamp": 1_767_225_600_123_i64, "log.level": "ERROR", "body": "boom", "service.name": "pay", "trace.id": "t1"}),
            json!({"@timestamp": "1767225600123", "level": 50, "message": "boom", "service": "pay", "trace_id": "t1"}),
            json!({"@timestamp": ["2026-01-01T00:00:00.123"], "message": ["boom"], "level": "err", "kubernetes": {"labels": {"app": "pay"}}, "trace_id": "t1"}),
        ];
        for document in &documents {
            assert_eq!(line(document), line(&documents[0]), "{document}");
        }
        let got = line(&documents[0]).unwrap();
        assert_eq!(
            (got.level, got.labels["service"].as_str(), got.trace_id.as_deref()),
            (LogLevel::Error, "pay", Some("t1"))
        );
    }

    #[test]
    fn documents_without_time_or_message_are_no_lines() {
        for document in [
            json!({"message": "x"}),
            json!({"@timestamp": "yesterday", "message": "x"}),
            json!({"@timestamp": {}, "message": "x"}),
            json!({"@timestamp": "2026-01-01T00:00:00Z"}),
            json!(null),
        ] {
            assert_eq!(line(&document), None, "{document}");
        }
    }

    #[test]
    fn overrides_replace_the_defaults() {
        let fields = Fields::new(
            &[("message".to_owned(), "event.text".to_owned()), ("timestamp".to_owned(), "ts".to_owned())].into(),
        );
        let got = fields.line("i", "1", &json!({"ts": 5, "event": {"text": "hello"}, "message": "not this"})).unwrap();
        assert_eq!((got.message.as_str(), got.at.timestamp_millis()), ("hello", 5));
        assert_eq!(fields.time_field(), "ts");
    }

    #[test]
    fn a_long_message_is_cut_at_a_character_with_its_length() {
        let got = line(&json!({"@timestamp": 5, "message": "é".repeat(MAX_MESSAGE)})).unwrap();
        assert!(
            got.message.len() < MAX_MESSAGE + 64 && got.message.ends_with("[cut, 131072 bytes]"),
            "{}",
            got.message.len()
        );
    }
}
