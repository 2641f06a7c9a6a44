//! Versions of a script: each content is kept for ever under its hash, each change is numbered.

use crate::catalog::ScriptSpec;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use similar::TextDiff;
use uuid::Uuid;

/// One immutable version of a script.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScriptVersion {
    /// The script.
    pub script_id: Uuid,
    /// Dense, from 1; the highest is the script as it is now.
    pub number: i64,
    /// SHA-256 of the content, hex: body, language, parameters, image, interpreter and contract.
    pub sha256: String,
    /// When it was stored.
    pub created_at: DateTime<Utc>,
    /// Who stored it.
    pub created_by: String,
    /// The content.
    pub spec: ScriptSpec,
}

/// How two versions differ.
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionDiff {
    /// The older side.
    pub from: i64,
    /// The newer side.
    pub to: i64,
    /// Fields whose values differ, in the order of the specification.
    pub fields: Vec<String>,
    /// Unified diff of the texts and of all other fields as JSON; empty when nothing differs.
    pub unified: String,
}

/// SHA-256 of a script's content, hex. Fields that are empty do not count, so that a field which comes later changes no hash.
#[must_use]
pub fn content_hash(spec: &ScriptSpec) -> String {
    let mut value = serde_json::to_value(spec).unwrap_or_default();
    prune(&mut value);
    let mut text = String::new();
    canonical(&value, &mut text);
    hex::encode(Sha256::digest(text.as_bytes()))
}

fn prune(value: &mut Value) {
    let Value::Object(map) = value else { return };
    map.retain(|_, value| {
        !matches!(value, Value::Null)
            && !value.as_array().is_some_and(Vec::is_empty)
            && !value.as_object().is_some_and(serde_json::Map::is_empty)
            && value.as_str() != Some("")
    });
}

/// JSON with sorted keys, whatever order the map keeps.
fn canonical(value: &Value, out: &mut String) {
    match value {
        Value::Object(map) => {
            let mut keys: Vec<&String> = map.keys().collect();
            keys.sort_unstable();
            out.push('{');
            for key in keys {
                out.push_str(&Value::from(key.as_str()).to_string());
                out.push(':');
                canonical(&map[key], out);
                out.push(',');
            }
            out.push('}');
        }
        Value::Array(items) => {
            out.push('[');
            for item in items {
                canonical(item, out);
                out.push(',');
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// How `to` differs from `from`.
#[must_use]
pub fn diff(from: &ScriptVersion, to: &ScriptVersion) -> VersionDiff {
    let (fields, unified) = diff_values(
        &json(&from.spec),
        &json(&to.spec),
        &format!("version {}", from.number),
        &format!("version {}", to.number),
    );
    VersionDiff { from: from.number, to: to.number, fields, unified }
}

fn json<T: Serialize>(value: &T) -> Value {
    serde_json::to_value(value).unwrap_or_default()
}

/// Names of the fields that differ between two objects, and their unified diff: long texts line by line, the rest as JSON.
#[must_use]
pub fn diff_values(from: &Value, to: &Value, old: &str, new: &str) -> (Vec<String>, String) {
    let empty = serde_json::Map::new();
    let (a, b) = (from.as_object().unwrap_or(&empty), to.as_object().unwrap_or(&empty));
    let mut keys: Vec<&String> = a.keys().chain(b.keys().filter(|k| !a.contains_key(*k))).collect();
    // Texts last: what is short is read first.
    keys.sort_by_key(|k| is_text(a.get(*k)) || is_text(b.get(*k)));
    let mut fields = Vec::new();
    let mut unified = String::new();
    for key in keys {
        if a.get(key) == b.get(key) {
            continue;
        }
        fields.push(key.clone());
        let (left, right) = (shown(a.get(key)), shown(b.get(key)));
        let hunks = TextDiff::from_lines(left.as_str(), right.as_str());
        let hunks =
            hunks.unified_diff().context_radius(3).header(&format!("{old}/{key}"), &format!("{new}/{key}")).to_string();
        unified.push_str(&hunks);
    }
    (fields, unified)
}

fn is_text(value: Option<&Value>) -> bool {
    value.and_then(Value::as_str).is_some_and(|text| text.contains('\n'))
}

fn shown(value: Option<&Value>) -> String {
    let mut text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => serde_json::to_string_pretty(other).unwrap_or_default(),
    };
    if !text.ends_with('\n') {
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn version(number: i64, spec: ScriptSpec) -> ScriptVersion {
        let sha256 = content_hash(&spec);
        let created_at = crate::clock::from_millis(0);
        ScriptVersion { script_id: Uuid::nil(), number, sha256, created_at, created_by: "alice".to_owned(), spec }
    }

    #[test]
    fn the_hash_is_of_the_content_alone() {
        let spec = ScriptSpec { body: "echo".to_owned(), ..ScriptSpec::default() };
        let mut other = spec.clone();
        assert_eq!(content_hash(&spec), content_hash(&other));
        other.parameters = json!({"type": "object", "properties": {"A": {"type": "string"}}});
        let first = content_hash(&other);
        assert_ne!(content_hash(&spec), first);
        other.parameters = json!({"properties": {"A": {"type": "string"}}, "type": "object"});
        assert_eq!(content_hash(&other), first, "the order of keys does not count");
        other.undo = Some("echo back".to_owned());
        assert_ne!(content_hash(&other), first, "the contract counts");
        assert_eq!(first.len(), 64);
    }

    #[test]
    fn a_diff_names_fields_and_shows_lines() {
        let old =
            version(1, ScriptSpec { body: "one\ntwo\nthree\n".to_owned(), timeout_secs: 60, ..ScriptSpec::default() });
        let new = version(2, ScriptSpec { body: "one\n2\nthree\n".to_owned(), timeout_secs: 90, ..old.spec.clone() });
        let diff = diff(&old, &new);
        assert_eq!(diff.fields, ["timeout_secs", "body"]);
        assert_eq!(
            diff.unified,
            "--- version 1/timeout_secs\n+++ version 2/timeout_secs\n@@ -1 +1 @@\n-60\n+90\n--- version 1/body\n\
             +++ version 2/body\n@@ -1,3 +1,3 @@\n one\n-two\n+2\n three\n"
        );
        assert!(super::diff(&old, &old).unified.is_empty());
    }
}
