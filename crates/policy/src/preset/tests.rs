use std::sync::Arc;

use resource::{Labels, Traits};

use super::*;
use crate::access::AppRef;
use crate::role_set::{RoleSet, RuleContext, User};

fn preset(name: &str) -> Role {
    preset_roles().into_iter().find(|role| role.name() == name).unwrap()
}

fn set(role: Role, traits: &Traits) -> RoleSet {
    RoleSet::compile(&[Arc::new(role)], User::new("alice", traits))
}

fn may(set: &RoleSet, kind: &str, verb: &str) -> bool {
    set.rule(kind, verb, &RuleContext::NO_RESOURCE).is_allowed()
}

#[test]
fn presets_are_valid() {
    for role in preset_roles().into_iter().chain([implicit_role()]) {
        assert_eq!(crate::validate_role(&role), [], "{}", role.name());
    }
}

#[test]
fn access_grants_the_tools_of_the_trait() {
    let labels = Labels::new();
    let none = Traits::new();
    let plain = set(preset("access"), &none).access(AppRef::new("x", &labels));
    assert!(plain.connect().is_allowed());
    assert!(!plain.tool("read").is_allowed());
    let traits = Traits::from([("mcp_tools".to_owned(), vec!["read*".to_owned()])]);
    let traited = set(preset("access"), &traits).access(AppRef::new("x", &labels));
    assert!(traited.tool("read").is_allowed());
    assert!(!traited.tool("write").is_allowed());
}

#[test]
fn mcp_user_reaches_mcp_servers_alone() {
    let set = set(preset("mcp-user"), &Traits::new());
    let mcp = Labels::from([(APP_SUB_KIND_LABEL.to_owned(), SUB_KIND_MCP.to_owned())]);
    assert!(set.access(AppRef::new("x", &mcp)).tool("anything").is_allowed());
    assert!(!set.access(AppRef::new("x", &Labels::new())).connect().is_allowed());
}

#[test]
fn editor_and_auditor_reach_no_app() {
    for name in ["editor", "auditor"] {
        let set = set(preset(name), &Traits::new());
        assert!(!set.access(AppRef::new("x", &Labels::new())).connect().is_allowed());
    }
    let editor = set(preset("editor"), &Traits::new());
    for verb in READ_WRITE {
        assert!(may(&editor, "role", verb) && may(&editor, "user", verb));
        assert!(!may(&editor, "app", verb));
    }
    let auditor = set(preset("auditor"), &Traits::new());
    assert!(may(&auditor, "event", "list"));
    assert!(!may(&auditor, "event", "delete") && !may(&auditor, "user", "read"));
}

#[test]
fn the_implicit_role_reads_what_everybody_sees() {
    let set = set(implicit_role(), &Traits::new());
    assert!(may(&set, "app", "list") && may(&set, "app_server", "read"));
    assert!(
        !may(&set, "app", "create") && !may(&set, "role", "read") && !may(&set, "user", "list")
    );
    assert!(may(&set, "cert_authority", "readnosecrets") && !may(&set, "cert_authority", "read"));
    assert!(!set.access(AppRef::new("x", &Labels::new())).connect().is_allowed());
}
