//! What administrators are told beforehand about who may do what: it is what then happens.

use serde_json::{Value, json};
use testkit::{Cluster, Real};

use super::{call, connect, text};

const TOOLS: [&str; 4] = ["echo", "read_file", "read_mail", "write"];

#[test]
fn what_is_explained_is_what_happens() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    let options = TOOLS.iter().flat_map(|tool| ["--tool", tool]);
    cluster.app("logged", &real.logging_server(&log).args(options));
    cluster.tools_role("reader", &["read_*", "{{internal.mcp_tools}}"]);
    let rules = json!({"rules": [{"resources": ["app"], "verbs": ["*"]}]});
    cluster.role("careful", &rules, &json!({"mcp": {"tools": ["read_mail"]}}));
    cluster.put(&json!({
        "kind": "user", "version": "v2", "metadata": {"name": "erin"},
        "spec": {"roles": ["reader"], "traits": {"mcp_tools": ["write"]}},
    }));
    let users = [
        ("alice", cluster.identity("alice", &["reader"])),
        ("carol", cluster.identity("carol", &["careful"])),
        ("erin", cluster.sign("erin", "1h")),
        // Last, because the app is gone then.
        ("bob", cluster.identity("bob", &["reader", "careful"])),
    ];
    for tool in TOOLS {
        let who =
            cluster.tctl_json(&["policy", "who", "--app=logged", "--tool", tool, "--format=json"]);
        let may: Vec<&Value> =
            who["users"].as_array().unwrap().iter().map(|user| &user["name"]).collect();
        for (user, identity) in &users {
            let question = ["--user", user, "--app=logged", "--tool", tool];
            let told = cluster
                .tctl_json(&[&["policy", "explain", "--format=json"], &question[..]].concat());
            let allowed = told["allowed"] == json!(true);
            assert!(told["summary"].as_str().unwrap().contains(tool), "{told}");
            assert!(!told["changes"].as_array().unwrap().is_empty(), "{told}");
            assert_eq!(may.contains(&&json!(user)), allowed, "{tool}: {who}");
            // Who does not reach the app never gets to call anything.
            let called = *user != "carol"
                && call(&mut connect(&cluster.way(identity, "logged")), tool).is_ok();
            assert_eq!(called, allowed, "{user} and {tool}: {told}");
        }
        // Bob reads, and not mail.
        let denied = json!({"name": "bob", "reason": "another role denies it"});
        assert_eq!(
            who["refused"].as_array().unwrap().contains(&denied),
            tool == "read_mail",
            "{who}"
        );
    }

    // A right over an app is one over apps that the user reaches.
    for (user, identity) in &users {
        let question = ["--user", user, "--verb=delete", "--kind=app", "--name=logged"];
        let told =
            cluster.tctl_json(&[&["policy", "explain", "--format=json"], &question[..]].concat());
        assert_eq!(told["allowed"], json!(*user == "bob"), "{user}: {told}");
        let as_user = ["--auth-server", cluster.proxy_addr(), "-i", text(identity)];
        let done = cluster.tctl_elsewhere(&[&as_user[..], &["rm", "app/logged"]].concat());
        assert_eq!(done.status.success(), *user == "bob", "{user}: {done:?}");
    }
}

#[test]
fn an_edit_is_previewed_over_what_was_used() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    let options = TOOLS.iter().flat_map(|tool| ["--tool", tool]);
    cluster.app("logged", &real.logging_server(&log).args(options));
    cluster.tools_role("reader", &["read_*"]);
    let mut peer = connect(&cluster.way(&cluster.identity("alice", &["reader"]), "logged"));
    call(&mut peer, "read_mail").unwrap();
    let words = ["--event=mcp.session.request"];
    cluster
        .await_audit("the call", &words, |event| event["message"]["method"] == json!("tools/call"));

    let edit = cluster.scratch().join("reader.yaml");
    let role = json!({
        "kind": "role", "version": "v8", "metadata": {"name": "reader"},
        "spec": {"allow": {"app_labels": {"*": "*"}, "mcp": {"tools": ["read_f*"]}}},
    });
    std::fs::write(&edit, role.to_string()).unwrap();
    let preview = cluster.tctl_json(&["policy", "diff", "--format=json", "-f", text(&edit)]);
    let lost = json!({"tool": "read_mail", "app": "logged", "users": ["alice"]});
    assert!(preview["loses"].as_array().unwrap().contains(&lost), "{preview:#}");
    // Only a preview: the role is as it was.
    call(&mut peer, "read_mail").unwrap();
    cluster.admin(&["create", "-f", text(&edit)]);
    testkit::wait::until("the edit to act", super::SOON, || {
        call(&mut peer, "read_mail").map_or(Ok(()), |_| Err("it is still called".to_owned()))
    });
}
