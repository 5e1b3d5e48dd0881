//! Clusters that want clients to prove that they hold the key of their certificate.

use serde_json::json;
use testkit::http::Call;
use testkit::{Cluster, Real, wait};

use super::{REVISION, connect, listed};

#[test]
fn tsh_proves_that_it_holds_the_key_and_a_certificate_alone_opens_nothing() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let log = cluster.scratch().join("asked.log");
    cluster.app("logged", &real.logging_server(&log));
    cluster.tools_role("reader", &["echo"]);
    let alice = cluster.identity("alice", &["reader"]);
    // A client with the certificate and the key, which knows nothing of proofs.
    let plain = real.forwarder(&cluster, &alice, "logged");
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    }});
    let hello = hello.to_string();
    let ask = || Call::post("/mcp", hello.as_str()).send(plain.port()).unwrap();
    assert_eq!(ask().status, 200);

    cluster.put(&json!({
        "kind": "cluster_auth_preference", "version": "v2",
        "metadata": {"name": "cluster-auth-preference"},
        "spec": {"require_client_proof": true},
    }));
    let refused = wait::until("the agent to want proofs", wait::PATIENCE, || {
        let reply = ask();
        if reply.status == 401 { Ok(reply) } else { Err(format!("{}", reply.status)) }
    });
    let said = refused.json().to_string();
    assert!(said.contains("wants clients to prove"), "{said}");
    let words = ["--event=mcp.session.invalid_http_request"];
    let record = cluster.await_audit("the refusal", &words, |record| record["user"] == "alice");
    assert!(record["error"].as_str().unwrap().contains("wants clients to prove"), "{record}");
    assert_eq!(listed(&mut connect(&cluster.way(&alice, "logged"))), ["echo"]);
}
