//! Servers that misbehave.

use serde_json::{Value, json};
use testkit::{Peer, census, wait};

use super::{Asked, Came, Client, DOWNSTREAMS, Downstream, Site, Upstream, await_calls};

/// What a call must come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    /// The answer, whole and once.
    Answer,
    /// An error in words.
    Error,
    /// Nothing, for as long as the client waits: it leaves.
    Wait,
}

/// What servers do, and what comes of it over stdio, where an answer is that to its request, and over HTTP+SSE.
/// A server that is a process and one on a stream of its own may take as long as they like; one that has a request
/// by HTTP open may not.
const TABLE: [(&str, [Option<Wanted>; 3]); 10] = {
    use Wanted::{Answer, Error, Wait};
    [
        ("deaf", [Some(Wait), Some(Error), Some(Error)]),
        ("slow", [Some(Answer), Some(Answer), Some(Answer)]),
        ("half", [Some(Error), Some(Error), Some(Error)]),
        ("garbage", [Some(Wait), Some(Error), Some(Wait)]),
        ("noise", [Some(Answer), Some(Answer), Some(Answer)]),
        ("silent", [Some(Wait), Some(Error), Some(Wait)]),
        ("twice", [Some(Answer), Some(Answer), Some(Answer)]),
        ("midline", [Some(Error), Some(Error), Some(Error)]),
        ("fork", [Some(Error), None, None]),
        ("chatter", [Some(Answer), Some(Answer), Some(Answer)]),
    ]
};

/// So many connections may be kept by the services of a cluster, and by the clients that are still there.
const KEPT: usize = 12;
/// So much that a server which does not read it stops whoever writes.
const MUCH: usize = 12 << 20;

impl Upstream {
    fn wanted(self, row: [Option<Wanted>; 3]) -> Option<Wanted> {
        match self {
            Self::Stdio => row[0],
            Self::Legacy | Self::Modern => row[1],
            Self::Sse => row[2],
        }
    }

    /// Whether the server notes who leaves it within this. One that does not read learns of no end.
    fn notes(self, tool: &str) -> bool {
        matches!(self, Self::Legacy | Self::Modern) && matches!(tool, "half" | "silent")
    }
}

#[test]
fn over_stdio() {
    each_fault(Upstream::Stdio);
}

#[test]
fn over_legacy_http() {
    each_fault(Upstream::Legacy);
}

#[test]
fn over_modern_http() {
    each_fault(Upstream::Modern);
}

#[test]
fn over_sse() {
    each_fault(Upstream::Sse);
}

#[track_caller]
fn each_fault(upstream: Upstream) {
    let mut site = Site::new(upstream);
    let mut neighbour = site.client(Downstream::Lines);
    neighbour.is_well("at first", 1);
    let agent = site.cluster.auth().process().id();
    let held = || census::holdings(agent).map_or(0, |held| held.descriptors);
    let before = held();
    let mut rows = 0;
    for (tool, row) in TABLE {
        let Some(wanted) = upstream.wanted(row) else { continue };
        rows += 1;
        for (number, downstream) in DOWNSTREAMS.into_iter().enumerate() {
            let what = format!("{upstream:?} {tool} {downstream:?}");
            let mut client = site.client(downstream);
            let size = if tool == "deaf" && upstream != Upstream::Stdio { MUCH } else { 1 };
            let arguments = json!({"x": "x".repeat(size)});
            let before = (site.count(&format!("did {tool}")), site.count(&format!("left {tool}")));
            let asked = client.ask(100, tool, &arguments);
            site.await_line(&format!("did {tool}"), before.0 + 1);
            let id = 1_000 * rows + 10 * u64::try_from(number).unwrap();
            neighbour.is_well(&what, id);
            neighbour.is_well(&what, id + 1);
            judge(&what, client, asked, wanted, tool);
            if upstream.notes(tool) {
                site.await_line(&format!("left {tool}"), before.1 + 1);
            }
        }
        // Of long parameters the log keeps their hash.
        if tool != "deaf" {
            await_calls(&site.cluster, tool, DOWNSTREAMS.len());
        }
    }
    neighbour.is_well("at last", 999_999);
    // Connections to servers that do not read are closed, too; a few are kept for what comes next.
    wait::until("what was opened to be closed", wait::PATIENCE, || match held() {
        now if now <= before + KEPT => Ok(()),
        now => Err(format!("{now} descriptors, {before} at first")),
    });
    site.await_processes("after all", 1);
    neighbour.end();
    site.await_processes("after the neighbour", 0);
    if upstream == Upstream::Sse {
        // Every session had a stream of its own, and all are left.
        let sessions = usize::try_from(rows).unwrap() * DOWNSTREAMS.len();
        site.await_line("left stream", sessions);
    }
}

#[track_caller]
fn judge(what: &str, mut client: Client, asked: Asked, wanted: Wanted, tool: &str) {
    match wanted {
        Wanted::Wait => {
            if let Asked::Request(sent) = asked {
                sent.leave();
                return client.end();
            }
            // One that ends its input would wait for the answer.
            drop(client);
        }
        Wanted::Answer => {
            match client.outcome(asked) {
                Came::Text(text) if text == format!("did {tool}") => {}
                other => panic!("{what}: {other:?}"),
            }
            // What came beside it is for nobody, and the session goes on.
            client.is_well(what, 101);
            if let Client::Lines(peer) = &mut client {
                no_second_answer(what, peer);
            }
            client.end();
        }
        Wanted::Error => match client.outcome(asked) {
            Came::Error(-32603, words) if words.contains("MCP server") => client.end(),
            other => panic!("{what}: {other:?}"),
        },
    }
}

/// Of what came before the last answer, none answers the call again.
#[track_caller]
fn no_second_answer(what: &str, peer: &mut Peer) {
    let pong: Value = serde_json::from_slice(&peer.request("ping", &json!({}))).unwrap();
    assert!(pong.get("result").is_some(), "{what}: {pong}");
    peer.send(br#"{"jsonrpc":"2.0","id":"last","method":"ping"}"#);
    loop {
        let message: Value = serde_json::from_slice(&peer.next_message()).unwrap();
        let id = message.get("id");
        assert_ne!(id, Some(&json!(100)), "{what}: {message}");
        if id == Some(&json!("last")) {
            return;
        }
    }
}
