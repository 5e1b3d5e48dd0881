//! Changes reach live connections, and only those that they concern.

use serde_json::{Value, json};
use testkit::cluster::{app_document, own_user};
use testkit::{Argv, Cluster, Peer, Real, census, wait};

use super::{SOON, call, connect, done, listed, turned_away};

/// A connection of its own whose user nothing happens to.
struct Bystander(Peer);

impl Bystander {
    fn new(cluster: &Cluster, app: &str) -> Self {
        let identity = cluster.identity("bystander", &["mcp-user"]);
        Self(connect(&cluster.way(&identity, app)))
    }

    #[track_caller]
    fn goes_on(mut self) {
        assert!(call(&mut self.0, "echo").is_ok());
    }
}

/// Waits for a connection to end, less than a second; gives what `tsh` says of it.
#[track_caller]
fn cut(peer: &mut Peer) -> String {
    let status = peer.process().wait(SOON);
    assert_eq!(status.code(), Some(1), "a connection that is cut is a failure");
    wait::until("tsh's last words", SOON, || {
        let said = peer.process().stderr();
        if said.contains("ERROR") { Ok(said) } else { Err(said) }
    })
}

#[test]
fn an_edited_role_holds_on_live_connections() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = real.logging_server(&cluster.scratch().join("asked.log"));
    let alice = super::logged_cluster(&cluster, &server);
    let bystander = Bystander::new(&cluster, "logged");
    let mut peer = connect(&cluster.way(&alice, "logged"));
    assert_eq!(listed(&mut peer), ["echo"]);
    assert_eq!(call(&mut peer, "write").unwrap_err().0, -32602);
    cluster.tools_role("reader", &["write"]);
    wait::until("the new role", SOON, || {
        call(&mut peer, "write").map(drop).map_err(|(_, message)| message)
    });
    assert_eq!(call(&mut peer, "echo").unwrap_err().0, -32602);
    assert_eq!(listed(&mut peer), ["write"]);
    // An editor is a program that changes a file.
    let editor = cluster.scratch().write("editor.sh", "sed -i 's/write/delete/' \"$1\"\n");
    let mut edit = cluster.binaries().tctl();
    edit.env("EDITOR", format!("sh {}", editor.display()));
    edit.arg("-c").arg(cluster_config(&cluster)).args(["edit", "role/reader"]);
    let _said = done(&testkit::process::run(edit, b"", wait::PATIENCE));
    wait::until("the edited role", SOON, || {
        call(&mut peer, "delete").map(drop).map_err(|(_, message)| message)
    });
    // Without a role that reaches the app, the connection itself is over.
    let nowhere = json!({"app_labels": {"env": "nowhere"}, "mcp": {"tools": ["*"]}});
    cluster.role("reader", &nowhere, &json!({}));
    let said = cut(&mut peer);
    assert!(said.contains("denied"), "{said}");
    bystander.goes_on();
}

#[test]
fn a_lock_cuts_live_connections_with_its_reason() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("everything", &real.everything());
    let alice = cluster.identity("alice", &["mcp-user"]);
    let bystander = Bystander::new(&cluster, "everything");
    let way = cluster.way(&alice, "everything");
    let (mut idle, mut busy) = (connect(&way), connect(&way));
    busy.send(br#"{"jsonrpc":"2.0","id":"long","method":"tools/call","params":{"name":"trigger-long-running-operation","arguments":{"duration":50,"steps":5}}}"#);
    let name = lock(&cluster, &["--user=alice", "--message=a stolen laptop"]);
    let answer: Value = serde_json::from_slice(&busy.answer_to(&json!("long"))).unwrap();
    let message = answer.pointer("/error/message").and_then(Value::as_str).unwrap();
    assert!(message.contains("a stolen laptop"), "{answer}");
    for peer in [&mut idle, &mut busy] {
        let said = cut(peer);
        assert!(said.contains("a stolen laptop"), "{said}");
    }
    assert!(turned_away(&way).contains("a stolen laptop"));
    bystander.goes_on();
    cluster.admin(&["rm", &name]);
    assert!(call(&mut super::await_connection(&way), "echo").is_ok());
}

