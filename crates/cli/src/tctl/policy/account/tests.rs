use std::sync::Arc;

use policy::{AccessState, Subject};
use resource::{Labels, Role};

use super::*;
use crate::tctl::policy::case::Holder;

fn account(yaml: &str, held: &[&str]) -> Account {
    let source = resource::Source::new("r.yaml", yaml);
    let roles = resource::parse_documents(&source).unwrap().into_iter().map(|parsed| {
        let role = Role::try_from(parsed.resource).unwrap();
        (role.name().to_owned(), Arc::new(role))
    });
    Account::of(&Case {
        roles: roles.collect(),
        user: "u".to_owned(),
        holder: Holder {
            roles: held.iter().map(|name| (*name).to_owned()).collect(),
            ..Holder::default()
        },
        state: AccessState::default(),
        question: Question::Use {
            app: "a".to_owned(),
            labels: Labels::from([("env".to_owned(), "prod".to_owned())]).into(),
            subject: Subject::Tool("x".into()),
        },
    })
}

const ROLES: &str = "
{kind: role, version: v8, metadata: {name: far}, spec: {allow: {app_labels: {env: dev, x: y}}}}
---
{kind: role, version: v8, metadata: {name: near}, spec: {allow: {app_labels: {env: prod}, mcp: {tools: [a, b]}}}}
---
{kind: role, version: v8, metadata: {name: none}, spec: {}}
---
{kind: role, version: v8, metadata: {name: deny}, spec: {deny: {app_labels: {env: dev}, mcp: {tools: [q, x]}}}}
";

#[test]
fn only_what_matters_is_told() {
    let found = account(ROLES, &["far", "near", "none"]);
    assert_eq!(
        found.to_string(),
        r#"user "u" may not use tool "x" of app "a": no role grants it
  role "near" does not grant
    allow.mcp.tools: none of 2 patterns matches
to turn it: add "x" to allow.mcp.tools of role "near""#
    );
    let found = account(ROLES, &["far", "none"]);
    assert!(found.to_string().contains("allow.app_labels: no value accepts env=\"prod\""));
    assert!(!found.to_string().contains("\"none\""), "{found}");
    let found = account(ROLES, &["near", "deny"]);
    assert_eq!(
        found.to_string().lines().take(3).collect::<Vec<_>>(),
        [
            r#"user "u" may not use tool "x" of app "a": a role denies it"#,
            r#"  role "deny" denies"#,
            r#"    deny.mcp.tools[1]: "x" matches"#
        ]
    );
}

#[test]
fn a_user_without_roles_is_told_about() {
    let found = account(ROLES, &[]);
    assert!(found.to_string().contains("the user holds no role that speaks of apps"), "{found}");
    let found = account(ROLES, &["gone"]);
    assert!(found.to_string().contains("role \"gone\" does not exist"), "{found}");
    assert_eq!(found.to_json()["outcome"], "unknown_role");
}

#[test]
fn programs_get_the_same() {
    let json = account(ROLES, &["near", "deny"]).to_json();
    assert_eq!(json["allowed"], false);
    assert_eq!(json["outcome"], "denied");
    assert_eq!(json["reasons"][0]["role"], "deny");
    assert_eq!(json["reasons"][0]["side"], "deny");
    assert_eq!(json["reasons"][0]["findings"][0], "deny.mcp.tools[1]: \"x\" matches");
}
