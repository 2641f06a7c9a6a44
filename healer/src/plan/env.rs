//! Environment of a run: parameter values as given, and the facts of the incident. Values are data, never script text.

use crate::verify::sample::entity_value;
use domain::anomaly::{Anomaly, AnomalyState};
use domain::error::FieldError;
use domain::incident::Incident;
use serde_json::Value;
use std::collections::BTreeMap;

/// Longest value of one variable, bytes; Linux refuses an exec with one above 128 KiB.
const MAX_VALUE: usize = 64 * 1024;

const RESERVED: [&str; 13] = [
    "PATH",
    "HOME",
    "IFS",
    "ENV",
    "SHELL",
    "SHELLOPTS",
    "BASHOPTS",
    "PS4",
    "PROMPT_COMMAND",
    "BASH_ENV",
    "CDPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
];
const RESERVED_PREFIXES: [&str; 8] = ["LD_", "DYLD_", "PYTHON", "GIT_", "PERL", "BASH_FUNC", "AIOPS_", "GLIBC_"];

/// Whether `name` could change how an interpreter or loader behaves, so that data must never set it.
#[must_use]
pub fn reserved(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    RESERVED.contains(&upper.as_str()) || RESERVED_PREFIXES.iter().any(|p| upper.starts_with(p))
}

fn well_formed(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.len() <= 64
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(s) => Some(s.clone()),
        other => Some(other.to_string()),
    }
}

/// Parameters as variables of the same name: strings as they are, null left out, everything else as JSON.
///
/// # Errors
/// One entry for each wrong parameter, below `values`.
pub(super) fn parameters(values: &BTreeMap<String, Value>) -> Result<BTreeMap<String, String>, Vec<FieldError>> {
    let mut env = BTreeMap::new();
    let mut wrong = Vec::new();
    for (name, value) in values {
        let mut refuse = |why: String| wrong.push(FieldError::new(format!("values.{name}"), why));
        let Some(value) = text(value) else { continue };
        if !well_formed(name) {
            refuse("use letters, digits and _ , not starting with a digit".to_owned());
        } else if reserved(name) {
            refuse("this environment name is reserved; choose another".to_owned());
        } else if value.contains('\0') || value.len() > MAX_VALUE {
            refuse(format!("give at most {MAX_VALUE} bytes without NUL"));
        } else {
            env.insert(name.clone(), value);
        }
    }
    if wrong.is_empty() { Ok(env) } else { Err(wrong) }
}

/// The anomaly that stands for the incident: open before closed, on the suspect entity before others, then by score.
fn main_anomaly<'a>(incident: &Incident, anomalies: &'a [Anomaly]) -> Option<&'a Anomaly> {
    anomalies.iter().max_by(|a, b| {
        let key = |x: &Anomaly| (x.state == AnomalyState::Open, x.entity == incident.entity);
        key(a).cmp(&key(b)).then(a.score.total_cmp(&b.score))
    })
}

/// `INCIDENT_ID`, `TARGET`, `TARGET_KIND`, `TARGET_NAME`, `RUN_KEY`, `TRACEPARENT` and `ALERT_LABEL_<NAME>`. Letters of a label's name
/// become upper case, other characters `_`; of two labels with one name the first in order wins. Values stay as they
/// are; one that no environment can hold (NUL, above 64 KiB) is left out.
pub(super) fn facts(incident: &Incident, anomalies: &[Anomaly], run_key: &str) -> BTreeMap<String, String> {
    let target = incident.entity.as_str();
    let kind = target.split_once('=').map_or("", |(kind, _)| kind);
    let mut env: BTreeMap<String, String> = [
        ("INCIDENT_ID", incident.id.to_string()),
        ("TARGET", target.to_owned()),
        ("TARGET_KIND", kind.to_owned()),
        ("TARGET_NAME", entity_value(target).to_owned()),
        ("RUN_KEY", run_key.to_owned()),
        ("TRACEPARENT", incident.trace.traceparent()),
    ]
    .into_iter()
    .filter(|(_, v)| !v.contains('\0') && v.len() <= MAX_VALUE)
    .map(|(k, v)| (k.to_owned(), v))
    .collect();
    for (name, value) in main_anomaly(incident, anomalies).map(|a| &a.labels).into_iter().flatten() {
        let clean: String = name
            .chars()
            .take(64)
            .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
            .collect();
        if !value.contains('\0') && value.len() <= MAX_VALUE {
            env.entry(format!("ALERT_LABEL_{clean}")).or_insert_with(|| value.clone());
        }
    }
    env
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample_values::{anomaly, incident};
    use serde_json::json;

    #[test]
    fn labels_are_data() {
        let mut a = anomaly();
        for (name, value) in
            [("le ft-=x", "$(touch pwned)"), ("multi", "a\nb"), ("opt", "--help"), ("nul", "a\0b"), ("empty", "")]
        {
            a.labels.insert(name.into(), value.into());
        }
        let env = facts(&incident(), &[a], "key");
        assert_eq!(env["ALERT_LABEL_INSTANCE"], "web-1; touch pwned");
        assert_eq!(env["ALERT_LABEL_LE_FT__X"], "$(touch pwned)");
        assert_eq!(env["ALERT_LABEL_MULTI"], "a\nb");
        assert_eq!(env["ALERT_LABEL_OPT"], "--help");
        assert_eq!(env["ALERT_LABEL_EMPTY"], "");
        assert!(!env.contains_key("ALERT_LABEL_NUL"));
        assert_eq!(
            (env["TARGET"].as_str(), env["TARGET_KIND"].as_str(), env["TARGET_NAME"].as_str()),
            ("service=checkout", "service", "checkout")
        );
        assert_eq!(env["RUN_KEY"], "key");
        assert!(env["TRACEPARENT"].starts_with("00-0af7651916cd43dd8448eb211c80319c-"));
    }

    #[test]
    fn parameters_are_encoded_or_refused() {
        let good = [("A", json!("x y")), ("b", json!(3)), ("C", json!(null)), ("D", json!(["q"]))];
        let env = parameters(&good.map(|(k, v)| (k.to_owned(), v)).into()).expect("fine");
        assert_eq!(env, [("A", "x y"), ("b", "3"), ("D", "[\"q\"]")].map(|(k, v)| (k.to_owned(), v.to_owned())).into());
        for name in [
            "PATH",
            "ld_preload",
            "BASH_ENV",
            "IFS",
            "PYTHONPATH",
            "NODE_OPTIONS",
            "GIT_SSH",
            "1A",
            "a-b",
            "",
            "AIOPS_RUN",
        ] {
            let refused = parameters(&[(name.to_owned(), json!("x"))].into()).expect_err(name);
            assert_eq!(refused[0].field, format!("values.{name}"));
        }
    }
}
