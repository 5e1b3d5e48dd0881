//! What the verbs of rules on `app` let people do with `tctl`, each alone and each missing.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use testkit::cluster::{app_document, own_user};
use testkit::process::Finished;
use testkit::{Argv, Cluster};

use super::text;

const VERBS: [&str; 5] = ["list", "create", "read", "update", "delete"];

/// What is tried, and the verbs that it takes.
const TRIES: [(&str, &[&str]); 6] = [
    ("get apps", &["list", "read"]),
    ("get app/kept", &["read"]),
    ("create new", &["create"]),
    ("create kept", &["create"]),
    ("create -f kept", &["create", "update"]),
    ("rm app/gone", &["delete"]),
];

fn document(name: &str, note: &str) -> Value {
    let mut app = app_document(name, &Argv::new("/bin/cat"), &own_user());
    if let Some(metadata) = app.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.insert("description".to_owned(), json!(note));
    }
    app
}

fn try_it(cluster: &Cluster, identity: &Path, what: &str, note: &str) -> Finished {
    let as_user = ["-i", text(identity), "--auth-server", cluster.proxy_addr()];
    let with = |words: &[&str]| cluster.tctl_elsewhere(&[&as_user[..], words].concat());
    let file = |name: &str| {
        let document = document(name, note).to_string();
        cluster.scratch().write(format!("{name}.json"), document)
    };
    match what {
        "create new" => with(&["create", text(&file("new"))]),
        "create kept" => with(&["create", text(&file("kept"))]),
        "create -f kept" => with(&["create", "-f", text(&file("kept"))]),
        _ => with(&what.split(' ').collect::<Vec<_>>()),
    }
}

/// The verb that a refusal names; `done` if there is none.
fn outcome(done: &Finished) -> String {
    if done.status.success() {
        return "done".to_owned();
    }
    let denied = done.stderr.split("perform action \"").nth(1);
    match denied.and_then(|rest| rest.split_once("\" on \"app\"")) {
        Some((verb, _)) => format!("no {}", verb.replace("readnosecrets", "read")),
        None if done.stderr.contains("already exists") => "exists".to_owned(),
        None => format!("? {}", done.stderr),
    }
}

#[test]
fn each_verb_alone_and_each_missing() {
    let cluster = Cluster::single();
    let mut table = String::new();
    for without in [false, true] {
        for verb in VERBS {
            let name = if without { format!("not-{verb}") } else { format!("only-{verb}") };
            let all: Vec<&str> =
                VERBS.into_iter().filter(|one| (*one == verb) != without).collect();
            let rest: Vec<&str> = VERBS.into_iter().filter(|one| !all.contains(one)).collect();
            // Everybody may list and read apps: what is to be missing is denied.
            let rules = |verbs: &[&str]| json!([{"resources": ["app"], "verbs": verbs}]);
            cluster.role(
                &name,
                &json!({"app_labels": {"*": "*"}, "rules": rules(&all)}),
                &json!({"rules": rules(&rest)}),
            );
            let identity = cluster.identity(&name, &[&name]);
            for (what, needed) in TRIES {
                // As it was for every try.
                drop(cluster.tctl(&["rm", "app/new"]));
                cluster.put(&document("kept", "before"));
                cluster.put(&document("gone", "before"));
                let found = outcome(&try_it(&cluster, &identity, what, &name));
                let missing = needed.iter().find(|verb| !all.contains(verb));
                let expected = match missing {
                    Some(verb) => format!("no {verb}"),
                    None if what == "create kept" => "exists".to_owned(),
                    None => "done".to_owned(),
                };
                if found != expected {
                    writeln!(table, "{name}: {what}: {found}, not {expected}").unwrap();
                }
            }
        }
    }
    assert!(table.is_empty(), "{table}");
}

#[test]
fn labels_of_before_and_after_have_to_be_ones_that_the_writer_reaches() {
    let cluster = Cluster::single();
    let rules = json!([{"resources": ["app"], "verbs": VERBS}]);
    cluster.role("dev", &json!({"app_labels": {"env": "dev"}, "rules": rules}), &json!({}));
    let dev = cluster.identity("dev", &["dev"]);
    let labelled = |env: &str| {
        let mut app = document("kept", "labelled");
        if let Some(metadata) = app.get_mut("metadata").and_then(Value::as_object_mut) {
            metadata.insert("labels".to_owned(), json!({"env": env}));
        }
        app
    };
    let write = |env: &str| {
        let file = cluster.scratch().write("labelled.json", labelled(env).to_string());
        let as_user = ["-i", text(&dev), "--auth-server", cluster.proxy_addr()];
        cluster.tctl_elsewhere(&[&as_user[..], &["create", "-f", text(&file)]].concat())
    };
    super::done(&write("dev"));
    super::refused(&write("prod"), &["access denied to application \"kept\""]);
    cluster.put(&labelled("prod"));
    super::refused(&write("dev"), &["not found"]);
}
