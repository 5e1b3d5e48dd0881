use std::sync::Arc;

use resource::{LabelSelector, Labels, Role, Traits};

use super::*;
use crate::access::AppRef;
use crate::role_set::{RoleSet, User};

fn explain(roles: Vec<Role>, tool: &str) -> Explanation {
    let traits = Traits::from([("tools".to_owned(), vec!["slack_*".to_owned()])]);
    let roles: Vec<_> = roles.into_iter().map(Arc::new).collect();
    let labels = Labels::from([("env".to_owned(), "prod".to_owned())]);
    let set = RoleSet::compile(&roles, User::new("alice", &traits));
    set.access(AppRef::new("files", &labels)).tool(tool).reasons()
}

fn role(name: &str, env: &str, allow: &[&str], deny: &[&str]) -> Role {
    let list = |texts: &[&str]| Some(texts.iter().map(|text| (*text).to_owned()).collect());
    let mut role = Role::new(name);
    role.spec.allow.app_labels = Some(LabelSelector::from_pairs([("env", env)]));
    role.spec.allow.mcp.tools = list(allow);
    role.spec.deny.mcp.tools = list(deny);
    role
}

#[test]
fn a_grant_is_traced_to_entry_template_and_trait() {
    let roles = vec![
        role("dev", "dev*", &["*"], &[]),
        role("chat", "{{\"prod\"}}", &["read_*", "{{external.tools}}"], &["{{external.blocked}}"]),
    ];
    let found = explain(roles, "slack_post");
    assert_eq!(
        found.to_string(),
        r#"user "alice" may use tool "slack_post" of app "files": a role grants it
  role "dev" does not deny
    deny.app_labels: not given, so it speaks of no app
    deny.mcp.tools: none of 0 patterns matches
  role "chat" does not deny
    deny.app_labels: not given, so it speaks of no app
    deny.mcp.tools[0]: "{{external.blocked}}" stands for nothing: the user has no trait "blocked"
    deny.mcp.tools: none of 0 patterns matches
  role "dev" does not grant
    allow.app_labels: no value accepts env="prod"
  role "chat" grants
    allow.app_labels: "{{\"prod\"}}" accepts env="prod" as "prod"
    allow.mcp.tools[1]: "{{external.tools}}" matches as "slack_*", from the trait "tools"
"#
    );
    let decisive = found.decisive().unwrap();
    assert_eq!((&*decisive.role, decisive.side), ("chat", Side::Allow));
}

#[test]
fn a_refusal_says_what_is_missing() {
    let found = explain(vec![role("chat", "prod", &["read_*"], &[])], "write");
    assert_eq!(found.outcome, Err(DenialKind::NotGranted));
    assert!(found.to_string().contains("allow.mcp.tools: none of 1 patterns matches"));
    assert!(found.decisive().is_none());
}

#[test]
fn a_deny_is_traced() {
    let found = explain(vec![role("chat", "prod", &["*"], &["read_*"])], "read_file");
    assert_eq!(found.outcome, Err(DenialKind::Denied));
    let decisive = found.decisive().unwrap();
    assert_eq!(decisive.side, Side::Deny);
    assert!(matches!(&decisive.findings[..], [Finding::NoLabels, Finding::Entry { index: 0, .. }]));
}

#[test]
fn an_error_is_traced() {
    let found = explain(vec![role("chat", "^(x$", &["*"], &[])], "read_file");
    assert_eq!(found.outcome, Err(DenialKind::Evaluation));
    assert!(
        found.to_string().contains(r#"app_labels["env"]: the pattern "^(x$" does not compile"#)
    );
    let found = explain(vec![role("chat", "prod", &["^(x$"], &[])], "read_file");
    assert!(matches!(
        found.decisive().unwrap().findings.last(),
        Some(Finding::BrokenEntry { index: 0, .. })
    ));
}
