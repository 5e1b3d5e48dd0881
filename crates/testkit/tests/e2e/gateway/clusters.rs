//! Clusters that trust each other: users sign in at the root, and use servers of a leaf.

mod attacks;
mod commands;
mod leafs_proxy;
mod outages;
mod roots_proxy;
mod three;
mod villain;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use testkit::cluster::CLUSTER;
use testkit::{Argv, Cluster, Peer, wait};

use super::{SOON, call, connect, done, listed, refused, turned_away};

const LEAF: &str = "leaf.test";
/// Another leaf.
const OTHER: &str = "other.test";
/// The server that every cluster has.
const DEMO: &str = "tessera-mcp-demo";

/// The way to the leaf's server by the root's proxy.
fn way(root: &Cluster, identity: &Path) -> Argv {
    way_to(root, identity, LEAF, DEMO)
}

/// The way to a server of a cluster by the root's proxy.
fn way_to(root: &Cluster, identity: &Path, cluster: &str, app: &str) -> Argv {
    let cluster = format!("--cluster={cluster}");
    root.tsh_as(identity).args(["mcp", "connect", "--no-auto-reconnect", &cluster, app])
}

/// A connection to the leaf's server, as soon as there is a way.
#[track_caller]
fn reached(root: &Cluster, identity: &Path) -> Peer {
    super::await_connection(&way(root, identity))
}

#[track_caller]
fn cut(peer: &mut Peer) -> String {
    cut_by(peer, SOON)
}

#[track_caller]
fn cut_by(peer: &mut Peer, limit: Duration) -> String {
    let status = peer.process().wait(limit);
    assert_eq!(status.code(), Some(1), "a connection that is cut is a failure");
    peer.process().stderr()
}

/// Makes a lock at one of the clusters; gives its reference.
#[track_caller]
fn lock(cluster: &Cluster) -> String {
    cluster.admin(&["lock", "--user=alice", "--message=a stolen laptop"]);
    let locks = cluster.tctl_json(&["get", "locks", "--format=json"]);
    format!("lock/{}", locks.pointer("/0/metadata/name").and_then(Value::as_str).unwrap())
}

#[test]
fn users_of_the_root_use_what_both_clusters_let_them() {
    let (root, leaf) = (Cluster::single(), Cluster::single_called(LEAF));
    root.tools_role("counter", &["tessera_c*", "tessera_demo_info"]);
    root.role("no-info", &json!({}), &json!({"mcp": {"tools": ["*info"]}}));
    leaf.tools_role("guest", &["{{internal.mcp_tools}}"]);
    // Of the same name at both ends, and not the same person.
    let namesake = leaf.identity("alice", &["mcp-user"]);
    let alice = root.identity("alice", &["counter", "no-info"]);
    let bob = root.identity("bob", &["no-info"]);
    // Before there is any trust.
    let said = turned_away(&way(&root, &alice));
    assert!(said.contains(LEAF) && said.contains("tsh clusters"), "{said}");
    leaf.trust(&root, &json!([{"remote": "counter", "local": ["guest"]}]));

    let clusters = done(&root.run(&root.tsh_as(&alice).arg("clusters"), ""));
    assert!(clusters.contains(CLUSTER) && clusters.contains(LEAF), "{clusters}");
    let ls = |words: &[&str]| root.run(&root.tsh_as(&alice).args(["mcp", "ls"]).args(words), "");
    let peer = &mut reached(&root, &alice);
    let there = done(&ls(&["-c", LEAF]));
    assert!(there.contains(DEMO) && there.contains(LEAF) && !there.contains(CLUSTER), "{there}");
    let all = done(&ls(&["-R"]));
    assert!(all.contains(CLUSTER) && all.contains(LEAF), "{all}");
    refused(&ls(&["-c", "leef.test"]), &["leef.test", "tsh clusters"]);

    // What the root's roles grant, less what they deny.
    assert_eq!(listed(peer), ["tessera_count"]);
    assert!(call(peer, "tessera_count").is_ok());
    for tool in ["tessera_demo_info", "tessera_greet"] {
        assert_eq!(call(peer, tool).unwrap_err().0, -32602, "{tool}");
    }
    let said = turned_away(&way(&root, &bob));
    assert!(
        said.contains("no roles mapped for remote user \"bob\"") && said.contains("no-info"),
        "{said}"
    );

    // Who decides records, and who sends records that it sent.
    for (user, allowed) in [("alice", true), ("bob", false)] {
        leaf.await_audit("a visitor's request", &["--app", DEMO, "--user", user], |event| {
            event.get("user_cluster_name").and_then(Value::as_str) == Some(CLUSTER)
                && event.get("success").and_then(Value::as_bool) == Some(allowed)
        });
    }
    root.await_audit("the visit", &["--user", "alice"], |event| {
        event.get("event").and_then(Value::as_str) == Some("visit.create")
    });

    // The certificates of one are nobody's at the other.
    let stranger = leaf.tsh_by(&alice, leaf.proxy_addr()).args(["mcp", "ls"]);
    assert_eq!(root.run(&stranger, "").status.code(), Some(1));
    let stranger = root.tsh_by(&namesake, root.proxy_addr()).args(["mcp", "ls"]);
    assert_eq!(root.run(&stranger, "").status.code(), Some(1));
    assert!(call(&mut connect(&leaf.way(&namesake, DEMO)), "tessera_demo_info").is_ok());
}

