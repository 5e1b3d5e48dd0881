//! The product between clients and servers, as real processes: what its users and administrators
//! were promised.

mod bots;
mod clients;
mod clusters;
mod configuration;
mod decisions;
mod diagnostics;
mod documents;
mod folders;
mod foresight;
mod guides;
mod headers;
mod health;
mod host_user;
mod identity;
mod joins;
mod keys;
mod labels;
mod leftovers;
mod live;
mod local;
mod moves;
mod oauth;
mod outage;
mod people;
mod permissions;
mod pins;
mod proofs;
mod quickstart;
mod reconnect;
mod records;
mod registration;
mod rotation;
mod session_mfa;
mod several;
mod sso;
mod tokens;
mod tools;
mod workloads;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::process::Finished;
use testkit::{Argv, Cluster, Peer, wait};

/// A change reaches whatever it concerns in less.
const SOON: Duration = Duration::from_secs(1);

/// The revision that these tests speak where it does not matter.
const REVISION: &str = "2025-06-18";

/// A connection that has shaken hands.
#[track_caller]
fn connect(way: &Argv) -> Peer {
    Peer::connect(way, REVISION, &json!({})).0
}

/// Calls a tool: the result or the error.
#[track_caller]
fn call(peer: &mut Peer, tool: &str) -> Result<Value, (i64, String)> {
    let params = json!({"name": tool, "arguments": {"text": tool}});
    outcome(&peer.request("tools/call", &params))
}

/// The names of the tools that a connection shows.
#[track_caller]
fn listed(peer: &mut Peer) -> Vec<String> {
    let answer = peer.request("tools/list", &json!({}));
    let result = outcome(&answer).unwrap();
    let tools = result.get("tools").and_then(Value::as_array).unwrap();
    tools.iter().map(|tool| tool["name"].as_str().unwrap().to_owned()).collect()
}

/// The result in an answer, or the code and the message of the error.
fn outcome(answer: &[u8]) -> Result<Value, (i64, String)> {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    if let Some(result) = answer.get("result") {
        return Ok(result.clone());
    }
    let code = answer.pointer("/error/code").and_then(Value::as_i64);
    let message = answer.pointer("/error/message").and_then(Value::as_str);
    match (code, message) {
        (Some(code), Some(message)) => Err((code, message.to_owned())),
        _ => panic!("neither a result nor an error: {answer}"),
    }
}

/// What a client is told that is not let in: the answer to its first request.
#[track_caller]
fn turned_away(way: &Argv) -> String {
    let mut peer = Peer::start(way);
    let params = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    match outcome(&peer.request("initialize", &params)) {
        Err((-32603, message)) => message,
        other => panic!("the client was expected to be turned away: {other:?}"),
    }
}

/// Waits until a new connection gets an answer to `initialize`: whatever it was, it is back.
#[track_caller]
fn await_connection(way: &Argv) -> Peer {
    wait::until("a connection", wait::PATIENCE, || {
        let mut peer = Peer::start(way);
        let params = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        match outcome(&peer.request("initialize", &params)) {
            Ok(_hello) => Ok(peer),
            Err((code, message)) => Err(format!("{code} {message}")),
        }
    })
}

/// A tool ended with status 1 and said all of this on standard error.
#[track_caller]
fn refused(done: &Finished, words: &[&str]) {
    assert_eq!(done.status.code(), Some(1), "{done:?}");
    for word in words {
        assert!(done.stderr.contains(word), "{word:?} is missing:\n{}", done.stderr);
    }
}

/// A tool did what it was asked; gives its output.
#[track_caller]
fn done(done: &Finished) -> String {
    assert!(done.status.success(), "{done:?}");
    String::from_utf8_lossy(&done.stdout).into_owned()
}

/// Copies what is in a directory, as somebody does who finds it on a disk.
fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir(&to).unwrap();
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

/// Starts a cluster with an app `logged` that writes down what it is sent, and gives an identity of
/// `alice`, who may call `echo` of it.
#[track_caller]
fn logged_cluster(cluster: &Cluster, server: &Argv) -> std::path::PathBuf {
    cluster.app("logged", server);
    cluster.tools_role("reader", &["echo"]);
    cluster.identity("alice", &["reader"])
}

/// A path as a text.
#[track_caller]
fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
