//! `aiops export`: every living object as YAML that `aiops apply` takes, here or in another product.

use super::apply::links::{Names, content_of, to_names};
use super::client::{Product, encoded};
use super::kinds::{self, KINDS, Kind};
use crate::cli::ExportArgs;
use crate::commands::say;
use anyhow::{Context as _, bail};
use domain::resource::SECRET_MARK;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::process::ExitCode;

pub(crate) async fn export(args: ExportArgs) -> anyhow::Result<ExitCode> {
    if let Some(word) = args.kinds.iter().find(|word| kinds::by_word(word).is_none()) {
        bail!("--kind: give one of {}, not {word:?}", kinds::words());
    }
    let product = Product::of(&args.connection)?;
    let tag = args.tag.as_deref().map(|tag| format!("?tag={}", encoded(tag))).unwrap_or_default();
    let (mut names, mut all) = (Names::new(), Vec::new());
    for kind in &KINDS {
        for object in product.all(kind.path).await? {
            if let (Some(id), Some(name)) = (object["id"].as_str(), object["name"].as_str()) {
                names.insert(id.to_owned(), name.to_owned());
            }
        }
        if args.kinds.is_empty() || args.kinds.iter().any(|word| word == kind.word) {
            let mut objects = product.all(&format!("{}{tag}", kind.path)).await?;
            objects.sort_by_key(|object| object["name"].as_str().unwrap_or_default().to_owned());
            all.extend(objects.into_iter().filter(|o| !kinds::archived(o)).map(|object| (kind, object)));
        }
    }
    let cases = product.all("/cases").await?;
    let mut text = String::new();
    for (kind, object) in &all {
        let pinned = pinned(&product, kind, object).await?;
        let older = if kind.word == "script" { older(&product, object, &cases).await? } else { Vec::new() };
        text.push_str("---\n");
        text.push_str(&document(kind, object, &names, pinned, older)?);
    }
    match &args.output {
        Some(path) => {
            std::fs::write(path, &text).with_context(|| format!("--output: cannot write {}", path.display()))?;
            say(&format!("{} objects in {}", all.len(), path.display()));
        }
        None => say(text.trim_end()),
    }
    Ok(ExitCode::SUCCESS)
}

/// The content of the version that a case stays at.
async fn pinned(product: &Product, kind: &Kind, object: &Value) -> anyhow::Result<Option<String>> {
    let (Some(number), Some(script)) = (object["script_version"].as_i64(), object["script_id"].as_str()) else {
        return Ok(None);
    };
    if kind.word != "case" {
        return Ok(None);
    }
    let version = product.get(&format!("/scripts/{script}/versions/{number}")).await?;
    Ok(version["sha256"].as_str().map(str::to_owned).or_else(|| content_of(&version["spec"])))
}

/// The contents that living cases stay at and that the script does not have any more, oldest first.
async fn older(product: &Product, script: &Value, cases: &[Value]) -> anyhow::Result<Vec<Map<String, Value>>> {
    let id = script["id"].as_str().unwrap_or_default();
    let of_this = cases.iter().filter(|case| !kinds::archived(case) && case["script_id"].as_str() == Some(id));
    let numbers: BTreeSet<i64> = of_this.filter_map(|case| case["script_version"].as_i64()).collect();
    let (mut found, mut seen) = (Vec::new(), vec![content_of(script)]);
    for number in numbers {
        let version = product.get(&format!("/scripts/{id}/versions/{number}")).await?;
        let content = content_of(&version["spec"]);
        if !seen.contains(&content) {
            found.push(version["spec"].as_object().cloned().unwrap_or_default());
            seen.push(content);
        }
    }
    Ok(found)
}

/// One object as a document.
fn document(
    kind: &Kind,
    object: &Value,
    names: &Names,
    pinned: Option<String>,
    older: Vec<Map<String, Value>>,
) -> anyhow::Result<String> {
    let mut draft = Value::Object(slim(kind, kinds::draft_of(object)));
    to_names(kind, &mut draft, names);
    let name = object["name"].as_str().unwrap_or_default();
    variables(&mut draft, &format!("{} {name}", kind.word));
    let Value::Object(mut map) = draft else { bail!("{} {name} is no object", kind.word) };
    if let Some(hash) = pinned {
        map.remove("script_version");
        map.insert("script_sha256".to_owned(), Value::String(hash));
    }
    let older = older.into_iter().map(|mut spec| {
        spec.insert("name".to_owned(), object["name"].clone());
        let mut spec = slim(kind, spec);
        spec.remove("name");
        Value::Object(spec)
    });
    yaml_with(kind, map, older.collect())
}

/// Leaves out what is so anyway: every field without which the object stays the same.
fn slim(kind: &Kind, draft: Map<String, Value>) -> Map<String, Value> {
    let Ok(whole) = kind.normal(&draft) else { return draft };
    let mut slim = Value::Object(draft);
    for path in leaves(&slim, &mut Vec::new()) {
        let mut less = slim.clone();
        let Some((last, parents)) = path.split_last() else { continue };
        let parent = parents.iter().try_fold(&mut less, |value, key| value.get_mut(key));
        let Some(Value::Object(parent)) = parent else { continue };
        parent.remove(last);
        if less.as_object().is_some_and(|map| kind.normal(map).is_ok_and(|normal| normal == whole)) {
            slim = less;
        }
    }
    slim.as_object().cloned().unwrap_or_default()
}

