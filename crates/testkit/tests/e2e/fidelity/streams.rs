//! Sessions of the legacy era over HTTP with all that they can have: streams, their ids and comments, what is
//! resumed, statuses, and the end. Spoken to directly and through the gateway by the same requests.

use testkit::http::{Call, Reply};
use testkit::scripted::{Asked, Out};
use testkit::{Cluster, Real, Scripted};

use super::HELLO;

/// What the server calls the session.
const SESSION: &str = "of-the-server";
/// Headers of answers that mean something to clients of the protocol.
const HEARD: [&str; 9] = [
    "allow",
    "cache-control",
    "content-type",
    "mcp-protocol-version",
    "mcp-session-id",
    "mcp-x",
    "retry-after",
    "www-authenticate",
    "x-accel-buffering",
];
/// Headers of requests that belong to a connection, or to whoever makes it.
const OWN: [&str; 7] = [
    "accept-encoding",
    "connection",
    "content-length",
    "host",
    "tessera-jwt-assertion",
    "transfer-encoding",
    "user-agent",
];

/// An answer as a client got it.
#[derive(Debug, PartialEq, Eq)]
struct Got {
    step: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// A request as the server got it.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    line: String,
    headers: Vec<(String, String)>,
    body: String,
}

/// A client that says always the same.
struct Client {
    port: u16,
    path: &'static str,
    session: String,
    got: Vec<Got>,
}

// === impl Client ===

impl Client {
    /// Says everything; gives what came back.
    #[track_caller]
    fn talk(port: u16, path: &'static str) -> Vec<Got> {
        let mut client = Self { port, path, session: String::new(), got: Vec::new() };
        client.step("initialize", Call::post(path, HELLO));
        client.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
        for step in
            ["spoken", "odd", "lines", "broken", "padded", "refused", "busy", "ill", "nothing"]
        {
            let id = client.got.len();
            client.post(&format!(
                r#"{{"jsonrpc":"2.0", "id":{id},"method":"tools/call","params":{{"name":"{step}","arguments":{{"n":1.0}}}}}}"#
            ));
        }
        client.get(&[("last-event-id", "b-1")]);
        client.get(&[]);
        client.get(&[("last-event-id", "long-ago")]);
        client.step("DELETE", Call::new("DELETE", path));
        client.got
    }

    #[track_caller]
    fn post(&mut self, body: &str) {
        self.step(body, Call::post(self.path, body));
    }

    #[track_caller]
    fn get(&mut self, headers: &[(&str, &str)]) {
        let call = Call::new("GET", self.path).header("accept", "text/event-stream");
        self.step(&format!("GET {headers:?}"), call.headers(headers));
    }

    #[track_caller]
    fn step(&mut self, step: &str, call: Call) {
        let call = match self.session.as_str() {
            "" => call,
            session => call.headers(&[
                ("mcp-session-id", session),
                ("mcp-protocol-version", "2025-11-25"),
                ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
            ]),
        };
        let reply: Reply = call.send(self.port).unwrap();
        if let Some(session) = reply.header("mcp-session-id").filter(|_| self.session.is_empty()) {
            self.session = session.to_owned();
        }
        let heard = reply.headers.iter().filter(|(name, _)| HEARD.contains(&name.as_str()));
        // The session has a name of its own on each side.
        let mut headers: Vec<_> = heard
            .map(|(name, value)| {
                let value = if *value == self.session { SESSION } else { value };
                (name.clone(), value.to_owned())
            })
            .collect();
        headers.sort();
        let (step, status) = (step.to_owned(), reply.status);
        let body = String::from_utf8(reply.whole().unwrap()).unwrap();
        self.got.push(Got { step, status, headers, body });
    }
}

/// What the server was sent since it was last asked for that.
fn sent(server: &Scripted, from: usize) -> Vec<Sent> {
    let shown = |asked: Asked| {
        let own = |name: &str| OWN.contains(&name);
        let mut headers: Vec<_> =
            asked.headers.into_iter().filter(|(name, _)| !own(name)).collect();
        headers.sort();
        let body = String::from_utf8(asked.body).unwrap();
        Sent { line: format!("{} {}", asked.method, asked.path), headers, body }
    };
    server.asked().into_iter().skip(from).map(shown).collect()
}

