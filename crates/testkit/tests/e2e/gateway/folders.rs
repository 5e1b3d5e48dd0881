//! `tctl apply`: a folder of files and a cluster that follows it.

use std::fs;

use serde_json::{Value, json};
use testkit::Cluster;

use super::refused;

fn role(name: &str, tools: &[&str]) -> String {
    json!({
        "kind": "role", "version": "v8", "metadata": {"name": name},
        "spec": {"allow": {"app_labels": {"env": "test"}, "mcp": {"tools": tools}}},
    })
    .to_string()
}

fn app(name: &str, label: &str) -> String {
    format!(
        "kind: app\nversion: v3\nmetadata:\n  name: {name}\n  labels: {{env: {label}}}\nspec:\n  \
         uri: mcp+http://127.0.0.1:9/mcp\n"
    )
}

#[test]
fn a_cluster_follows_a_folder() {
    let cluster = Cluster::single();
    let folder = cluster.scratch().join("cluster");
    fs::create_dir_all(folder.join("apps")).unwrap();
    let write = |name: &str, text: &str| fs::write(folder.join(name), text).unwrap();
    write("roles.json", &role("reader", &["get_*"]));
    write("apps/both.yaml", &format!("{}---\n{}", app("one", "test"), app("two", "test")));
    let path = folder.to_str().unwrap();

    let planned = cluster.admin(&["apply", "-f", path, "--dry-run"]);
    assert!(planned.contains("plan: 3 to add, 0 to change, 0 to remove, 0 unchanged"), "{planned}");
    assert!(cluster.tctl(&["get", "app/one"]).status.code() != Some(0), "nothing was done");

    let done = cluster.admin(&["apply", "-f", path]);
    assert!(done.contains("application \"two\" has been created"), "{done}");
    let again = cluster.admin(&["apply", "-f", path, "--prune"]);
    assert!(again.contains("plan: 0 to add, 0 to change, 0 to remove, 3 unchanged"), "{again}");

    write("roles.json", &role("reader", &["get_*", "list_*"]));
    write("apps/both.yaml", &app("one", "prod"));
    let changed = cluster.admin(&["apply", path, "--prune", "--format", "json"]);
    let plan: Value = serde_json::from_str(&changed).unwrap();
    let counts = ["add", "change", "remove", "unchanged"].map(|name| plan["plan"][name].clone());
    assert_eq!(counts, [json!(0), json!(2), json!(1), json!(0)], "{plan:#}");
    assert!(cluster.tctl(&["get", "app/two"]).status.code() != Some(0), "app/two is gone");
    assert_eq!(cluster.get("app/one").pointer("/metadata/labels/env"), Some(&json!("prod")));
    assert!(!cluster.get("role/access").is_null(), "what every cluster has stays");
}

#[test]
fn mistakes_are_told_before_anything_is_done() {
    let cluster = Cluster::single();
    let folder = cluster.scratch().join("cluster");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.yaml"), app("fine", "test")).unwrap();
    fs::write(folder.join("b.yaml"), "kind: app\nmetadata: {nam: x}\n").unwrap();
    let finished = cluster.tctl(&["apply", "-f", folder.to_str().unwrap()]);
    refused(&finished, &["b.yaml:2", "nam"]);
    assert!(cluster.tctl(&["get", "app/fine"]).status.code() != Some(0), "nothing was done");
}

#[test]
fn what_is_printed_can_be_written_back_and_changes_nothing() {
    let cluster = Cluster::single();
    cluster.admin_with(&["create", "-"], &app("one", "test"));
    cluster.admin_with(&["create", "-"], &role("reader", &["get_*"]));
    let revisions =
        || ["app/one", "role/reader"].map(|name| cluster.get(name)["metadata"]["revision"].clone());
    let before = revisions();
    let printed = cluster.admin(&["get", "app/one,role/reader"]);
    cluster.admin_with(&["create", "-f", "-"], &printed);
    assert_eq!(revisions(), before);
    let planned = cluster.admin_with(&["apply", "-f", "-"], &printed);
    assert!(planned.contains("2 unchanged"), "{planned}");
}
