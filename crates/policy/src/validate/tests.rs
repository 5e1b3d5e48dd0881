use resource::Resource;

use super::*;

fn errors(spec: &str) -> Vec<FieldError> {
    let json = format!(
        r#"{{"kind": "role", "version": "v8", "metadata": {{"name": "r"}}, "spec": {spec}}}"#
    );
    match Resource::from_json(json.as_bytes()) {
        Ok(Resource::Role(role)) => validate_role(&role),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn refused(spec: &str, path: &str, message: &str) {
    let found = errors(spec);
    let [error] = &found[..] else { panic!("{found:?}") };
    assert_eq!(error.path, path);
    assert!(error.message.contains(message), "{error}");
    assert!(error.show().contains('^'));
}

#[test]
fn roles_that_mean_something() {
    let spec = r#"{
        "allow": {
            "app_labels": {"env": ["prod", "dev-*", "^(a|b)$", "{{external.env}}"], "{{external.k}}": "x"},
            "app_labels_expression": "labels.env == \"prod\"",
            "mcp": {"tools": ["a", "*", "^a$", "{{internal.mcp_tools}}", "{{nope.x}}", "{{internal.nope}}", ""],
                    "prompts": ["*"], "resources": ["file:///{{external.home}}/*"]},
            "rules": [{"resources": ["app"], "verbs": ["read"], "where": "equals(name, \"x\")",
                       "actions": ["log(\"info\", \"x\")"]}]
        },
        "deny": {"mcp": {"tools": ["^{{external.t}}$"]}}
    }"#;
    assert_eq!(errors(spec), []);
}

#[test]
fn entries() {
    refused(
        r#"{"allow": {"mcp": {"tools": ["a", "{{external.a"]}}}"#,
        "spec.allow.mcp.tools[1]",
        "parsing allow.mcp.tools[1]",
    );
    refused(
        r#"{"deny": {"mcp": {"resources": ["^(x$"]}}}"#,
        "spec.deny.mcp.resources[0]",
        "parsing deny.mcp.resources[0]: the regex does not compile: missing closing )",
    );
    refused(
        r#"{"deny": {"mcp": {"prompts": ["{{regexp.replace(external.a, \"(\", \"\")}}"]}}}"#,
        "spec.deny.mcp.prompts[0]",
        "does not compile",
    );
}

#[test]
fn labels() {
    refused(
        r#"{"allow": {"app_labels": {"owner": "{{email.localz(external.email)}}"}}}"#,
        "spec.allow.app_labels.owner[0]",
        "parsing allow.app_labels template expression: unsupported function: email.localz",
    );
    refused(
        r#"{"allow": {"app_labels": {"a.b/c": ["x", "^(x$"]}}}"#,
        "spec.allow.app_labels[\"a.b/c\"][1]",
        "the regex does not compile",
    );
    refused(
        r#"{"allow": {"app_labels": {"{{external.a": "x"}}}"#,
        "spec.allow.app_labels[\"{{external.a\"]",
        "parsing allow.app_labels template expression",
    );
    refused(
        r#"{"deny": {"app_labels": {"dynamic/x": "y"}}}"#,
        "spec.deny.app_labels[\"dynamic/x\"]",
        "cannot deny",
    );
}

#[test]
fn expressions_and_rules() {
    refused(
        r#"{"deny": {"app_labels_expression": "containz(labels.a, \"b\")"}}"#,
        "spec.deny.app_labels_expression",
        "parsing deny.app_labels_expression: unsupported function: containz",
    );
    refused(
        r#"{"allow": {"app_labels_expression": "regexp.match(labels.a, \"^(x$\")"}}"#,
        "spec.allow.app_labels_expression",
        "does not compile",
    );
    let rule = |extra: &str| {
        format!(r#"{{"allow": {{"rules": [{{"resources": ["a"], "verbs": ["b"], {extra}}}]}}}}"#)
    };
    refused(
        &rule(r#""where": "containz(a)""#),
        "spec.allow.rules[0].where",
        "parsing allow.rules[0]: could not parse 'where' rule: unsupported function: containz",
    );
    refused(
        &rule(r#""actions": ["log(\"info\", \"x\")", "nonsense"]"#),
        "spec.allow.rules[0].actions[1]",
        "parsing allow.rules[0]: could not parse action",
    );
}

#[test]
fn every_mistake_is_reported() {
    let found = errors(
        r#"{"allow": {"app_labels": {"a": ["^(x$", "{{x"]}, "mcp": {"tools": ["{{y"]}},
            "deny": {"app_labels_expression": "("}}"#,
    );
    let paths: Vec<&str> = found.iter().map(|error| error.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "spec.allow.app_labels.a[0]",
            "spec.allow.app_labels.a[1]",
            "spec.allow.mcp.tools[0]",
            "spec.deny.app_labels_expression",
        ]
    );
}

#[test]
fn errors_point() {
    let found = errors(r#"{"allow": {"app_labels_expression": "labls.env == \"x\""}}"#);
    assert_eq!(
        found[0].show(),
        "spec.allow.app_labels_expression: parsing allow.app_labels_expression: unknown identifier: \
         \"labls.env\"\n  labls.env == \"x\"\n  ^^^^^^^^^\n  help: the names are labels[\"key\"], \
         user.metadata.name and user.spec.traits[\"name\"]"
    );
}
