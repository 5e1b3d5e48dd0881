//! Clients that misbehave, in front of a server that is a process, and of servers over HTTP that they are passed on to
//! or bridged to.

use serde_json::json;

use super::{Asked, Came, Client, DOWNSTREAMS, Downstream, Site, Upstream, call};

/// One more than may be open in a session; see `mcp::session::OPEN_REQUESTS`.
const LINES: u64 = 4_097;
/// So many requests by HTTP at once.
const REQUESTS: u64 = 100;

#[test]
fn at_a_stdio_server() {
    each_fault(Upstream::Stdio);
}

#[test]
fn at_a_legacy_http_server() {
    each_fault(Upstream::Legacy);
}

#[test]
fn at_a_modern_http_server() {
    each_fault(Upstream::Modern);
}

#[track_caller]
fn each_fault(upstream: Upstream) {
    let site = Site::new(upstream);
    let mut neighbour = site.client(Downstream::Lines);
    neighbour.is_well("at first", 1);
    let faults: [(&str, Fault); 6] = [
        ("floods", floods),
        ("vanishes within a message", vanishes_within),
        ("vanishes while it waits", vanishes_waiting),
        ("uses an id twice", repeats_an_id),
        ("does not read", does_not_read),
        ("writes no more", writes_no_more),
    ];
    let mut id = 1_000;
    for downstream in DOWNSTREAMS {
        for (name, fault) in faults {
            let what = format!("{downstream:?} {name} at {upstream:?}");
            fault(&what, &site, downstream, &mut || {
                for _ in 0..2 {
                    id += 1;
                    neighbour.is_well(&what, id);
                }
            });
        }
    }
    neighbour.is_well("at last", 999_999);
    site.await_processes("after all", 1);
    neighbour.end();
    site.await_processes("after the neighbour", 0);
}

/// Does what is wrong, and has the neighbour looked after meanwhile.
type Fault = fn(&str, &Site, Downstream, &mut dyn FnMut());

fn floods(what: &str, site: &Site, downstream: Downstream, neighbour: &mut dyn FnMut()) {
    let mut client = site.client(downstream);
    let (did, left) = (site.count("did silent"), site.count("left silent"));
    if let Client::Lines(peer) = &mut client {
        let lines = if site.upstream == Upstream::Stdio { LINES } else { 3 * REQUESTS };
        for id in 0..lines {
            peer.send(call(10_000 + id, "silent", &json!({}), None).as_bytes());
        }
        neighbour();
        site.await_line("did silent", did + 1);
        if site.upstream == Upstream::Stdio {
            let last = Asked::Line(10_000 + lines - 1);
            match client.outcome(last) {
                Came::Error(-32600, words) if words.contains("4096") => {}
                other => panic!("{what}: one request more than may be open: {other:?}"),
            }
        }
        drop(client);
    } else {
        let asked: Vec<_> =
            (0..REQUESTS).map(|id| client.ask(10_000 + id, "silent", &json!({}))).collect();
        neighbour();
        site.await_line("did silent", did + 1);
        for one in asked {
            let Asked::Request(sent) = one else { panic!("it speaks HTTP") };
            sent.leave();
        }
        client.end();
    }
    neighbour();
    if site.upstream != Upstream::Stdio {
        // Whatever had come to the server by then is left, too.
        site.await_line("left silent", left + 1);
        site.await_line("left silent", site.count("did silent"));
    }
}

fn vanishes_within(what: &str, site: &Site, downstream: Downstream, neighbour: &mut dyn FnMut()) {
    let mut client = site.client(downstream);
    let did = site.count("did noise");
    if let Client::Lines(peer) = &mut client {
        let mut most = call(7, "noise", &json!({}), None);
        most.pop();
        peer.send_part(most.as_bytes());
        neighbour();
        drop(client);
    } else {
        let (request, port) = client.request(7, "noise", &json!({"x": "x".repeat(100_000)}));
        // Of the head, and of the body.
        for bytes in [100, 50_000] {
            let sent = request.begin_part(port, bytes).unwrap();
            neighbour();
            sent.leave();
        }
        client.is_well(what, 8);
        client.end();
    }
    neighbour();
    assert_eq!(site.count("did noise"), did, "{what}: half a message was carried out");
}

fn vanishes_waiting(_what: &str, site: &Site, downstream: Downstream, neighbour: &mut dyn FnMut()) {
    let mut client = site.client(downstream);
    let (did, left) = (site.count("did silent"), site.count("left silent"));
    let asked = client.ask(7, "silent", &json!({}));
    site.await_line("did silent", did + 1);
    neighbour();
    match asked {
        Asked::Line(_) => drop(client),
        Asked::Request(sent) => {
            sent.leave();
            if site.upstream != Upstream::Stdio {
                site.await_line("left silent", left + 1);
            }
            client.end();
        }
    }
    neighbour();
    if site.upstream != Upstream::Stdio {
        site.await_line("left silent", left + 1);
    }
}

fn repeats_an_id(what: &str, site: &Site, downstream: Downstream, neighbour: &mut dyn FnMut()) {
    let mut client = site.client(downstream);
    let (did, echoed) = (site.count("did silent"), site.count("did echo"));
    let first = client.ask(7, "silent", &json!({}));
    site.await_line("did silent", did + 1);
    let second = client.call(7, "echo");
    match (downstream, second) {
        // Nothing is kept between requests: each has its own answer.
        (Downstream::Modern, Came::Text(text)) if text == "did echo" => {}
        (Downstream::Modern, other) => panic!("{what}: {other:?}"),
        (_, Came::Error(-32600, words)) if words.contains("id") => {
            assert_eq!(site.count("did echo"), echoed, "{what}: it was carried out all the same");
        }
        (_, other) => panic!("{what}: {other:?}"),
    }
    neighbour();
    if let Asked::Request(sent) = first {
        sent.leave();
        return client.end();
    }
    drop(client);
}

fn does_not_read(what: &str, site: &Site, downstream: Downstream, neighbour: &mut dyn FnMut()) {
    let mut client = site.client(downstream);
    let did = site.count("did chatter");
    let asked = client.ask(7, "chatter", &json!({}));
    site.await_line("did chatter", did + 1);
    neighbour();
    match asked {
        // What it did not read was kept for it, or not sent by the server.
        asked @ Asked::Line(_) => match client.outcome(asked) {
            Came::Text(text) if text == "did chatter" => {}
            other => panic!("{what}: {other:?}"),
        },
        Asked::Request(sent) => sent.leave(),
    }
    neighbour();
    client.is_well(what, 8);
    client.end();
}

fn writes_no_more(what: &str, site: &Site, downstream: Downstream, neighbour: &mut dyn FnMut()) {
    let mut client = site.client(downstream);
    let asked = client.ask(7, "slow", &json!({}));
    match (&mut client, &asked) {
        (Client::Lines(peer), _) => peer.close(),
        (Client::Web { .. }, Asked::Request(sent)) => sent.finish(),
        (Client::Web { .. }, Asked::Line(_)) => panic!("{what}: it speaks HTTP"),
    }
    neighbour();
    match client.outcome(asked) {
        Came::Text(text) if text == "did slow" => {}
        // To servers of HTTP, a client that writes no more may as well be gone. It does not wait for ever.
        Came::Nothing(why) if downstream != Downstream::Lines && !why.contains("unavailable") => {}
        other => panic!("{what}: {other:?}"),
    }
    neighbour();
    client.end();
}
