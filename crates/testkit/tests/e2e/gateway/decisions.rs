//! Who may use what: lists are what calls are permitted, and what is refused never arrives.

use serde_json::{Value, json};
use testkit::{Cluster, Peer, Real};

use super::{REVISION, call, connect, listed, turned_away};
use crate::checks;

const TOOLS: [&str; 6] = ["echo", "read_file", "read_mail", "write", "drop table", "Delete"];

#[test]
fn each_user_sees_and_calls_what_the_roles_let_through() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    let options = TOOLS.iter().flat_map(|tool| ["--tool", tool]);
    let server = real.logging_server(&log).args(options);
    cluster.app("logged", &server);
    cluster.tools_role("reader", &["echo", "read_*"]);
    cluster.tools_role("nothing", &[]);
    cluster.tools_role("regex", &["^[a-z]+$", "Delete"]);
    let everything = json!({"app_labels": {"env": ["prod", "test"]}, "mcp": {"tools": ["*"]}});
    cluster.role("careful", &everything, &json!({"mcp": {"tools": ["Delete", "^drop .*$"]}}));
    cluster.put(&json!({
        "kind": "user", "version": "v2", "metadata": {"name": "erin"},
        "spec": {"roles": ["access"], "traits": {"mcp_tools": ["write", "read_f*"]}},
    }));
    let erin = cluster.sign("erin", "1h");
    let users = [
        (cluster.identity("alice", &["reader"]), vec!["echo", "read_file", "read_mail"]),
        (cluster.identity("bob", &["careful"]), vec!["echo", "read_file", "read_mail", "write"]),
        (cluster.identity("carol", &["nothing"]), vec![]),
        (cluster.identity("dave", &["regex"]), vec!["echo", "write", "Delete"]),
        (erin, vec!["read_file", "write"]),
        // What one role denies, no other allows.
        (
            cluster.identity("fred", &["careful", "regex"]),
            vec!["echo", "read_file", "read_mail", "write"],
        ),
    ];
    let direct = list(&mut connect(&server));
    for (identity, expected) in users {
        let mut peer = connect(&cluster.way(&identity, "logged"));
        let bytes = list(&mut peer);
        assert_kept(&direct, &bytes, &expected);
        assert_eq!(listed(&mut peer), expected, "{}", identity.display());
        for tool in TOOLS {
            let outcome = call(&mut peer, tool);
            match outcome {
                Ok(_result) => assert!(expected.contains(&tool), "{tool} was allowed"),
                Err((code, message)) => {
                    assert!(!expected.contains(&tool), "{tool} was refused: {message}");
                    assert_eq!(code, -32602, "{message}");
                    assert!(
                        !message.contains("Delete") && !message.contains("careful"),
                        "{message}"
                    );
                }
            }
        }
    }
}

/// What is left of a list is what the server wrote: each entry, the cursor, and fields that nobody
/// here knows.
#[track_caller]
fn assert_kept(direct: &str, filtered: &str, expected: &[&str]) {
    let (head, tail) = (r#""_meta":{"seen":1.50}"#, r#""nextCursor":"\u0041B=""#);
    assert!(direct.contains(head) && direct.contains(tail), "{direct}");
    assert!(filtered.contains(head) && filtered.contains(tail), "{filtered}");
    for tool in TOOLS {
        let name = format!(r#""name":"{tool}""#);
        // The server separates its entries so that each can be cut out as it wrote it.
        let (_, tools) = direct.split_once(r#""tools":["#).unwrap();
        let (tools, _) = tools.split_once(r#"],"nextCursor"#).unwrap();
        let entry = tools.split(" , ").find(|entry| entry.contains(&name)).unwrap();
        assert_eq!(filtered.contains(entry), expected.contains(&tool), "{tool}: {filtered}");
    }
    if expected.is_empty() {
        assert!(filtered.contains(r#""tools":[]"#), "{filtered}");
    }
}

fn list(peer: &mut Peer) -> String {
    peer.send(br#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#);
    String::from_utf8(peer.answer_to(&json!("list"))).unwrap()
}

#[test]
fn what_is_refused_never_reaches_the_server() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    let alice = super::logged_cluster(&cluster, &real.logging_server(&log));
    let way = cluster.way(&alice, "logged");
    for tool in ["delete", "write", "no-such-tool", "ECHO", "echo "] {
        checks::refused(&way, &log, tool);
    }
    let mut peer = connect(&way);
    // What reads differently to different readers is refused before anybody decides.
    for twisted in [
        r#"{"jsonrpc":"2.0","id":71,"method":"tools/call","params":{"name":"echo","name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":72,"method":"tools/call","params":{"name":"echo","Name":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":73,"method":"tools/call","params":{"name":"echo","n\u0061me":"delete"}}"#,
        r#"{"jsonrpc":"2.0","id":74,"method":"ping","Method":"tools/call","params":{"name":"delete"}}"#,
        r#"[{"jsonrpc":"2.0","id":75,"method":"tools/call","params":{"name":"delete"}}]"#,
        r#"{"jsonrpc":"2.0","id":76,"method":"tools/call","params":{"name":["delete"]}}"#,
        r#"{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{}}"#,
    ] {
        peer.send(twisted.as_bytes());
        let answer: Value = serde_json::from_slice(&peer.next_message()).unwrap();
        assert!(answer.get("error").is_some(), "{twisted} was answered {answer}");
    }
    assert!(call(&mut peer, "echo").is_ok());
    let asked = std::fs::read_to_string(&log).unwrap();
    assert!(!asked.contains("delete"), "{asked}");
}

#[test]
fn who_does_not_reach_an_app_is_told_so_and_starts_nothing() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    cluster.app("logged", &real.logging_server(&log));
    let elsewhere = json!({"app_labels": {"env": "prod"}, "mcp": {"tools": ["*"]}});
    cluster.role("elsewhere", &elsewhere, &json!({}));
    let shut_out = json!({"app_labels": {"env": "test"}});
    cluster.role("shut-out", &elsewhere, &shut_out);
    for (name, roles) in
        [("alice", &["elsewhere"][..]), ("bob", &["mcp-user", "shut-out"]), ("carol", &["auditor"])]
    {
        let identity = cluster.identity(name, roles);
        let told = turned_away(&cluster.way(&identity, "logged"));
        assert!(told.contains("denied") && told.contains("logged"), "{told}");
        assert!(!told.contains("shut-out") && !told.contains("prod"), "{told}");
        let told = turned_away(&cluster.way(&identity, "no-such-app"));
        assert!(told.contains("no-such-app"), "{told}");
    }
    assert!(!log.exists(), "the server was started for somebody who may not use it");
    let (mut peer, hello) = Peer::connect(
        &cluster.way(&cluster.identity("dora", &["mcp-user"]), "logged"),
        REVISION,
        &json!({}),
    );
    assert!(String::from_utf8_lossy(&hello).contains(r#""result""#));
    assert_eq!(listed(&mut peer), ["echo", "write", "delete"]);
}
