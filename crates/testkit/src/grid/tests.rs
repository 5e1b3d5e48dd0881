//! Telling what differs.

use serde_json::json;

use super::differences;

#[test]
fn what_differs_is_named() {
    let expected = json!({"one": {"saw": 1}, "two": {"saw": 2}, "three": {"saw": 3}});
    assert_eq!(differences(&expected, &expected), Vec::<String>::new());
    let seen = json!({"one": {"saw": 1}, "two": {"error": "lost"}});
    assert_eq!(differences(&expected, &seen), ["two: lost", "three: null"]);
}
