//! The OpenAPI 3.1 document, made from the handlers.

use crate::auth::permissions::{Access, BASE, access};
use crate::routes;
use axum::http::Method;
use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;

#[derive(OpenApi)]
#[openapi(
    info(title = "aiops", description = "Detect, explain, heal, and measure whether the fix worked."),
    components(schemas(crate::trace::Failure, domain::anomaly::Said, domain::incident::IncidentEvent)),
    tags((name = "session"), (name = "incidents"), (name = "alerts"), (name = "topology"), (name = "runs"), (name = "live"), (name = "sources"),
        (name = "monitors"), (name = "scripts"), (name = "cases"), (name = "schedules"), (name = "runtime-managers"), (name = "policies"),
        (name = "channels"), (name = "secrets"), (name = "admin"))
)]
struct Document;

/// The document as pretty JSON.
#[must_use]
pub fn openapi() -> String {
    serde_json::to_string_pretty(&document()).unwrap_or_default() + "\n"
}

/// The document.
pub(crate) fn document() -> Value {
    let (_, api) = OpenApiRouter::with_openapi(Document::openapi()).merge(routes::all()).split_for_parts();
    let mut document = serde_json::to_value(api).unwrap_or_default();
    let components = &mut document["components"];
    components["securitySchemes"] = json!({
        "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
        "sender": {"type": "http", "scheme": "bearer", "description": "the token of the source that sends"},
        "sender_basic": {"type": "http", "scheme": "basic", "description": "any name, the token as password"},
        "sender_header": {"type": "apiKey", "in": "header", "name": "X-Aiops-Token"},
        "ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "single use, 30 s; for streams"},
    });
    if let Some(schemas) = components["schemas"].as_object_mut() {
        name_parts(schemas);
    }
    for (path, method, operation) in operations(&mut document) {
        finish(&path, &method, operation);
    }
    document
}

/// Path, method and operation of everything in the document.
fn operations(document: &mut Value) -> impl Iterator<Item = (String, String, &mut Value)> {
    let paths = document["paths"].as_object_mut().into_iter().flat_map(Map::iter_mut);
    paths.flat_map(|(path, item)| {
        let item = item.as_object_mut().into_iter().flat_map(Map::iter_mut);
        item.map(|(method, operation)| (path.clone(), method.to_uppercase(), operation))
    })
}

/// Routes of the document: method and path, sorted.
pub(crate) fn routes_of(document: &mut Value) -> Vec<(String, String)> {
    operations(document).map(|(path, method, _)| (method, path)).collect()
}

/// Adds to an operation what all share: how to authenticate, and the shape of failures.
fn finish(path: &str, method: &str, operation: &mut Value) {
    let method = Method::from_bytes(method.as_bytes()).unwrap_or_default();
    let security = match access(&method, path) {
        Some(Access::Public) => json!([]),
        Some(Access::Sender) => json!([{"sender": []}, {"sender_basic": []}, {"sender_header": []}]),
        Some(Access::EventStream | Access::RunStream) => json!([{"bearer": []}, {"ticket": []}]),
        _ => json!([{"bearer": []}]),
    };
    operation["security"] = security;
    let problem = json!({
        "description": "problem details (RFC 9457)",
        "content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    operation["responses"]["default"] = problem;
    debug_assert!(path.starts_with(BASE), "{path} is outside {BASE}");
}

/// Generic types come with their parameter written out; here they refer to it by name. An object composed of parts
/// (`allOf`) cannot have a part that forbids the others' fields: the parts are open, and a draft is closed as a whole.
fn name_parts(schemas: &mut Map<String, Value>) {
    let names: Vec<String> = schemas.keys().cloned().collect();
    let known = |name: &str| names.iter().any(|n| n == name);
    for name in &names {
        let Some((generic, part)) = name.split_once('_').filter(|(_, part)| known(part)) else { continue };
        let reference = json!({"$ref": format!("#/components/schemas/{part}")});
        if generic == "Page" {
            schemas[name]["properties"]["items"]["items"] = reference;
            continue;
        }
        if let Some(first) = schemas[name].get_mut("allOf").and_then(|all| all.get_mut(0)) {
            *first = reference;
        }
        if generic == "Draft" {
            schemas[name]["unevaluatedProperties"] = json!(false);
        }
        if let Some(part) = schemas[part].as_object_mut() {
            part.remove("additionalProperties");
        }
    }
}
