//! Down is not open, and not closed either: without the auth service, what was granted goes on.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use testkit::cluster::Node;
use testkit::{Cluster, Real, wait};

use super::{await_connection, call, connect, listed, turned_away};

#[test]
fn calls_go_on_while_the_auth_service_is_down_and_nothing_is_lost() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let stranger = cluster.identity("stranger", &["auditor"]);
    let way = cluster.way(&alice, "logged");
    let mut before = connect(&way);
    assert!(call(&mut before, "echo").is_ok());
    let mut calls = 1;

    cluster.auth().kill();
    for _ in 0..5 {
        assert!(call(&mut before, "echo").is_ok());
        assert_eq!(call(&mut before, "delete").unwrap_err().0, -32602);
        let mut during = connect(&way);
        assert_eq!(listed(&mut during), ["echo"]);
        assert!(call(&mut during, "echo").is_ok());
        calls += 2;
    }
    assert!(turned_away(&cluster.way(&stranger, "logged")).contains("denied"));
    // Nothing new is granted.
    let home = cluster.scratch().join("nobody");
    let login = cluster.login_with(&home, "alice", "a password", "123456", &["--insecure"]);
    assert_eq!(login.status.code(), Some(1), "{login:?}");

    cluster.auth().start();
    cluster.await_auth();
    // The agent brings what it kept, each record once.
    let is_call = |event: &Value| event.pointer("/message/method") == Some(&json!("tools/call"));
    let words = ["--user=alice", "--limit=1000"];
    let records = wait::until("all records", wait::PATIENCE, || {
        let records = cluster.audit(&words);
        let records: Vec<Value> = records.into_iter().filter(is_call).collect();
        let done = records.iter().filter(|event| event["success"] == json!(true)).count();
        if done >= calls { Ok(records) } else { Err(format!("{done} of {calls}")) }
    });
    assert_eq!(records.len(), calls + 5, "{records:?}");
    let ids: BTreeSet<&str> = records.iter().map(|event| event["uid"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), records.len());

    // Changes are followed again, by themselves, on the same connection.
    cluster.tools_role("reader", &["delete"]);
    wait::until("the changed role", wait::PATIENCE, || {
        call(&mut before, "delete").map(drop).map_err(|(_, message)| message)
    });
    cluster.app("newer", &real.logging_server(&cluster.scratch().join("newer.log")));
    assert!(call(&mut await_connection(&cluster.way(&alice, "newer")), "delete").is_ok());
}

#[test]
fn a_proxy_that_comes_back_is_found_again() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let alice = cluster.identity("alice", &["mcp-user"]);
    cluster.app("logged", &real.logging_server(&cluster.scratch().join("asked.log")));
    let way = cluster.way(&alice, "logged");
    for end in [Node::kill, |proxy: &mut Node| assert!(proxy.stop().success())] {
        let mut peer = await_connection(&way);
        assert!(call(&mut peer, "echo").is_ok());
        end(cluster.proxy());
        assert_eq!(peer.process().wait(wait::PATIENCE).code(), Some(1));
        let told = turned_away(&way);
        assert!(told.contains(cluster.proxy_addr()), "{told}");
        cluster.proxy().start();
    }
    assert!(call(&mut await_connection(&way), "echo").is_ok());
}
