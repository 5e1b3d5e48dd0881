//! `tsh mcp ls`, `mcp config`, and `tctl` away from the auth service's host.

use serde_json::{Value, json};
use testkit::cluster::{app_document, own_user};
use testkit::{Cluster, Real};

use super::{call, connect, done, refused, text};

#[test]
fn users_list_and_configure_what_they_reach() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    let mut logged = app_document("logged", &real.logging_server(&log), &own_user());
    logged["metadata"]["labels"]["kind"] = json!("small");
    logged["metadata"]["description"] = json!("Writes down what it is told");
    cluster.put(&logged);
    cluster.await_served("logged");
    cluster.app("everything", &real.everything());
    cluster.role(
        "dev",
        &json!({"app_labels": {"env": "test"}, "mcp": {"tools": ["echo", "get-*"]}}),
        &json!({"mcp": {"tools": ["get-env"]}}),
    );
    let alice = cluster.identity("alice", &["dev"]);
    let bob = cluster.identity("bob", &["auditor"]);
    let tsh = |words: &[&str]| cluster.run(&cluster.tsh_as(&alice).arg("mcp").args(words), "");

    let table = done(&tsh(&["ls"]));
    let head = table.lines().next().unwrap();
    let columns: Vec<&str> = head.split_whitespace().collect();
    assert_eq!(columns, ["Name", "Description", "Type", "Allowed", "Tools", "Labels"], "{table}");
    assert!(table.contains("[echo, get-*], except: [get-env]"), "{table}");
    assert!(table.contains("everything") && table.contains("logged"), "{table}");
    assert!(done(&tsh(&["ls", "-v"])).contains("asked.log"));
    let value: Value = serde_json::from_str(&done(&tsh(&["ls", "--format=json"]))).unwrap();
    let names: Vec<&Value> =
        value.as_array().unwrap().iter().map(|app| &app["metadata"]["name"]).collect();
    // Visible here is what can be connected to: the demo server has no label that fits.
    assert_eq!(names, ["everything", "logged"], "{value}");
    assert_eq!(value.pointer("/0/permissions/mcp/tools/denied"), Some(&json!(["get-env"])));
    for words in [
        &["ls", "--search=logg"][..],
        &["ls", "--query=labels[\"kind\"] == \"small\""],
        &["ls", "env=test,kind=small"],
        &["ls", "--search=writes,down"],
    ] {
        let found = done(&tsh(words));
        assert!(found.contains("logged") && !found.contains("everything"), "{words:?}: {found}");
    }
    let nothing = cluster.run(&cluster.tsh_as(&bob).args(["mcp", "ls", "--format=json"]), "");
    assert_eq!(serde_json::from_str::<Value>(&done(&nothing)).unwrap(), json!([]));

    // What is written is what starts: the command is taken from the file and spoken to.
    let file = cluster
        .scratch()
        .write("mcp.json", r#"{"other": 1, "mcpServers": {"mine": {"command": "x"}}}"#);
    let client = format!("--client-config={}", file.display());
    let _said = done(&tsh(&["config", "logged", &client]));
    let written: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written["other"], json!(1));
    assert_eq!(written.pointer("/mcpServers/mine/command"), Some(&json!("x")));
    let servers = written["mcpServers"].as_object().unwrap();
    let (_name, entry) = servers.iter().find(|(name, _)| name.ends_with("logged")).unwrap();
    let words = entry["args"].as_array().unwrap().iter().map(|word| word.as_str().unwrap());
    let way = testkit::Argv::new(entry["command"].as_str().unwrap()).args(words);
    assert!(call(&mut connect(&way), "echo").is_ok());
    refused(&tsh(&["config", "no-such-server", &client]), &["no MCP servers found"]);
    let unknown = tsh(&["ls", "--query=colour == \"red\""]);
    assert_eq!(unknown.status.code(), Some(64), "{unknown:?}");
    assert!(unknown.stderr.contains("colour") && !unknown.stderr.contains("role"), "{unknown:?}");
}

#[test]
fn identities_work_from_elsewhere_and_do_what_their_roles_say() {
    let cluster = Cluster::single();
    let editor = cluster.identity("editor", &["editor", "auditor"]);
    let powerless = cluster.identity("powerless", &["mcp-user"]);
    let from = |identity: &std::path::Path, words: &[&str]| {
        let head = ["-i", text(identity), "--auth-server", cluster.proxy_addr()];
        cluster.tctl_elsewhere(&[&head, words].concat())
    };
    let other = cluster.scratch().join("other.pem");
    let out = format!("--out={}", other.display());
    let _said = done(&from(&editor, &["get", "roles"]));
    let _said = done(&from(&editor, &["audit", "ls"]));
    let _said = done(&from(&editor, &["status"]));
    for (words, told) in [
        (&["get", "roles"][..], "role"),
        (&["get", "users"], "user"),
        (&["get", "tokens", "--with-secrets"], "token"),
        (&["tokens", "add", "--type=app"], "token"),
        (&["rm", "role/editor"], "role"),
        (&["users", "add", "mallory", "--roles=editor"], "user"),
        (&["users", "update", "powerless", "--set-roles=editor"], "user"),
        (&["auth", "sign", "--user=editor", &out], "user"),
        (&["audit", "ls"], "event"),
        (&["lock", "--user=editor"], "lock"),
    ] {
        let refused_words = from(&powerless, words);
        refused(&refused_words, &["access denied", told]);
    }
    // Not even an editor signs for others.
    refused(&from(&editor, &["auth", "sign", "--user=powerless", &out]), &["access denied"]);
    assert!(!other.exists());
    let everything = done(&from(&editor, &["get", "users,cas", "--format=yaml"]));
    assert!(!everything.contains("PRIVATE KEY"), "{everything}");
    // Without anything there is nothing to work with.
    let nobody = cluster.tctl_elsewhere(&["--auth-server", cluster.proxy_addr(), "get", "roles"]);
    refused(&nobody, &["ERROR"]);
}

#[test]
fn administrators_see_users_apps_tokens_and_the_pin() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("logged", &real.logging_server(&cluster.scratch().join("asked.log")));
    cluster.tools_role("reader", &["echo"]);
    let alice = cluster.identity("alice", &["reader"]);
    let _open = connect(&cluster.way(&alice, "logged"));

    let users = cluster.admin(&["users", "ls"]);
    assert!(users.lines().next().unwrap().starts_with("User"), "{users}");
    assert!(users.contains("alice") && users.contains("reader"), "{users}");
    cluster.admin(&["users", "update", "alice", "--set-roles=reader,auditor"]);
    let roles = cluster.get("user/alice").pointer("/spec/roles").cloned();
    assert_eq!(roles, Some(json!(["reader", "auditor"])));
    refused(&cluster.tctl(&["users", "update", "alice", "--set-roles=nope"]), &["nope"]);
    refused(&cluster.tctl(&["rm", "role/reader"]), &["alice"]);

    let apps = cluster.admin(&["apps", "ls"]);
    assert!(apps.contains("logged") && apps.contains("stdio"), "{apps}");
    let listed = cluster.tctl_json(&["apps", "ls", "--search=logged", "--format=json"]);
    assert_eq!(listed.pointer("/0/spec/state"), Some(&json!("serving")), "{listed}");
    let status = cluster.admin(&["status"]);
    assert!(status.contains(cluster.ca_pin()) && status.contains("testkit"), "{status}");
    let said = cluster.admin(&["users", "rm", "alice"]);
    assert!(said.contains("alice") && said.contains("deleted"), "{said}");
    refused(&cluster.tctl(&["users", "rm", "alice"]), &["alice"]);
}
