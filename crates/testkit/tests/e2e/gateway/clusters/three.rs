//! A root and two leaves, in each of which there is a server of the same name.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::cluster::{CLUSTER, LocalProxy};
use testkit::http::Call;
use testkit::{Argv, Cluster, Peer, Real, wait};

use super::{LEAF, OTHER, way_to};
use crate::gateway::{REVISION, await_connection, call, done, listed, turned_away};

const HELLO: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;

/// What is in every cluster. Its one tool is called as the cluster is.
pub(super) const APP: &str = "notes";

/// The clusters, and who uses them.
pub(super) struct Three {
    pub(super) root: Cluster,
    pub(super) leaf: Cluster,
    pub(super) other: Cluster,
    /// A user of the root, whom both leaves let in.
    pub(super) alice: PathBuf,
    /// A user of the leaf's own.
    pub(super) own: PathBuf,
}

// === impl Three ===

impl Three {
    /// Sets them up; all but the other leaf have a process for each service.
    #[track_caller]
    pub(super) fn start(real: &Real) -> Self {
        let (root, leaf) = (Cluster::apart(), Cluster::apart_called(LEAF));
        let other = Cluster::single_called(OTHER);
        for cluster in [&root, &leaf, &other] {
            let server = real.logging_server(&log(cluster)).args(["--tool", cluster.name()]);
            cluster.app(APP, &server);
            cluster.tools_role("guest", &["{{internal.mcp_tools}}"]);
        }
        let alice = root.identity("alice", &["mcp-user"]);
        let own = leaf.identity("own", &["mcp-user"]);
        for leaf in [&leaf, &other] {
            leaf.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
        }
        Self { root, leaf, other, alice, own }
    }

    /// Alice's way to the server of a cluster.
    pub(super) fn way(&self, cluster: &str) -> Argv {
        way_to(&self.root, &self.alice, cluster, APP)
    }

    /// Waits until she gets there.
    #[track_caller]
    pub(super) fn reach(&self, cluster: &str) -> Peer {
        let mut peer = await_connection(&self.way(cluster));
        answers_from(&mut peer, cluster);
        peer
    }

    /// The leaf works for its own, whatever else does not.
    #[track_caller]
    pub(super) fn own_reaches(&self) -> Peer {
        let mut peer = await_connection(&self.leaf.way(&self.own, APP));
        answers_from(&mut peer, LEAF);
        peer
    }
}

/// It is the server of that cluster which answers.
#[track_caller]
pub(super) fn answers_from(peer: &mut Peer, cluster: &str) {
    assert_eq!(listed(peer), [cluster]);
    assert!(call(peer, cluster).is_ok(), "{cluster}");
}

/// What the server of a cluster was sent.
fn log(cluster: &Cluster) -> PathBuf {
    cluster.scratch().join("asked.log")
}

/// The tools that were called at a server.
fn called(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap();
    let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let name = |message: Value| {
        let is_call = message.get("method") == Some(&json!("tools/call"));
        let name = message.pointer("/params/name")?.as_str().map(str::to_owned);
        name.filter(|_| is_call)
    };
    messages.filter_map(name).collect()
}

/// Clients that speak HTTP, by `tsh proxy mcp`: a session is one of the cluster where it began.
#[track_caller]
fn by_http(three: &Three, names: [&str; 3]) {
    let begin = |name: &str| {
        let way = three.root.tsh_as(&three.alice);
        LocalProxy::start(&way.args(["proxy", "mcp", &format!("--cluster={name}"), APP]))
    };
    let locals = names.map(|name| (name, begin(name)));
    let sessions = locals.each_ref().map(|(name, local)| {
        let reply = Call::post("/mcp", HELLO).send(local.port()).unwrap();
        assert_eq!(reply.status, 200, "{name}");
        (*name, reply.header("mcp-session-id").unwrap().to_owned())
    });
    for (name, local) in &locals {
        for (of, session) in &sessions {
            let list = Call::post("/mcp", LIST).header("mcp-session-id", session);
            let reply = list.header("mcp-protocol-version", REVISION).send(local.port()).unwrap();
            if name == of {
                assert_eq!(reply.status, 200, "{name}");
                let said = String::from_utf8(reply.whole().unwrap()).unwrap();
                let tool = format!(r#""name":"{name}""#);
                assert!(said.contains(&tool) && said.matches(r#""name":"#).count() == 1, "{said}");
            } else {
                assert_eq!(reply.status, 404, "a session of {of} at {name}");
            }
        }
    }
}

#[test]
fn an_app_of_one_name_is_another_in_every_cluster() {
    let three = Three::start(&Real::locate());
    let Three { root, leaf, other, alice, .. } = &three;
    let names = [CLUSTER, LEAF, OTHER];
    // All at once, each asked in turn.
    let mut peers = names.map(|name| (name, three.reach(name)));
    for _ in 0..10 {
        for (name, peer) in &mut peers {
            answers_from(peer, name);
        }
    }
    for cluster in [root, leaf, other] {
        let called = called(&log(cluster));
        assert!(
            called.len() == 11 && called.iter().all(|tool| tool == cluster.name()),
            "{called:?}"
        );
    }
    // What is another's is not here, whatever it is called.
    for (name, peer) in &mut peers {
        for foreign in names.iter().filter(|other| *other != name) {
            assert_eq!(call(peer, foreign).unwrap_err().0, -32602, "{foreign} at {name}");
        }
    }
    let listed =
        done(&root.run(&root.tsh_as(alice).args(["mcp", "ls", "-R", "--format=json"]), ""));
    let listed: Value = serde_json::from_str(&listed).unwrap();
    let notes = listed.as_array().unwrap().iter().filter(|app| app["metadata"]["name"] == APP);
    let mut of: Vec<&str> = notes.map(|app| app["cluster"].as_str().unwrap()).collect();
    of.sort_unstable();
    assert_eq!(of, [LEAF, OTHER, CLUSTER]);

    by_http(&three, names);

    // Without its server, the name stands for nothing there, and for what it stood before elsewhere.
    leaf.admin(&["rm", &format!("app/{APP}")]);
    let (_, peer) = &mut peers[1];
    assert_eq!(peer.process().wait(wait::PATIENCE).code(), Some(1));
    let said = wait::until("the end of the app", wait::PATIENCE, || {
        let said = turned_away(&three.way(LEAF));
        if said.contains(APP) { Ok(said) } else { Err(said) }
    });
    assert!(said.contains(APP), "{said}");
    for (name, peer) in &mut peers {
        if *name != LEAF {
            answers_from(peer, name);
        }
    }
}
