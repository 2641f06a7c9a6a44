//! The OpenAPI document: valid, complete, and the one that is checked in.

use crate::harness::App;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

pub(crate) fn document() -> Value {
    serde_json::from_str(&api::openapi()).expect("the document is JSON")
}

/// Method and path of every operation, ids filled in.
pub(crate) fn routes() -> Vec<(String, String)> {
    let document = document();
    let paths = document["paths"].as_object().expect("paths").clone();
    let mut routes = Vec::new();
    for (path, item) in paths {
        for method in item.as_object().expect("operations").keys() {
            routes.push((method.to_uppercase(), path.replace("{id}", &domain::new_id().to_string())));
        }
    }
    routes
}

#[test]
fn the_checked_in_document_is_fresh() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let now = api::openapi();
    if std::env::var_os("UPDATE_OPENAPI").is_some() {
        std::fs::write(&path, &now).expect("openapi.json can be written");
    }
    let stored = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(stored == now, "api/openapi.json is stale: run UPDATE_OPENAPI=1 cargo test -p api openapi");
}

fn each<'a>(value: &'a Value, visit: &mut impl FnMut(&'a Value)) {
    visit(value);
    match value {
        Value::Object(map) => map.values().for_each(|v| each(v, visit)),
        Value::Array(all) => all.iter().for_each(|v| each(v, visit)),
        _ => {}
    }
}

#[test]
fn every_reference_leads_somewhere_and_ids_are_unique() {
    let document = document();
    assert_eq!(document["openapi"], "3.1.0");
    let mut references = 0;
    each(&document, &mut |value| {
        if let Some(target) = value.get("$ref").and_then(Value::as_str) {
            references += 1;
            let pointer = target.strip_prefix('#').expect("local");
            assert!(document.pointer(pointer).is_some(), "{target} is missing");
        }
    });
    assert!(references > 200, "{references}");
    let mut ids = BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().expect("an operation id");
            assert!(ids.insert(id.to_owned()), "{id} is used twice");
            assert!(operation["summary"].is_string(), "{method} {path} has no summary");
            assert!(operation["security"].is_array() && operation["responses"]["default"].is_object());
            let named = path.matches('{').count();
            let params =
                operation["parameters"].as_array().map_or(0, |p| p.iter().filter(|p| p["in"] == "path").count());
            assert_eq!(params, named, "{method} {path}: path parameters");
        }
    }
    assert_eq!(ids.len(), 137);
}

/// The document against the OpenAPI 3.1 rules that a generator depends on.
#[test]
fn schemas_use_the_words_of_json_schema_2020() {
    let document = document();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        each(schema, &mut |value| {
            assert!(value.get("nullable").is_none(), "{name} uses nullable, which 3.1 does not know");
            if let Some(Value::String(kind)) = value.get("type") {
                let known = ["object", "array", "string", "number", "integer", "boolean", "null"];
                assert!(known.contains(&kind.as_str()), "{name}: {kind}");
            }
        });
    }
    let draft = &document["components"]["schemas"]["Draft_MonitorSpec"];
    assert_eq!(draft["allOf"][0]["$ref"], "#/components/schemas/MonitorSpec");
    assert_eq!(draft["unevaluatedProperties"], false);
    assert!(document["components"]["schemas"]["MonitorSpec"].get("additionalProperties").is_none());
}

#[tokio::test]
async fn the_document_and_its_reader_are_served() {
    let app = App::empty().await;
    let served = app.send("GET", "/api/openapi.json", None, None).await;
    assert_eq!((served.status.as_u16(), served.text), (200, api::openapi()));
    let docs = app.send("GET", "/api/docs/", None, None).await;
    assert!(docs.text.contains("swagger-ui"), "{}", docs.text);
    let script = app.send("GET", "/api/docs/swagger-initializer.js", None, None).await;
    assert!(script.text.contains("/api/openapi.json"), "{}", script.text);
}