/// Makes a lock; gives its reference.
#[track_caller]
fn lock(cluster: &Cluster, words: &[&str]) -> String {
    cluster.admin(&[&["lock"], words].concat());
    let locks = cluster.tctl_json(&["get", "locks", "--format=json"]);
    format!("lock/{}", locks.pointer("/0/metadata/name").and_then(Value::as_str).unwrap())
}

#[test]
fn deleted_users_and_expired_locks_take_effect() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = real.logging_server(&cluster.scratch().join("asked.log"));
    let alice = super::logged_cluster(&cluster, &server);
    let way = cluster.way(&alice, "logged");
    let mut peer = connect(&way);
    cluster.admin(&["lock", "--role=reader", "--message=for a moment", "--ttl=2s"]);
    cut(&mut peer);
    let mut peer = super::await_connection(&way);
    assert!(call(&mut peer, "echo").is_ok());
    cluster.admin(&["users", "rm", "alice"]);
    let said = cut(&mut peer);
    assert!(said.contains("alice"), "{said}");
    assert!(turned_away(&way).contains("alice"));
}

#[test]
fn apps_are_created_updated_and_deleted_while_everything_runs() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let folder = cluster.scratch().path().to_owned();
    let log = |name: &str| folder.join(format!("{name}.log"));
    cluster.app("other", &real.logging_server(&log("other")));
    let bystander = Bystander::new(&cluster, "other");
    let alice = cluster.identity("alice", &["mcp-user"]);
    let way = cluster.way(&alice, "changing");
    assert!(turned_away(&way).contains("changing"));

    register(&cluster, &real.logging_server(&log("first")).args(["--tool", "first"]));
    let mut first = picked_up(&way, &["first"]);
    register(&cluster, &real.logging_server(&log("second")).args(["--tool", "second"]));
    let mut second = picked_up(&way, &["second"]);
    // A connection that is open goes on as it was.
    assert_eq!(listed(&mut first), ["first"]);

    // What cannot be served leaves the old one serving, and says why.
    register(&cluster, &Argv::new("/no/such/program"));
    let status = wait::until("the status", SOON, || {
        let status = cluster.app_status("changing");
        let state = status.first().and_then(|server| server.get("state")?.as_str());
        if state == Some("outdated") { Ok(status) } else { Err(format!("{status:?}")) }
    });
    let error = status[0].pointer("/last_error/message").and_then(Value::as_str).unwrap();
    assert!(error.contains("/no/such/program"), "{error}");
    drop(picked_up(&way, &["second"]));
    assert_eq!(listed(&mut second), ["second"]);

    cluster.admin(&["rm", "app/changing"]);
    for peer in [&mut first, &mut second] {
        let said = cut(peer);
        assert!(said.contains("changing") && said.contains("not served any more"), "{said}");
    }
    assert!(turned_away(&way).contains("changing"));
    for name in ["first", "second"] {
        wait::until("the servers' end", SOON, || {
            match census::with_argument(log(name).to_str().unwrap()) {
                left if left.is_empty() => Ok(()),
                left => Err(format!("{left:?}")),
            }
        });
    }
    bystander.goes_on();
}

#[track_caller]
fn register(cluster: &Cluster, server: &Argv) {
    cluster.put(&app_document("changing", server, &own_user()));
}

/// Connects until the tools are as they should be, less than a second.
#[track_caller]
fn picked_up(way: &Argv, tools: &[&str]) -> Peer {
    wait::until("the registration", SOON, || {
        let mut peer = Peer::start(way);
        let hello = json!({"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        super::outcome(&peer.request("initialize", &hello)).map_err(|(_, message)| message)?;
        let seen = listed(&mut peer);
        if seen == tools { Ok(peer) } else { Err(format!("{seen:?}")) }
    })
}

fn cluster_config(cluster: &Cluster) -> std::path::PathBuf {
    cluster.scratch().join("auth/tessera.yaml")
}
