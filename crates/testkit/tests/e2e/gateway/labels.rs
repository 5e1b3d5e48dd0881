//! Labels that commands on the agent's host tell, where people see and feel them.
#![expect(clippy::indexing_slicing, reason = "documents in tests are objects")]

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use testkit::cluster::{app_document, own_user};
use testkit::{Argv, Cluster, Real, wait};

use super::{call, connect, refused, text, turned_away};

fn phased(name: &str, server: &Argv, command: &Value) -> Value {
    let mut document = app_document(name, server, &own_user());
    document["spec"]["dynamic_labels"] = json!({"phase": {"command": command, "period": "1s"}});
    document
}

/// The names that `tsh mcp ls` shows, but for the demo server's.
fn shown(cluster: &Cluster, identity: &Path) -> Vec<String> {
    let done = cluster.run(&cluster.tsh_as(identity).args(["mcp", "ls", "--format=json"]), "");
    assert!(done.status.success(), "{done:?}");
    let found: Vec<Value> = serde_json::from_slice(&done.stdout).unwrap();
    let names = found.iter().map(|app| app["metadata"]["name"].as_str().unwrap().to_owned());
    names.filter(|name| name != "tessera-mcp-demo").collect()
}

fn until(what: &str, look: impl FnMut() -> Result<(), String>) {
    wait::until(what, wait::PATIENCE, look);
}

#[test]
fn a_role_denies_by_what_a_command_tells_everywhere() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = real.logging_server(&cluster.scratch().join("asked.log"));
    let file = cluster.scratch().write("phase", "open\n");
    let everywhere = json!({"app_labels": {"*": "*"}, "mcp": {"tools": ["*"]}});
    cluster.role("careful", &everywhere, &json!({"app_labels": {"phase": "frozen"}}));
    cluster.role(
        "steady",
        &json!({"app_labels": {"phase": "open"}, "mcp": {"tools": ["*"]}}),
        &json!({}),
    );
    let careful = cluster.identity("careful", &["careful"]);
    let steady = cluster.identity("steady", &["steady"]);
    cluster.put(&phased("phased", &server, &json!(["cat", text(&file)])));
    cluster.await_served("phased");
    for identity in [&careful, &steady] {
        until("the app is shown", || {
            let seen = shown(&cluster, identity);
            if seen == ["phased"] { Ok(()) } else { Err(format!("{seen:?}")) }
        });
        assert!(call(&mut connect(&cluster.way(identity, "phased")), "echo").is_ok());
    }
    let status = cluster.app_status("phased");
    assert_eq!(
        status[0].pointer("/dynamic_labels/phase/result"),
        Some(&json!("open")),
        "{status:?}"
    );
    let explained =
        cluster.admin(&["policy", "explain", "--user=steady", "--app=phased", "--tool=echo"]);
    assert!(explained.contains("may use tool"), "{explained}");

    let mut open = connect(&cluster.way(&careful, "phased"));
    fs::write(&file, "frozen").unwrap();
    assert_eq!(open.process().wait(wait::PATIENCE).code(), Some(1));
    for identity in [&careful, &steady] {
        until("the app is hidden", || {
            let seen = shown(&cluster, identity);
            if seen.is_empty() { Ok(()) } else { Err(format!("{seen:?}")) }
        });
        turned_away(&cluster.way(identity, "phased"));
        let got = cluster.tctl_elsewhere(&[
            "-i",
            text(identity),
            "--auth-server",
            cluster.proxy_addr(),
            "get",
            "app/phased",
        ]);
        refused(&got, &["not found"]);
    }

    // The command fails: what it told last holds, and the administrator reads why.
    fs::remove_file(&file).unwrap();
    until("the failure is told", || {
        let status = cluster.app_status("phased");
        let label = status.first().and_then(|server| server.pointer("/dynamic_labels/phase"));
        let label = label.cloned().unwrap_or_default();
        let told = label.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
        if told.contains("status 1") && label["result"] == "frozen" {
            Ok(())
        } else {
            Err(format!("{status:?}"))
        }
    });
    turned_away(&cluster.way(&careful, "phased"));
}

#[test]
fn an_app_of_the_configuration_file_has_such_labels_too() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let server = real.logging_server(&cluster.scratch().join("asked.log"));
    let app = app_document("fixed", &server, &own_user());
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), cluster.join_params("app"));
    let section = format!(
        "app_service:\n  enabled: yes\n  apps:\n  - name: fixed\n    mcp: {}\n    commands:\n    \
         - {{name: phase, command: [echo, frozen], period: 1h}}\n",
        app["spec"]["mcp"]
    );
    let _second = cluster.node("second", &join, &section);
    cluster.auth().check();
    cluster.role(
        "careful",
        &json!({"app_labels": {"*": "*"}, "mcp": {"tools": ["*"]}}),
        &json!({"app_labels": {"phase": "frozen"}}),
    );
    let (careful, any) =
        (cluster.identity("careful", &["careful"]), cluster.identity("any", &["mcp-user"]));
    until("the app is shown", || {
        let seen = shown(&cluster, &any);
        if seen == ["fixed"] { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    assert!(call(&mut connect(&cluster.way(&any, "fixed")), "echo").is_ok());
    turned_away(&cluster.way(&careful, "fixed"));
    assert_eq!(shown(&cluster, &careful), Vec::<String>::new());
}
