use std::sync::Arc;

use policy::{AppRef, RoleSet, User};
use resource::{App, Role, Source, Traits};

use super::*;

const APP: &str = "{kind: app, version: v3, metadata: {name: files, description: d, labels: {env: dev}}, \
    spec: {mcp: {command: run, args: [a, b], run_as_host_user: u}}}";

/// The server as these roles, separated by `---`, show it.
fn server(roles: &str) -> Server {
    let mut app: Vec<App> = parse(APP).map(|found| App::try_from(found).unwrap()).collect();
    let app = app.remove(0);
    let roles: Vec<Arc<Role>> =
        parse(roles).map(|found| Arc::new(Role::try_from(found).unwrap())).collect();
    let labels = app.all_labels();
    let set = RoleSet::compile(&roles, User::new("u", &Traits::new()));
    let access = set.access(AppRef::new("files", &labels));
    let [tools, prompts, resources] = policy::Kind::ALL.map(|kind| access.patterns(kind));
    Server {
        app: Arc::new(app),
        labels,
        tools,
        prompts,
        resources,
        second_factor: false,
        health: None,
    }
}

fn parse(text: &str) -> impl Iterator<Item = Resource> {
    let parsed = resource::parse_documents(&Source::new("r.yaml", text)).unwrap();
    parsed.into_iter().map(|parsed| parsed.resource)
}

fn role(name: &str, mcp: &str, deny: &str) -> String {
    format!(
        "{{kind: role, version: v8, metadata: {{name: {name}}}, spec: {{\
         allow: {{app_labels: {{env: dev}}, mcp: {mcp}}}, deny: {{mcp: {deny}}}}}}}\n"
    )
}

fn permissions(roles: &str) -> Value {
    value(&server(roles)).pointer("/permissions/mcp").unwrap().clone()
}

#[test]
fn what_no_role_mentions_is_said_to_be_unrestricted() {
    assert_eq!(
        permissions(&role("a", "{tools: [read_*]}", "{tools: [read_secret]}")),
        json!({
            "tools": { "allowed": ["read_*"], "denied": ["read_secret"] },
            "prompts": { "allowed": ["*"], "unrestricted": true },
            "resources": { "allowed": ["*"], "unrestricted": true },
        })
    );
}

#[test]
fn what_roles_mention_is_shown_as_tools_are() {
    let restricted = role("a", "{prompts: [p], resources: []}", "{}");
    assert_eq!(
        permissions(&restricted),
        json!({
            "tools": { "allowed": [] },
            "prompts": { "allowed": ["p"] },
            "resources": { "allowed": [] },
        })
    );
    // A deny restricts, also where no role mentions the field.
    assert_eq!(
        permissions(&role("a", "{}", "{prompts: [p], resources: ['file://*']}")),
        json!({
            "tools": { "allowed": [] },
            "prompts": { "allowed": ["*"], "denied": ["p"] },
            "resources": { "allowed": ["*"], "denied": ["file://*"] },
        })
    );
    // Another role that grants the app and does not mention the field opens it.
    let both = format!("{restricted}---\n{}", role("b", "{}", "{}"));
    assert_eq!(
        permissions(&both).get("prompts"),
        Some(&json!({ "allowed": ["p", "*"], "unrestricted": true }))
    );
    // A role that does not grant the app opens nothing.
    let elsewhere = role("b", "{}", "{}").replace("env: dev", "env: prod");
    let both = format!("{restricted}---\n{elsewhere}");
    assert_eq!(permissions(&both).get("prompts"), Some(&json!({ "allowed": ["p"] })));
}

#[test]
fn tables_show_tools_and_in_full_everything() {
    let found = [server(&role("a", "{tools: [read_*], prompts: []}", "{resources: [x]}"))];
    assert_eq!(
        text(&found, false, None),
        "\
Name  Description Type  Allowed Tools Labels
----- ----------- ----- ------------- -------
files d           stdio [read_*]      env=dev
"
    );
    let full = text(&found, true, None);
    assert!(full.starts_with("Name  Description Type  Labels"), "{full}");
    assert!(
        full.contains("Command Args Allowed Tools Allowed Prompts Allowed Resources"),
        "{full}"
    );
    assert!(full.contains("run     a b  [read_*]      (none)          [*], except: [x]"), "{full}");
    let open = [server(&role("a", "{}", "{}"))];
    assert!(text(&open, true, None).contains("(none) [!]    (all)           (all)"));
}
