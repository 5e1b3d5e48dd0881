//! The files of `examples/policy`, and files that are wrong in every way.

use std::path::{Path, PathBuf};

use resource::Source;
use serde_json::Value;

use super::*;

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn suite(text: &str) -> Result<Suite, String> {
    let folder = repository().join("examples/policy");
    Suite::load(&Source::new("t.yaml", text), Some(&folder)).map_err(|error| error.to_string())
}

fn outcome(text: &str) -> Outcome {
    Outcome::of(&suite(text).unwrap_or_else(|mistakes| panic!("{mistakes}")))
}

/// A file in which only the tests differ.
fn file(tests: &str) -> String {
    format!(
        "roles: [roles/*.yaml]\n\
         users: {{ana: {{roles: [support]}}, bob: {{roles: [suport]}}, nobody: {{}}}}\n\
         apps: {{tickets: {{labels: {{team: support, env: prod}}}}, bare: }}\n\
         tests:\n{tests}"
    )
}

#[test]
fn the_examples_hold() {
    let folder = repository().join("examples/policy");
    let mut files: Vec<PathBuf> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_string_lossy().ends_with(".test.yaml"))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    for suite in load(&files).unwrap() {
        assert!(suite.warnings.is_empty(), "{:?}", suite.warnings);
        let outcome = Outcome::of(&suite);
        assert!(outcome.holds(), "{}", text::report(&[outcome]));
        assert!(outcome.total() > 50);
    }
}

#[test]
fn every_expectation_can_fail() {
    // Each is the opposite of what holds.
    for expectation in [
        "  app: tickets\n  connect: false\n",
        "  app: bare\n  connect: true\n",
        "  app: tickets\n  tools: {allowed: [close_ticket]}\n",
        "  app: tickets\n  tools: {denied: [search_x]}\n",
        "  app: tickets\n  tools: {list: {of: [search_x, purge], shows: []}}\n",
        "  app: tickets\n  tools: {list: {of: [search_x, purge], shows: [search_x, purge]}}\n",
        "  app: tickets\n  prompts: {denied: [p]}\n",
        "  app: bare\n  prompts: {allowed: [p]}\n",
        "  app: tickets\n  resources: {allowed: ['file:///etc/passwd']}\n",
        "  app: tickets\n  resources: {denied: ['ticket://1']}\n",
        "  rules: [{kind: app, denied: [list]}]\n",
        "  rules: [{kind: role, allowed: [update]}]\n",
    ] {
        let outcome = outcome(&file(&format!("- name: n\n  user: ana\n{expectation}")));
        assert_eq!((outcome.total(), outcome.failed()), (1, 1), "{expectation}");
    }
}

#[test]
fn what_fails_is_shown_where_it_is_written_with_the_reason() {
    let outcome = outcome(&file(
        "- name: n\n  user: ana\n  app: tickets\n  tools:\n    list:\n      of: [search_a, close_ticket, add_comment, delete_x]\n      shows: [search_a, close_ticket]\n",
    ));
    assert_eq!(
        text::report(&[outcome]),
        r#"t.yaml
  FAIL  n (1 of 1 expectation)

t.yaml:11:15: tests[0].tools.list.shows: user "ana" does not see the list of tools that is expected of app "tickets"
   |
11 |       shows: [search_a, close_ticket]
   |               ^^^^^^^^^^^^^^^^^^^^^^
      search_a
    - close_ticket  (expected, but not shown)
    + add_comment  (shown, but not expected)
  user "ana" may not use tool "close_ticket" of app "tickets": no role grants it
    role "support" does not grant
      allow.mcp.tools[3]: "{{internal.mcp_tools}}" stands for nothing: the user has no trait "mcp_tools"
      allow.mcp.tools: none of 3 patterns matches
  to turn it, one of:
    add "close_ticket" to allow.mcp.tools of role "support"
    add "close_ticket" to the trait "mcp_tools" of user "ana"
    give user "ana" the role "support-lead"
  user "ana" may use tool "add_comment" of app "tickets": a role grants it
    role "support" grants
      allow.app_labels: "support" accepts team="support"
      allow.mcp.tools[2]: "add_comment" matches
  to turn it, one of:
    remove "add_comment" from allow.mcp.tools of role "support"
    add "add_comment" to deny.mcp.tools of role "support", which denies it on every app
    take the role "support" from user "ana"

1 file, 1 test, 1 expectation: 1 failed"#
    );
}

