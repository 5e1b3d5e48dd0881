//! Who may become part of a cluster.

use testkit::cluster::{app_section, join_params};
use testkit::{Cluster, wait};

use super::{done, refused};

/// A process that ends by itself with status 1; gives what it said.
#[track_caller]
fn not_let_in(cluster: &Cluster, name: &str, token: &str, pin: &str, services: &str) -> String {
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), join_params(token, pin));
    let mut node = cluster.node(name, &join, services);
    let status = node.process().wait(wait::PATIENCE);
    let said = wait::until("its last words", wait::PATIENCE, || {
        let said = node.log();
        if said.contains("ERROR: ") { Ok(said) } else { Err(said) }
    });
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(!node.data().join("identity.pem").exists(), "{said}");
    said
}

#[test]
fn only_a_valid_token_for_the_service_and_the_right_pin_let_a_process_in() {
    let cluster = Cluster::single();
    let pin = cluster.ca_pin().to_owned();
    let agent = app_section("");
    let invented = "0123456789abcdef0123456789abcdef";
    let said = not_let_in(&cluster, "invented", invented, &pin, &agent);
    assert!(said.contains("join token is not valid"), "{said}");
    assert!(!said.contains(invented), "the log shows the token:\n{said}");

    let brief = cluster.token("app", "1s");
    wait::until("the token to expire", wait::PATIENCE, || {
        let tokens = cluster.admin(&["tokens", "ls", "--with-secrets"]);
        if tokens.contains(&brief) { Err(tokens) } else { Ok(()) }
    });
    let said = not_let_in(&cluster, "expired", &brief, &pin, &agent);
    assert!(said.contains("join token is not valid"), "{said}");

    let removed = cluster.token("app", "1h");
    let _said = done(&cluster.tctl(&["tokens", "rm", &removed]));
    let said = not_let_in(&cluster, "removed", &removed, &pin, &agent);
    assert!(said.contains("join token is not valid"), "{said}");

    let for_proxies = cluster.token("proxy", "1h");
    let said = not_let_in(&cluster, "other", &for_proxies, &pin, &agent);
    assert!(said.contains("not for the app service"), "{said}");

    let token = cluster.token("app", "1h");
    let other = format!("sha256:{}", "0".repeat(64));
    let said = not_let_in(&cluster, "mistaken", &token, &other, &agent);
    assert!(said.contains("pin"), "{said}");
    assert!(!said.contains(&token), "the log shows the token:\n{said}");

    // The same token works for who knows the cluster.
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), join_params(&token, &pin));
    let node = cluster.node("agent-2", &join, &agent);
    wait::until("the agent", wait::PATIENCE, || {
        if node.data().join("identity.pem").exists() { Ok(()) } else { Err(node.log()) }
    });
    let failed = cluster.audit(&["--event=instance.join"]);
    let refusals = failed.iter().filter(|event| event["success"] == serde_json::json!(false));
    assert_eq!(refusals.count(), 4, "{failed:?}");
}

#[test]
fn tokens_are_secrets_and_their_kinds_are_known() {
    let cluster = Cluster::single();
    let token = cluster.token("app,proxy", "1h");
    for shown in [
        cluster.admin(&["tokens", "ls"]),
        cluster.admin(&["get", "tokens"]),
        cluster.admin(&["get", "tokens", "--format=json"]),
        cluster.admin(&["audit", "ls", "--format=json"]),
    ] {
        assert!(!shown.contains(&token), "{shown}");
    }
    let shown = cluster.admin(&["tokens", "ls", "--with-secrets"]);
    assert!(shown.contains(&token), "{shown}");
    refused(&cluster.tctl(&["tokens", "rm", "no-such-token"]), &["ERROR"]);
    let unknown = cluster.tctl(&["tokens", "add", "--type=kitchen"]);
    assert!(!unknown.status.success() && unknown.stderr.contains("kitchen"), "{unknown:?}");
}

#[test]
fn a_token_for_one_lets_one_in_and_a_lock_on_it_ends_that_one() {
    let cluster = Cluster::single();
    let real = testkit::Real::locate();
    let server = real.logging_server(&cluster.scratch().join("log"));
    let mut app = testkit::cluster::app_document("edge", &server, &testkit::cluster::own_user());
    let agent = format!(
        "app_service:\n  enabled: yes\n  apps:\n  - {}\n",
        serde_json::json!({"name": "edge", "labels": {"at": "edge"}, "mcp": app["spec"]["mcp"].take()})
    );
    let made = cluster.tctl_json(&[
        "tokens",
        "add",
        "--type=app",
        "--uses=1",
        "--ttl=1h",
        "--format=json",
    ]);
    let token = made["token"].as_str().unwrap();
    let pin = cluster.ca_pin().to_owned();
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), join_params(token, &pin));
    let node = cluster.node("edge", &join, &agent);
    wait::until("the agent", wait::PATIENCE, || {
        if node.data().join("identity.pem").exists() { Ok(()) } else { Err(node.log()) }
    });
    let said = not_let_in(&cluster, "second", token, &pin, &agent);
    assert!(said.contains("used up") && said.contains("once"), "{said}");
    let table = cluster.admin(&["tokens", "ls"]);
    let row = table.lines().find(|line| line.contains("  0 ")).unwrap_or_else(|| panic!("{table}"));
    let id = row.split_whitespace().nth(1).unwrap().to_owned();

    // A server that this agent alone serves: locked by what the agent came by, it ends and says why.
    let alice = cluster.identity("alice", &["mcp-user"]);
    let mut peer = super::await_connection(&cluster.way(&alice, "edge"));
    let refusal = cluster.tctl(&["lock", &format!("--join-token={token}")]);
    refused(&refusal, &["this is a secret", &id]);
    assert!(!refusal.stderr.contains(token), "{refusal:?}");
    cluster.admin(&["lock", &format!("--join-token={id}"), "--message=the token got out"]);
    assert_eq!(peer.process().wait(super::SOON).code(), Some(1));
    let said = peer.process().stderr();
    assert!(said.contains("the token got out"), "{said}");
    let said = super::turned_away(&cluster.way(&alice, "edge"));
    assert!(said.contains("edge"), "{said}");
}
