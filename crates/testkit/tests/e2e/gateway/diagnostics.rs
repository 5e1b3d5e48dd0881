//! What a process tells whoever watches over it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use testkit::http::{Call, Reply};
use testkit::{Cluster, Real, wait};

use super::health::Changing;
use super::{call, connect};

const DIAG: &str = "  diag_addr: 127.0.0.1:0\n";
const REFERENCE: &str = include_str!("../../../../../docs/reference/metrics.md");

/// The port at which a process says that it tells diagnostics.
#[track_caller]
fn port(mut log: impl FnMut() -> String) -> u16 {
    wait::until("the address for diagnostics", wait::PATIENCE, || {
        let log = log();
        let line = log.lines().find(|line| line.contains("diagnostics are told"));
        let after = line.and_then(|line| line.split("address=127.0.0.1:").nth(1));
        let digits = after.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect());
        digits.and_then(|digits: String| digits.parse().ok()).ok_or(log)
    })
}

fn get(port: u16, path: &str) -> Reply {
    Call::new("GET", path).send(port).unwrap()
}

/// What is told, by metric and labels.
#[track_caller]
fn scrape(port: u16) -> BTreeMap<String, f64> {
    let body = String::from_utf8(get(port, "/metrics").whole().unwrap()).unwrap();
    assert!(body.ends_with("# EOF\n"), "{body}");
    let values = body.lines().filter(|line| !line.starts_with('#'));
    let value = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap();
        (name.to_owned(), value.parse().unwrap())
    };
    values.map(value).collect()
}

fn names(values: &BTreeMap<String, f64>) -> BTreeSet<&str> {
    values.keys().map(|key| key.split('{').next().unwrap()).collect()
}

#[test]
fn a_process_tells_how_it_is_and_the_reference_says_what_that_means() {
    let (real, mut cluster) = (Real::locate(), Cluster::single_with(DIAG, ""));
    let port = port(|| cluster.auth().log());
    wait::until("the process to be ready", wait::PATIENCE, || {
        let reply = get(port, "/readyz");
        if reply.status == 200 { Ok(()) } else { Err(format!("{reply:?}")) }
    });
    assert_eq!(get(port, "/healthz").status, 200);
    cluster.put(&Changing::new(&real, &cluster).document("watched", ""));
    cluster.put(&json!({
        "kind": "app", "version": "v3", "metadata": {"name": "broken \"1\""},
        "spec": {"mcp": {"command": "/no/such", "run_as_host_user": testkit::cluster::own_user()}},
    }));
    cluster.await_served("watched");
    cluster.tools_role("reader", &["echo"]);
    let alice = cluster.identity("alice", &["reader"]);
    let before = scrape(port);
    let mut peer = connect(&cluster.way(&alice, "watched"));
    assert!(call(&mut peer, "echo").is_ok());
    assert!(call(&mut peer, "echo").is_ok());
    assert!(call(&mut peer, "secret_tool").is_err());
    wait::until("the metrics", wait::PATIENCE, || {
        let now = scrape(port);
        let at = |name: &str| now.get(name).copied();
        let of = |decision: &str| {
            let name =
                format!("tessera_agent_requests_total{{app=\"watched\",decision=\"{decision}\"}}");
            at(&name)
        };
        // The handshake is a request as well.
        let right = of("allowed") == Some(3.0)
            && of("refused") == Some(1.0)
            && at("tessera_agent_connections") == Some(1.0)
            && at("tessera_agent_app_healthy{app=\"watched\"}") == Some(1.0)
            && at("tessera_agent_apps{state=\"failed\"}") == Some(1.0)
            && at("tessera_auth_app_servers{state=\"failed\"}") == Some(1.0)
            && at("tessera_auth_registered_apps") == Some(2.0)
            && at("tessera_audit_errors_total") == Some(0.0)
            && at("tessera_audit_spool_records") == Some(0.0)
            && at("tessera_proxy_connections") >= Some(1.0);
        if right { Ok(()) } else { Err(format!("{now:#?}")) }
    });
    let now = scrape(port);
    assert!(now["process_cpu_seconds_total"] >= before["process_cpu_seconds_total"]);

    // Every metric is in the reference, and every one that is there is told.
    let rows = REFERENCE.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let documented: BTreeSet<&str> = rows.filter(|name| !name.starts_with('/')).collect();
    assert_eq!(names(&now), documented);
    // And nothing of users, tools or what was said is.
    let whole = format!("{now:?}");
    for secret in ["alice", "echo", "secret_tool", "reader"] {
        assert!(!whole.contains(secret), "{secret} is told: {whole}");
    }
}

#[test]
fn nobody_is_told_unless_that_is_wanted_and_tunnels_are_counted() {
    let mut cluster = Cluster::apart();
    let join =
        format!("{DIAG}  proxy_server: {}\n{}", cluster.proxy_addr(), cluster.join_params("app"));
    let section = "app_service:\n  enabled: yes\n  mcp_demo_server: yes\n";
    let mut node = cluster.node("watched", &join, section);
    let port = port(|| node.log());
    wait::until("a tunnel", wait::PATIENCE, || {
        let now = scrape(port);
        let up = now.get("tessera_agent_tunnels").copied();
        let other = now.keys().find(|name| name.contains("auth_") || name.contains("proxy_"));
        if up == Some(1.0) && other.is_none() { Ok(()) } else { Err(format!("{now:?}")) }
    });
    assert_eq!(Call::post("/metrics", "").send(port).unwrap().status, 405);
    cluster.proxy().kill();
    wait::until("no tunnel", wait::PATIENCE, || match scrape(port).get("tessera_agent_tunnels") {
        Some(up) if *up == 0.0 => Ok(()),
        up => Err(format!("{up:?}")),
    });
    node.stop();
    assert!(!cluster.auth().log().contains("diagnostics are told"));
}