#[test]
fn a_missing_role_refuses_everything_and_is_warned_about() {
    let outcome = outcome(&file(
        "- name: n\n  user: bob\n  app: tickets\n  connect: true\n  rules: [{kind: app, allowed: [list]}]\n",
    ));
    assert_eq!(outcome.failed(), 2);
    assert_eq!(
        outcome.warnings,
        [
            "t.yaml:2:48: no file defines the role \"suport\", so user \"bob\" is refused everything; did you mean \"support\"?"
        ]
    );
    assert!(text::report(&[outcome]).contains("role \"suport\" does not exist"));
}

#[test]
fn second_factors_and_devices_are_told() {
    let file = |told: &str, connect: bool| {
        format!(
            "roles:\n- kind: role\n  version: v8\n  metadata: {{name: r}}\n  spec:\n    \
             options: {{require_session_mfa: true}}\n    allow: {{app_labels: {{'*': '*'}}}}\n\
             users: {{u: {{roles: [r]}}}}\napps: {{a: }}\n\
             tests: [{{name: n, user: u, app: a, connect: {connect}{told}}}]\n"
        )
    };
    assert!(outcome(&file("", false)).holds());
    assert!(outcome(&file(", mfa: true", true)).holds());
    assert!(!outcome(&file(", mfa: true", false)).holds());
}

