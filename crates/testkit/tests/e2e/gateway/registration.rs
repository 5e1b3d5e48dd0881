//! Registration over time: after every change, agents serve exactly what the resources say.
#![expect(clippy::indexing_slicing, reason = "documents in tests are objects")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use testkit::cluster::{Node, own_user};
use testkit::{Cluster, wait};

use super::{done, refused};

const CHANGES: usize = 250;

/// A cluster whose only agent serves what is labelled `env: served`, and an app of its own.
fn selective() -> (Cluster, Node) {
    let mut cluster = Cluster::apart();
    cluster.agent().stop();
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), cluster.join_params("app"));
    let section = "app_service:\n  enabled: yes\n  resources:\n  - labels: {env: served}\n  apps:\n  \
                   - {name: fixed, uri: 'mcp+http://127.0.0.1:1/mcp', public_addr: fixed.example.com}\n";
    let node = cluster.node("selective", &join, section);
    serves(&cluster, &["fixed"]);
    wait::until("the agent's record", wait::PATIENCE, || {
        let agents = cluster.tctl_json(&["get", "agents", "--format=json"]).to_string();
        if agents.contains("selective") { Ok(()) } else { Err(agents) }
    });
    (cluster, node)
}

fn document(name: &str, env: &str, word: &str) -> Value {
    json!({
        "kind": "app", "version": "v3", "metadata": {"name": name, "labels": {"env": env}},
        "spec": {"mcp": {"command": "cat", "args": [word], "run_as_host_user": own_user()}},
    })
}

fn put(cluster: &Cluster, name: &str, env: &str, word: &str) {
    cluster.put(&document(name, env, word));
}

/// What the agent says that it serves: the revision of each app.
fn served(cluster: &Cluster) -> BTreeMap<String, Value> {
    let records = cluster.tctl_json(&["get", "app_servers", "--format=json"]);
    let of = |record: &Value| {
        let metadata = record.pointer("/spec/app/metadata").unwrap();
        (metadata["name"].as_str().unwrap().to_owned(), metadata["revision"].clone())
    };
    let ours = records.as_array().unwrap().iter();
    ours.filter(|record| record["spec"]["hostname"] == "selective").map(of).collect()
}

/// Waits until just these apps are served, each as it is registered now.
#[track_caller]
fn serves(cluster: &Cluster, names: &[&str]) {
    wait::until("what is served is what is registered", wait::PATIENCE, || {
        let found = served(cluster);
        let apps = cluster.tctl_json(&["get", "apps", "--format=json"]);
        let registered: BTreeMap<&str, &Value> = apps
            .as_array()
            .unwrap()
            .iter()
            .map(|app| (app["metadata"]["name"].as_str().unwrap(), &app["metadata"]["revision"]))
            .collect();
        let is_current = |(name, revision): (&String, &Value)| {
            registered.get(name.as_str()).is_none_or(|registered| *registered == revision)
        };
        let right = found.keys().map(String::as_str).eq(names.iter().copied());
        if right && found.iter().all(is_current) { Ok(()) } else { Err(format!("{found:?}")) }
    });
}

/// Six seconds from now, as documents write it.
fn in_a_moment() -> String {
    let mut date = testkit::process::command(Path::new("date"));
    date.args(["-u", "-d", "+6 seconds", "+%Y-%m-%dT%H:%M:%SZ"]);
    done(&testkit::process::run(date, b"", wait::PATIENCE)).trim().to_owned()
}

#[test]
fn agents_serve_exactly_what_the_resources_say() {
    let (mut cluster, mut agent) = selective();
    put(&cluster, "a", "served", "1");
    put(&cluster, "b", "other", "1");
    serves(&cluster, &["a", "fixed"]);
    put(&cluster, "a", "served", "2");
    serves(&cluster, &["a", "fixed"]);
    // Matched and unmatched, again and again: no record stays, none is missing.
    for word in ["1", "2"] {
        put(&cluster, "b", "served", word);
        serves(&cluster, &["a", "b", "fixed"]);
        put(&cluster, "b", "other", word);
        serves(&cluster, &["a", "fixed"]);
    }
    cluster.admin(&["rm", "app/a"]);
    serves(&cluster, &["fixed"]);
    put(&cluster, "a", "served", "3");
    serves(&cluster, &["a", "fixed"]);

    let mut passing = document("passing", "served", "1");
    passing["metadata"]["expires"] = json!(in_a_moment());
    cluster.put(&passing);
    serves(&cluster, &["a", "fixed", "passing"]);
    serves(&cluster, &["a", "fixed"]);

    // The auth service goes away and comes back; what is served goes on, and changes are followed.
    cluster.auth().kill();
    cluster.auth().start();
    cluster.await_auth();
    put(&cluster, "b", "served", "9");
    serves(&cluster, &["a", "b", "fixed"]);
    // The agent does.
    agent.kill();
    cluster.admin(&["rm", "app/a"]);
    agent.start();
    serves(&cluster, &["b", "fixed"]);
}

