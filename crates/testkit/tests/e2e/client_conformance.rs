//! The client's half of the official conformance suite: the suite plays servers and judges what the official
//! client makes of them. With the gateway in between, each scenario goes as it does directly.
#![expect(clippy::indexing_slicing, reason = "the plan is an object")]

use serde_json::{Value, json};
use testkit::suite::{Round, Table};
use testkit::{Argv, Cluster, Real, Scratch, Suite};

use crate::conformance::{differences, write, writes_tables};

/// Plays servers to the official client, or with the gateway in between; all scenarios but those of signing in
/// at the server. A server that has its clients sign in names itself in what it says of that (RFC 9728), and not
/// the gateway: a client that was sent to the gateway does not believe it, which is as it must be.
#[track_caller]
fn play(cluster: Option<&Cluster>, round: Round) -> Table {
    let (real, scratch) = (Real::locate(), Scratch::new());
    let words = |argv: &Argv| Value::from(argv.words().collect::<Vec<_>>());
    let mut plan = json!({
        "client": words(&real.conformance_client()),
        "places": scratch.path(),
        "auth": false,
    });
    if let Some(cluster) = cluster {
        let alice = cluster.identity("alice", &["mcp-user"]);
        plan["register"] = words(&cluster.tctl_argv(&["create", "-f", "-"]));
        plan["unregister"] = words(&cluster.tctl_argv(&["rm"]));
        plan["proxy"] = words(&cluster.tsh_as(&alice).args(["proxy", "mcp"]));
    }
    let plan = scratch.write("plan.json", plan.to_string());
    let script = real.script("clients/through_gateway.py");
    let command = Argv::new(real.python()).arg(script).arg(plan);
    let table = Suite::new(&real).client(round, &command);
    table.only(|name| !name.starts_with("auth/"))
}

/// The tables are of what is seen directly, which is played anew only to write them.
#[test]
fn servers_of_the_suite_are_seen_through_the_gateway_as_directly() {
    let cluster = Cluster::single();
    let mut differ = Vec::new();
    for round in Round::ALL {
        let file = format!("client-{}", round.name());
        if writes_tables() {
            write(&file, &play(None, round));
        }
        let here = differences(&file, &play(Some(&cluster), round)).into_iter();
        differ.extend(here.map(|one| format!("{file}: {one}")));
    }
    assert!(differ.is_empty(), "{}\n{}", differ.join("\n"), cluster.logs());
}
