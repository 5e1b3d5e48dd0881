//! What JSON is read as, and what of it is refused.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn read_all(text: &str, limits: Limits) -> Vec<Result<Value, String>> {
    Documents::new(text, limits)
        .map(|document| {
            document.map(|node| node.to_json()).map_err(|problems| {
                let one = |problem: &Problem| {
                    format!("{}: {}", problem.position().unwrap_or_default(), problem.message)
                };
                problems.iter().map(one).collect::<Vec<_>>().join("\n")
            })
        })
        .collect()
}

fn read(text: &str) -> Result<Value, String> {
    read_all(text, Limits::default()).into_iter().next().expect("a value")
}

#[test]
fn values_are_read() {
    let cases = [
        (
            r#"{"a": [1, -2.5e3, true, null, "x"], "b": {}}"#,
            json!({"a": [1, -2500.0, true, null, "x"], "b": {}}),
        ),
        (r#""\" \\ \/ \b\f\n\r\t \u00e9 \ud83d\ude00""#, json!("\" \\ / \u{8}\u{c}\n\r\t é 😀")),
        ("[]", json!([])),
    ];
    for (text, value) in cases {
        assert_eq!(read(text), Ok(value), "{text}");
    }
}

#[test]
fn values_follow_one_another() {
    let read = read_all("{\"a\":1}{\"b\":2}\n\n[3]", Limits::default());
    assert_eq!(read, [Ok(json!({"a": 1})), Ok(json!({"b": 2})), Ok(json!([3]))]);
    assert_eq!(read_all("  ", Limits::default()), []);
}

#[test]
fn mistakes_are_placed() {
    let cases = [
        ("{\"a\": 1,\n \"a\": 2}", "2:2: duplicate key \"a\""),
        ("{\"a\": 1,}", "1:9: not valid JSON: expected a key in double quotes, found \"}\""),
        ("{\"a\" 1}", "1:6: not valid JSON: expected \":\", found \"1\""),
        ("[1 2]", "1:4: not valid JSON: expected \",\" or \"]\", found \"2\""),
        ("[1", "1:3: not valid JSON: expected \",\" or \"]\", found the end"),
        ("[01]", "1:2: not valid JSON: \"01\" is not a value"),
        ("[nul]", "1:2: not valid JSON: \"nul\" is not a value"),
        ("[+1]", "1:2: not valid JSON: expected a value, found \"+\""),
        ("[\"a", "1:4: not valid JSON: a text has no end"),
        ("[\"\\x\"]", "1:4: not valid JSON: expected an escape, found \"x\""),
        ("[\"\\ud83d\"]", "1:10: not valid JSON: half of a surrogate pair"),
        ("[\"\\ude00\"]", "1:8: not valid JSON: half of a surrogate pair"),
    ];
    for (text, message) in cases {
        assert_eq!(read(text), Err(message.to_owned()), "{text}");
    }
}

#[test]
fn limits_hold() {
    let limits = Limits { depth: 3, nodes: 5, text_bytes: 6, ..Limits::default() };
    assert!(read_all("[[1]]", limits)[0].is_ok());
    assert_eq!(
        read_all("[[[1]]]", limits)[0],
        Err("1:4: values are nested more than 3 deep".to_owned())
    );
    assert!(read_all("[1,2,3,4]", limits)[0].is_ok());
    assert_eq!(
        read_all("[1,2,3,4,5]", limits)[0],
        Err("1:10: the document holds more than 5 values".to_owned())
    );
    assert!(read_all("[\"abc\",\"def\"]", limits)[0].is_ok());
    assert!(read_all("[\"abc\",\"defg\"]", limits)[0].is_err());
}

proptest! {
    #[test]
    fn agrees_with_another_reader(text in r#"[\[\]{},:" 0-9.eE+\\ntruefalsnu-]{0,24}"#) {
        let ours = read_all(&text, Limits::default());
        if let ([Ok(value)], false) = (ours.as_slice(), text.contains('{')) {
            // Numbers beyond 64 bits are kept as text by us.
            if let Ok(theirs) = serde_json::from_str::<Value>(&text) {
                prop_assert!(theirs == *value || value.to_string().len() > 17, "{}", text);
            } else {
                prop_assert!(text.len() > 17, "{} is not JSON elsewhere", text);
            }
        }
        if let Ok(theirs) = serde_json::from_str::<Value>(&text) {
            prop_assert!(ours.iter().all(Result::is_ok) || text.contains('{'), "{} {}", text, theirs);
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _ = read_all(&text, Limits::default());
    }
}
