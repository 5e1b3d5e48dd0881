//! What YAML is read as, what of it is refused, and what is written.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::report::Report;
use crate::source::Source;

fn read_all(text: &str, limits: Limits) -> Vec<Result<Value, Vec<String>>> {
    Documents::new(text, limits)
        .map(|document| match document {
            Ok(node) => Ok(node.to_json()),
            Err(problems) => Err(problems
                .iter()
                .map(|problem| {
                    let position = problem.position().unwrap_or_default();
                    format!("{position}: {}", problem.message)
                })
                .collect()),
        })
        .collect()
}

fn read(text: &str) -> Result<Value, Vec<String>> {
    read_all(text, Limits::default()).into_iter().next().expect("a document")
}

fn refused(text: &str) -> String {
    read(text).expect_err("refused").join("\n")
}

#[test]
fn scalars_follow_the_core_schema() {
    let cases = [
        ("a: true", json!({"a": true})),
        ("a: yes", json!({"a": "yes"})),
        ("a: 012", json!({"a": 12})),
        ("a: 0x10", json!({"a": 16})),
        ("a: 1e3", json!({"a": 1000.0})),
        ("a: 1.2.3", json!({"a": "1.2.3"})),
        ("a: inf", json!({"a": "inf"})),
        ("a: '1'", json!({"a": "1"})),
        ("a: !!str 1", json!({"a": "1"})),
        ("a: ! 1", json!({"a": "1"})),
        ("a: !!int 1", json!({"a": 1})),
        ("a: ~", json!({"a": null})),
        ("a:", json!({"a": null})),
        ("1: x", json!({"1": "x"})),
        ("a: |\n  x\n  y\n", json!({"a": "x\ny\n"})),
        ("a: >-\n  x\n  y\n", json!({"a": "x y"})),
        ("é: ü", json!({"é": "ü"})),
    ];
    for (text, value) in cases {
        assert_eq!(read(text), Ok(value), "{text}");
    }
}

#[test]
fn documents_are_read_one_by_one() {
    let read = read_all("a: 1\n---\nb: 2\n...\n---\n---\nc: 3\n", Limits::default());
    assert_eq!(
        read,
        [Ok(json!({"a": 1})), Ok(json!({"b": 2})), Ok(json!(null)), Ok(json!({"c": 3}))]
    );
    assert_eq!(read_all("", Limits::default()), []);
    assert_eq!(read_all("# nothing\n", Limits::default()), []);
}

#[test]
fn a_mistake_in_one_document_leaves_the_next_readable() {
    let read = read_all("a: 1\na: 2\n---\nb: 2\n", Limits::default());
    assert_eq!(read, [Err(vec!["2:1: duplicate key \"a\"".to_owned()]), Ok(json!({"b": 2}))]);
}

#[test]
fn text_that_is_no_yaml_ends_the_reading() {
    let read = read_all("a: 1\n---\nb: [\n---\nc: 3\n", Limits::default());
    assert_eq!(read.len(), 2, "{read:?}");
    assert_eq!(read[0], Ok(json!({"a": 1})));
    assert!(read[1].is_err());
    assert!(refused("a: \"x\n").contains("not valid YAML"));
    assert!(refused("a:\n\t- b\n").contains("not valid YAML"));
}

#[test]
fn duplicate_keys_are_all_refused() {
    assert_eq!(
        refused("a: 1\nb:\n  c: 1\n  \"c\": 2\na: 3\n"),
        "4:3: duplicate key \"c\"\n5:1: duplicate key \"a\""
    );
}

#[test]
fn keys_are_scalars() {
    assert_eq!(refused("? [a]\n: 1\n"), "1:3: a key must be a text");
    assert_eq!(refused("{a: 1}: 2\n"), "1:1: a key must be a text");
}

#[test]
fn foreign_tags_are_refused() {
    assert_eq!(refused("a: !thing 1"), "1:11: the tag !thing is not supported");
    assert_eq!(refused("a: !!int x"), "1:10: the value is not what its tag !!int says");
    assert!(refused("a: !thing {b: c}").contains("the tag !thing is not supported"));
    assert_eq!(read("a: !!map {b: !!seq [c]}"), Ok(json!({"a": {"b": ["c"]}})));
}

#[test]
fn aliases_and_merges_are_followed() {
    let text = "base: &b {x: 1, y: 2}\nother: &o {y: 3, z: 4}\none: *b\n\
                two:\n  <<: *b\n  y: 9\nthree:\n  <<: [*b, *o]\n";
    let value = read(text).unwrap();
    assert_eq!(value["one"], json!({"x": 1, "y": 2}));
    assert_eq!(value["two"], json!({"x": 1, "y": 9}));
    assert_eq!(value["three"], json!({"x": 1, "y": 2, "z": 4}));
    assert_eq!(refused("a: {<<: 1}"), "1:9: a merge key takes a mapping or a list of mappings");
    assert_eq!(read("a: {'<<': 1}"), Ok(json!({"a": {"<<": 1}})));
}

#[test]
fn an_alias_cannot_hold_itself() {
    assert!(refused("a: &x [*x]").contains("an alias inside the value it stands for"));
    assert!(refused("a: *nowhere").contains("not valid YAML"));
}

