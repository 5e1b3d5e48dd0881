use std::path::Path;

use api::ENDPOINTS;

use super::document;

/// Set to rewrite the checked-in document.
const UPDATE: &str = "UPDATE_EXPECT";

#[test]
fn every_endpoint_is_described() {
    let document = document().unwrap();
    for row in ENDPOINTS {
        let method = row.method.as_str().to_lowercase();
        let operation = &document["paths"][row.path][&method];
        assert_eq!(operation["summary"], row.summary, "{method} {}", row.path);
        let body = operation.get("requestBody").is_some();
        assert_eq!(body, matches!(method.as_str(), "post" | "put"), "{method} {}", row.path);
    }
}

#[test]
fn every_reference_leads_somewhere() {
    let document = document().unwrap();
    let mut waiting = vec![&document];
    let mut found = 0;
    while let Some(value) = waiting.pop() {
        if let Some(reference) = value.get("$ref").and_then(|reference| reference.as_str()) {
            let pointer = reference.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
            found += 1;
        }
        match value {
            serde_json::Value::Object(members) => waiting.extend(members.values()),
            serde_json::Value::Array(items) => waiting.extend(items),
            _ => {}
        }
    }
    assert!(found > ENDPOINTS.len());
}

#[test]
fn the_checked_in_document_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let fresh = serde_json::to_string_pretty(&document().unwrap()).unwrap() + "\n";
    if std::env::var_os(UPDATE).is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &fresh).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == fresh,
        "docs/reference/openapi.json is out of date: {UPDATE}=1 cargo nextest run -p auth openapi"
    );
}
