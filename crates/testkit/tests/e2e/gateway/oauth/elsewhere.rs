//! Servers of other clusters, by what a client got at home.

use serde_json::json;
use testkit::{Cluster, Visitor, wait};

use super::lab::Lab;
use super::{Client, clients, signs_in};
use crate::gateway::{SOON, tokens};

const LEAF: &str = "leaf.test";
const THERE: &str = "/mcp/sites/leaf.test/apps/everything";

/// A cluster that lets in the users of another, with a server of the same name.
fn leaf_of(root: &Cluster, real: &testkit::Real) -> Cluster {
    let leaf = Cluster::single_called(LEAF);
    leaf.tools_role("guest", &["{{internal.mcp_tools}}"]);
    leaf.app("everything", &real.everything());
    leaf.trust(root, &json!([{"remote": "reader", "local": ["guest"]}]));
    leaf
}

#[test]
fn a_server_of_another_cluster_is_used_by_who_signed_in_at_home() {
    let (real, root) = (testkit::Real::locate(), Cluster::named());
    super::allow(&root, &json!({}));
    root.tools_role("reader", &["echo"]);
    let mut alice = root.sign_up(&real, "alice", "reader");
    let leaf = leaf_of(&root, &real);
    let url = format!("https://{}{THERE}", root.proxy_addr());
    let [_, _, (_, python)] = clients(&real, &root, &url);
    let mut client = Client::start(&python);
    let mut steps = signs_in(&mut alice, &client.asks()).to_vec();
    steps.extend([json!({"click": "#approve"}), json!({"until": "Back to the client"})]);
    let seen = Visitor::new(&real, &root).visit(&steps);
    let page = seen.get(2).unwrap();
    assert!(page.text().contains(LEAF), "{page:?}");
    let got = client.says();
    assert_eq!(got["tools"], json!(["echo"]), "{got}");
    let request = leaf.await_audit("the call", &["--event=mcp.session.request"], |record| {
        record.pointer("/message/method") == Some(&json!("tools/call"))
    });
    assert_eq!(
        (&request["user"], &request["user_cluster_name"]),
        (&json!("alice"), &json!(root.name()))
    );
    let _spoiled = client.told("spoil");
    let again = client.told("call");
    assert_eq!(again["tools"], json!(["echo"]), "{again}");
}

#[test]
fn what_is_open_there_ends_with_the_grant_and_leads_nowhere_else() {
    let mut lab = Lab::open();
    let leaf = leaf_of(&lab.cluster, &lab.real);
    let here = lab.granted("/mcp/apps/everything");
    let there = lab.granted(THERE);
    lab.await_admission(THERE, &there.access);
    // What is for one of them is for no other.
    lab.await_refusal(THERE, &here.access);
    lab.await_refusal("/mcp/apps/everything", &there.access);
    lab.await_refusal("/mcp/sites/leaf.test/apps/other", &there.access);
    lab.await_refusal("/mcp/sites/nobody.test/apps/everything", &there.access);

    let mut listener = tokens::listener(&lab.real, &lab.url(THERE), &there.access);
    leaf.admin(&["lock", "--user=alice", "--message=a stolen laptop"]);
    listener.wait_for_output("ended", SOON);
    let locks = leaf.tctl_json(&["get", "locks", "--format=json"]);
    let name = locks.pointer("/0/metadata/name").and_then(serde_json::Value::as_str).unwrap();
    leaf.admin(&["rm", &format!("lock/{name}")]);
    lab.await_admission(THERE, &there.access);

    let mut listener = tokens::listener(&lab.real, &lab.url(THERE), &there.access);
    let grants = lab.grants();
    let grant = grants.iter().find(|grant| grant.to_string().contains(LEAF)).unwrap();
    let grant = grant.pointer("/metadata/name").and_then(serde_json::Value::as_str).unwrap();
    lab.cluster.admin(&["rm", &format!("oauth_grant/{grant}")]);
    listener.wait_for_output("ended", SOON);
    lab.await_refusal(THERE, &there.access);
    // The other goes on.
    assert_eq!(lab.knock("/mcp/apps/everything", &here.access)["status"], 200);
    wait::until("the leaf to know nothing of it", wait::PATIENCE, || {
        let told = format!("{}{}", leaf.logs(), serde_json::Value::from(leaf.audit(&[])));
        if told.contains(&there.access) { Err("it does".to_owned()) } else { Ok(()) }
    });
}