#[test]
fn depth_is_limited() {
    let limits = Limits { depth: 4, ..Limits::default() };
    assert!(read_all("[[[x]]]", limits)[0].is_ok());
    let error = read_all("[[[[x]]]]", limits)[0].clone().unwrap_err();
    assert_eq!(error, ["1:5: values are nested more than 4 deep"]);
    let error = read_all("a: &a [[x]]\nb: [[*a]]", limits)[0].clone().unwrap_err();
    assert_eq!(error, ["2:6: values are nested more than 4 deep"]);
    assert!(read_all("a: &a [[x]]\nb: [*a]", Limits { depth: 5, ..limits })[0].is_ok());
}

#[test]
fn the_number_of_values_is_limited() {
    let limits = Limits { nodes: 4, ..Limits::default() };
    assert!(read_all("[a, b, c]", limits)[0].is_ok());
    let error = read_all("[a, b, c, d]", limits)[0].clone().unwrap_err();
    assert_eq!(error, ["1:11: the document holds more than 4 values"]);
    // Each document has its own budget.
    assert!(read_all("[a, b, c]\n---\n[a, b, c]", limits).iter().all(Result::is_ok));
}

#[test]
fn the_amount_of_text_is_limited() {
    let limits = Limits { text_bytes: 6, ..Limits::default() };
    assert!(read_all("[abc, def]", limits)[0].is_ok());
    assert!(read_all("[abc, defg]", limits)[0].is_err());
    assert!(read_all("[&a abc, *a]", limits)[0].is_ok());
    assert!(read_all("[&a abcd, *a]", limits)[0].is_err());
}

#[test]
fn aliases_cannot_explode() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = level - 1;
        let items = vec![format!("*a{below}"); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert!(refused(&text).contains("the document holds more than 500000 values"));
}

#[test]
fn values_are_written_as_users_know_them() {
    let value = json!({
        "kind": "role",
        "empty": {}, "none": [], "no": null, "yes": true, "n": 1.5,
        "tools": ["get_*", "{{internal.mcp_tools}}", "a b", "on", "1", "x: y", "- a", ""],
        "labels": {"*": "*", "tessera.dev/origin": "dynamic"},
        "rules": [{"resources": ["app"], "verbs": []}, {"a": {"b": [["c"]]}}],
        "pem": "-----BEGIN\nabc\n-----END\n",
        "strip": "a\nb", "keep": "a\n\n", "quote": "it's", "control": "a\u{7}\tb",
    });
    let yaml = "\
kind: role
empty: {}
none: []
'no': null
'yes': true
'n': 1.5
tools:
- 'get_*'
- '{{internal.mcp_tools}}'
- a b
- 'on'
- '1'
- 'x: y'
- '- a'
- ''
labels:
  '*': '*'
  tessera.dev/origin: dynamic
rules:
- resources:
  - app
  verbs: []
- a:
    b:
    - - c
pem: |
  -----BEGIN
  abc
  -----END
strip: |-
  a
  b
keep: |+
  a

quote: 'it''s'
control: \"a\\x07\\tb\"
";
    assert_eq!(to_yaml(&value), yaml);
    assert_eq!(read(yaml), Ok(value));
}

/// Readers take a key of more than 1024 characters for one only behind a question mark.
#[test]
fn long_keys_are_read_back() {
    for length in [1022, 1023, 1024, 1025, 5000] {
        for letter in ["a", "'", "\u{7}", "ä"] {
            let key = letter.repeat(length);
            for value in [json!("x"), json!({"a": [1]}), json!([{"b": 1}]), json!([])] {
                let value = json!({ "first": 1, &key: value.clone(), "list": [{ &key: value }] });
                assert_eq!(read(&to_yaml(&value)), Ok(value), "{length} times {letter:?}");
            }
        }
    }
}

#[test]
fn text_that_a_block_cannot_hold_is_quoted() {
    for text in
        ["\t%\n", "a\n\tb", " a\nb", "\na", "a \nb", "\n", "a\r\nb", "a\u{2028}\nb", "a\u{feff}\n"]
    {
        let yaml = to_yaml(&json!({ "a": text }));
        assert!(!yaml.contains('|'), "{yaml}");
        assert_eq!(read(&yaml), Ok(json!({ "a": text })), "{yaml}");
    }
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "\\PC{0,12}",
        "[ a-z:#\n\t'\"\\\\|>&*!%@`{}\\[\\],?~<=0-9.-]{0,16}",
        any::<Vec<char>>().prop_map(|chars| chars.into_iter().take(12).collect()),
        prop_oneof![Just("null"), Just("Yes"), Just("---"), Just("..."), Just("<<"), Just("0x1")]
            .prop_map(str::to_owned),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1.0e9..1.0e9f64).prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(value in any_value()) {
        let yaml = to_yaml(&value);
        prop_assert_eq!(read(&yaml), Ok(value), "{}", yaml);
    }

    #[test]
    fn no_text_panics(text in any_text()) {
        for document in Documents::new(&text, Limits::default()) {
            if let Err(problems) = document {
                let _ = Report::new(&Source::new("x", &text), problems).to_string();
            }
        }
    }

    #[test]
    fn no_tokens_panic(parts in prop::collection::vec(
        prop::sample::select(vec![
            "a", ": ", "- ", "\n", "  ", "\t", "{", "}", "[", "]", ",", "&x ", "*x", "!!str ", "!t ",
            "|\n", ">\n", "'", "\"", "#", "---\n", "...\n", "? ", "<<: ", "%YAML 1.2\n", "é", "\\", "~",
        ]), 0..24)
    ) {
        let text = parts.concat();
        for document in Documents::new(&text, Limits::default()) {
            if let Err(problems) = document {
                let _ = Report::new(&Source::new("x", &text), problems).to_string();
            }
        }
    }
}
