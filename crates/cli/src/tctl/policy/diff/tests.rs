use std::collections::BTreeMap;

use resource::{Labels, Role, Source, Traits};

use super::*;
use crate::tctl::policy::case::{Holder, Roles};

const BEFORE: &str = "
{kind: role, version: v8, metadata: {name: dev}, spec: {
  allow: {app_labels: {env: dev}, mcp: {tools: [read_file, 'get_*']}, rules: [{resources: [app], verbs: [update]}]},
  deny: {mcp: {tools: [get_secret]}}}}
---
{kind: role, version: v8, metadata: {name: other}, spec: {allow: {app_labels: {env: dev}, mcp: {tools: [write_file], prompts: []}}}}
";

fn roles(yaml: &str) -> Roles {
    let parsed = resource::parse_documents(&Source::new("r.yaml", yaml)).unwrap();
    let roles = parsed.into_iter().map(|parsed| Role::try_from(parsed.resource).unwrap());
    roles.map(|role| (role.name().to_owned(), Arc::new(role))).collect()
}

fn preview(edit: &str, tools: &[&str]) -> (String, serde_json::Value) {
    preview_seen(edit, tools, &Seen::default())
}

fn preview_seen(edit: &str, tools: &[&str], seen: &Seen) -> (String, serde_json::Value) {
    let before = roles(BEFORE);
    let edited = roles(edit);
    let names = edited.keys().cloned().collect();
    let after = before.clone().into_iter().chain(edited).collect();
    let user = |name: &str, roles: &[&str]| {
        let roles = roles.iter().map(|role| (*role).to_owned()).collect();
        (name.to_owned(), Holder { roles, traits: Traits::new() })
    };
    let users = BTreeMap::from([
        user("ana", &["dev"]),
        user("bob", &["dev", "other"]),
        user("cleo", &["other"]),
        user("dan", &["coming"]),
    ]);
    let app = |name: &str, env: &str| {
        (name.to_owned(), Labels::from([("env".to_owned(), env.to_owned())]).into())
    };
    let apps = BTreeMap::from([app("files", "dev"), app("live", "prod")]);
    let tools: Vec<String> = tools.iter().map(|tool| (*tool).to_owned()).collect();
    let edited = Edited { names: &names, before: &before, after: &after };
    let difference = compare(&edited, &users, &apps, &Names { asked: &tools, seen });
    (show::text(&difference, &edited), show::to_json(&difference, &edited))
}

#[test]
fn an_edit_shows_who_gains_and_who_loses_what() {
    let (text, json) = preview(
        "{kind: role, version: v8, metadata: {name: dev}, spec: {
           options: {max_session_ttl: 2h},
           allow: {app_labels: {env: [dev, prod]}, mcp: {tools: [write_file, 'get_*'], prompts: [p]}, rules: [{resources: [app], verbs: [delete]}]},
           deny: {mcp: {tools: ['get_p*']}}}}",
        &["get_public"],
    );
    assert_eq!(
        text,
        r#"role "dev" changes
2 users hold a role of these.

Gains

Users    App   What
-------- ----- ------------------------------------
ana, bob -     delete app
ana, bob files tool get_secret
ana      files tool write_file
ana, bob live  connect
ana, bob live  prompt p
ana, bob live  tool get_secret
ana, bob live  tool write_file
ana, bob live  all resources
ana, bob live  tools that fit get_*, except: get_p*

Loses

Users    App   What
-------- ----- ---------------------
ana, bob -     update app
ana, bob files tool get_public
ana, bob files tool read_file
ana, bob files all prompts
ana, bob files tools that fit get_p*

Sessions

Users    App What
-------- --- ----------------------------------
ana, bob -   longest session: none, then 2h0m0s"#
    );
    assert_eq!(json["holders"], 2);
    assert_eq!(json["gains"][2]["users"], serde_json::json!(["ana"]));
    assert_eq!(json["gains"][2]["tool"], "write_file");
    assert_eq!(json["loses"][0]["verb"], "update");
}

#[test]
fn a_role_that_stays_changes_nothing() {
    let (text, json) = preview(BEFORE, &["anything"]);
    assert_eq!(
        text,
        "role \"dev\" stays as it is\nrole \"other\" stays as it is\n3 users hold a role of these.\n\
         Nobody gains or loses anything."
    );
    assert_eq!(json["gains"], serde_json::json!([]));
}

#[test]
fn a_new_role_matters_to_those_who_wait_for_it() {
    let (text, _) = preview("{kind: role, version: v8, metadata: {name: unheld}, spec: {}}", &[]);
    assert!(text.ends_with("so nobody gains or loses anything."), "{text}");
    // A role that is missing refuses everything, the implicit role's rights included.
    let (text, _) = preview(
        "{kind: role, version: v8, metadata: {name: coming}, spec: {allow: {app_labels: {env: dev}}}}",
        &[],
    );
    assert!(text.contains("role \"coming\" is new"), "{text}");
    assert!(text.contains("dan   files connect"), "{text}");
    assert!(text.contains("dan   -     list app"), "{text}");
}

#[test]
fn a_deny_that_goes_is_a_gain_only_where_something_is_allowed() {
    let deny = |tools: &str| {
        format!(
            "{{kind: role, version: v8, metadata: {{name: other}}, spec: {{\
             allow: {{app_labels: {{env: dev}}, mcp: {{tools: [write_file], prompts: []}}}}, deny: {{mcp: {{tools: [{tools}]}}}}}}}}"
        )
    };
    let (text, _) = preview(&deny("'get_*'"), &["get_x"]);
    assert!(text.contains("bob       files tool get_x"), "{text}");
    assert!(text.contains("bob, cleo files tools that fit get_*"), "{text}");
    assert!(!text.contains("live"), "{text}");
    assert!(!text.contains("Gains"), "{text}");
}

#[test]
fn names_that_were_used_are_decided() {
    let mut seen = Seen::default();
    for (app, method, params, success) in [
        ("files", "tools/call", serde_json::json!({"name": "get_used"}), true),
        ("files", "tools/call", serde_json::json!({"name": "get_refused"}), false),
        ("live", "tools/call", serde_json::json!({"name": "get_elsewhere"}), true),
        ("files", "prompts/get", serde_json::json!({"name": "used"}), true),
        ("files", "resources/read", serde_json::json!({"uri": "used:///"}), true),
        ("files", "tools/list", serde_json::json!({}), true),
    ] {
        let message = serde_json::json!({"method": method, "params": params});
        seen.note(&serde_json::json!({"app_name": app, "message": message, "success": success}));
    }
    let (text, _) = preview_seen(
        "{kind: role, version: v8, metadata: {name: dev}, spec: {
           allow: {app_labels: {env: dev}, mcp: {tools: [read_file, 'get_n*'], prompts: [], resources: []}}}}",
        &[],
        &seen,
    );
    assert!(text.contains("ana, bob files tool get_used"), "{text}");
    assert!(text.contains("ana, bob files prompt used"), "{text}");
    assert!(text.contains("files resource used:///"), "{text}");
    // What was refused was not used, and what was used of one app says nothing of another.
    assert!(!text.contains("get_refused") && !text.contains("get_elsewhere"), "{text}");
}
