//! The roles that exist without being written: the implicit role of every user, and the presets.

use resource::label::{APP_SUB_KIND_LABEL, SUB_KIND_MCP};
use resource::{LabelSelector, Role, Rule};

use crate::role_set::IMPLICIT_ROLE;

const READ_ONLY: [&str; 2] = ["list", "read"];
const READ_WRITE: [&str; 5] = ["list", "create", "read", "update", "delete"];

/// What everybody may list and read. Seeing that something exists is not reaching it.
const PUBLIC: [&str; 10] = [
    "app",
    "app_server",
    "cluster_name",
    "db",
    "db_server",
    "kube_cluster",
    "kube_server",
    "node",
    "proxy",
    "remote_cluster",
];

/// What an editor manages: the cluster, and not what it gives access to.
const MANAGED: [&str; 20] = [
    "agent",
    "app_auth_config",
    "app_server",
    "auth_connector",
    "bot",
    "bot_instance",
    "cluster_auth_preference",
    "cluster_name",
    "cluster_networking_config",
    "github",
    "lock",
    "oauth_grant",
    "oidc",
    "proxy",
    "remote_cluster",
    "role",
    "saml",
    "token",
    "trusted_cluster",
    "user",
];

/// The role that every user has.
#[must_use]
pub fn implicit_role() -> Role {
    let mut role = Role::new(IMPLICIT_ROLE);
    let rules = &mut role.spec.allow.rules;
    rules.extend(PUBLIC.iter().map(|kind| rule(&[kind], &READ_ONLY)));
    rules.push(rule(&["cert_authority"], &["list", "readnosecrets"]));
    rules.push(rule(&["usage_event"], &["create"]));
    role
}

/// The roles a new cluster has. They are created where they are missing, and otherwise left alone.
#[must_use]
pub fn preset_roles() -> Vec<Role> {
    vec![access(), editor(), auditor(), mcp_user()]
}

/// Reaches every app, with the tools that the user's own traits name.
fn access() -> Role {
    let mut role = described("access", "Access cluster resources");
    let allow = &mut role.spec.allow;
    allow.app_labels = Some(LabelSelector::wildcard());
    allow.mcp.tools = Some(vec!["{{internal.mcp_tools}}".to_owned()]);
    allow.rules.push(rule(&["event"], &READ_ONLY));
    let mut own_sessions = rule(&["session"], &READ_ONLY);
    own_sessions.where_clause =
        Some("contains(session.participants, user.metadata.name)".to_owned());
    allow.rules.push(own_sessions);
    role
}

fn editor() -> Role {
    let mut role = described("editor", "Edit cluster configuration");
    role.spec.allow.rules = MANAGED.iter().map(|kind| rule(&[kind], &READ_WRITE)).collect();
    role
}

fn auditor() -> Role {
    let mut role = described("auditor", "Review cluster events and replay sessions");
    role.spec.allow.rules = ["session", "event", "session_tracker"]
        .iter()
        .map(|kind| rule(&[kind], &READ_ONLY))
        .collect();
    role
}

/// Reaches every MCP server with all it offers.
fn mcp_user() -> Role {
    let mut role = described("mcp-user", "Access all MCP servers and their tools");
    let allow = &mut role.spec.allow;
    allow.app_labels = Some(LabelSelector::from_pairs([(APP_SUB_KIND_LABEL, SUB_KIND_MCP)]));
    allow.mcp.tools = Some(vec!["*".to_owned()]);
    role
}

fn described(name: &str, description: &str) -> Role {
    let mut role = Role::new(name);
    role.metadata.description = description.to_owned();
    role
}

fn rule(kinds: &[&str], verbs: &[&str]) -> Rule {
    let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Rule { resources: owned(kinds), verbs: owned(verbs), where_clause: None, actions: Vec::new() }
}

#[cfg(test)]
mod tests;
