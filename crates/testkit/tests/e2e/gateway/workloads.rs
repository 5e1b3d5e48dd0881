//! Agents that join by what their platform signs of them.

use std::path::Path;

use serde_json::{Value, json};
use testkit::cluster::{Node, app_section};
use testkit::{CiPlatform, Cluster, IdentityProvider, Real, wait};

use super::{call, connect, done};

/// The name of the cluster, which is what its tokens must be for.
fn name_of(cluster: &Cluster) -> String {
    let status = cluster.tctl_json(&["status", "--format=json"]);
    let name = status.get("cluster").and_then(Value::as_str);
    name.unwrap_or_else(|| panic!("{status}")).to_owned()
}

/// What a process says that ends because it is not let in.
#[track_caller]
fn not_let_in(mut node: Node) -> String {
    assert_eq!(node.process().wait(wait::PATIENCE).code(), Some(1), "{}", node.log());
    wait::until("its last words", wait::PATIENCE, || {
        let said = node.log();
        if said.contains("ERROR: ") { Ok(said) } else { Err(said) }
    })
}

/// A process that joins as an agent by `method`, with these variables.
fn agent(cluster: &Cluster, name: &str, method: &str, variables: &[String]) -> Node {
    let join = format!(
        "  proxy_server: {}\n  join_params:\n    method: {method}\n    token_name: {name}\n  ca_pin: {}\n",
        cluster.proxy_addr(),
        cluster.ca_pin()
    );
    let services = app_section("");
    let node = Node::new(cluster.binaries(), cluster.scratch(), name, &join, &services);
    let words = ["/usr/bin/env"].into_iter().chain(variables.iter().map(String::as_str));
    let program = cluster.binaries().folder().join("tessera");
    let mut node = node.started_by(&words.collect::<Vec<_>>(), &program);
    node.start();
    node
}

fn token(cluster: &Cluster, name: &str, method: &str, section: &Value) {
    cluster.put(&json!({
        "kind": "token", "version": "v2", "metadata": {"name": name},
        "spec": {"roles": ["App"], "join_method": method, method: section},
    }));
}

/// Waits until the agent of this name serves an app, which somebody then uses.
fn serves(cluster: &Cluster, real: &Real, node: &Node) {
    let alice =
        super::logged_cluster(cluster, &real.logging_server(&cluster.scratch().join("log")));
    wait::until("the new agent to serve", wait::PATIENCE, || {
        let status = cluster.app_status("logged");
        let is_there = status
            .iter()
            .any(|one| one["hostname"] == json!(node.name()) && one["state"] == json!("serving"));
        if is_there { Ok(()) } else { Err(format!("{status:?}\n{}", node.log())) }
    });
    // One of some connections is the new agent's.
    wait::until("a session of the new agent", wait::PATIENCE, || {
        let mut peer = connect(&cluster.way(&alice, "logged"));
        assert!(call(&mut peer, "echo").is_ok());
        let starts = cluster.audit(&["--event=mcp.session.start"]);
        let own = starts.iter().any(|event| event["server_hostname"] == json!(node.name()));
        if own { Ok(()) } else { Err(format!("{starts:?}")) }
    });
}

#[test]
fn a_pod_joins_by_its_service_account_and_serves() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let provider = IdentityProvider::start(&real, &cluster);
    let account = "system:serviceaccount:mcp:agent";
    let pod = json!({"namespace": "mcp", "pod": {"name": "agent-0", "uid": "7"}});
    let user = json!({"claims": {}, "token": {"kubernetes.io": pod}});
    provider.change(account, &user);
    let section = |account: &str| {
        json!({
            "type": "oidc", "oidc": {"issuer": provider.issuer()}, "allow": [{"service_account": account}],
        })
    };
    token(&cluster, "pods", "kubernetes", &section("mcp:agent"));
    token(&cluster, "others", "kubernetes", &section("mcp:agent2"));
    let name = name_of(&cluster);
    let file = cluster.scratch().write("pod-token", provider.token(account, &name));
    let variable = |file: &Path| [format!("KUBERNETES_TOKEN_PATH={}", file.display())];

    let said = not_let_in(agent(&cluster, "others", "kubernetes", &variable(&file)));
    assert!(said.contains("rule 1 wants another service_account"), "{said}");
    assert!(!said.contains("agent2"), "the log tells the rule:\n{said}");
    let elsewhere = cluster.scratch().write("other-token", provider.token(account, "other"));
    let said = not_let_in(agent(&cluster, "pods", "kubernetes", &variable(&elsewhere)));
    assert!(said.contains("\"aud\""), "{said}");

    let node = agent(&cluster, "pods", "kubernetes", &variable(&file));
    serves(&cluster, &real, &node);
    let joined = cluster.await_audit("the join", &["--event=instance.join"], |event| {
        event["success"] == json!(true) && event["node_name"] == json!("pods")
    });
    assert_eq!(joined["workload"]["sub"], account);
    assert_eq!(joined["method"], "kubernetes");
}

#[test]
fn a_workflow_joins_by_what_it_asks_its_platform_for() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let platform = CiPlatform::start(&real);
    let issuer = "https://token.actions.githubusercontent.com";
    let sub = "repo:octo/app:ref:refs/heads/main";
    platform.say(&json!({"iss": issuer, "sub": sub, "repository": "evil/app"}));
    let allow = json!([{"repository": "octo/app"}]);
    token(&cluster, "ci", "github", &json!({"static_jwks": platform.keys(), "allow": allow}));
    // Whose names are shown, for they are no secrets.
    assert!(done(&cluster.tctl(&["tokens", "ls"])).contains("ci"));

    let said = not_let_in(agent(&cluster, "ci", "github", &platform.variables()));
    assert!(said.contains("rule 1 wants another repository"), "{said}");
    let said = not_let_in(agent(&cluster, "ci", "github", &[]));
    assert!(said.contains("id-token: write"), "{said}");

    platform.say(&json!({"iss": issuer, "sub": sub, "repository": "octo/app"}));
    let node = agent(&cluster, "ci", "github", &platform.variables());
    serves(&cluster, &real, &node);
}
