use std::sync::Arc;

use resource::{LabelSelector, Role, Traits};

use super::*;
use crate::role_set::User;

fn list<T: ToString>(texts: &[T]) -> Vec<String> {
    texts.iter().map(ToString::to_string).collect()
}

fn granting<T: ToString>(name: &str, tools: &[T]) -> Role {
    let mut role = Role::new(name);
    role.spec.allow.app_labels = Some(LabelSelector::wildcard());
    role.spec.allow.mcp.tools = Some(list(tools));
    role
}

fn denying<T: ToString>(name: &str, tools: &[T]) -> Role {
    let mut role = Role::new(name);
    role.spec.deny.mcp.tools = Some(list(tools));
    role
}

fn told(roles: Vec<Role>) -> Result<Patterns, GrantedToolsError> {
    let traits = Traits::from([("mcp_tools".to_owned(), list(&["own_*", "^own$"]))]);
    let roles: Vec<_> = roles.into_iter().map(Arc::new).collect();
    RoleSet::compile(&roles, User::new("alice", &traits)).granted_tools()
}

#[test]
fn patterns_travel_as_they_are_written_with_templates_filled_in() {
    let own = granting("own", &["{{internal.mcp_tools}}", "x-{{external.mcp_tools}}", "slack_*"]);
    let again = granting("again", &["slack_*", "^(a|b)$", "{{external.nothing}}"]);
    let deny = denying("deny", &["{{external.nothing}}", "no_{{external.mcp_tools}}", r"^a\.b$"]);
    let found = told(vec![own, again, deny]).unwrap();
    assert_eq!(found.allowed, ["own_*", "^own$", "x-own_*", "x-^own$", "slack_*", "^(a|b)$"]);
    assert_eq!(found.denied, ["no_own_*", "no_^own$", r"^a\.b$"]);
}

#[test]
fn a_deny_that_cannot_be_evaluated_is_not_left_out() {
    let deny = denying("unclear", &["known", "^(x$", "behind"]);
    let error = told(vec![granting("all", &["*"]), deny]).unwrap_err();
    let GrantedToolsError::UnclearDeny { role, index, entry, .. } = &error else {
        panic!("{error:?}")
    };
    assert_eq!((role.as_str(), *index, entry.as_str()), ("unclear", 1, "^(x$"));
    assert!(error.to_string().contains(r#"role "unclear": deny.mcp.tools[1] "^(x$""#), "{error}");
}

#[test]
fn nothing_is_granted_behind_an_allow_that_cannot_be_evaluated() {
    let found = told(vec![granting("one", &["a", "^(x$", "b"]), granting("two", &["c"])]);
    assert_eq!(found.unwrap().allowed, ["a"]);
}

#[test]
fn roles_for_another_namespace_say_nothing() {
    let mut elsewhere = granting("elsewhere", &["*"]);
    elsewhere.spec.allow.namespaces = list(&["other"]);
    let mut deny = denying("deny", &["x"]);
    deny.spec.deny.namespaces = list(&["other"]);
    assert_eq!(told(vec![elsewhere, deny]), Ok(Patterns::default()));
}

#[test]
fn what_is_told_has_bounds() {
    let names = |count: usize| (0..count).map(|at| format!("t{at}")).collect::<Vec<_>>();
    let (most, more) = (names(MAX_GRANTED_TOOLS), names(MAX_GRANTED_TOOLS + 1));
    let both = told(vec![granting("allow", &most), denying("deny", &most)]).unwrap();
    assert_eq!((both.allowed.len(), both.denied.len()), (MAX_GRANTED_TOOLS, MAX_GRANTED_TOOLS));
    let found = MAX_GRANTED_TOOLS + 1;
    let refused = told(vec![granting("allow", &more)]).unwrap_err();
    assert_eq!(refused, GrantedToolsError::TooMany { list: "grant", found });
    let refused = told(vec![denying("deny", &more)]).unwrap_err();
    assert_eq!(refused, GrantedToolsError::TooMany { list: "deny", found });
    // The same pattern of several roles is one.
    assert!(told(vec![granting("one", &most), granting("two", &most)]).is_ok());

    let long = |bytes: usize| "x".repeat(bytes);
    let half = MAX_GRANTED_TOOLS_BYTES / 2;
    let grants = || granting("allow", &[long(half)]);
    assert!(told(vec![grants(), denying("deny", &[long(half - 1), "y".to_owned()])]).is_ok());
    let refused = told(vec![grants(), denying("deny", &[long(half), "y".to_owned()])]);
    let found = MAX_GRANTED_TOOLS_BYTES + 1;
    assert_eq!(refused, Err(GrantedToolsError::TooLong { found }));
}
