//! Installs scripts, cases, monitors, policies and channels into the product; a second time changes nothing.
use std::collections::HashMap;
use std::path::Path;

use anyhow::{Context as _, bail};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::product::Product;
use crate::say;

/// Files that are compiled in: the catalog, and the scripts it names.
const FILES: [(&str, &str); 14] = [
    ("scripts.yaml", include_str!("../../catalog/scripts.yaml")),
    ("cases.yaml", include_str!("../../catalog/cases.yaml")),
    ("monitors.yaml", include_str!("../../catalog/monitors.yaml")),
    ("policies.yaml", include_str!("../../catalog/policies.yaml")),
    ("channels.yaml", include_str!("../../catalog/channels.yaml")),
    ("../scripts/restart_service.sh", include_str!("../../scripts/restart_service.sh")),
    ("../scripts/rollback_release.sh", include_str!("../../scripts/rollback_release.sh")),
    ("../scripts/rollforward_release.sh", include_str!("../../scripts/rollforward_release.sh")),
    ("../scripts/reset_flags.sh", include_str!("../../scripts/reset_flags.sh")),
    ("../scripts/restore_flags.sh", include_str!("../../scripts/restore_flags.sh")),
    ("../scripts/clean_spool.sh", include_str!("../../scripts/clean_spool.sh")),
    ("../scripts/restart_redis.sh", include_str!("../../scripts/restart_redis.sh")),
    ("../scripts/noop_restart_other.sh", include_str!("../../scripts/noop_restart_other.sh")),
    ("../scripts/check_service.sh", include_str!("../../scripts/check_service.sh")),
];

/// Kinds in the order in which they refer to each other, with their path in the API.
const KINDS: [(&str, &str); 5] = [
    ("script", "/scripts"),
    ("case", "/cases"),
    ("monitor", "/monitors"),
    ("policy", "/policies"),
    ("channel", "/channels"),
];

/// One object of the catalog: its kind, and the draft with names where the API wants ids.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct Item {
    kind: String,
    #[serde(flatten)]
    draft: Map<String, Value>,
}

/// What the catalog cannot know beforehand.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    /// Address of the control API, put where a value is `${control_url}`.
    pub(crate) control_url: String,
    /// Token of the control API, put where a value is `${token}`.
    pub(crate) token: String,
}

/// The catalog that is compiled in.
pub(crate) fn built_in() -> anyhow::Result<Vec<Item>> {
    let file = |name: &str| FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| (*text).to_owned());
    let mut items = Vec::new();
    for (name, text) in FILES.iter().filter(|(name, _)| name.ends_with(".yaml")) {
        items.extend(parse(name, text, &|body| file(body).with_context(|| format!("{body} is not built in")))?);
    }
    Ok(items)
}

/// The catalog in a folder.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Vec<Item>> {
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .with_context(|| format!("--catalog: read {}", folder.display()))?
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml"));
    paths.sort();
    let mut items = Vec::new();
    for path in paths {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let body = |name: &str| std::fs::read_to_string(folder.join(name)).with_context(|| format!("read {name}"));
        items.extend(parse(&path.display().to_string(), &text, &body)?);
    }
    Ok(items)
}

fn parse(name: &str, text: &str, body: &dyn Fn(&str) -> anyhow::Result<String>) -> anyhow::Result<Vec<Item>> {
    let mut items: Vec<Item> =
        serde_saphyr::from_str(text).with_context(|| format!("{name} is not a list of objects"))?;
    for (index, item) in items.iter_mut().enumerate() {
        if !KINDS.iter().any(|(kind, _)| *kind == item.kind) {
            bail!("{name}: entry {index}: kind: use script, case, monitor, policy or channel, not {:?}", item.kind);
        }
        if item.draft.get("name").and_then(Value::as_str).is_none() {
            bail!("{name}: entry {index}: name: give the {} a name", item.kind);
        }
        if let Some(Value::String(file)) = item.draft.remove("body_file") {
            item.draft.insert("body".into(), Value::String(body(&file)?));
        }
    }
    Ok(items)
}

