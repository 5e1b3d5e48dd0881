//! Who may do what to apps: each verb of a rule alone, and what is said about each that is missing.

use api::{Client, Error, ErrorKind, Write};
use resource::{Conditions, Kind, Secrets};

use crate::cluster::{Cluster, app, labels, refused, role_with, rule};

const VERBS: [&str; 5] = ["list", "create", "read", "update", "delete"];

/// What is done, and the verbs that it takes, in the order in which they are asked for.
const OPERATIONS: [(&str, &[&str]); 7] = [
    ("list", &["list", "readnosecrets"]),
    ("get", &["readnosecrets"]),
    ("get --with-secrets", &["read"]),
    ("create", &["create"]),
    ("update", &["update"]),
    ("upsert", &["create", "update"]),
    ("delete", &["delete"]),
];

/// Everybody reads the apps that they reach; a role may take that away.
const EVERYBODYS: [&str; 3] = ["list", "read", "readnosecrets"];

async fn perform(caller: &Client, operation: &str) -> Result<(), Error> {
    let (there, fresh) = (app("there", &[("env", "dev")]), app("fresh", &[("env", "dev")]));
    match operation {
        "list" => caller.list(Kind::App, Secrets::Redact).await.map(drop),
        "get" => caller.get(Kind::App, "there", Secrets::Redact).await.map(drop),
        "get --with-secrets" => caller.get(Kind::App, "there", Secrets::Include).await.map(drop),
        "create" => caller.create(&fresh.into()).await.map(drop),
        "update" => caller.put(&there.into(), Write::Update).await.map(drop),
        "upsert" => caller.put(&fresh.into(), Write::Upsert).await.map(drop),
        _ => caller.delete(Kind::App, "there").await,
    }
}

/// A rule that names `read` gives `readnosecrets` with it.
fn holds(held: &[&str], verb: &str) -> bool {
    held.contains(&verb) || (verb == "readnosecrets" && held.contains(&"read"))
}

/// Does everything, as somebody who holds these verbs and no other, and looks at what is said.
async fn walk(cluster: &Cluster, caller: &Client, held: &[&str]) {
    for (operation, needed) in OPERATIONS {
        cluster.put(app("there", &[("env", "dev")])).await;
        _ = cluster.admin.delete(Kind::App, "fresh").await;
        let outcome = perform(caller, operation).await;
        let missing = needed.iter().find(|verb| !holds(held, verb));
        let Some(missing) = missing else {
            outcome.unwrap_or_else(|error| panic!("{operation} with {held:?}: {error}"));
            continue;
        };
        let error = refused(outcome, ErrorKind::Denied);
        let sentence = format!("access denied to perform action \"{missing}\" on \"app\"");
        assert_eq!(error.message(), sentence, "{operation} with {held:?}");
        let hint = format!("ask for a role with the rule {{resources: [app], verbs: [{missing}]}}");
        assert_eq!(error.hints(), [hint], "{operation} with {held:?}");
    }
}

fn of_dev(allow: &mut Conditions) {
    allow.app_labels = Some(labels(&[("env", "dev")]));
}

#[tokio::test]
async fn each_verb_alone_is_enough_for_its_operation_and_for_no_other() {
    let cluster = Cluster::start().await;
    for verb in VERBS {
        let role = format!("only-{verb}");
        cluster
            .put(role_with(&role, |allow| {
                of_dev(allow);
                allow.rules.push(rule(&["app"], &[verb]));
            }))
            .await;
        let caller = cluster.user(&format!("has-{role}"), &[&role]).await;
        walk(&cluster, &caller, &[&[verb], &EVERYBODYS[..]].concat()).await;
    }
}

#[tokio::test]
async fn each_verb_that_is_missing_is_named() {
    let cluster = Cluster::start().await;
    for missing in VERBS {
        let held: Vec<&str> = VERBS.into_iter().filter(|verb| *verb != missing).collect();
        let role = format!("all-but-{missing}");
        let mut made = role_with(&role, |allow| {
            of_dev(allow);
            allow.rules.push(rule(&["app"], &held));
        });
        // What everybody may, nobody lacks unless it is taken away.
        if EVERYBODYS.contains(&missing) {
            let verbs: &[&str] = match missing {
                "read" => &["read", "readnosecrets"],
                other => &[other],
            };
            made.spec.deny.rules.push(rule(&["app"], verbs));
        }
        cluster.put(made).await;
        let caller = cluster.user(&format!("has-{role}"), &[&role]).await;
        walk(&cluster, &caller, &held).await;
    }
}

#[tokio::test]
async fn labels_count_before_and_after_a_change() {
    let cluster = Cluster::start().await;
    cluster
        .put(role_with("dev", |allow| {
            allow.app_labels = Some(labels(&[("env", "dev")]));
            allow.rules.push(rule(&["app"], &["create", "update", "delete"]));
        }))
        .await;
    let alice = cluster.user("alice", &["dev"]).await;
    let (dev, prod) = (app("a", &[("env", "dev")]), app("a", &[("env", "prod")]));
    // From what she reaches to what she reaches.
    cluster.put(dev.clone()).await;
    let more = app("a", &[("env", "dev"), ("tier", "1")]);
    alice.put(&more.into(), Write::Update).await.unwrap();
    // From what she reaches to what she does not: her own change would take it from her.
    for write in [Write::Update, Write::Upsert] {
        let error = refused(alice.put(&prod.clone().into(), write).await, ErrorKind::Denied);
        assert_eq!(error.message(), "access denied to application \"a\" with these labels");
        let hint =
            "an app can be written only by who may reach it: ask for a role whose app_labels match";
        assert_eq!(error.hints(), [hint]);
    }
    // From what she does not reach to what she would: it is not hers to take.
    cluster.put(prod.clone()).await;
    for write in [Write::Update, Write::Upsert] {
        refused(alice.put(&dev.clone().into(), write).await, ErrorKind::NotFound);
    }
    refused(alice.delete(Kind::App, "a").await, ErrorKind::NotFound);
    let kept = cluster.admin.get(Kind::App, "a", Secrets::Redact).await.unwrap();
    assert_eq!(kept.metadata().labels.get("env").map(String::as_str), Some("prod"));
}
