//! Trees from values in memory, and back.

use serde_json::json;

use super::*;

#[test]
fn json_values_survive() {
    let value = json!({
        "text": "1", "number": 1, "negative": -5, "big": u64::MAX, "float": 1.5,
        "yes": true, "no": null, "list": [1, "a", []], "map": {"inner": {}}
    });
    assert_eq!(Node::from_json(&value).to_json(), value);
}

#[test]
fn a_value_in_memory_has_no_position() {
    let node = Node::from_json(&json!({"a": [1]}));
    assert!(!node.span.start.is_known());
    assert!(node.get("a").is_some());
    assert!(node.get("b").is_none());
}

#[test]
fn debug_shows_no_text() {
    let node = Node::from_json(&json!({"password": "hunter2"}));
    let shown = format!("{node:?} {:?} {:?}", node.get("password"), node.entry("password"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn integers_have_three_bases() {
    let integer = |text: &str| Scalar::plain(text, ScalarKind::Integer).integer();
    assert_eq!(integer("0x1f"), Some(31));
    assert_eq!(integer("0o17"), Some(15));
    assert_eq!(integer("-12"), Some(-12));
    assert_eq!(integer(&"9".repeat(50)), None);
    assert_eq!(Scalar::plain("12", ScalarKind::Text).integer(), None);
}
