//! Each part of a cluster dies in turn: who does not need it notices nothing, and who needs it waits for nobody.

use serde_json::Value;
use testkit::cluster::{CLUSTER, Node};
use testkit::{Cluster, Peer, Real, wait};

use super::three::{APP, Three, answers_from};
use super::{LEAF, OTHER, cut_by, lock};
use crate::gateway::{await_connection, call, connect, refused, turned_away};

/// Connections that are open while something dies.
struct Open {
    root: Peer,
    leaf: Peer,
    other: Peer,
    own: Peer,
}

// === impl Open ===

impl Open {
    #[track_caller]
    fn new(three: &Three) -> Self {
        Self {
            root: three.reach(CLUSTER),
            leaf: three.reach(LEAF),
            other: three.reach(OTHER),
            own: three.own_reaches(),
        }
    }

    /// Those of which this is said go on; the others end, and say that they failed.
    #[track_caller]
    fn go_on(self, [root, leaf, other, own]: [bool; 4]) {
        let all = [
            (self.root, root, CLUSTER),
            (self.leaf, leaf, LEAF),
            (self.other, other, OTHER),
            (self.own, own, LEAF),
        ];
        for (mut peer, goes_on, cluster) in all {
            if goes_on {
                answers_from(&mut peer, cluster);
            } else {
                let status = peer.process().wait(wait::PATIENCE);
                assert_eq!(status.code(), Some(1), "{cluster}");
            }
        }
    }
}

/// When the root heard of the leaf the last time.
#[track_caller]
fn heard(root: &Cluster) -> Value {
    root.get(&format!("rc/{LEAF}")).pointer("/status/last_heartbeat").cloned().unwrap()
}

/// Waits until the root hears of the leaf again.
#[track_caller]
fn await_heard(root: &Cluster) {
    let before = heard(root);
    wait::until("the leaf to be heard of", wait::PATIENCE, || {
        let now = heard(root);
        if now == before { Err(now.to_string()) } else { Ok(()) }
    });
}

/// The clusters know each other as before: what is locked at the leaf ends at the root's user.
#[track_caller]
fn is_as_before(three: &Three) {
    let mut peer = three.reach(LEAF);
    await_heard(&three.root);
    let name = lock(&three.leaf);
    let said = cut_by(&mut peer, wait::PATIENCE);
    assert!(said.contains("a stolen laptop"), "{said}");
    three.leaf.admin(&["rm", &name]);
    drop(three.reach(LEAF));
}

/// As a machine that loses power does.
fn kill(node: &mut Node) {
    node.kill();
}

#[test]
fn a_leaf_whose_parts_die_comes_back_without_a_hand() {
    let mut three = Three::start(&Real::locate());

    let open = Open::new(&three);
    kill(three.leaf.agent());
    open.go_on([true, false, true, false]);
    let said = turned_away(&three.way(LEAF));
    assert!(said.contains(APP), "{said}");
    drop((three.reach(CLUSTER), three.reach(OTHER)));
    three.leaf.agent().start();
    drop((three.reach(LEAF), three.own_reaches()));

    let open = Open::new(&three);
    kill(three.leaf.proxy());
    open.go_on([true, false, true, false]);
    let said = turned_away(&three.way(LEAF));
    assert!(said.contains(LEAF) && said.contains("cannot be reached now"), "{said}");
    drop((three.reach(CLUSTER), three.reach(OTHER)));
    three.leaf.proxy().start();
    drop((three.reach(LEAF), three.own_reaches()));

    // What was decided goes on, and what is to be decided too: by copies.
    let open = Open::new(&three);
    kill(three.leaf.auth());
    open.go_on([true, true, true, true]);
    for cluster in [CLUSTER, LEAF, OTHER] {
        answers_from(&mut connect(&three.way(cluster)), cluster);
    }
    answers_from(&mut connect(&three.leaf.way(&three.own, APP)), LEAF);
    let ls = three.root.tsh_as(&three.alice).args(["mcp", "ls", "-c", LEAF]);
    refused(&three.root.run(&ls, ""), &["the auth service of \"leaf.test\" cannot be reached now"]);
    three.leaf.auth().start();
    let _pin = three.leaf.await_auth();
    is_as_before(&three);
}

#[test]
fn a_root_whose_parts_die_comes_back_without_a_hand() {
    let mut three = Three::start(&Real::locate());

    let open = Open::new(&three);
    kill(three.root.proxy());
    open.go_on([false, false, false, true]);
    drop(three.own_reaches());
    let said = turned_away(&three.way(LEAF));
    assert!(said.contains(three.root.proxy_addr()), "{said}");
    three.root.proxy().start();
    drop(Open::new(&three));

    // Whom the root let go on goes on; whom it would have to ask about does not.
    let open = Open::new(&three);
    let never_there = three.root.identity("bob", &["mcp-user"]);
    kill(three.root.auth());
    open.go_on([true, true, true, true]);
    for cluster in [CLUSTER, LEAF, OTHER] {
        answers_from(&mut connect(&three.way(cluster)), cluster);
    }
    let by_bob = |cluster| super::way_to(&three.root, &never_there, cluster, APP);
    let said = turned_away(&by_bob(LEAF));
    assert!(said.contains(r#"the auth service of \"testkit\" cannot be reached now"#), "{said}");
    drop(three.own_reaches());
    // Meanwhile the agent of the leaf dies and is there again.
    kill(three.leaf.agent());
    three.leaf.agent().start();
    drop((three.own_reaches(), three.reach(LEAF)));
    three.root.auth().start();
    let _pin = three.root.await_auth();
    answers_from(&mut await_connection(&super::way_to(&three.root, &never_there, LEAF, APP)), LEAF);
    is_as_before(&three);

    // Both ends at once.
    kill(three.root.proxy());
    kill(three.leaf.proxy());
    kill(three.root.auth());
    kill(three.leaf.auth());
    three.leaf.auth().start();
    three.root.auth().start();
    let _pin = three.leaf.await_auth();
    let _pin = three.root.await_auth();
    three.leaf.proxy().start();
    drop(three.own_reaches());
    three.root.proxy().start();
    is_as_before(&three);
    assert!(call(&mut three.reach(OTHER), OTHER).is_ok());
}
