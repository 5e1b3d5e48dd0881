//! What holds for every kind: what is printed is accepted, and nothing panics.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::documents::{documents, parse_documents};

/// One document of each kind, as it is printed with secrets.
const GOLDEN: &str = include_str!("../../testdata/v1/printed.yaml");

/// Documents as people write them, of the same resources.
const WRITTEN: &str = include_str!("../../testdata/v1/written.yaml");

fn parse(text: &str) -> Vec<Resource> {
    match parse_documents(&Source::new("test.yaml", text)) {
        Ok(parsed) => parsed.into_iter().map(|parsed| parsed.resource).collect(),
        Err(report) => panic!("{report}"),
    }
}

fn print(resources: &[Resource]) -> String {
    let documents: Vec<String> =
        resources.iter().map(|resource| resource.to_yaml(Secrets::Include)).collect();
    documents.join("---\n")
}

#[test]
fn what_people_write_is_printed_as_recorded() {
    assert_eq!(print(&parse(WRITTEN)), GOLDEN);
}

#[test]
fn what_is_printed_is_accepted_and_stays_the_same() {
    let resources = parse(GOLDEN);
    assert_eq!(resources, parse(WRITTEN));
    assert_eq!(print(&resources), GOLDEN);
    let kinds: BTreeMap<Kind, usize> =
        resources.iter().fold(BTreeMap::new(), |mut kinds, resource| {
            *kinds.entry(resource.kind()).or_default() += 1;
            kinds
        });
    assert!(Kind::ALL.iter().all(|kind| kinds.contains_key(kind)), "{kinds:?}");
}

#[test]
fn json_means_the_same() {
    for resource in parse(GOLDEN) {
        let json = resource.to_json(Secrets::Include);
        let read = Resource::from_json(json.to_string().as_bytes()).unwrap();
        assert_eq!(read, resource);
        let source = Source::new("x.json", &json.to_string());
        assert_eq!(parse_documents(&source).unwrap()[0].resource, resource);
    }
}

#[test]
fn redacted_documents_are_accepted_unless_their_name_is_gone() {
    for resource in parse(GOLDEN) {
        let text = resource.to_yaml(Secrets::Redact);
        let read = parse_documents(&Source::new("x.yaml", &text));
        assert_eq!(read.is_ok(), resource.kind() != Kind::Token, "{text}");
    }
}

#[test]
fn from_json_quotes_nothing_and_takes_one_value() {
    let read = |text: &str| Resource::from_json(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        read(r#"{"kind":"role","version":"v8","metadata":{"name":"r"},"x":"hunter2"}"#),
        "resource:1:55: x: unknown field\n  help: known here: kind, sub_kind, status, version, metadata, spec"
    );
    assert_eq!(read(""), "resource: expected a resource, found nothing");
    assert_eq!(read("{}{}"), "resource: expected one resource, found more");
    assert_eq!(read("[]"), "resource:1:1: expected a mapping, found a list");
    assert!(Resource::from_json(b"\xff").is_err());
}

#[test]
fn from_json_has_a_greatest_size() {
    let limit = Limits::RESOURCE.source_bytes;
    let body = r#"{"kind":"role","version":"v8","metadata":{"name":"r"}}"#;
    let padded = |size: usize| format!("{body}{}", " ".repeat(size - body.len()));
    assert!(Resource::from_json(padded(limit).as_bytes()).is_ok());
    let above = Resource::from_json(padded(limit + 1).as_bytes()).unwrap_err();
    assert_eq!(above.to_string(), format!("resource: larger than {limit} bytes"));
}

#[test]
fn ten_thousand_apps_fit_in_one_list() {
    let app = parse(
        "kind: app\nmetadata: {name: a, labels: {env: dev, team: x}}\nspec: {mcp: {command: npx, args: [a, b, c], run_as_host_user: m}}\n",
    );
    let list = format!("[{}]", vec![app[0].to_json(Secrets::Redact).to_string(); 10_000].join(","));
    assert_eq!(parse(&list).len(), 10_000);
}

#[test]
fn kinds_convert_to_and_from_resources() {
    let resource = Resource::from(Role::new("r")).with_revision(Revision::new("7"));
    assert_eq!((resource.kind(), resource.name()), (Kind::Role, "r"));
    assert_eq!(resource.metadata().revision.as_ref().map(Revision::as_str), Some("7"));
    let error = App::try_from(resource).unwrap_err();
    assert_eq!(error.to_string(), "expected a resource of kind app, found role");
}

#[test]
fn a_status_in_a_document_is_ignored() {
    let resource = &parse(
        "kind: app\nmetadata: {name: a}\nspec: {uri: 'mcp+http://h'}\nstatus: {servers: [{host_id: h}]}\n",
    )[0];
    let Resource::App(app) = resource else { panic!("not an app") };
    assert_eq!(app.status, None);
    assert!(parse("kind: role\nversion: v8\nmetadata: {name: a}\nstatus: anything\n").len() == 1);
}

/// Documents with a few of their lines replaced, dropped, doubled or moved.
fn mutated() -> impl Strategy<Value = String> {
    let lines: Vec<&str> = GOLDEN.lines().collect();
    let count = lines.len();
    let edit = (0..count, 0..count, 0..5u8, "\\PC{0,8}");
    prop::collection::vec(edit, 1..12).prop_map(move |edits| {
        let mut lines: Vec<String> = GOLDEN.lines().map(str::to_owned).collect();
        for (at, other, what, text) in edits {
            match what {
                0 => lines[at].clear(),
                1 => lines[at] = lines[other].clone(),
                2 => lines[at].push_str(&text),
                3 => lines[at].insert_str(0, "  "),
                _ => lines[at] = lines[at].replace(": ", &text),
            }
        }
        lines.join("\n")
    })
}

proptest! {
    #[test]
    fn no_document_panics_and_what_is_accepted_is_stable(text in mutated()) {
        let source = Source::new("x.yaml", &text);
        for document in documents(&source) {
            match document {
                Err(report) => prop_assert!(report.to_string().starts_with("x.yaml:")),
                Ok(parsed) => {
                    let printed = parsed.resource.to_yaml(Secrets::Include);
                    let again = parse_documents(&Source::new("y.yaml", &printed));
                    let again = again.map(|mut parsed| parsed.remove(0).resource);
                    prop_assert_eq!(again, Ok(parsed.resource), "{}", printed);
                }
            }
        }
    }

    #[test]
    fn no_json_panics(kind in 0..Kind::ALL.len(), key in "[a-z_]{0,12}", value in "\\PC{0,24}") {
        let document = json!({
            "kind": Kind::ALL[kind].as_str(), "version": value, "metadata": {"name": value, (key.as_str()): value},
            "spec": {(key): value, "uri": value, "roles": value, "allow": {"mcp": {"tools": [value]}}}
        });
        drop(Resource::from_json(document.to_string().as_bytes()));
        drop(Resource::from_json(value.as_bytes()));
    }
}
