//! The decode machinery on a small configuration of its own.

use std::collections::BTreeMap;
use std::time::Duration;

use time::OffsetDateTime;

use super::*;
use crate::secret::Secret;

#[derive(Debug, PartialEq)]
struct Server {
    name: String,
    port: u16,
    enabled: bool,
    wait: Duration,
    tags: Vec<String>,
    limits: BTreeMap<String, u32>,
}

impl FromNode for Server {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let name = table.require("name");
            let port = table.require("port");
            let server = Self {
                name: String::new(),
                port: 0,
                enabled: table.get_or_default("enabled"),
                wait: table.get_or_default("wait"),
                tags: table.get_or_default("tags"),
                limits: table.get_or_default("limits"),
            };
            if let Some(reader) = table.field("token") {
                reader.read::<Secret<String>>();
            }
            table.keep(&["legacy_field"]);
            Some(Self { name: name?, port: port?, ..server })
        })
    }
}

fn read(text: &str) -> Result<Server, String> {
    decode_config(&Source::new("tessera.yaml", text)).map_err(|report| report.to_string())
}

fn refused(text: &str) -> String {
    read(text).expect_err("refused")
}

#[test]
fn a_correct_file_is_read() {
    let text = "name: 1.10\nport: 0x50\nenabled: yes\nwait: 90s\ntags: [a, 2, true]\n\
                limits: {x: 1}\nlegacy_field: {a: b}\n";
    let server = Server {
        name: "1.10".to_owned(),
        port: 80,
        enabled: true,
        wait: Duration::from_secs(90),
        tags: vec!["a".to_owned(), "2".to_owned(), "true".to_owned()],
        limits: BTreeMap::from([("x".to_owned(), 1)]),
    };
    assert_eq!(read(text), Ok(server));
}