#[test]
fn a_burst_of_changes_is_followed() {
    let (cluster, _agent) = selective();
    let names: Vec<String> = (0..CHANGES).map(|at| format!("app-{at:04}")).collect();
    let all = |env: &str, word: &str| {
        let mut text = String::new();
        for name in &names {
            writeln!(text, "---\n{}", document(name, env, word)).unwrap();
        }
        cluster.admin_with(&["create", "-f", "-"], &text);
    };
    let mut expected: Vec<&str> = names.iter().map(String::as_str).collect();
    expected.push("fixed");
    all("served", "1");
    all("served", "2");
    all("other", "2");
    all("served", "3");
    serves(&cluster, &expected);
    all("other", "3");
    serves(&cluster, &["fixed"]);
}

#[test]
fn an_app_that_nobody_serves_says_why() {
    let (cluster, _agent) = selective();
    put(&cluster, "left", "other", "1");
    let reason = cluster.get("app/left").pointer("/status/reason").cloned().unwrap();
    let reason = reason.as_str().unwrap();
    for word in ["\"selective\"", "env=served", "env=other"] {
        assert!(reason.contains(word), "{word}: {reason}");
    }
    let listed = cluster.admin(&["apps", "ls"]);
    let row = listed.lines().find(|line| line.contains("left")).unwrap();
    assert!(row.contains("not served") && row.contains("env=other"), "{row}");
    assert!(listed.lines().any(|line| line.starts_with("selective") && line.contains("fixed")));
    let agents = cluster.admin(&["get", "agents", "--format=text"]);
    assert!(agents.contains("env=served") && agents.contains("fixed"), "{agents}");
    // Who may not read agents learns that much.
    let identity = cluster.identity("alice", &["mcp-user"]);
    let words = ["-i", identity.to_str().unwrap(), "--auth-server", cluster.proxy_addr()];
    let seen =
        cluster.tctl_elsewhere(&[&words[..], &["get", "app/left", "--format=json"]].concat());
    let seen: Value = serde_json::from_slice(&seen.stdout).unwrap();
    let reason = seen.pointer("/0/status/reason").unwrap().to_string();
    assert!(reason.contains("no agent serves it") && !reason.contains("selective"), "{reason}");
}

#[test]
fn names_and_addresses_are_given_once() {
    let (cluster, _agent) = selective();
    let create = |name: &str, address: &str| {
        let mut app = document(name, "served", "1");
        app["spec"]["public_addr"] = json!(address);
        cluster.tctl_with(&["create", "-"], &app.to_string())
    };
    let taken = ["metadata.name", "\"selective\"", "choose another name"];
    refused(&create("fixed", ""), &taken);
    let forced = document("fixed", "served", "1").to_string();
    refused(&cluster.tctl_with(&["create", "-f", "-"], &forced), &taken);
    assert!(create("one", "one.example.com").status.success());
    refused(&create("two", "ONE.example.com:443"), &["spec.public_addr", "the app \"one\""]);
    refused(&create("three", "fixed.example.com"), &["the app \"fixed\""]);
    let proxy = cluster.proxy_addr().rsplit_once(':').unwrap().0.to_owned();
    refused(&create("four", &proxy), &["the address of a proxy"]);
    // Without a word, an app is below the cluster's name, where the proxy has none.
    assert!(create("plain", "").status.success());
    refused(&create("five", "plain.testkit"), &["the app \"plain\""]);
    assert!(create("six", "seven.testkit").status.success());
    refused(&create("seven", ""), &["the app \"six\""]);
    // What has an address keeps it, and may be written again.
    put(&cluster, "plain", "served", "2");
    serves(&cluster, &["fixed", "one", "plain", "six"]);
    let record = cluster.tctl_json(&["get", "app_servers/plain", "--format=json"]);
    assert_eq!(record.pointer("/0/spec/app/spec/public_addr"), Some(&json!("plain.testkit")));
}