/// Ids of what is in the product, by API path and name.
type Ids = HashMap<(&'static str, String), String>;

/// Creates what is missing and changes what differs.
pub(crate) async fn install(product: &Product, items: Vec<Item>, facts: &Facts) -> anyhow::Result<()> {
    let mut ids = sources(product).await?;
    for (kind, path) in KINDS {
        let known: HashMap<String, Value> =
            product.items(path).await?.into_iter().filter_map(|item| Some((name_of(&item)?, item))).collect();
        for item in known.values() {
            remember(&mut ids, path, item);
        }
        for item in items.iter().filter(|item| item.kind == kind) {
            let draft =
                resolve(&item.draft, &ids, facts).with_context(|| format!("{kind} {:?}", item.draft["name"]))?;
            let name = name_of(&draft).unwrap_or_default();
            let (done, stored) = upsert(product, path, &draft, known.get(&name)).await?;
            remember(&mut ids, path, &stored);
            say::line(&format!("{done} {kind} {name}"));
        }
    }
    Ok(())
}

async fn upsert(
    product: &Product,
    path: &str,
    draft: &Value,
    stored: Option<&Value>,
) -> anyhow::Result<(&'static str, Value)> {
    let Some(stored) = stored else { return Ok(("created", product.post(path, draft).await?)) };
    if contains(stored, draft) {
        return Ok(("kept", stored.clone()));
    }
    let id = stored["id"].as_str().context("an object of the product has no id")?;
    let version = stored["version"].as_i64().context("an object of the product has no version")?;
    Ok(("changed", product.put(&format!("{path}/{id}"), draft, version).await?))
}

/// The product's sources: the first of each kind, under the name of the kind, and all under their own names.
async fn sources(product: &Product) -> anyhow::Result<Ids> {
    let mut ids = Ids::new();
    for source in product.items("/sources").await? {
        remember(&mut ids, "/sources", &source);
        if let (Some(kind), Some(id)) = (source["kind"].as_str(), source["id"].as_str()) {
            ids.insert(("/sources", kind.to_owned()), id.to_owned());
        }
    }
    Ok(ids)
}

fn remember(ids: &mut Ids, path: &'static str, item: &Value) {
    if let (Some(name), Some(id)) = (name_of(item), item["id"].as_str()) {
        ids.insert((path, name), id.to_owned());
    }
}

fn name_of(item: &Value) -> Option<String> {
    item["name"].as_str().map(str::to_owned)
}

/// The draft as the API wants it: `script`, `source`, `case` and `undo_case` become ids, facts are filled in.
fn resolve(draft: &Map<String, Value>, ids: &Ids, facts: &Facts) -> anyhow::Result<Value> {
    let mut resolved = Map::new();
    for (key, value) in draft {
        let reference = match key.as_str() {
            "script" => Some("/scripts"),
            "source" => Some("/sources"),
            "case" | "undo_case" => Some("/cases"),
            _ => None,
        };
        match (reference, value) {
            (Some(path), Value::String(name)) => {
                let id = ids.get(&(path, name.clone()));
                let id = id.with_context(|| format!("{key}: the product has none that is named {name:?}"))?;
                resolved.insert(format!("{key}_id"), Value::String(id.clone()));
            }
            // The body is the script's own text: nothing in it is ours to fill in.
            _ if key == "body" => drop(resolved.insert(key.clone(), value.clone())),
            _ => drop(resolved.insert(key.clone(), fill(value, ids, facts)?)),
        }
    }
    Ok(Value::Object(resolved))
}

fn fill(value: &Value, ids: &Ids, facts: &Facts) -> anyhow::Result<Value> {
    Ok(match value {
        Value::Object(map) => resolve(map, ids, facts)?,
        Value::Array(list) => Value::Array(list.iter().map(|item| fill(item, ids, facts)).collect::<Result<_, _>>()?),
        Value::String(text) if text == "${control_url}" => Value::String(facts.control_url.clone()),
        Value::String(text) if text == "${token}" => Value::String(facts.token.clone()),
        other => other.clone(),
    })
}

/// Says whether everything in `wanted` is in `stored` with the same value; what `wanted` does not name may be anything.
fn contains(stored: &Value, wanted: &Value) -> bool {
    match (stored, wanted) {
        (Value::Object(stored), Value::Object(wanted)) => {
            wanted.iter().all(|(key, value)| stored.get(key).is_some_and(|old| contains(old, value)))
        }
        (Value::Array(stored), Value::Array(wanted)) => {
            stored.len() == wanted.len() && stored.iter().zip(wanted).all(|(old, new)| contains(old, new))
        }
        (Value::Number(stored), Value::Number(wanted)) => stored.as_f64() == wanted.as_f64(),
        _ => stored == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn facts() -> Facts {
        Facts { control_url: "http://127.0.0.1:9".into(), token: "secret".into() }
    }

    /// Gives every name an id, as a product would that has taken everything in.
    fn all_ids(items: &[Item]) -> Ids {
        let mut ids = Ids::new();
        for kind in ["prometheus", "elasticsearch"] {
            ids.insert(("/sources", kind.into()), format!("id of {kind}"));
        }
        for item in items {
            let (_, path) = KINDS.iter().find(|(kind, _)| *kind == item.kind).unwrap();
            ids.insert((path, item.draft["name"].as_str().unwrap().into()), "an id".into());
        }
        ids
    }

    #[test]
    fn the_built_in_catalog_resolves_and_every_script_has_a_body() {
        let items = built_in().unwrap();
        let ids = all_ids(&items);
        for item in &items {
            let draft = resolve(&item.draft, &ids, &facts()).unwrap();
            if item.kind == "script" {
                assert!(draft["body"].as_str().unwrap().starts_with("#!/bin/sh\n"), "{draft}");
            }
            if item.kind == "case" {
                assert_eq!(draft["values"]["TESTBED_CONTROL_URL"], "http://127.0.0.1:9", "{draft}");
            }
        }
        let trial = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("trials/wrong_cure")).unwrap();
        for item in &trial {
            resolve(&item.draft, &ids, &facts()).unwrap();
            assert!(items.iter().any(|own| own.draft["name"] == item.draft["name"]), "a trial replaces what is there");
        }
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("catalog");
        let mut from_disk = read(&folder).unwrap();
        let mut compiled = items;
        let key = |item: &Item| (item.kind.clone(), item.draft["name"].to_string());
        from_disk.sort_by_key(key);
        compiled.sort_by_key(key);
        assert_eq!(from_disk, compiled, "every file of the catalog must be compiled in");
    }

    #[test]
    fn a_name_that_is_not_there_is_told() {
        let draft = json!({"name": "a", "steps": [{"case": "missing"}]});
        let error = resolve(draft.as_object().unwrap(), &Ids::new(), &facts()).unwrap_err();
        assert!(format!("{error:#}").contains("missing"), "{error:#}");
    }

    #[test]
    fn only_differences_that_were_asked_for_count() {
        let stored =
            json!({"id": "1", "name": "a", "timeout_secs": 60, "tags": ["x"], "detector": {"kind": "learned"}});
        assert!(contains(&stored, &json!({"name": "a", "timeout_secs": 60.0, "detector": {"kind": "learned"}})));
        assert!(!contains(&stored, &json!({"tags": ["x", "y"]})));
        assert!(!contains(&stored, &json!({"direction": "up"})));
    }

    #[test]
    fn a_wrong_kind_and_a_missing_name_are_named() {
        let none = |_: &str| Ok(String::new());
        assert!(parse("a.yaml", "- {kind: scirpt, name: x}", &none).unwrap_err().to_string().contains("kind"));
        assert!(parse("a.yaml", "- {kind: script}", &none).unwrap_err().to_string().contains("name"));
    }
}
