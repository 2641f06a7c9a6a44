//! Contents that a script had before and that cases stay at: a file brings them along, so that a pin means the same everywhere.

use super::Problems;
use super::document::Document;
use super::links::{Known, content_of};
use serde_json::{Map, Value};

/// Every content of a script's document as it is sent, with its hash; the last one is what the script is.
pub(super) fn contents(document: &Document) -> Result<Vec<(Value, String)>, Problems> {
    let named = |spec: &Map<String, Value>| {
        let mut draft = spec.clone();
        for key in ["name", "tags"] {
            draft.extend(document.draft.get(key).map(|value| (key.to_owned(), value.clone())));
        }
        draft
    };
    let all = document.older.iter().map(named).chain([document.draft.clone()]);
    let ready = all.enumerate().map(|(n, draft)| {
        let wrong =
            |field: &str| if n < document.older.len() { format!("older[{n}].{field}") } else { field.to_owned() };
        let normal = document.kind.normal(&draft);
        let normal =
            normal.map_err(|all| all.into_iter().map(|w| (wrong(&w.field), w.message)).collect::<Problems>())?;
        let hash = content_of(&normal.sent).unwrap_or_default();
        Ok((normal.sent, hash))
    });
    ready.collect()
}

/// Those contents before the last that the product has no version of.
pub(super) fn lacking(document: &Document, known: &Known) -> Result<Vec<(Value, String)>, Problems> {
    if document.older.is_empty() {
        return Ok(Vec::new());
    }
    let mut all = contents(document)?;
    all.pop();
    all.retain(|(_, hash)| known.version(document.name(), hash).is_none());
    Ok(all)
}
