//! Servers whose messages come in other frames than their clients have, lines or events of one long stream:
//! the frames change, the messages do not.

use std::collections::HashMap;
use std::sync::mpsc::channel;

use parking_lot::Mutex;
use serde_json::Value;
use testkit::http::{Call, Reply};
use testkit::real::recordings;
use testkit::scripted::Out;
use testkit::{Cluster, HttpServer, Peer, Real, Scratch, Scripted};

use super::{HELLO, legacy};

const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// What was posted, and all that the server said until it had answered.
type Exchange = (String, Vec<String>);

/// The script of a session: a line each.
fn script() -> Vec<String> {
    let posts = legacy().into_iter().map(|(_, body)| body).filter(|body| !body.contains('\n'));
    [HELLO.to_owned(), INITIALIZED.to_owned()].into_iter().chain(posts).collect()
}

fn id_of(message: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(message).ok()?;
    message.get("id").cloned()
}

/// Whether a message answers another.
fn answers(said: &str, asked: &str) -> bool {
    let said: Value = serde_json::from_str(said).unwrap_or_default();
    said.get("method").is_none() && said.get("id").cloned() == id_of(asked)
}

/// The data of the events in a stream, as far as they are whole.
fn events(stream: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(stream).replace("\r\n", "\n");
    let whole = text.rsplit_once("\n\n").map_or("", |(whole, _)| whole).to_owned();
    let data =
        |event: &str| event.lines().find_map(|line| Some(line.strip_prefix("data: ")?.to_owned()));
    whole.split("\n\n").filter_map(data).collect()
}

/// Speaks to a real server of HTTP+SSE.
#[track_caller]
fn record(server: &HttpServer) -> Vec<Exchange> {
    let listen = Call::new("GET", "/sse").header("accept", "text/event-stream");
    let mut stream: Reply = listen.send(server.port()).unwrap();
    let endpoint = events(stream.until(|body| !events(body).is_empty()).unwrap()).remove(0);
    let (mut seen, mut exchanges) = (1, Vec::new());
    for message in script() {
        let posted = Call::post(&endpoint, message.as_str()).send(server.port()).unwrap();
        assert_eq!(posted.status, 202);
        let answered = |body: &[u8]| events(body).iter().skip(1).any(|one| answers(one, &message));
        let body = match id_of(&message) {
            Some(_) => stream.until(answered).unwrap().to_vec(),
            None => stream.until(|_| true).unwrap().to_vec(),
        };
        let all = events(&body);
        exchanges.push((message, all.iter().skip(seen).cloned().collect()));
        seen = all.len();
    }
    stream.leave();
    exchanges
}

/// A server that says again what was recorded.
fn replay(recorded: &[Exchange]) -> Scripted {
    let known: HashMap<String, Vec<String>> = recorded.iter().cloned().collect();
    let (say, said) = channel::<String>();
    let (say, said) = (Mutex::new(say), Mutex::new(said));
    Scripted::start(move |asked, out: &mut Out| {
        if asked.method == "GET" {
            out.write(
                "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n",
            );
            out.write("event: endpoint\r\ndata: /post?session_id=1\r\n\r\n");
            let said = said.lock();
            while let Ok(event) = said.recv() {
                out.write(format!("event: message\r\ndata: {event}\r\n\r\n"));
            }
            return;
        }
        let events = known.get(&String::from_utf8_lossy(&asked.body).into_owned());
        out.answer("202 Accepted", &[], "Accepted");
        for event in events.into_iter().flatten() {
            drop(say.lock().send(event.clone()));
        }
    })
}

/// What a client over stdio hears to each line of the script.
#[track_caller]
fn hear(cluster: &Cluster, app: &str) -> Vec<Exchange> {
    let alice = cluster.identity("alice", &["mcp-user"]);
    let mut peer = Peer::start(&cluster.way(&alice, app));
    let mut exchanges = Vec::new();
    for message in script() {
        peer.send(message.as_bytes());
        let mut heard = Vec::new();
        while id_of(&message).is_some() {
            let said = String::from_utf8(peer.next_message()).unwrap();
            let over = answers(&said, &message);
            heard.push(said);
            if over {
                break;
            }
        }
        exchanges.push((message, heard));
    }
    exchanges
}

#[test]
fn an_sse_server_is_heard_to_the_byte() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let recorded = record(&real.fixture_sse());
    let server = replay(&recorded);
    cluster.app_at("sse", &server.uri("mcp+sse+http", "/sse"));
    let heard = hear(&cluster, "sse");
    assert_eq!(heard, recorded);
    let asked = server.asked();
    let posts = asked.iter().filter(|asked| asked.method == "POST");
    let posted: Vec<_> =
        posts.map(|asked| String::from_utf8_lossy(&asked.body).into_owned()).collect();
    assert_eq!(posted, script());
    assert!(asked.iter().all(|asked| asked.method == "GET" || asked.path == "/post?session_id=1"));
}

#[test]
fn a_stdio_server_is_heard_to_the_byte() {
    let (real, cluster, scratch) = (Real::locate(), Cluster::single(), Scratch::new());
    let folder = scratch.folder("recorded");
    cluster.app("stdio", &real.recorded(&folder, &real.fixture_stdio()));
    let heard = hear(&cluster, "stdio");
    let connection = recordings(&folder).pop().unwrap();
    let lines = |bytes: &[u8]| -> Vec<String> {
        String::from_utf8(bytes.to_vec()).unwrap().lines().map(str::to_owned).collect()
    };
    // Which era it speaks is found out first, by a question of the gateway's own.
    let asked = lines(&connection.sent);
    let of_client: Vec<_> = asked.iter().skip_while(|line| *line != HELLO).cloned().collect();
    assert_eq!(of_client, script());
    let said = lines(&connection.answered);
    let all: Vec<_> = heard.into_iter().flat_map(|(_, heard)| heard).collect();
    let own = said.len() - all.len();
    assert_eq!(said.into_iter().skip(own).collect::<Vec<_>>(), all);
    assert!(own <= 1, "{own} answers did not reach the client");
}