/// Paths of all fields of objects within objects, the innermost first.
fn leaves(value: &Value, path: &mut Vec<String>) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (key, value) in value.as_object().into_iter().flatten() {
        path.push(key.clone());
        // What is in a schema or among values is the user's, key by key.
        if !["parameters", "values"].contains(&key.as_str()) {
            found.extend(leaves(value, path));
        }
        if path.as_slice() != ["name"] {
            found.push(path.clone());
        }
        path.pop();
    }
    found
}

/// Names a variable where a secret is: `${env:SOURCE_PROM_TOKEN}`.
fn variables(value: &mut Value, path: &str) {
    match value {
        Value::String(text) if text == SECRET_MARK => {
            let name: String =
                path.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' }).collect();
            *text = format!("${{env:{name}}}");
        }
        Value::Array(items) => {
            items.iter_mut().enumerate().for_each(|(n, item)| variables(item, &format!("{path} {n}")));
        }
        Value::Object(map) => map.iter_mut().for_each(|(key, item)| variables(item, &format!("{path} {key}"))),
        _ => {}
    }
}

/// Pairs in their order.
struct Pairs(Vec<(&'static str, Value)>);

impl Serialize for Pairs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

/// A draft as a YAML document.
pub(super) fn yaml_of(kind: &Kind, draft: Map<String, Value>) -> anyhow::Result<String> {
    yaml_with(kind, draft, Vec::new())
}

/// A draft as a YAML document, with contents that it had before.
fn yaml_with(kind: &Kind, mut draft: Map<String, Value>, older: Vec<Value>) -> anyhow::Result<String> {
    let mut pairs = vec![("kind", Value::String(kind.word.to_owned()))];
    pairs.push(("name", draft.remove("name").unwrap_or_default()));
    if let Some(tags) = draft.remove("tags") {
        pairs.push(("tags", tags));
    }
    if !older.is_empty() {
        pairs.push(("older", Value::Array(older)));
    }
    pairs.push(("spec", Value::Object(draft)));
    let plain = serde_saphyr::to_string(&Pairs(pairs))?;
    // What is written has to be read as it was, whatever is in a script.
    let back: Value = serde_saphyr::from_str(&plain).context("a document that cannot be read back")?;
    let spec = |value: &Value| value["spec"].clone();
    let Value::Object(_) = spec(&back) else { bail!("a document that cannot be read back") };
    Ok(if plain.ends_with('\n') { plain } else { format!("{plain}\n") })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn yaml(word: &str, object: Value) -> String {
        document(kinds::by_word(word).expect("kind"), &object, &Names::new(), None, Vec::new()).expect("a document")
    }

    #[test]
    fn defaults_are_left_out_and_secrets_become_variables() {
        let draft = json!({"name": "prom", "kind": "prometheus", "url": "http://p", "credentials": {"kind": "bearer", "token": "********"}});
        let kind = kinds::by_word("source").expect("kind");
        let whole = kind.normal(draft.as_object().expect("object")).expect("fine").shown;
        let text = yaml("source", whole);
        assert!(text.contains("${env:SOURCE_PROM_CREDENTIALS_TOKEN}") && !text.contains("timeout_secs"), "{text}");
        assert!(text.starts_with("kind: source\nname: prom\nspec:\n"), "{text}");
    }

    #[test]
    fn every_body_comes_back_as_it_was() {
        for body in [
            "echo a\n",
            "echo a",
            "\necho a\n\n\n",
            "  indented\nnot\n",
            "a: b\n# c\n",
            "'\"\\ ${x} %\t tab\n",
            "- x\n---\ny\n",
            "echo über €\n",
            "trailing  \nspaces \n",
            "x\n\n\n",
            "\ttab first\n",
            "cat <<'EOF'\n  a\nEOF\n",
            &format!("echo {}\n", "long ".repeat(60)),
        ] {
            let text = yaml("script", json!({"name": "s", "language": "sh", "body": body}));
            let back: Value = serde_saphyr::from_str(&text).expect("reads");
            assert_eq!(back["spec"]["body"], body, "{text}");
            assert!(!text.lines().any(|line| line == "---"), "{text}");
            let older = json!({"language": "sh", "body": body}).as_object().cloned().expect("an object");
            let kind = kinds::by_word("script").expect("kind");
            let now = json!({"name": "s", "language": "sh", "body": "echo now"});
            let text = document(kind, &now, &Names::new(), None, vec![older.clone()]).expect("a document");
            let back: Value = serde_saphyr::from_str(&text).expect("reads");
            assert_eq!(
                (&back["older"][0], &back["spec"]["body"]),
                (&Value::Object(older), &json!("echo now")),
                "{text}"
            );
        }
    }
}
