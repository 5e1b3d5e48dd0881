//! Certificates that are good from one address only.

use serde_json::json;
use testkit::{Argv, Cluster, HttpServer, Real, wait};

use super::{await_connection, call, done, refused, turned_away};

#[test]
fn a_certificate_that_was_copied_elsewhere_is_worth_nothing() {
    let (real, cluster) = (Real::locate(), Cluster::apart());
    let log = cluster.scratch().join("asked.log");
    let _alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let pinned = json!({
        "kind": "role", "version": "v7", "metadata": {"name": "bound"},
        "spec": {
            "options": {"pin_source_ip": true},
            "allow": {"app_labels": {"*": "*"}, "mcp": {"tools": ["echo"]}},
        },
    });
    cluster.put(&pinned);
    let mut bob = cluster.sign_up(&real, "bob", "bound");
    let identity = cluster.scratch().join("bob.pem");
    let pin = format!("--ca-pin={}", cluster.ca_pin());
    let out = format!("--out={}", identity.display());
    let _said = done(&cluster.login(&mut bob, &[&pin, &out]));

    // Here: by the proxy to the auth service, and to the server.
    let listed = done(&cluster.run(&cluster.tsh_as(&identity).args(["mcp", "ls"]), ""));
    assert!(listed.contains("logged"), "{listed}");
    let mut here = await_connection(&cluster.way(&identity, "logged"));
    assert!(call(&mut here, "echo").is_ok());

    // Elsewhere, with the same file.
    let script = real.script("servers/detour.py");
    let detour = Argv::new(real.python()).arg(script).arg(cluster.proxy_addr());
    let detour = HttpServer::telling("", &detour);
    let there = format!("127.0.0.1:{}", detour.port());
    let listed = cluster.run(&cluster.tsh_by(&identity, &there).args(["mcp", "ls"]), "");
    refused(&listed, &["bound to another address", "tsh login"]);
    let way = cluster.tsh_by(&identity, &there);
    let told = turned_away(&way.args(["mcp", "connect", "--no-auto-reconnect", "logged"]));
    assert!(told.contains("bound to another address"), "{told}");
    assert!(call(&mut here, "echo").is_ok());

    // An administrator has no address to bind one to.
    let sign = cluster.tctl(&["auth", "sign", "--user=bob", "--out=elsewhere.pem"]);
    refused(&sign, &["pin_source_ip", "bob"]);
}

#[test]
fn a_role_that_begins_to_bind_cuts_who_is_not_bound() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let mut open = await_connection(&cluster.way(&alice, "logged"));
    assert!(call(&mut open, "echo").is_ok());
    let mut role = cluster.get("role/reader");
    role["spec"]["options"]["pin_source_ip"] = json!(true);
    cluster.put(&role);
    wait::until("the end of the session", wait::PATIENCE, || {
        open.process().status().map(drop).ok_or_else(|| "it goes on".to_owned())
    });
    let told = turned_away(&cluster.way(&alice, "logged"));
    assert!(told.contains("bound to your address"), "{told}");
}
