//! The editable kinds as the command line knows them: their paths, their references by name, their normal form.

use domain::catalog::{CaseSpec, ChannelSpec, MonitorSpec, RuntimeManagerSpec, ScriptSpec, SourceSpec};
use domain::error::FieldError;
use domain::policy::PolicySpec;
use domain::resource::{Draft, Spec};
use domain::schedule::ScheduleSpec;
use serde_json::{Map, Value};

/// A draft in its normal form: every default filled in.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Normal {
    /// As it is sent.
    pub sent: Value,
    /// As the product shows it: secrets replaced by the mark.
    pub shown: Value,
}

/// One kind.
#[derive(Debug)]
pub(crate) struct Kind {
    /// Word in files.
    pub word: &'static str,
    /// Path of the API.
    pub path: &'static str,
    /// Fields that hold the id of another object: path, and the word of its kind. In files they stand without `_id`, with a name.
    pub links: &'static [(&'static str, &'static str)],
    /// Fields that may be read from a file: `FIELD_file`.
    pub texts: &'static [&'static str],
    normal: fn(Map<String, Value>) -> Result<Normal, Vec<FieldError>>,
}

/// Every kind, in the order in which they refer to each other.
pub(crate) const KINDS: [Kind; 8] = [
    kind::<SourceSpec>("/sources", &[], &[]),
    kind::<MonitorSpec>("/monitors", &[("source_id", "source")], &[]),
    kind::<ScriptSpec>("/scripts", &[], &["body", "precheck", "verify", "undo"]),
    kind::<CaseSpec>("/cases", &[("script_id", "script")], &["body"]),
    kind::<ScheduleSpec>("/schedules", &[("case_id", "case")], &[]),
    kind::<RuntimeManagerSpec>("/runtime-managers", &[], &[]),
    kind::<PolicySpec>(
        "/policies",
        &[("steps.*.case_id", "case"), ("steps.*.undo_case_id", "case"), ("verification.checks.*.source_id", "source")],
        &[],
    ),
    kind::<ChannelSpec>("/channels", &[], &[]),
];

const fn kind<T: Spec>(
    path: &'static str,
    links: &'static [(&'static str, &'static str)],
    texts: &'static [&'static str],
) -> Kind {
    Kind { word: T::KIND, path, links, texts, normal: normal::<T> }
}

/// The kind with this word.
pub(crate) fn by_word(word: &str) -> Option<&'static Kind> {
    static ALL: [Kind; 8] = KINDS;
    ALL.iter().find(|kind| kind.word == word)
}

/// The words of all kinds, for people.
pub(crate) fn words() -> String {
    KINDS.map(|kind| kind.word).join(", ")
}

impl Kind {
    /// The draft with its defaults; every wrong field otherwise.
    pub(crate) fn normal(&self, draft: &Map<String, Value>) -> Result<Normal, Vec<FieldError>> {
        (self.normal)(draft.clone())
    }
}

fn normal<T: Spec>(mut map: Map<String, Value>) -> Result<Normal, Vec<FieldError>> {
    let wrong = |field: &str, why: String| vec![FieldError::new(field, why)];
    let Some(Value::String(name)) = map.remove("name") else {
        return Err(wrong("name", format!("give the {} a name", T::KIND)));
    };
    let tags = map.remove("tags").unwrap_or_else(|| Value::Array(Vec::new()));
    let tags: Vec<String> =
        serde_json::from_value(tags).map_err(|_| wrong("tags", "give a list of words".to_owned()))?;
    let mut spec: T = serde_path_to_error::deserialize(Value::Object(map)).map_err(|e| {
        let (path, why) = (e.path().to_string(), e.inner().to_string());
        let named = why.split('`').nth(1).filter(|_| path == ".").unwrap_or(&path).to_owned();
        wrong(&named, why)
    })?;
    spec.tidy();
    let draft = Draft { name, tags, spec };
    draft.check().map_err(|e| e.fields)?;
    let shown = Draft { spec: draft.spec.redacted(), ..draft.clone() };
    let value = |draft: &Draft<T>| serde_json::to_value(draft).map_err(|e| wrong("", e.to_string()));
    Ok(Normal { sent: value(&draft)?, shown: value(&shown)? })
}

/// What is done with an object and a key of it.
pub(crate) type AtKey<'a, E> = dyn FnMut(&mut Map<String, Value>, &str) -> Result<(), E> + 'a;

/// Calls `change` on every object that holds the last key of `path`, where `*` is every item of a list.
pub(crate) fn at_each<E>(value: &mut Value, path: &str, change: &mut AtKey<'_, E>) -> Result<(), E> {
    match (path.split_once('.'), value) {
        (None, Value::Object(map)) => change(map, path),
        (Some(("*", rest)), Value::Array(items)) => items.iter_mut().try_for_each(|item| at_each(item, rest, change)),
        (Some((key, rest)), Value::Object(map)) => {
            map.get_mut(key).map_or(Ok(()), |value| at_each(value, rest, change))
        }
        _ => Ok(()),
    }
}

/// An object of the product as a draft: what is the product's own is left out.
pub(crate) fn draft_of(object: &Value) -> Map<String, Value> {
    let mut map = object.as_object().cloned().unwrap_or_default();
    for own in ["id", "version", "created_at", "updated_at", "archived_at"] {
        map.remove(own);
    }
    map
}

/// Whether an object of the product is archived.
pub(crate) fn archived(object: &Value) -> bool {
    !object["archived_at"].is_null()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn fields(word: &str, draft: Value) -> Vec<String> {
        let map = draft.as_object().expect("object").clone();
        let wrong = by_word(word).expect("a kind").normal(&map).expect_err("wrong");
        wrong.into_iter().map(|w| w.field).collect()
    }

    #[test]
    fn drafts_get_their_defaults_and_wrong_fields_are_named() {
        let draft = json!({"name": "a", "language": "sh", "body": "true\r\n"}).as_object().expect("object").clone();
        let normal = by_word("script").expect("a kind").normal(&draft).expect("fine");
        assert_eq!((normal.sent["timeout_secs"].as_u64(), normal.sent["body"].as_str()), (Some(300), Some("true\n")));
        assert_eq!(fields("script", json!({"name": "a", "language": "sh"})), ["body"]);
        assert_eq!(fields("script", json!({"name": "a", "language": "sh", "body": "x", "bdy": 1})), ["bdy"]);
        assert_eq!(
            fields("script", json!({"name": "a", "language": "sh", "body": " ", "timeout_secs": 0})),
            ["body", "timeout_secs"]
        );
        assert_eq!(
            fields("case", json!({"name": "a", "expectations": {"exit_code": "x"}})),
            ["expectations.exit_code"]
        );
        assert_eq!(fields("case", json!({"tags": []})), ["name"]);
    }

    #[test]
    fn secrets_are_sent_and_not_shown() {
        let draft = json!({"name": "a", "kind": "webhook", "url": "http://x", "secret": "hunter2"});
        let normal = by_word("channel").expect("a kind").normal(draft.as_object().expect("object")).expect("fine");
        assert_eq!(
            (normal.sent["secret"].as_str(), normal.shown["secret"].as_str()),
            (Some("hunter2"), Some("********"))
        );
    }

    #[test]
    fn paths_reach_into_lists() {
        let mut value = json!({"steps": [{"case_id": "a"}, {"case_id": "b", "undo_case_id": "c"}]});
        let mut seen = Vec::new();
        at_each::<()>(&mut value, "steps.*.case_id", &mut |map, key| {
            seen.push(map[key].clone());
            Ok(())
        })
        .expect("fine");
        assert_eq!(seen, ["a", "b"]);
    }
}
