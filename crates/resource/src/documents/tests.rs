//! Files of several documents.

use super::*;
use crate::kind::Kind;

const ROLE: &str = "kind: role\nversion: v8\nmetadata: {name: r}\n";

fn parse(text: &str) -> Result<Vec<String>, String> {
    let names = |parsed: Vec<Parsed>| {
        parsed.iter().map(|p| format!("{}/{}", p.resource.kind(), p.resource.name())).collect()
    };
    parse_documents(&Source::new("x.yaml", text)).map(names).map_err(|report| report.to_string())
}

#[test]
fn nothing_is_an_error() {
    for text in ["", "\n\n", "# only a comment\n", "---\n---\n", "null", "[]"] {
        assert_eq!(
            parse(text),
            Err("x.yaml: no resources found, empty input?".to_owned()),
            "{text:?}"
        );
    }
}

#[test]
fn several_documents_and_lists_are_read_in_order() {
    let names = ["role/a", "user/b", "role/c"].map(str::to_owned).to_vec();
    let yaml = "kind: role\nversion: v8\nmetadata: {name: a}\n---\nkind: users\nmetadata: {name: b}\n\
                ---\n---\nkind: role\nversion: v8\nmetadata: {name: c}\n";
    assert_eq!(parse(yaml), Ok(names.clone()));
    let a = r#"{"kind":"role","version":"v8","metadata":{"name":"a"}}"#;
    let b = r#"{"kind":"user","version":"v2","metadata":{"name":"b"}}"#;
    let c = r#"{"kind":"role","version":"v8","metadata":{"name":"c"}}"#;
    assert_eq!(parse(&format!("{a}{b}\n{c}")), Ok(names.clone()));
    assert_eq!(parse(&format!("[{a},{b},\n{c}]")), Ok(names.clone()));
    assert_eq!(parse(&format!("---\n{a}\n---\n{b}\n---\n{c}")), Ok(names.clone()));
    let list = "- kind: role\n  version: v8\n  metadata: {name: a}\n- kind: user\n  metadata: {name: b}\n\
                - kind: role\n  version: v8\n  metadata: {name: c}\n";
    assert_eq!(parse(list), Ok(names));
}

#[test]
fn all_documents_are_judged_at_once() {
    let text =
        format!("{ROLE}speck: {{}}\n---\nkind: rolle\nmetadata: {{name: x}}\n---\nfoo: bar\n");
    assert_eq!(
        parse(&text),
        Err("\
x.yaml:4:1: speck: unknown field
  |
4 | speck…
  | ^^^^^
  = help: did you mean \"spec\"?
x.yaml:6:7: kind: creating resources of type \"rolle\" is not supported
  |
6 | kind: rolle
  |       ^^^^^
  = help: did you mean \"role\"?
x.yaml:9:1: kind: missing
  = help: a document begins with its kind, as in \"kind: app\"
x.yaml:9:1: foo: unknown field
  = help: known here: kind, version, sub_kind, metadata, spec, status"
            .replace("\n  = help: a document", "\n  help: a document")
            .replace("\n  = help: known", "\n  help: known"))
    );
}

#[test]
fn one_by_one_the_first_ones_are_there_before_the_mistake() {
    let text = format!("{ROLE}---\n{ROLE}x: 1\n---\n{ROLE}---\nnot: [yaml\n---\n{ROLE}");
    let source = Source::new("x.yaml", &text);
    let read: Vec<bool> = documents(&source).map(|document| document.is_ok()).collect();
    assert_eq!(read, [true, false, true, false]);
}

#[test]
fn every_source_has_a_greatest_size() {
    let source = Source::new("x.yaml", ROLE);
    let size = |source_bytes| Limits { source_bytes, ..Limits::default() };
    assert!(documents_within(&source, size(ROLE.len())).all(|document| document.is_ok()));
    let mut above = documents_within(&source, size(ROLE.len() - 1));
    let message = format!("x.yaml: larger than {} bytes", ROLE.len() - 1);
    assert_eq!(above.next().unwrap().unwrap_err().to_string(), message);
    assert!(above.next().is_none());
}

#[test]
fn mistakes_found_elsewhere_are_placed() {
    let text = "\
kind: role
version: v8
metadata:
  name: r
spec:
  allow:
    app_labels:
      env: '{{email.localz(external.email)}}'
";
    let source = Source::new("x.yaml", text);
    let problem = |_resource: &Resource| {
        vec![FieldProblem {
            path: "allow.app_labels.env[0]".to_owned(),
            message: "unknown function \"email.localz\"".to_owned(),
            offset: 2,
            help: Some("did you mean \"email.local\"?".to_owned()),
        }]
    };
    let report = documents(&source).checked_by(problem).next().unwrap().unwrap_err();
    assert_eq!(
        report.to_string(),
        "\
x.yaml:8:15: allow.app_labels.env[0]: unknown function \"email.localz\"
  |
8 |       env: '{{email.localz(external.email)}}'
  |               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = help: did you mean \"email.local\"?"
    );
    let parsed = documents(&source).next().unwrap().unwrap();
    assert_eq!(parsed.locate("spec.allow.app_labels.env", 0).unwrap().to_string(), "8:13");
    assert_eq!(parsed.resource.kind(), Kind::Role);
}

#[test]
fn documents_with_secrets_are_not_quoted() {
    let token = "kind: token\nversion: v2\nmetadata: {name: hunter2, expres: hunter2}\nspec: {rolls: [app]}\n";
    let report = parse(token).unwrap_err();
    assert!(!report.contains("hunter2"), "{report}");
    assert!(report.contains("x.yaml:4:8: spec.rolls: unknown field"), "{report}");
    let authority = "kind: cert_authority\nmetadata: {name: user.x}\nspec:\n  type: user\n  cluster_name: x\n  \
                     active_keys:\n  - private_key: [hunter2]\n    privat_key: hunter2\n";
    let report = parse(authority).unwrap_err();
    assert!(!report.contains("hunter2"), "{report}");
    let misnamed =
        parse("kind: tokken\nmetadata: {name: hunter2, labels: [hunter2]}\n").unwrap_err();
    assert!(!misnamed.contains("hunter2"), "{misnamed}");
}
