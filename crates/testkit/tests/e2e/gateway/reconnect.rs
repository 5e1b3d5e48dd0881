//! A client of `tsh mcp connect` keeps its session while connections come and go.

use std::path::Path;

use serde_json::{Value, json};
use testkit::cluster::Node;
use testkit::{Argv, Cluster, Peer, Real, census, wait};

use super::{REVISION, call, connect, done, listed, outcome};

/// What a client launches that wants to stay connected.
fn lasting(cluster: &Cluster, identity: &Path, app: &str) -> Argv {
    cluster.tsh_as(identity).args(["mcp", "connect", app])
}

/// Calls until it works, through one and the same process.
#[track_caller]
fn await_call(peer: &mut Peer) {
    wait::until("a call", wait::PATIENCE, || {
        call(peer, "echo").map(drop).map_err(|(code, message)| {
            assert_eq!(code, -32603, "{message}");
            message
        })
    });
}

#[test]
fn the_same_client_goes_on_after_the_proxy_the_agent_and_the_server_were_lost() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let mut peer = connect(&lasting(&cluster, &alice, "logged"));
    assert!(call(&mut peer, "echo").is_ok());
    for end in [Node::kill, |node: &mut Node| assert!(node.stop().success())] {
        end(cluster.proxy());
        let (code, message) = call(&mut peer, "echo").unwrap_err();
        assert_eq!(code, -32603);
        assert!(message.starts_with("[MCP_") && message.contains("try again"), "{message}");
        cluster.proxy().start();
        await_call(&mut peer);
        assert_eq!(listed(&mut peer), ["echo"]);
    }
    assert!(cluster.agent().stop().success());
    cluster.agent().start();
    await_call(&mut peer);
    // A server that dies is started again.
    // Its keeper may be the first to go, and then it is gone already when its turn comes.
    let server = census::with_argument(log.to_str().unwrap());
    assert!(!server.is_empty());
    for seen in server {
        _ = std::process::Command::new("kill").args(["-9", &seen.pid.to_string()]).status();
    }
    await_call(&mut peer);
    assert_eq!(listed(&mut peer), ["echo"]);
    let asked = std::fs::read_to_string(&log).unwrap();
    assert!(asked.matches("\"initialize\"").count() >= 5, "each began anew:\n{asked}");
    peer.close();
    assert!(peer.process().wait(wait::PATIENCE).success());
}

#[test]
fn signing_in_is_all_that_is_needed() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("logged", &real.logging_server(&cluster.scratch().join("asked.log")));
    cluster.tools_role("reader", &["echo"]);
    let mut alice = cluster.sign_up(&real, "alice", "reader");
    let way = cluster.tsh_at(&alice.home).args(["mcp", "connect", "logged"]);
    let mut peer = Peer::start(&way);
    let params = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let hello = |peer: &mut Peer| outcome(&peer.request("initialize", &params));
    let (code, message) = hello(&mut peer).unwrap_err();
    assert_eq!(code, -32603);
    for words in ["[MCP_TELEPORT_LOGIN_REQUIRED]", "tsh login", "need not be restarted"] {
        assert!(message.contains(words), "{words:?} is missing: {message}");
    }
    let pin = format!("--ca-pin={}", cluster.ca_pin());
    let _said = done(&cluster.login(&mut alice, &[&pin, "--ttl=2s"]));
    assert!(hello(&mut peer).is_ok());
    peer.send(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert!(call(&mut peer, "echo").is_ok());
    // The connection may outlive the certificate; another is not opened with it.
    std::fs::rename(&alice.home, alice.home.with_extension("away")).unwrap();
    for seen in census::with_argument("asked.log") {
        _ = std::process::Command::new("kill").args(["-9", &seen.pid.to_string()]).status();
    }
    wait::until("the loss", wait::PATIENCE, || match call(&mut peer, "echo") {
        Err((_, message)) if message.contains("[MCP_TELEPORT_LOGIN_REQUIRED]") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let _said = done(&cluster.login(&mut alice, &[&pin]));
    assert!(call(&mut peer, "echo").is_ok());
}

#[test]
fn a_refusal_is_said_and_the_client_stays() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = real.logging_server(&cluster.scratch().join("asked.log"));
    let alice = super::logged_cluster(&cluster, &server);
    let mut peer = connect(&lasting(&cluster, &alice, "logged"));
    assert!(call(&mut peer, "echo").is_ok());
    cluster.admin(&["lock", "--user=alice", "--message=a stolen laptop"]);
    wait::until("the lock", wait::PATIENCE, || match call(&mut peer, "echo") {
        Err((-32603, message)) if message.contains("a stolen laptop") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let locks = cluster.tctl_json(&["get", "locks", "--format=json"]);
    let name = locks.pointer("/0/metadata/name").and_then(Value::as_str).unwrap();
    cluster.admin(&["rm", &format!("lock/{name}")]);
    await_call(&mut peer);
}
