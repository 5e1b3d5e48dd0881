//! What roles are refused for, and what they mean when they are not.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use serde_json::{Value, json};

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn role(role: Value) -> Result<Role, Vec<String>> {
    Resource::from_node(&Node::from_json(&role))
        .map(|resource| Role::try_from(resource).expect("a role"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

fn with_spec(version: &str, spec: Value) -> Result<Role, Vec<String>> {
    role(json!({"kind": "role", "version": version, "metadata": {"name": "r"}, "spec": spec}))
}

fn refused(spec: Value) -> String {
    with_spec("v8", spec).expect_err("refused").join("\n")
}

fn allow(spec: Value) -> Conditions {
    with_spec("v8", json!({ "allow": spec })).expect("a role").spec.allow
}

#[test]
fn versions_three_to_eight_are_known() {
    for version in RoleVersion::ALL {
        assert_eq!(with_spec(version.as_str(), json!({})).map(|role| role.version), Ok(version));
    }
    assert!(RoleVersion::V3 < RoleVersion::V8);
    let refused = |version: Value| {
        role(json!({"kind": "role", "version": version, "metadata": {"name": "r"}})).unwrap_err()
    };
    let help = "(use v8; v3 to v7 are understood too)";
    assert_eq!(
        refused(json!("v2")),
        [format!("version: role version \"v2\" is not supported {help}")]
    );
    assert_eq!(
        refused(json!("v9")),
        [format!("version: role version \"v9\" is not supported {help}")]
    );
    assert_eq!(
        refused(json!(null)),
        [format!("version: role version \"\" is not supported {help}")]
    );
    assert_eq!(refused(json!("")), [format!("version: role version \"\" is not supported {help}")]);
}

#[test]
fn a_name_is_needed_and_may_not_be_reserved() {
    let named =
        |metadata: Value| role(json!({"kind": "role", "version": "v8", "metadata": metadata}));
    assert_eq!(named(json!({})), Err(vec!["metadata.name: missing parameter Name".to_owned()]));
    assert_eq!(
        named(json!({"name": "Proxy"})),
        Err(vec![
            "metadata: reserved role: \"Proxy\" names a part of the cluster (use a different name)"
                .to_owned()
        ])
    );
    assert!(named(json!({"name": "default-implicit-role"})).is_err());
    assert!(named(json!({"name": "proxy"})).is_ok());
}

#[test]
fn labels_are_scalars_or_lists() {
    let conditions = allow(json!({"app_labels": {
        "a": "b", "key": ["val"], "key2": ["val2", "val3"], "n": 1, "none": [],
        "teleport.internal/app-sub-kind": "mcp"
    }}));
    let labels = conditions.app_labels.unwrap().0;
    assert_eq!(labels["a"], ["b"]);
    assert_eq!(labels["key"], ["val"]);
    assert_eq!(labels["key2"], ["val2", "val3"]);
    assert_eq!(labels["n"], ["1"]);
    assert!(labels["none"].is_empty());
    assert_eq!(labels["tessera.internal/app-sub-kind"], ["mcp"]);
    let written = with_spec("v8", json!({"allow": {"app_labels": {"a": ["b"], "c": ["d", "e"]}}}));
    assert_eq!(
        written.unwrap().to_json()["spec"]["allow"]["app_labels"],
        json!({"a": "b", "c": ["d", "e"]})
    );
    assert_eq!(
        refused(json!({"allow": {"app_labels": {"a": null}}})),
        "spec.allow.app_labels.a: expected text or a list of text, found nothing"
    );
    assert_eq!(
        refused(json!({"allow": {"app_labels": {"a": {"b": "c"}}}})),
        "spec.allow.app_labels.a: expected text or a list of text, found a mapping"
    );
}

#[test]
fn the_wildcard_key_takes_the_wildcard_alone() {
    let help = "(the key \"*\" stands for every resource and takes the value \"*\" alone)";
    let message = format!("selector *:<val> is not supported {help}");
    for value in [json!("prod"), json!(["*", "x"]), json!([]), json!(["*", "*"])] {
        assert_eq!(
            refused(json!({"allow": {"app_labels": {"*": value}}})),
            format!("spec.allow.app_labels[\"*\"]: {message}")
        );
        assert!(with_spec("v8", json!({"deny": {"app_labels": {"*": value}}})).is_ok());
    }
    assert_eq!(
        allow(json!({"app_labels": {"*": ["*"], "a": "b"}})).app_labels.unwrap().0["*"],
        ["*"]
    );
}

#[test]
fn only_version_three_grants_every_app_by_default() {
    for version in RoleVersion::ALL {
        let role = with_spec(version.as_str(), json!({"deny": {}})).unwrap();
        let expected = (version == RoleVersion::V3).then(LabelSelector::wildcard);
        assert_eq!(role.spec.allow.app_labels, expected, "{version}");
        assert_eq!(role.spec.deny.app_labels, None);
    }
    let with_expression =
        with_spec("v3", json!({"allow": {"app_labels_expression": "true"}})).unwrap();
    assert_eq!(with_expression.spec.allow.app_labels, Some(LabelSelector::wildcard()));
    // An empty selector was written to grant nothing, and stays so when it is read again.
    let empty = with_spec("v3", json!({"allow": {"app_labels": {}}})).unwrap();
    assert_eq!(empty.spec.allow.app_labels, Some(LabelSelector::default()));
    assert_eq!(role(empty.to_json()), Ok(empty));
}

#[test]
fn rules_need_resources_and_verbs() {
    let rule =
        |rule: Value| json!({"allow": {"rules": [{"resources": ["a"], "verbs": ["b"]}, rule]}});
    assert_eq!(
        refused(rule(json!({"verbs": ["list"]}))),
        "spec.allow.rules[1].resources: failed to process 'allow' rule 1: missing resources to match"
    );
    assert_eq!(
        refused(rule(json!({"resources": ["app"], "verbs": []}))),
        "spec.allow.rules[1].verbs: failed to process 'allow' rule 1: missing verbs"
    );
    assert_eq!(
        refused(json!({"deny": {"rules": [{"resources": ["app"]}]}})),
        "spec.deny.rules[0].verbs: failed to process 'deny' rule 0: missing verbs"
    );
    let rules = allow(json!({"rules": [
        {"resources": ["frob"], "verbs": ["nicate"], "where": "x", "actions": ["log"]}
    ]}))
    .rules;
    assert_eq!(rules[0].where_clause.as_deref(), Some("x"));
    assert_eq!(rules[0].actions, ["log"]);
}

#[test]
fn wildcard_logins_are_refused_in_allow() {
    assert_eq!(
        refused(json!({"allow": {"logins": ["root", "*"]}})),
        "spec.allow.logins[1]: wildcard matcher is not allowed in logins"
    );
    assert!(with_spec("v8", json!({"deny": {"logins": ["*"]}})).is_ok());
}

#[test]
fn mcp_fields_tell_absent_from_empty() {
    let conditions = allow(json!({"mcp": {"tools": [], "prompts": ["a*", ""]}}));
    assert_eq!(conditions.mcp.tools, Some(vec![]));
    assert_eq!(conditions.mcp.prompts, Some(vec!["a*".to_owned(), String::new()]));
    assert_eq!(conditions.mcp.resources, None);
    assert_eq!(allow(json!({})).mcp, McpConditions::default());
    assert_eq!(
        refused(json!({"allow": {"mcp": {"tool": ["a"]}}})),
        "spec.allow.mcp.tool: unknown field (did you mean \"tools\"?)"
    );
    assert_eq!(
        refused(json!({"allow": {"mcp": {"tools": "*"}}})),
        "spec.allow.mcp.tools: expected a list, found \"*\" \
         (put each value on a line of its own, after a dash)"
    );
}

#[test]
fn namespaces_default() {
    assert_eq!(allow(json!({})).namespaces, ["default"]);
    assert_eq!(allow(json!({"namespaces": []})).namespaces, ["default"]);
    assert_eq!(allow(json!({"namespaces": ["*", "x"]})).namespaces, ["*", "x"]);
}

#[test]
fn options_are_read() {
    let options = with_spec(
        "v8",
        json!({"options": {
            "max_session_ttl": "8h", "client_idle_timeout": "never", "disconnect_expired_cert": "yes",
            "require_session_mfa": "hardware_key_touch", "device_trust_mode": "required",
            "lock": "best_effort", "pin_source_ip": false, "forward_agent": true
        }}),
    )
    .unwrap()
    .spec
    .options;
    assert_eq!(options.max_session_ttl, Some(Duration::from_secs(8 * 3600)));
    assert_eq!(options.client_idle_timeout, Some(Duration::ZERO));
    assert_eq!(options.disconnect_expired_cert, Some(true));
    assert_eq!(options.require_session_mfa, Some(MfaRequirement::HardwareKeyTouch));
    assert_eq!(options.device_trust_mode.as_deref(), Some("required"));
    assert_eq!(options.lock, Some(LockMode::BestEffort));
    assert_eq!(options.pin_source_ip, Some(false));
    assert_eq!(options.other["forward_agent"], json!(true));
    for (written, expected) in [
        (json!(true), MfaRequirement::Session),
        (json!("no"), MfaRequirement::Off),
        (json!("hardware_key"), MfaRequirement::HardwareKey),
    ] {
        let role = with_spec("v8", json!({"options": {"require_session_mfa": written}})).unwrap();
        assert_eq!(role.spec.options.require_session_mfa, Some(expected));
        assert!(expected.is_required() == (expected != MfaRequirement::Off));
        assert_eq!(tests::role(role.to_json()), Ok(role));
    }
    assert_eq!(
        refused(json!({"options": {"lock": "maybe"}})),
        "spec.options.lock: unknown locking mode \"maybe\" (expected one of strict, best_effort)"
    );
    assert_eq!(
        refused(json!({"options": {"max_session_ttl": "-1h"}})),
        "spec.options.max_session_ttl: a duration cannot be negative"
    );
    assert_eq!(
        refused(json!({"options": {"require_session_mfa": "hardware_ky"}})),
        "spec.options.require_session_mfa: unknown requirement \"hardware_ky\" \
         (did you mean \"hardware_key\"?)"
    );
}

#[test]
fn fields_about_other_protocols_are_kept() {
    let spec = json!({
        "allow": {"logins": ["root"], "node_labels": {"*": "*"}, "kubernetes_resources": [{"kind": "pod"}]},
        "deny": {"db_users": ["admin"]}
    });
    let role = with_spec("v8", spec.clone()).unwrap();
    assert_eq!(role.to_json()["spec"], spec);
    assert_eq!(
        refused(json!({"allow": {"node_label": {}}})),
        "spec.allow.node_label: unknown field (did you mean \"node_labels\"?)"
    );
}

#[test]
fn both_sides_are_judged_at_once() {
    assert_eq!(
        refused(json!({
            "allow": {"app_labels": {"*": "x"}, "app_label": {}},
            "deny": {"rules": [{}]},
            "alow": {}
        }))
        .lines()
        .count(),
        5
    );
}