#[test]
fn a_lock_at_either_end_and_the_end_of_trust_at_either_end_cut_what_is_open() {
    let (root, leaf) = (Cluster::single(), Cluster::single_called(LEAF));
    leaf.tools_role("guest", &["*"]);
    let alice = root.identity("alice", &["mcp-user"]);
    let role_map = json!([{"remote": "mcp-user", "local": ["guest"]}]);
    leaf.trust(&root, &role_map);
    let home = &mut connect(&root.way(&alice, DEMO));

    let mut peer = reached(&root, &alice);
    let name = lock(&leaf);
    let said = cut(&mut peer);
    assert!(said.contains("a stolen laptop"), "{said}");
    assert!(turned_away(&way(&root, &alice)).contains("a stolen laptop"));
    // It is the leaf's.
    assert!(call(home, "tessera_demo_info").is_ok());
    leaf.admin(&["rm", &name]);

    let mut peer = reached(&root, &alice);
    leaf.put(&root.trusted(&role_map, false));
    cut(&mut peer);
    let said = turned_away(&way(&root, &alice));
    assert!(said.contains("cannot be reached now"), "{said}");
    leaf.put(&root.trusted(&role_map, true));

    let mut peer = reached(&root, &alice);
    root.admin(&["rm", &format!("rc/{LEAF}")]);
    cut(&mut peer);
    let said = turned_away(&way(&root, &alice));
    assert!(said.contains("knows no cluster"), "{said}");
    leaf.put(&root.trusted(&role_map, true));

    let mut peer = reached(&root, &alice);
    assert!(call(home, "tessera_demo_info").is_ok());
    lock(&root);
    cut(&mut peer);
    cut(home);
    assert!(turned_away(&way(&root, &alice)).contains("lock"));
}

#[test]
fn a_lock_on_a_leafs_proxy_ends_its_tunnel_at_the_root() {
    let (root, mut leaf) = (Cluster::single(), Cluster::single_called(LEAF));
    leaf.tools_role("guest", &["*"]);
    let alice = root.identity("alice", &["mcp-user"]);
    leaf.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
    let mut peer = reached(&root, &alice);
    let proxy = leafs_proxy::host_id(&mut leaf);
    let another = "--server-id=00000000-0000-4000-8000-000000000000";
    root.admin(&["lock", another]);
    assert!(call(&mut peer, "tessera_demo_info").is_ok());
    root.admin(&["lock", &format!("--server-id={proxy}"), "--ttl=1h"]);
    cut(&mut peer);
    assert!(turned_away(&way(&root, &alice)).contains("cannot be reached now"));
    // At home it is who it is.
    let own = leaf.identity("own", &["mcp-user"]);
    assert!(call(&mut connect(&leaf.way(&own, DEMO)), "tessera_demo_info").is_ok());
    let locks = root.tctl_json(&["get", "locks", "--format=json"]);
    for lock in locks.as_array().unwrap() {
        root.admin(&["rm", &format!("lock/{}", lock["metadata"]["name"].as_str().unwrap())]);
    }
    assert!(call(&mut reached(&root, &alice), "tessera_demo_info").is_ok());
}

#[test]
fn neither_cluster_needs_the_other_and_both_find_together_again() {
    let (mut root, leaf) = (Cluster::apart(), Cluster::single_called(LEAF));
    leaf.tools_role("guest", &["*"]);
    let (alice, own) = (root.identity("alice", &["mcp-user"]), leaf.identity("own", &["mcp-user"]));
    leaf.trust(&root, &json!([{"remote": "*", "local": ["guest"]}]));
    let mut peer = reached(&root, &alice);

    // Without the root's auth service, what was allowed goes on.
    root.auth().kill();
    assert!(call(&mut peer, "tessera_demo_info").is_ok());
    assert!(call(&mut connect(&way(&root, &alice)), "tessera_demo_info").is_ok());
    assert!(call(&mut connect(&leaf.way(&own, DEMO)), "tessera_demo_info").is_ok());
    // Without its proxy there is no way.
    root.proxy().kill();
    assert_eq!(peer.process().wait(wait::PATIENCE).code(), Some(1));
    assert!(call(&mut connect(&leaf.way(&own, DEMO)), "tessera_demo_info").is_ok());
    root.auth().start();
    let _pin = root.await_auth();
    root.proxy().start();
    assert!(call(&mut reached(&root, &alice), "tessera_demo_info").is_ok());
}

#[test]
fn what_is_taken_away_at_the_root_is_taken_away_from_what_is_open_at_the_leaf() {
    // The root's proxy reads neither users nor roles.
    let (root, leaf) = (Cluster::apart(), Cluster::single_called(LEAF));
    leaf.tools_role("guest", &["*"]);
    root.tools_role("visitor", &["tessera_demo_*"]);
    root.tools_role("other", &["tessera_demo_*"]);
    let alice = root.identity("alice", &["visitor"]);
    let bob = root.identity("bob", &["other"]);
    let both = [("visitor", "guest"), ("other", "guest")];
    let role_map: Vec<Value> =
        both.map(|(remote, local)| json!({"remote": remote, "local": [local]})).into();
    leaf.trust(&root, &json!(role_map));
    let others = &mut reached(&root, &bob);

    let mut peer = reached(&root, &alice);
    root.tools_role("visitor", &["something_else"]);
    let said = cut(&mut peer);
    assert!(said.contains("what you may do has changed"), "{said}");
    root.tools_role("visitor", &["tessera_demo_*"]);

    let mut peer = reached(&root, &alice);
    root.admin(&["users", "rm", "alice"]);
    let said = cut(&mut peer);
    assert!(said.contains("your user does not exist any more"), "{said}");
    turned_away(&way(&root, &alice));
    assert!(call(others, "tessera_demo_info").is_ok(), "somebody else's was ended");
}
