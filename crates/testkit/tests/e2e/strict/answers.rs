//! Servers that lie over stdio: the client sees what it may, or an error.

use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::{Argv, Cluster, Peer, Real};

use super::lies;

/// A cluster with a server that says what is in a file, and the way of somebody who may use `echo`.
#[track_caller]
fn lying(cluster: &Cluster) -> (PathBuf, Argv) {
    let real = Real::locate();
    cluster.tools_role("echoer", &["echo"]);
    let alice = cluster.identity("alice", &["echoer"]);
    let script = cluster.scratch().write("script.json", "{}");
    let server = Argv::new(real.python()).arg(real.script("servers/lying.py")).arg(&script);
    cluster.app("lying", &server);
    (script, cluster.way(&alice, "lying"))
}

#[test]
fn a_line_of_100_megabytes_is_an_error_and_nothing_more() {
    let cluster = Cluster::single();
    let (script, way) = lying(&cluster);
    let said = json!({"tools/list": [100_000_000]});
    std::fs::write(&script, said.to_string()).unwrap();
    let (mut peer, _) = Peer::connect(&way, "2025-06-18", &json!({}));
    for _ in 0..2 {
        let answer = peer.request("tools/list", &json!({}));
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        assert_eq!(answer.pointer("/error/code"), Some(&json!(-32603)), "{answer}");
        let answer = peer.request("ping", &json!({}));
        assert!(String::from_utf8_lossy(&answer).contains("result"), "{answer:?}");
    }
}

#[test]
fn no_lie_of_a_stdio_server_shows_what_may_not_be_seen() {
    let cluster = Cluster::single();
    let (script, way) = lying(&cluster);
    for lie in lies::lines() {
        std::fs::write(&script, json!({"tools/list": lie.lines}).to_string()).unwrap();
        let (mut peer, _) = Peer::connect(&way, "2025-06-18", &json!({}));
        peer.send(br#"{"jsonrpc":"2.0","id":5,"method":"tools/list"}"#);
        peer.send(br#"{"jsonrpc":"2.0","id":6,"method":"ping"}"#);
        let mut seen = Vec::new();
        let pong = loop {
            let line = peer.next_message();
            let message: Value = serde_json::from_slice(&line).unwrap();
            if message.get("id") == Some(&json!(6)) {
                break message;
            }
            seen.push((String::from_utf8(line).unwrap(), message));
        };
        // A conversation goes on after a lie.
        assert!(pong.get("result").is_some(), "{}: {pong} after {seen:?}", lie.name);
        for (line, _) in &seen {
            assert!(!line.contains("wipe"), "{}: {line}", lie.name);
        }
        let lists = seen.iter().filter(|(_, message)| message.get("id") == Some(&json!(5)));
        let lists: Vec<_> = lists.map(|(_, message)| message).collect();
        if lie.answered {
            let [list] = lists.as_slice() else { panic!("{}: {seen:?}", lie.name) };
            let names = list.pointer("/result/tools").and_then(Value::as_array);
            assert_eq!(names.map(Vec::len), Some(1), "{}: {list}", lie.name);
        } else {
            let empty = |list: &&Value| list.pointer("/result/tools") == Some(&json!([]));
            let nothing = |list: &&Value| list.pointer("/error/code").is_some() || empty(list);
            assert!(lists.len() <= 1 && lists.iter().all(nothing), "{}: {seen:?}", lie.name);
        }
    }
}
