//! What an alert is about, how bad it is, what it measures, and what tells it apart: read from its labels and name.

use crate::Labels;
use crate::catalog::EntityRule;
use crate::incident::Severity;
use crate::signal::SignalKind;

/// Labels that name an entity when the source does not say which, best first; those of monitors are the same.
const WELL_KNOWN: [&str; 11] =
    ["service", "service_name", "app", "deployment", "pod", "container", "job", "host", "instance", "node", "device"];
/// Longest entity, characters.
const MAX_ENTITY: usize = 300;

/// The text, cut to `chars` characters at a character's boundary.
pub(super) fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

/// The entity that the labels are about, for example `service=checkout`.
pub(super) fn entity(labels: &Labels, rules: &[EntityRule], name: &str) -> String {
    let filled = |label: &str| labels.get(label).filter(|value| !value.trim().is_empty());
    let ruled = rules.iter().find_map(|rule| {
        let kind = rule.kind.as_deref().unwrap_or(&rule.label);
        filled(&rule.label).map(|value| format!("{kind}={value}"))
    });
    let known = || WELL_KNOWN.iter().find_map(|label| filled(label).map(|value| format!("{label}={value}")));
    cut(&ruled.or_else(known).unwrap_or_else(|| format!("alert={name}")), MAX_ENTITY)
}

/// The severity, from the words that rules commonly use; `warning` when there is none.
pub(super) fn severity(labels: &Labels, label: &str) -> Severity {
    let word = labels.get(label).map(|v| v.trim().to_ascii_lowercase()).unwrap_or_default();
    match word.as_str() {
        "critical" | "crit" | "page" | "error" | "fatal" | "emergency" | "disaster" | "high" | "p1" | "sev1" => {
            Severity::Critical
        }
        "info" | "information" | "informational" | "none" | "low" | "notice" | "p4" | "sev4" => Severity::Info,
        _ => Severity::Warning,
    }
}

/// What it measures: the label's word, or else a guess by the name.
pub(super) fn signal(labels: &Labels, label: &str, name: &str) -> SignalKind {
    let said = labels
        .get(label)
        .and_then(|word| serde_json::from_value(serde_json::Value::String(word.trim().to_ascii_lowercase())).ok());
    said.unwrap_or_else(|| guess(name))
}

fn guess(name: &str) -> SignalKind {
    const WORDS: [(SignalKind, &[&str]); 6] = [
        (SignalKind::Latency, &["latency", "slow", "duration", "responsetime", "p99", "p95"]),
        (SignalKind::Errors, &["error", "5xx", "fail", "exception"]),
        (SignalKind::Availability, &["down", "absent", "unavailable", "unreachable", "crash", "notready", "missing"]),
        (SignalKind::Saturation, &["cpu", "memory", "disk", "oom", "full", "saturat", "quota", "pressure", "queue"]),
        (SignalKind::Traffic, &["traffic", "requestrate", "throughput", "qps", "rps"]),
        (SignalKind::Logs, &["log"]),
    ];
    let name: String = name.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
    let found = WORDS.iter().find(|(_, words)| words.iter().any(|w| name.contains(w)));
    found.map_or(SignalKind::Other, |(signal, _)| *signal)
}

/// FNV-1a, 64 bit (Fowler, Noll, Vo: <http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv(hash: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(hash, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

const BASIS: u64 = 0xcbf2_9ce4_8422_2325;

/// A short, stable mark of some bytes.
pub(super) fn hash(bytes: &[u8]) -> String {
    format!("{:016x}", fnv(BASIS, bytes))
}

/// The fingerprint that Prometheus' own model gives a label set (FNV-1a over names and values with 0xff between).
#[must_use]
pub fn fingerprint(labels: &Labels) -> String {
    let hash = labels.iter().fold(BASIS, |hash, (name, value)| {
        fnv(fnv(fnv(fnv(hash, name.as_bytes()), &[0xff]), value.as_bytes()), &[0xff])
    });
    format!("{hash:016x}")
}
