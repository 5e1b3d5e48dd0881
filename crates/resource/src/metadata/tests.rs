//! Names, labels and the rest of `metadata`.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use super::*;
use crate::decode::decode;
use crate::node::Node;
use serde_json::{Value, json};

fn read_as(rule: NameRule, metadata: Value) -> Result<Metadata, Vec<String>> {
    let node = Node::from_json(&json!({"metadata": metadata}));
    decode(&node, |reader| reader.table(|table| super::metadata(table, rule)))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

fn read(metadata: Value) -> Result<Metadata, Vec<String>> {
    read_as(NameRule::Plain, metadata)
}

#[test]
fn names_end_up_in_many_places() {
    for name in
        ["a", "alice@example.com", "Größe", "with blank", "*", "a.b", "a:b", "-", &"x".repeat(255)]
    {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
    let cases = [
        ("", NameError::Empty),
        (".", NameError::Dots),
        ("..", NameError::Dots),
        ("a/b", NameError::Slash),
        ("a\0", NameError::Invisible),
        ("a\nb", NameError::Invisible),
        ("a\u{202e}b", NameError::Invisible),
        ("a\u{200b}", NameError::Invisible),
        (" a", NameError::Blank),
        ("a ", NameError::Blank),
    ];
    for (name, error) in cases {
        assert_eq!(check_name(name), Err(error), "{name:?}");
    }
    assert_eq!(check_name(&"x".repeat(MAX_NAME_BYTES + 1)), Err(NameError::TooLong));
}

#[test]
fn a_name_is_needed() {
    let missing = Err(vec!["metadata.name: missing parameter Name".to_owned()]);
    assert_eq!(read(json!({})), missing);
    assert_eq!(read(json!({"name": null})), missing);
    assert_eq!(read(json!({"name": ""})), missing);
    assert_eq!(read(json!(null)), Err(vec!["metadata: missing parameter Name".to_owned()]));
    assert_eq!(
        read(json!({"name": "a/b"})),
        Err(vec!["metadata.name: a name cannot contain \"/\"".to_owned()])
    );
    assert_eq!(read_as(NameRule::Fixed("only"), json!(null)).unwrap().name, "only");
    assert_eq!(read_as(NameRule::Fixed("only"), json!({"name": "x"})).unwrap().name, "only");
    assert_eq!(read_as(NameRule::Kind, json!({"name": "a/b"})).unwrap().name, "a/b");
}

#[test]
fn everything_is_read() {
    let metadata = read(json!({
        "name": "a", "description": "d", "namespace": "default", "id": 17, "revision": "r1",
        "labels": {"teleport.dev/origin": "dynamic", "n": 1, "empty": ""},
        "expires": "2030-01-01T00:00:00Z"
    }))
    .unwrap();
    assert_eq!(metadata.description, "d");
    assert_eq!(metadata.labels["tessera.dev/origin"], "dynamic");
    assert_eq!(metadata.labels["n"], "1");
    assert_eq!(metadata.labels["empty"], "");
    assert_eq!(metadata.revision.unwrap().as_str(), "r1");
    assert!(metadata.expires.is_some());
    assert_eq!(read(json!({"name": "a", "revision": ""})).unwrap().revision, None);
    assert_eq!(
        read(json!({"name": "a", "expires": "0001-01-01T00:00:00Z"})).unwrap().expires,
        None
    );
}

#[test]
fn mistakes_are_named() {
    let cases = [
        (
            json!({"name": "a", "labels": {"env": null}}),
            "metadata.labels.env: expected text, found nothing",
        ),
        (
            json!({"name": "a", "labels": {"env": ["a"]}}),
            "metadata.labels.env: expected text, found a list",
        ),
        (json!({"name": "a", "labels": {" ": "a"}}), "metadata.labels[\" \"]: a label needs a key"),
        (
            json!({"name": "a", "labels": {"a": "\u{7}"}}),
            "metadata.labels.a: a label cannot contain control characters",
        ),
        (
            json!({"name": "a", "labels": {"teleport.dev/origin": "a", "tessera.dev/origin": "b"}}),
            "metadata.labels[\"tessera.dev/origin\"]: the label \"tessera.dev/origin\" is written twice, in two spellings",
        ),
        (
            json!({"name": "a", "namespace": "other"}),
            "metadata.namespace: unknown namespace (every resource is in \"default\")",
        ),
        (
            json!({"name": "a", "expires": "soon"}),
            "metadata.expires: expected a time such as 2026-01-31T12:00:00Z, found \"soon\"",
        ),
        (
            json!({"name": "a", "label": {}}),
            "metadata.label: unknown field (did you mean \"labels\"?)",
        ),
    ];
    for (value, message) in cases {
        assert_eq!(read(value), Err(vec![message.to_owned()]));
    }
}
