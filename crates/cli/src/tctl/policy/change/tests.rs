use std::sync::Arc;

use policy::{AccessState, Subject};
use resource::{LabelSelector, Labels, Role};

use super::*;
use crate::tctl::policy::case::{Holder, Roles};

fn role(name: &str, env: &str, allow: &[&str], deny: &[&str]) -> Role {
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    let mut role = Role::new(name);
    role.spec.allow.app_labels = Some(LabelSelector::from_pairs([("env", env)]));
    role.spec.allow.mcp.tools = list(allow);
    role.spec.deny.mcp.tools = list(deny);
    role
}

fn case(roles: Vec<Role>, held: &[&str], subject: Subject<'static>) -> Case {
    Case {
        roles: roles
            .into_iter()
            .map(|role| (role.name().to_owned(), Arc::new(role)))
            .collect::<Roles>(),
        user: "u".to_owned(),
        holder: Holder {
            roles: held.iter().map(|name| (*name).to_owned()).collect(),
            ..Holder::default()
        },
        state: AccessState::default(),
        question: Question::Use {
            app: "a".to_owned(),
            labels: Labels::from([("env".to_owned(), "prod".to_owned())]).into(),
            subject,
        },
    }
}

fn words(case: &Case) -> Vec<String> {
    let turning = turning(case);
    // Whatever is told was tried.
    for path in &turning {
        let mut changed = case.clone();
        path.iter().for_each(|edit| edit.apply(&mut changed));
        assert_ne!(changed.is_allowed(), case.is_allowed(), "{path:?}");
    }
    turning
        .iter()
        .map(|path| path.iter().map(|edit| edit.words("u")).collect::<Vec<_>>().join(" + "))
        .collect()
}

fn tool(name: &'static str) -> Subject<'static> {
    Subject::Tool(name.into())
}

#[test]
fn a_change_is_told_only_when_it_is_enough() {
    // Both roles deny; taking one entry away alone changes nothing.
    let roles = vec![role("a", "prod", &["*"], &["x"]), role("b", "prod", &["*"], &["x*"])];
    assert_eq!(
        words(&case(roles, &["a", "b"], tool("x1"))),
        [r#"remove "x*" from deny.mcp.tools of role "b""#, r#"take the role "b" from user "u""#]
    );
    let roles = vec![role("a", "prod", &["*"], &["x"]), role("b", "prod", &["*"], &["x*"])];
    assert_eq!(
        words(&case(roles, &["a", "b"], tool("x")))[0],
        r#"remove "x" from deny.mcp.tools of role "a" + remove "x*" from deny.mcp.tools of role "b""#
    );
}

#[test]
fn several_grants_have_all_to_go() {
    let roles = vec![role("a", "prod", &["x"], &[]), role("b", "prod", &["*"], &[])];
    assert_eq!(
        words(&case(roles, &["a", "b"], tool("x"))),
        [
            r#"add "x" to deny.mcp.tools of role "a", which denies it on every app"#,
            r#"remove "x" from allow.mcp.tools of role "a" + remove "*" from allow.mcp.tools of role "b""#,
            r#"take the role "a" from user "u" + remove "*" from allow.mcp.tools of role "b""#,
        ]
    );
}

#[test]
fn labels_come_before_tools() {
    let roles = vec![role("a", "dev", &["y"], &[]), role("ops", "*", &["*"], &[])];
    assert_eq!(
        words(&case(roles, &["a"], tool("x"))),
        [
            r#"give user "u" the role "ops""#,
            r#"add "prod" to allow.app_labels["env"] of role "a" + add "x" to allow.mcp.tools of role "a""#,
        ]
    );
}

#[test]
fn what_is_broken_or_missing_comes_first() {
    let roles = vec![role("a", "prod", &["x"], &["^(a$"])];
    assert_eq!(
        words(&case(roles, &["a"], tool("x"))),
        [r#"correct or remove "^(a$" in deny.mcp.tools of role "a""#]
    );
    assert_eq!(
        words(&case(vec![role("a", "prod", &["x"], &[])], &["a", "gone"], tool("x"))),
        [r#"create the role "gone", or take it from user "u""#]
    );
}

#[test]
fn an_open_kind_is_closed() {
    let roles = vec![role("a", "prod", &[], &[])];
    assert_eq!(
        words(&case(roles, &["a"], Subject::Prompt("p".into()))),
        [
            r#"give role "a" a list allow.mcp.prompts; without one it allows every prompt"#,
            r#"add "p" to deny.mcp.prompts of role "a", which denies it on every app"#,
            r#"take the role "a" from user "u""#,
        ]
    );
}

#[test]
fn the_narrowest_role_is_recommended() {
    let roles = vec![
        role("all", "prod", &["*"], &[]),
        role("exact", "prod", &["x"], &[]),
        role("some", "prod", &["x*"], &[]),
    ];
    assert_eq!(words(&case(roles, &[], tool("x"))), [r#"give user "u" the role "exact""#]);
}
