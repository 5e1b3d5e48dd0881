//! The official conformance suite against its official fixture server: directly, and through the
//! gateway, where every scenario must go as it does directly.

use std::path::{Path, PathBuf};

use testkit::suite::{Round, Table};
use testkit::{Cluster, Real, Suite};

/// The tables that are checked in, one for each round.
const TABLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/conformance");

/// The check that wants a stream where a single answer is as good.
const STREAM_OR_NOT: &str = "sep-2575-http-server-no-independent-requests-on-stream";

/// Set, the tables are written instead of compared: for a new version of the suite or the fixture.
const WRITE_VARIABLE: &str = "TESSERA_WRITE_TABLES";

/// Compares with a table that is checked in.
#[track_caller]
fn checked_in(file: &str, table: &Table) {
    if writes_tables() {
        write(file, table);
    }
    let differ = differences(file, table).join("\n");
    assert!(differ.is_empty(), "{file} is not what was seen:\n{differ}");
}

pub(crate) fn writes_tables() -> bool {
    std::env::var_os(WRITE_VARIABLE).is_some()
}

#[track_caller]
pub(crate) fn write(file: &str, table: &Table) {
    std::fs::write(path(file), table.to_string()).unwrap();
}

/// What is otherwise than in a table that is checked in.
#[track_caller]
pub(crate) fn differences(file: &str, table: &Table) -> Vec<String> {
    table.differences(&Table::parse(&std::fs::read_to_string(path(file)).unwrap()))
}

fn path(file: &str) -> PathBuf {
    Path::new(TABLES).join(format!("{file}.txt"))
}

/// The ways over HTTP through the gateway: what a user starts, and the ingress itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Front {
    ProxyMcp,
    Ingress,
}

/// Runs every round against the app `fixture`, and gives all that went otherwise than in the tables
/// with this prefix.
#[track_caller]
fn gateway_differences(
    cluster: &Cluster,
    front: Front,
    prefix: &str,
    rounds: &[Round],
) -> Vec<String> {
    let real = Real::locate();
    let alice = cluster.identity("alice", &["mcp-user"]);
    let forwarder = (front == Front::Ingress).then(|| real.forwarder(cluster, &alice, "fixture"));
    let proxy = (front == Front::ProxyMcp).then(|| cluster.local_proxy(&alice, "fixture"));
    let url = match (&forwarder, &proxy) {
        (Some(forwarder), _) => forwarder.url(),
        (None, Some(proxy)) => proxy.url(),
        (None, None) => panic!("no way to the gateway"),
    };
    let mut differ = Vec::new();
    for round in rounds.iter().copied() {
        let table = Suite::new(&real).server(round, &url);
        let file = format!("{prefix}{}", round.name());
        // The others are those of the fixture itself.
        if writes_tables() && !prefix.is_empty() {
            write(&file, &table);
        }
        let here = differences(&file, &table).into_iter();
        differ.extend(here.map(|one| format!("{} by {front:?}: {one}", round.name())));
    }
    differ
}

/// The gateway gives what the fixture gives without it.
#[test]
fn over_an_http_server_by_tsh_proxy_mcp() {
    over_an_http_server(Front::ProxyMcp);
}

#[test]
fn over_an_http_server_by_the_ingress() {
    over_an_http_server(Front::Ingress);
}

#[track_caller]
fn over_an_http_server(front: Front) {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let fixture = real.fixture();
    cluster.app_at("fixture", &fixture.uri("mcp+http"));
    let differ = gateway_differences(&cluster, front, "", &Round::ALL);
    assert!(differ.is_empty(), "{}\n{}", differ.join("\n"), cluster.logs());
}

/// What a stdio server cannot do, whoever is in between, has no checks in these tables
/// (`server-sse-polling 0/0`): the scenario has the server end the stream of an answer before the answer, and the
/// client take it up again. A server without a stream for each answer has none to end. What answers at once is one
/// message here, of which the suite says that this does not apply; what takes longer comes on a stream of the
/// gateway's, which ends with its answer.
#[test]
fn over_a_stdio_server() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    cluster.app("fixture", &real.fixture_stdio());
    // A process for each session takes its time: the two newest revisions must do.
    let rounds = [Round::At("2025-11-25"), Round::At("2026-07-28")];
    let mut differ = gateway_differences(&cluster, Front::ProxyMcp, "stdio-", &rounds);
    // Whether an answer becomes a stream depends on how soon a server without one answers.
    differ.retain(|one| !one.contains(STREAM_OR_NOT));
    assert!(differ.is_empty(), "{}\n{}", differ.join("\n"), cluster.logs());
}

/// The same for HTTP+SSE, which has no stream of its own for an answer either.
#[test]
fn over_an_sse_server() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let fixture = real.fixture_sse();
    cluster.app_at("fixture", &fixture.uri("mcp+sse+http"));
    let rounds = [Round::At("2025-06-18"), Round::At("2025-11-25")];
    let differ = gateway_differences(&cluster, Front::ProxyMcp, "sse-", &rounds);
    assert!(differ.is_empty(), "{}\n{}", differ.join("\n"), cluster.logs());
}

/// What holds directly. Whatever fails behind the gateway is the gateway's.
#[test]
fn the_fixture_passes_everything_directly() {
    let real = Real::locate();
    let (fixture, suite) = (real.fixture(), Suite::new(&real));
    for (round, passed) in Round::ALL.into_iter().zip([44, 56, 84, 152]) {
        let table = suite.server(round, &fixture.url());
        assert_eq!(table.total(), (passed, 0), "{table}");
        checked_in(round.name(), &table);
    }
}

/// The suite can fail: a server of the legacy era is no server of the modern one.
#[test]
fn the_suite_finds_fault_with_another_server() {
    let real = Real::locate();
    let (everything, suite) = (real.everything_http(), Suite::new(&real));
    let table = suite.server(Round::At("2026-07-28"), &everything.url());
    let (passed, failed) = table.total();
    assert!(failed > 50 && passed > 0, "{table}");
    let direct = suite.server(Round::At("2026-07-28"), &real.fixture().url());
    let differences = table.differences(&direct).join("\n");
    assert!(differences.contains("server-stateless: "), "{differences}");
}
