//! Everything of all this is in the audit log, and nothing secret is anywhere.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use testkit::cluster::Person;
use testkit::{Cluster, Real};

use super::{call, connect, done, refused};

#[test]
fn what_happened_is_recorded_with_who_what_and_how_it_went() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    cluster.app("logged", &real.logging_server(&log));
    cluster.tools_role("reader", &["echo"]);
    let mut alice = cluster.sign_up(&real, "alice", "reader");
    let pin = format!("--ca-pin={}", cluster.ca_pin());
    let wrong = "hunter2-but-wrong";
    let stale = alice.authenticator.stale_code();
    refused(&cluster.login_with(&alice.home, "alice", wrong, &stale, &[&pin]), &["wrong"]);
    let _said = done(&cluster.login(&mut alice, &[&pin]));
    let way = cluster.tsh_at(&alice.home).args(["mcp", "connect", "logged"]);
    let mut peer = connect(&way);
    assert!(call(&mut peer, "echo").is_ok());
    assert!(call(&mut peer, "delete").is_err());
    peer.close();
    peer.process().wait(testkit::wait::PATIENCE);
    let token = cluster.token("app", "1h");
    let link = cluster.invite("carol", "reader");

    let ended =
        cluster.await_audit("the session's end", &[], |event| event["event"] == "mcp.session.end");
    assert_eq!(ended["success"], json!(true), "{ended}");
    let events = cluster.audit(&["--limit=1000"]);
    for (name, fields) in [
        ("app.create", json!({"app_name": "logged"})),
        ("role.created", json!({"name": "reader"})),
        ("user.create", json!({"name": "alice"})),
        ("user.login", json!({"user": "alice", "success": false})),
        ("user.login", json!({"user": "alice", "success": true})),
        ("cert.create", json!({})),
        ("join_token.create", json!({})),
        ("mcp.session.start", json!({"user": "alice", "app_name": "logged"})),
        ("mcp.session.end", json!({"user": "alice", "app_name": "logged"})),
    ] {
        assert!(events.iter().any(|event| fits(event, name, &fields)), "no {name} {fields}");
    }
    let session = &ended["sid"];
    for (tool, success) in [("echo", true), ("delete", false)] {
        let fields =
            json!({"user": "alice", "app_name": "logged", "success": success, "sid": session});
        let request = events
            .iter()
            .filter(|event| fits(event, "mcp.session.request", &fields))
            .find(|event| event.pointer("/message/params/name") == Some(&json!(tool)));
        let request = request.unwrap_or_else(|| panic!("no record of {tool}: {events:?}"));
        assert_eq!(request.pointer("/message/params/arguments/text"), Some(&json!(tool)));
        assert_eq!(request["error"].is_null(), success, "{request}");
    }
    for event in &events {
        for field in ["event", "code", "uid", "time"] {
            assert!(event[field].is_string(), "{field} is missing: {event}");
        }
    }
    queries(&cluster);
    nothing_secret(&cluster, &alice, &[wrong, &token, link.rsplit('/').next().unwrap()]);
}

fn fits(event: &Value, name: &str, fields: &Value) -> bool {
    let fields = fields.as_object().unwrap();
    event["event"] == name && fields.iter().all(|(field, value)| event[field] == *value)
}

/// The log is asked for users, apps, kinds and times.
#[track_caller]
fn queries(cluster: &Cluster) {
    let of_alice = cluster.audit(&["--user=alice", "--limit=1000"]);
    assert!(!of_alice.is_empty() && of_alice.iter().all(|event| event["user"] == "alice"));
    let of_app = cluster.audit(&["--app=logged", "--limit=1000"]);
    assert!(!of_app.is_empty() && of_app.iter().all(|event| event["app_name"] == "logged"));
    assert_eq!(cluster.audit(&["--limit=2"]).len(), 2);
    assert_eq!(cluster.audit(&["--since=2100-01-01T00:00:00Z"]).len(), 0);
    // The newest first; what agents record arrives in batches.
    let newest = cluster.audit(&["--limit=1000"]);
    let own = newest.iter().filter(|event| event["sid"].is_null());
    let times: Vec<&str> = own.map(|event| event["time"].as_str().unwrap()).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let table = cluster.admin(&["audit", "ls", "--user=alice"]);
    assert!(table.contains("mcp.session.request") && table.contains("alice"), "{table}");
}

/// No log, no record, no printed resource has what only one person or service may know.
#[track_caller]
fn nothing_secret(cluster: &Cluster, alice: &Person, more: &[&str]) {
    let audit = cluster.scratch().join("auth/data/audit");
    let places = [
        ("the services' logs", cluster.logs()),
        ("the audit log's files", content(&audit)),
        ("the spool's files", content(&cluster.scratch().join("auth/data/spool"))),
        ("tctl audit ls", cluster.admin(&["audit", "ls", "--format=json", "--limit=1000"])),
        ("tctl get users", cluster.admin(&["get", "users,cas,tokens"])),
        ("tctl get as JSON", cluster.admin(&["get", "tokens", "--format=json"])),
        ("tctl users ls", cluster.admin(&["users", "ls", "--format=json"])),
        ("tctl tokens ls", cluster.admin(&["tokens", "ls"])),
        ("tctl status", cluster.admin(&["status"])),
    ];
    assert!(places[0].1.contains("proxy is up") && places[1].1.contains("user.login"));
    let secrets = [&[alice.password.as_str(), alice.authenticator.secret(), "PRIVATE KEY"], more];
    for secret in secrets.concat() {
        for (place, text) in &places {
            assert!(!text.contains(secret), "{place} show {secret}");
        }
    }
}

/// All that the files of a folder hold.
fn content(folder: &Path) -> String {
    let mut text = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            text += &content(&path);
        } else {
            text += &String::from_utf8_lossy(&fs::read(&path).unwrap());
        }
    }
    text
}