#[test]
fn every_mistake_is_told_at_once() {
    let told = suite(
        "rols: []
roles:
- roles/none*.yaml
- kind: role
  version: v8
  metadata: {name: x}
  spec: {allow: {mcp: {tools: [\"^(a$\"]}}}
- kind: app
users:
  ana: {roles: [support], trait: {}}
presets: [editr]
apps: {tickets: {label: {}}}
tests:
- name: a
  user: anna
  app: [ticket]
  connect: maybe
  tools: {allow: [x], denied: [\"get_*\", y], allowed: [y], list: {of: [a, a], shows: [b]}}
- name: b
  user: ana
- name: c
  user: ana
  connect: yes
- user: []
  rules: [{kind: rol, allowed: [updat]}, {kind: app}, {kind: app, labels: {a: b}, denied: [list]}]
",
    )
    .unwrap_err();
    for expected in [
        "t.yaml:1:1: rols: unknown field",
        "t.yaml:7:34: roles[1].spec.allow.mcp.tools[0]: parsing allow.mcp.tools[0]: the regex does not compile",
        "t.yaml:8:3: roles[2].spec: missing",
        "t.yaml:10:27: users.ana.trait: unknown field",
        "t.yaml:11:11: presets[0]: there is no preset role \"editr\" here",
        "t.yaml:12:18: apps.tickets.label: unknown field",
        "t.yaml:15:9: tests[0].user: there is no user \"anna\" here",
        "help: did you mean \"ana\"?",
        "t.yaml:16:9: tests[0].app[0]: there is no app \"ticket\" here",
        "t.yaml:17:12: tests[0].connect: expected true or false, found \"maybe\"",
        "t.yaml:18:11: tests[0].tools.allow: unknown field",
        "tests[0].tools.denied[0]: \"get_*\" is a pattern, no name",
        "tests[0].tools.denied[1]: \"y\" is expected to be allowed, too",
        "tests[0].tools.list.of[1]: \"a\" is listed twice",
        "tests[0].tools.list.shows[0]: a client never sees \"b\"",
        "t.yaml:19:3: tests[1]: nothing is expected",
        "t.yaml:21:3: tests[2].app: missing",
        "t.yaml:24:3: tests[3].name: missing",
        "tests[3].user: names no user",
        "tests[3].rules[0].kind: unknown kind \"rol\"",
        "tests[3].rules[0].allowed[0]: unknown verb \"updat\"",
        "tests[3].rules[1]: nothing is expected",
        "tests[3].rules[2].name: missing",
    ] {
        assert!(told.contains(expected), "{expected}\nis missing in\n{told}");
    }
}

#[test]
fn roles_are_found_once_and_without_mistakes() {
    let tests = "users: {u: }\napps: {a: }\ntests: [{name: n, user: u, app: a, connect: false}]\n";
    let told = suite(&format!("roles: [nowhere.yaml, 'none*.yaml']\n{tests}")).unwrap_err();
    assert!(told.contains("t.yaml:1:9: roles[0]: cannot read"), "{told}");
    assert!(told.contains("t.yaml:1:23: roles[1]: no file fits \"none*.yaml\""), "{told}");
    let told = suite(&format!("roles: [roles/support.yaml, roles/*.yaml]\n{tests}")).unwrap_err();
    assert!(told.contains("the role \"support\" of"), "{told}");
    assert!(told.contains("already"), "{told}");
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("r.yaml"),
        "kind: role\nversion: v8\nmetadata: {name: r}\nspec: {allow: {mcp: {tools: ['^(a$']}}}\n",
    )
    .unwrap();
    let source = Source::new("t.yaml", &format!("roles: ['**/*.yaml']\n{tests}"));
    let told = Suite::load(&source, Some(folder.path())).unwrap_err().to_string();
    assert!(told.contains("r.yaml:4:"), "{told}");
}

#[test]
fn expectations_have_a_bound() {
    let users: String = (0..1000).map(|index| format!("u{index}: ,")).collect();
    let names: String = (0..1000).map(|index| format!("u{index},")).collect();
    let file = |tools: usize| {
        let tools: String = (0..tools).map(|index| format!("t{index},")).collect();
        format!(
            "users: {{{users}}}\napps: {{a: }}\n\
             tests: [{{name: n, user: [{names}], app: a, tools: {{denied: [{tools}]}}}}]\n"
        )
    };
    assert_eq!(read::MAX_EXPECTATIONS, 100_000);
    assert!(suite(&file(100)).is_ok());
    assert!(suite(&file(101)).unwrap_err().contains("101000 expectations"));
}

#[test]
fn a_file_with_a_mistake_keeps_the_others_from_being_tested() {
    let folder = tempfile::tempdir().unwrap();
    let (good, bad) = (folder.path().join("good.yaml"), folder.path().join("bad.yaml"));
    fs::write(
        &good,
        "users: {u: }\napps: {a: }\ntests: [{name: n, user: u, app: a, connect: false}]\n",
    )
    .unwrap();
    fs::write(&bad, "users: {}\n").unwrap();
    assert_eq!(load(std::slice::from_ref(&good)).unwrap().len(), 1);
    let error = load(&[bad, folder.path().join("none.yaml"), good]).unwrap_err();
    assert!(error.is::<Usage>());
    assert!(error.to_string().contains("bad.yaml:1:1: tests: missing"), "{error}");
    assert!(error.to_string().contains("none.yaml"), "{error}");
}

#[test]
fn the_json_has_what_programs_need() {
    let outcome = outcome(&file(
        "- name: n\n  user: ana\n  app: tickets\n  tools: {list: {of: [search_a, x], shows: [x]}}\n",
    ));
    let report = outcome::to_json(&[outcome]);
    assert_eq!(report["passed"], false);
    let failure = &report["files"][0]["tests"][0]["failures"][0];
    assert_eq!(failure["line"], 8);
    assert_eq!(failure["missing"], serde_json::json!(["x"]));
    assert_eq!(failure["unexpected"], serde_json::json!(["search_a"]));
    assert_eq!(failure["explanations"][0]["outcome"], "granted");
}

/// The schema names exactly the keys that are read: for each table an unknown key is written, and the advice
/// lists those that are known.
#[test]
fn the_schema_knows_the_same_keys() {
    let path = repository().join("docs/reference/policy-test.schema.json");
    let schema: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let keys = |value: &Value| -> Vec<String> {
        let mut keys: Vec<String> =
            value["properties"].as_object().unwrap().keys().cloned().collect();
        keys.sort();
        keys
    };
    let defs = &schema["$defs"];
    let uses = &defs["uses"];
    for (properties, text) in [
        (keys(&schema), "qqqqqq: 1\n".to_owned()),
        (keys(&defs["user"]), "users: {u: {qqqqqq: 1}}\n".to_owned()),
        (keys(&defs["app"]), "apps: {a: {qqqqqq: 1}}\n".to_owned()),
        (keys(&defs["test"]), "tests: [{qqqqqq: 1}]\n".to_owned()),
        (keys(uses), "tests: [{tools: {qqqqqq: 1}}]\n".to_owned()),
        (
            keys(&uses["properties"]["list"]),
            "tests: [{tools: {list: {qqqqqq: 1, of: [], shows: []}}}]\n".to_owned(),
        ),
        (keys(&defs["rule"]), "tests: [{rules: [{qqqqqq: 1}]}]\n".to_owned()),
    ] {
        let told = suite(&text).unwrap_err();
        let (_, told) =
            told.split_once("qqqqqq: unknown field").unwrap_or_else(|| panic!("{told}"));
        let (_, known) = told.lines().find_map(|line| line.split_once("known here: ")).unwrap();
        let mut known: Vec<String> = known.split(", ").map(str::to_owned).collect();
        known.sort();
        known.dedup();
        assert_eq!(known, properties, "{text}");
    }
}
