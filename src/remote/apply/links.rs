//! References: names in files, ids in the product.

use super::super::client::Product;
use super::super::kinds::{self, KINDS, Kind, at_each};
use domain::catalog::ScriptSpec;
use domain::version::content_hash;
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Names by id.
pub(in crate::remote) type Names = HashMap<String, String>;

/// What the product has, and what will be there.
#[derive(Debug, Default)]
pub(super) struct Known {
    objects: HashMap<(&'static str, String), Value>,
    /// Ids by kind and name; those of objects that are still to be made are not the product's.
    ids: HashMap<(&'static str, String), String>,
    /// The product's ids by those that stood in for them.
    settled: HashMap<String, String>,
    /// Versions of scripts: name of the script, hash of the content, number.
    versions: Vec<(String, String, i64)>,
    /// Contents of scripts in the files, in the order in which they become versions: name of the script, hash.
    contents: Vec<(String, String)>,
}

impl Known {
    /// Everything that lives in the product.
    pub(super) async fn load(product: &Product) -> anyhow::Result<Self> {
        let mut known = Self::default();
        for kind in &KINDS {
            for object in product.all(kind.path).await? {
                let name = object["name"].as_str().unwrap_or_default().to_owned();
                if kind.word == "script" {
                    known.load_versions(product, &name, &object).await?;
                }
                known.made(kind, &name, &object);
            }
        }
        Ok(known)
    }

    /// The number of a script's version with this content.
    pub(super) fn version(&self, name: &str, hash: &str) -> Option<i64> {
        let found = self.versions.iter().find(|(script, content, _)| script == name && content == hash);
        found.map(|(_, _, number)| *number)
    }

    /// The number that a content of the files will have, unless somebody else changes the script meanwhile.
    fn coming(&self, name: &str, hash: &str) -> Option<i64> {
        let newest = self.versions.iter().filter(|(script, ..)| script == name).map(|(.., number)| *number).max();
        let coming =
            self.contents.iter().filter(|(script, content)| script == name && self.version(name, content).is_none());
        let at = coming.map(|(_, content)| content).position(|content| content == hash)?;
        Some(newest.unwrap_or(0) + 1 + i64::try_from(at).ok()?)
    }

    /// A script will have this content.
    pub(super) fn expect_content(&mut self, name: &str, hash: String) {
        self.contents.push((name.to_owned(), hash));
    }

    /// Reads the versions of a script anew.
    pub(super) async fn reload_versions(
        &mut self,
        product: &Product,
        name: &str,
        script: &Value,
    ) -> anyhow::Result<()> {
        self.versions.retain(|(known, ..)| known != name);
        self.load_versions(product, name, script).await
    }

    async fn load_versions(&mut self, product: &Product, name: &str, script: &Value) -> anyhow::Result<()> {
        let id = script["id"].as_str().unwrap_or_default();
        let versions = product.get(&format!("/scripts/{id}/versions")).await?;
        for version in versions["items"].as_array().or(versions.as_array()).into_iter().flatten() {
            if let (Some(hash), Some(number)) = (version["sha256"].as_str(), version["number"].as_i64()) {
                self.versions.push((name.to_owned(), hash.to_owned(), number));
            }
        }
        Ok(())
    }

    /// The object of the product.
    pub(super) fn object(&self, kind: &Kind, name: &str) -> Option<&Value> {
        self.objects.get(&(kind.word, name.to_owned()))
    }

    /// An object that a file has: it will be there.
    pub(super) fn expect(&mut self, kind: &Kind, name: &str) {
        self.ids.entry((kind.word, name.to_owned())).or_insert_with(|| uuid::Uuid::new_v4().to_string());
    }

    /// An object is there.
    pub(super) fn made(&mut self, kind: &Kind, name: &str, object: &Value) {
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        if let Some(before) = self.ids.insert((kind.word, name.to_owned()), id.clone())
            && before != id
        {
            self.settled.insert(before, id);
        }
        self.objects.insert((kind.word, name.to_owned()), object.clone());
    }

    /// Puts the product's ids where others stood in for them.
    pub(super) fn settle(&self, kind: &Kind, draft: &mut Value) {
        for (path, _) in kind.links {
            let _always_fine: Result<(), ()> = at_each(draft, path, &mut |map, key| {
                if let Some(Value::String(id)) = map.get_mut(key)
                    && let Some(real) = self.settled.get(id)
                {
                    real.clone_into(id);
                }
                Ok(())
            });
        }
    }

    /// Names by id, of all kinds.
    pub(super) fn names(&self) -> Names {
        self.ids.iter().map(|((_, name), id)| (id.clone(), name.clone())).collect()
    }
}

/// A path without the `_id` at its end.
fn short(path: &str) -> &str {
    path.strip_suffix("_id").unwrap_or(path)
}

/// Replaces names by ids; every name that is nowhere otherwise.
pub(super) fn to_ids(kind: &Kind, draft: &mut Value, known: &Known) -> Result<(), Vec<(String, String)>> {
    let mut wrong = Vec::new();
    for (path, of) in kind.links {
        let _always_fine: Result<(), ()> = at_each(draft, short(path), &mut |map, key| {
            let Some(value) = map.remove(key) else { return Ok(()) };
            let Value::String(name) = value else {
                if !value.is_null() {
                    wrong.push((path.replace(".*", ""), format!("give the name of a {of}")));
                }
                return Ok(());
            };
            match known.ids.get(&(*of, name.clone())) {
                Some(id) => drop(map.insert(format!("{key}_id"), Value::String(id.clone()))),
                None => wrong
                    .push((path.replace(".*", ""), format!("no {of} is named {name:?}, in the files or the product"))),
            }
            Ok(())
        });
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong) }
}

/// Replaces ids by names; an id without a name stays.
pub(in crate::remote) fn to_names(kind: &Kind, draft: &mut Value, names: &Names) {
    for (path, _) in kind.links {
        let _always_fine: Result<(), ()> = at_each(draft, path, &mut |map, key| {
            if let Some(name) = map.get(key).and_then(Value::as_str).and_then(|id| names.get(id)) {
                let name = Value::String(name.clone());
                map.remove(key);
                map.insert(short(key).to_owned(), name);
            }
            Ok(())
        });
    }
}

/// A case may name the content of its script instead of a version's number, which is another one in each product. Gives the
/// script and the hash; the number may be that of a version that is still to be made.
pub(super) fn pin_version(
    kind: &Kind,
    draft: &mut Map<String, Value>,
    known: &Known,
) -> Result<Option<(String, String)>, super::Problems> {
    if kind.word != "case" {
        return Ok(None);
    }
    let Some(value) = draft.remove("script_sha256") else { return Ok(None) };
    let refuse = |why: &str| Err(vec![("script_sha256".to_owned(), why.to_owned())]);
    let Some(hash) = value.as_str() else { return refuse("give the SHA-256 of a version's content") };
    let id = draft.get("script_id").and_then(Value::as_str).unwrap_or_default();
    let name = known.ids.iter().find(|((word, _), known)| *word == "script" && *known == id).map(|((_, name), _)| name);
    let Some(name) = name else { return refuse("name the script too") };
    let Some(number) = known.version(name, hash).or_else(|| known.coming(name, hash)) else {
        return refuse(
            "the script has no version with this content, in the files (older) or the product: apply that one first",
        );
    };
    draft.insert("script_version".to_owned(), number.into());
    Ok(Some((name.clone(), hash.to_owned())))
}

/// The hash of a script's content.
pub(in crate::remote) fn content_of(script: &Value) -> Option<String> {
    let spec: ScriptSpec = serde_json::from_value(Value::Object(without_name(script))).ok()?;
    Some(content_hash(&spec))
}

fn without_name(object: &Value) -> Map<String, Value> {
    let mut map = kinds::draft_of(object);
    map.remove("name");
    map.remove("tags");
    map
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pin_is_to_a_content() {
        let (case, script) = (kinds::by_word("case").expect("kind"), kinds::by_word("script").expect("kind"));
        let mut known = Known::default();
        known.expect(script, "greet");
        let id = known.ids[&("script", "greet".to_owned())].clone();
        let pin = |known: &Known, hash: &str| {
            let mut draft = json!({"script_id": id, "script_sha256": hash}).as_object().cloned().expect("an object");
            pin_version(case, &mut draft, known).map(|_| draft["script_version"].as_i64().expect("a number"))
        };
        assert!(pin(&known, "a").expect_err("nowhere")[0].1.contains("apply that one first"));
        for hash in ["a", "b", "c"] {
            known.expect_content("greet", hash.to_owned());
        }
        known.expect_content("other", "z".to_owned());
        assert_eq!((pin(&known, "a"), pin(&known, "c")), (Ok(1), Ok(3)), "a new script");
        known.versions = vec![("greet".into(), "x".into(), 4), ("greet".into(), "b".into(), 3)];
        assert_eq!((pin(&known, "b"), pin(&known, "a"), pin(&known, "c")), (Ok(3), Ok(5), Ok(6)), "one that is there");
        assert!(pin(&known, "z").is_err());
    }

    #[test]
    fn names_become_ids_and_names_again() {
        let (case, policy) = (kinds::by_word("case").expect("kind"), kinds::by_word("policy").expect("kind"));
        let mut known = Known::default();
        known.expect(case, "restart");
        let mut draft = json!({"steps": [{"case": "restart", "undo_case": null}], "verification": {"checks": []}});
        to_ids(policy, &mut draft, &known).expect("known");
        let id = draft["steps"][0]["case_id"].as_str().expect("an id").to_owned();
        known.made(case, "restart", &json!({"id": "7"}));
        known.settle(policy, &mut draft);
        assert_eq!(draft["steps"][0], json!({"case_id": "7"}), "not {id} any more");
        to_names(policy, &mut draft, &known.names());
        assert_eq!(draft["steps"][0], json!({"case": "restart"}));
        let wrong = to_ids(policy, &mut json!({"steps": [{"case": "nope"}]}), &known).expect_err("unknown");
        assert_eq!(wrong[0].0, "steps.case_id");
        assert!(wrong[0].1.contains("nope"), "{wrong:?}");
    }
}
