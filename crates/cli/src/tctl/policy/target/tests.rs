use std::sync::Arc;

use policy::User;
use resource::{LabelSelector, Role, Rule, Traits};

use super::*;

fn set(change: impl FnOnce(&mut Role)) -> RoleSet {
    let mut role = Role::new("role");
    let rule = Rule {
        resources: vec!["app".to_owned()],
        verbs: vec!["update".to_owned()],
        ..Rule::default()
    };
    role.spec.allow.rules.push(rule);
    change(&mut role);
    let names = ["role".to_owned()];
    let role = Arc::new(role);
    let find = |name: &str| (name == "role").then(|| Arc::clone(&role));
    RoleSet::resolve(&names, find, User::new("ana", &Traits::new()))
}

fn app(team: &str) -> Target {
    let labels = Labels::from([("team".to_owned(), team.to_owned())]);
    Target::described("app", "tickets".to_owned(), labels)
}

#[test]
fn apps_are_changed_by_those_who_reach_them() {
    let reaching = |team: &str| {
        set(|role| role.spec.allow.app_labels = Some(LabelSelector::from_pairs([("team", team)])))
    };
    let update =
        |set: &RoleSet, target: Option<&Target>| decide(set, "ana", "app", "update", target);
    assert!(update(&reaching("a"), Some(&app("a"))).is_allowed());
    assert!(matches!(update(&reaching("b"), Some(&app("a"))), Answer::Use(_)));
    assert!(!update(&reaching("b"), Some(&app("a"))).is_allowed());
    // About the kind as a whole, and about what is not there, labels say nothing.
    assert!(update(&reaching("b"), None).is_allowed());
    assert!(update(&reaching("b"), Some(&Target::unknown("tickets"))).is_allowed());
    // The label that marks MCP servers is there.
    let marked = set(|role| {
        let marked = LabelSelector::from_pairs([(APP_SUB_KIND_LABEL, SUB_KIND_MCP)]);
        role.spec.allow.app_labels = Some(marked);
    });
    assert!(update(&marked, Some(&app("a"))).is_allowed());
}

#[test]
fn users_read_what_is_their_own() {
    let set = set(|_| {});
    let read = |kind: &str, name: &str, verb: &str| {
        let target = Target::described(kind, name.to_owned(), Labels::new());
        decide(&set, "ana", kind, verb, Some(&target)).is_allowed()
    };
    assert!(read("user", "ana", "readnosecrets"));
    assert!(read("role", "role", "readnosecrets"));
    assert!(!read("user", "bob", "readnosecrets"));
    assert!(!read("role", "other", "readnosecrets"));
    assert!(!read("role", IMPLICIT_ROLE, "readnosecrets"));
    assert!(!read("user", "ana", "read"));
    assert!(!read("user", "ana", "update"));
}