#[test]
fn every_mistake_is_told_at_once() {
    let text = "\
nam: x
port: 70000
enabled: maybe
wait: 30
tags: a
limits:
  x: -1
  a.b: {c: d}
frobnicate: 1
";
    assert_eq!(
        refused(text),
        "\
tessera.yaml:1:1: name: missing
  |
1 | nam: x
  | ^^^
tessera.yaml:1:1: nam: unknown field
  |
1 | nam…
  | ^^^
  = help: did you mean \"name\"?
tessera.yaml:2:7: port: expected a whole number from 0 to 65535, found the number 70000
  |
2 | port: 70000
  |       ^^^^^
tessera.yaml:3:10: enabled: expected true or false, found \"maybe\"
  |
3 | enabled: maybe
  |          ^^^^^
tessera.yaml:4:7: wait: a unit is missing
  |
4 | wait: 30
  |       ^^
  = help: write 30s for seconds or 30m for minutes
tessera.yaml:5:7: tags: expected a list, found \"a\"
  |
5 | tags: a
  |       ^
  = help: put each value on a line of its own, after a dash
tessera.yaml:7:6: limits.x: expected a whole number from 0 to 4294967295, found the number -1
  |
7 |   x: -1
  |      ^^
tessera.yaml:8:3: limits[\"a.b\"]: expected a whole number from 0 to 4294967295, found a mapping
  |
8 |   a.b: {c: d}
  |   ^^^
tessera.yaml:9:1: frobnicate: unknown field
  |
9 | frobnicate…
  | ^^^^^^^^^^
  = help: known here: name, port, enabled, wait, tags, limits, token"
    );
}

#[test]
fn truth_has_many_spellings() {
    for (text, value) in
        [("true", true), ("'yes'", true), ("On", true), ("NO", false), ("off", false)]
    {
        let server = read(&format!("name: a\nport: 1\nenabled: {text}\n"));
        assert_eq!(server.map(|server| server.enabled), Ok(value), "{text}");
    }
    assert!(refused("name: a\nport: 1\nenabled: 1\n").contains("expected true or false"));
}

#[test]
fn secrets_are_not_repeated() {
    for text in [
        "name: a\nport: 1\ntoken: [hunter2]\n",
        "name: a\nport: 1\ntokn: hunter2\n",
        "name: a\nport: 1\ntoken: \"hunter2\n",
        "name: a\nport: 1\ntoken: !hunter hunter2\n",
    ] {
        let report = refused(text);
        assert!(!report.contains("hunter2"), "{report}");
    }
    let secret: Secret<String> =
        decode(&Node::from_json(&"hunter2".into()), Secret::from_node).unwrap();
    assert_eq!(secret.expose(), "hunter2");
    assert_eq!(format!("{secret:?}"), "***");
}

#[test]
fn a_file_is_one_document() {
    assert_eq!(refused(""), "tessera.yaml: the file is empty");
    assert!(refused("name: a\n---\nname: b\n").contains("more than one document"));
    assert!(refused("- a\n").contains("expected a mapping, found a list"));
    let long = format!("# {}", "x".repeat(16 << 20));
    assert_eq!(refused(&long), "tessera.yaml: larger than 16777216 bytes");
    let fits = format!("name: a\nport: 1\n#{}", "x".repeat((16 << 20) - 17));
    assert_eq!(fits.len(), 16 << 20);
    assert!(read(&fits).is_ok());
}

#[test]
fn bytes_must_be_utf8() {
    let report = Source::from_bytes("a.yaml", b"a: 1\nb: \xff").unwrap_err();
    assert_eq!(report.to_string(), "a.yaml:2:4: not valid UTF-8");
    let source = Source::from_bytes("a.yaml", b"\xef\xbb\xbfname: a\nport: 1").unwrap();
    assert!(decode_config::<Server>(&source).is_ok());
}

#[test]
fn the_number_of_mistakes_in_words_is_limited() {
    let text = |count: usize| -> String { (0..count).map(|i| format!("q{i}zzz: 1\n")).collect() };
    let report = |count| refused(&format!("name: a\nport: 1\n{}", text(count)));
    assert!(!report(MAX_PROBLEMS).contains("more problem"));
    assert!(report(MAX_PROBLEMS + 1).ends_with("and 1 more problem"));
    assert!(report(MAX_PROBLEMS + 7).ends_with("and 7 more problems"));
}

#[test]
fn a_reader_that_gives_up_in_silence_refuses() {
    let node = Node::from_json(&serde_json::json!({}));
    let problems = decode(&node, |_| None::<()>).unwrap_err();
    assert_eq!(problems.list[0].message, "not understood");
}

#[test]
fn times_are_rfc_3339() {
    let read = |text: &str| {
        decode(&Node::from_json(&text.into()), Option::<OffsetDateTime>::from_node)
            .map(|time| time.map(crate::timestamp::format))
            .map_err(|problems| problems.list[0].to_string())
    };
    assert_eq!(read("2026-01-31T12:00:00Z"), Ok(Some("2026-01-31T12:00:00Z".to_owned())));
    assert_eq!(read("2026-01-31T12:00:00.5+02:00"), Ok(Some("2026-01-31T10:00:00.5Z".to_owned())));
    assert_eq!(read("0001-01-01T00:00:00Z"), Ok(None));
    let error = "expected a time such as 2026-01-31T12:00:00Z, found ";
    for text in ["tomorrow", "2026-01-31", "9999-12-31T23:59:59-23:59", "2026-02-30T00:00:00Z"] {
        assert_eq!(read(text), Err(format!("{error}\"{text}\"")));
    }
}

#[test]
fn places_inside_values_are_found() {
    let text = "\
spec:
  plain: abc def
  single: 'a''b''c'
  double: \"a\\n\\u00e9\\\"z\"
  list:
  - one
  - {x: 'two'}
  block: |
    first
    sécond line
  folded: >
    x y
  \"odd.key\": v
  teleport.dev/origin: w
";
    let source = Source::new("a.yaml", text);
    let node = crate::documents::trees(&source, crate::limits::Limits::default())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let at = |path: &str, offset: usize| locate(&source, &node, path, offset).unwrap().to_string();
    assert_eq!(at("spec.plain", 4), "2:14");
    assert_eq!(at("plain", 4), "2:14");
    assert_eq!(at("spec.plain[0]", 0), "2:10");
    assert_eq!(at("spec.single", 0), "3:12");
    assert_eq!(at("spec.single", 2), "3:15");
    assert_eq!(at("spec.double", 1), "4:13");
    assert_eq!(at("spec.double", 2), "4:15");
    assert_eq!(at("spec.double", 5), "4:23");
    assert_eq!(at("list[0]", 1), "6:6");
    assert_eq!(at("list[1].x", 1), "7:11");
    assert_eq!(at("block", 0), "9:5");
    assert_eq!(at("block", "first\nsé".len()), "10:7");
    assert_eq!(at("folded", 2), at("folded", 0));
    assert_eq!(at("spec[\"odd.key\"]", 0), "13:14");
    assert_eq!(at("spec[\"tessera.dev/origin\"]", 0), "14:24");
    // Past what is written: the innermost value that is there.
    assert_eq!(at("spec.plain.more", 0), "2:10");
    assert_eq!(at("spec.plain", 99), "2:10");
    assert_eq!(at("nowhere.at.all", 0), at("spec", 0));
}

#[test]
fn paths_are_read_as_they_are_written() {
    let source = Source::new("a.yaml", "labels: {\"a\\\"b\": {\"c\\\\d\": [x]}}\n");
    let node = crate::documents::trees(&source, crate::limits::Limits::default())
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    let leaf = node.get("labels").unwrap().get("a\"b").unwrap().get("c\\d").unwrap();
    let (path, _) = path::of(&node, leaf).unwrap();
    assert_eq!(path, r#"labels["a\"b"]["c\\d"]"#);
    assert!(std::ptr::eq(resolve(&node, &path), leaf));
}