/// One of everything that servers do, and some that they rarely do.
fn answer(asked: &Asked, out: &mut Out) {
    const JSON: &str = "content-type: application/json";
    const NAMED: &str = "mcp-session-id: of-the-server";
    let id = asked.id();
    let result = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"content":[ ],"x":1.00}}}}"#);
    let error = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0","id":{id},"error":{{"code":-32000,"message":"no \u00fc"}}}}"#)
    };
    let note = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":[1.0]}}"#;
    let stream = |out: &mut Out, parts: &[&str]| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\n\
                    cache-control: no-cache\r\nx-accel-buffering: no\r\nmcp-session-id: of-the-server\r\n\
                    connection: close\r\n\r\n";
        out.write(head);
        for part in parts {
            out.write(part);
        }
    };
    let tool =
        asked.json().pointer("/params/name").and_then(|name| Some(name.as_str()?.to_owned()));
    match (asked.method.as_str(), asked.rpc().as_str(), tool.as_deref().unwrap_or_default()) {
        ("POST", "initialize", _) => {
            let hello = r#"{ "jsonrpc":"2.0","result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}},"id":0}"#;
            let kind = "content-type: application/json; charset=utf-8";
            out.answer("200 OK", &[kind, NAMED, "cache-control: no-store"], hello);
        }
        ("POST", "notifications/initialized", _) => out.answer("202 Accepted", &[], ""),
        // Its name on every answer, as some servers have it.
        ("POST", _, "spoken") => out.answer("200 OK", &[JSON, NAMED, "mcp-x: y"], &result),
        ("POST", _, "odd") => stream(
            out,
            &[
                ": hello\n\n",
                "id: o-0\nretry: 700\ndata:\n\n",
                ":ping\n:ping\n\nid:o-1\nevent: mess",
                &format!("age\ndata:{note}\n\n"),
                "retry: 1\n\n",
                &format!("event: message\r\nid: o-2\r\ndata: {note}\r\n\r\n"),
                &format!("id: o-3\ndata: {result}\n\n"),
                ": bye\n\n",
            ],
        ),
        ("POST", _, "lines") => stream(
            out,
            &[&format!(
                "data: {{\"jsonrpc\":\"2.0\",\ndata:  \"id\":{id},\ndata:\ndata: \"result\":{{}}}}\nid: l-1\n\n"
            )],
        ),
        ("POST", _, "broken") => stream(out, &["id: b-1\nretry: 5\ndata: \n\n"]),
        ("POST", _, "padded") => out.answer("200 OK", &[JSON], format!("\n {result}\r\n")),
        ("POST", _, "refused") => out.answer("400 Bad Request", &[JSON], error("null")),
        ("POST", _, "busy") => {
            out.answer("429 Too Many Requests", &[JSON, "retry-after: 7"], error(&id));
        }
        ("POST", _, "ill") => out.answer("500 Ill", &[JSON], error(&id)),
        ("POST", _, _) => out.answer("503 Away", &[JSON, "retry-after: 1"], error(&id)),
        ("GET", _, _) => match asked.header("last-event-id") {
            Some("b-1") => {
                let late = r#"{"jsonrpc":"2.0","id":5,"result":{"late":1e0}}"#;
                stream(out, &[&format!("id: b-2\ndata: {late}\n\n")]);
            }
            Some(_) => out.answer("400 Bad Request", &[JSON], error("null")),
            None => stream(
                out,
                &[": here\n\n", &format!("id: g-1\ndata: {note}\n\n"), "id: g-2\ndata\n\n"],
            ),
        },
        _ => out.answer("204 No Content", &[], ""),
    }
}

#[test]
fn streams_and_statuses_pass_as_they_are_both_ways() {
    let (server, cluster) = (Scripted::start(answer), Cluster::single());
    let direct = Client::talk(server.port(), "/mcp");
    let asked_directly = sent(&server, 0);
    cluster.app_pinned("odd", &server.uri("mcp+http", "/mcp"), "legacy");
    let alice = cluster.identity("alice", &["mcp-user"]);
    let pipe = Real::locate().tls_pipe(&cluster, &alice);
    let through = Client::talk(pipe.port(), "/mcp/apps/odd");
    let asked_through = sent(&server, asked_directly.len());
    assert_eq!(through.len(), direct.len());
    for (through, direct) in through.iter().zip(&direct) {
        assert_eq!(through, direct);
    }
    assert_eq!(asked_through.len(), asked_directly.len());
    for (through, direct) in asked_through.iter().zip(&asked_directly) {
        assert_eq!(through, direct);
    }
    assert!(direct.iter().any(|got| got.body.contains("\"late\":1e0")), "nothing was resumed");
}
