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
