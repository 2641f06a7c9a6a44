//! The OpenAPI document: valid, complete, and the one that is checked in.

use serde_json::Value;
use std::path::Path;

pub(crate) fn document() -> Value {
    serde_json::from_str(&api::openapi()).expect("the document is JSON")
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
