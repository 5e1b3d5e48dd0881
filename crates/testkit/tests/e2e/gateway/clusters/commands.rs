//! `tsh` with clusters, and what an administrator of a leaf is told whose document does not work.

use serde_json::{Value, json};
use testkit::cluster::CLUSTER;
use testkit::{Cluster, Real, wait};

use super::{DEMO, LEAF, OTHER, reached};
use crate::gateway::{await_connection, call, done, listed, refused};

/// A root and a leaf that lets in its users: with the tools that both clusters' roles let through.
fn friends() -> (Cluster, Cluster) {
    let (root, leaf) = (Cluster::single(), Cluster::single_called(LEAF));
    root.tools_role("counter", &["tessera_c*", "tessera_demo_info"]);
    root.role("no-info", &json!({}), &json!({"mcp": {"tools": ["*info"]}}));
    leaf.tools_role("guest", &["{{internal.mcp_tools}}"]);
    leaf.trust(&root, &json!([{"remote": "counter", "local": ["guest"]}]));
    (root, leaf)
}

fn parsed(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_cluster_is_selected_by_signing_in_and_stays_selected() {
    let (root, leaf) = friends();
    let real = Real::locate();
    let mut alice = root.sign_up(&real, "alice", "counter");
    let pin = format!("--ca-pin={}", root.ca_pin());
    let _said = done(&root.login(&mut alice, &[&pin]));
    let home = alice.home.clone();
    let tsh = |words: &[&str]| root.run(&root.tsh_at(&home).args(words), "");
    let selected = || {
        let status = parsed(&done(&tsh(&["status", "--format=json"])));
        assert_eq!(status[0]["cluster"], CLUSTER, "{status}");
        status[0]["selected_cluster"].as_str().unwrap().to_owned()
    };
    assert_eq!(selected(), CLUSTER);
    let own = done(&tsh(&["mcp", "ls"]));
    assert!(own.contains(DEMO) && !own.contains(LEAF), "{own}");

    let said = done(&tsh(&["login", LEAF]));
    assert!(said.contains(LEAF), "{said}");
    assert_eq!(selected(), LEAF);
    let clusters = parsed(&done(&tsh(&["clusters", "--format=json"])));
    let row = |name, kind, selected| {
        json!({
            "cluster_name": name, "status": "online", "cluster_type": kind, "labels": {},
            "selected": selected,
        })
    };
    assert_eq!(clusters, json!([row(CLUSTER, "root", false), row(LEAF, "leaf", true)]));
    let shown = done(&tsh(&["clusters"]));
    let starred: Vec<_> = shown.lines().filter(|line| line.ends_with('*')).collect();
    assert!(starred.len() == 1 && starred[0].starts_with(LEAF), "{shown}");

    // Lists that name no cluster are of that one, and so is what clients are configured by.
    let there = done(&tsh(&["mcp", "ls"]));
    assert!(there.contains(LEAF) && there.contains(DEMO), "{there}");
    let config = done(&tsh(&["mcp", "config", DEMO]));
    assert!(config.contains(&format!("--cluster={LEAF}")), "{config}");
    // What a client was configured to start does not change with what somebody selects.
    let way = root.tsh_at(&home).args(["mcp", "connect", "--no-auto-reconnect", DEMO]);
    for (argv, at) in [(way.clone(), &root), (way.arg(format!("--cluster={LEAF}")), &leaf)] {
        assert!(call(&mut await_connection(&argv), "tessera_count").is_ok());
        at.await_audit("the call", &["--app", DEMO, "--user", "alice"], |event| {
            event.get("user_cluster_name").and_then(Value::as_str) == Some(CLUSTER)
        });
    }
    // And those that name one are about it.
    let own = done(&tsh(&["mcp", "ls", "-c", CLUSTER]));
    assert!(own.contains(DEMO) && !own.contains(LEAF), "{own}");

    // Who signs in anew is where they were.
    let _said = done(&root.login(&mut alice, &[]));
    assert_eq!(selected(), LEAF);
    refused(&tsh(&["login", "leaf.tset"]), &["leaf.tset", "did you mean \"leaf.test\"?"]);
    refused(&tsh(&["login", "nowhere"]), &["nowhere", "tsh clusters"]);
    assert_eq!(selected(), LEAF);
    let _said = done(&tsh(&["login", CLUSTER]));
    assert_eq!(selected(), CLUSTER);

    // What was selected and is gone is said to be gone.
    let _said = done(&tsh(&["login", LEAF]));
    root.admin(&["rm", &format!("rc/{LEAF}")]);
    wait::until("the end of the leaf", wait::PATIENCE, || {
        let ls = tsh(&["mcp", "ls"]);
        if ls.status.code() == Some(1) { Ok(ls) } else { Err(format!("{ls:?}")) }
    });
    refused(&tsh(&["mcp", "ls"]), &["knows no cluster \"leaf.test\"", "tsh clusters"]);
}

#[test]
fn a_list_of_other_clusters_says_what_may_be_used_there() {
    let (root, mut leaf) = friends();
    let other = Cluster::single_called(OTHER);
    other.tools_role("all", &["tessera_greet"]);
    other.trust(&root, &json!([{"remote": "counter", "local": ["all"]}]));
    let alice = root.identity("alice", &["counter", "no-info"]);
    let ls = |words: &[&str]| root.run(&root.tsh_as(&alice).args(["mcp", "ls"]).args(words), "");
    // What is shown is what may be called.
    assert_eq!(listed(&mut reached(&root, &alice)), ["tessera_count"]);
    let shown = done(&ls(&["-c", LEAF]));
    assert!(shown.contains("[tessera_c*, tessera_demo_info], except: [*info]"), "{shown}");
    assert!(!shown.contains("Command"), "{shown}");
    let verbose = done(&ls(&["-v", "-c", LEAF]));
    for column in ["Cluster", "Command", "Args", "Allowed Tools", "Allowed Prompts", "(all)"] {
        assert!(verbose.contains(column), "{column}:\n{verbose}");
    }
    let tools = |text: &str| -> Vec<(String, Value)> {
        let apps = parsed(text);
        let one = |app: &Value| {
            let tools = app.pointer("/permissions/mcp/tools").unwrap().clone();
            (app["cluster"].as_str().unwrap().to_owned(), tools)
        };
        apps.as_array().unwrap().iter().map(one).collect()
    };
    let allowed = ["tessera_c*", "tessera_demo_info"];
    let as_root_says = json!({"allowed": allowed, "denied": ["*info"]});
    let all = tools(&done(&ls(&["-R", "--format=json"])));
    assert_eq!(
        all,
        [
            (CLUSTER.to_owned(), as_root_says.clone()),
            (LEAF.to_owned(), as_root_says),
            (OTHER.to_owned(), json!({"allowed": ["tessera_greet"]})),
        ]
    );
    // One that is away is no reason to say nothing of the others.
    leaf.auth().kill();
    let rest = ls(&["-R"]);
    assert!(rest.stderr.contains("WARNING: leaf.test is left out"), "{}", rest.stderr);
    let rest = done(&rest);
    assert!(rest.contains(CLUSTER) && rest.contains(OTHER) && !rest.contains(LEAF), "{rest}");
    refused(&ls(&["-c", LEAF]), &["cluster \"leaf.test\" cannot be reached now"]);
}

#[test]
fn who_cannot_join_is_told_why_and_nothing_is_left_of_it() {
    let (root, leaf) = (Cluster::single(), Cluster::single_called(LEAF));
    let map = json!([{"remote": "counter", "local": ["guest"]}]);
    let fine = || root.trusted(&map, true);
    let with = |field: &str, value: Value| {
        let mut document = fine();
        document["spec"][field] = value;
        document
    };
    let create = |cluster: &Cluster, document: &Value| {
        cluster.tctl_with(&["create", "-f", "-"], &document.to_string())
    };
    let nobody = |cluster: &Cluster| {
        for kind in ["trusted_clusters", "remote_clusters"] {
            let found = cluster.tctl_json(&["get", kind, "--format=json"]);
            assert_eq!(found, json!([]), "{kind} at {}", cluster.name());
        }
        let known = cluster.tctl_json(&["get", "cert_authorities", "--format=json"]);
        assert_eq!(known.as_array().map(Vec::len), Some(3), "{}: {known}", cluster.name());
    };
    let other_pin = json!([format!("sha256:{}", "0".repeat(64))]);
    let mut nowhere = fine();
    nowhere["spec"]["tunnel_addr"] = json!("127.0.0.1:1");
    nowhere["spec"]["web_proxy_addr"] = json!("127.0.0.1:1");
    let mut itself = leaf.trusted(&map, true);
    itself["metadata"]["name"] = json!("another");
    let cases: [(Value, &[&str]); 7] = [
        (with("ca_pins", json!([])), &["is not trusted", "spec.ca_pins"]),
        (with("ca_pins", other_pin), &["not the pinned one", "spec.ca_pins"]),
        (with("token", json!("0123456789abcdef0123456789abcdef")), &["join token is not valid"]),
        (with("token", json!(root.token("app", "1h"))), &["not for trusted clusters"]),
        (with("role_map", json!([])), &["role_map"]),
        (nowhere, &["cannot reach 127.0.0.1:1"]),
        (itself, &["this cluster is called \"leaf.test\" too"]),
    ];
    for (document, words) in &cases {
        refused(&create(&leaf, document), words);
        nobody(&leaf);
        nobody(&root);
    }
    // Of its name there is one already, or it is the root's.
    let (namesake, second) = (Cluster::single(), Cluster::single_called(LEAF));
    refused(&create(&namesake, &fine()), &["a cluster needs no trust in itself"]);
    let mut under_another = fine();
    under_another["metadata"]["name"] = json!("main");
    let words = ["this cluster is called \"testkit\" too", "two names"];
    refused(&create(&namesake, &under_another), &words);
    nobody(&namesake);
    leaf.put(&fine());
    let words = ["another cluster is known here by the name \"leaf.test\"", "tctl rm rc/leaf.test"];
    refused(&create(&second, &fine()), &words);
    nobody(&second);
    // Its name is the root's, whatever the document says, and that is told.
    leaf.admin(&["rm", &format!("tc/{CLUSTER}")]);
    let mut renamed = fine();
    renamed["metadata"]["name"] = json!("main");
    let made = create(&leaf, &renamed);
    let said = format!("{}{}", made.stderr, done(&made));
    assert!(said.contains(CLUSTER), "{said}");
    assert_eq!(leaf.get(&format!("tc/{CLUSTER}"))["metadata"]["name"], CLUSTER);
}
