//! Hostile peers, transport by transport: each server that misbehaves, behind each client, and each client that
//! misbehaves, before each server. In every case the outcome has a name, nothing is left running, and a session of
//! the same app at the same agent is answered meanwhile.
//!
//! What servers and clients say that is a lie or an attack is in `strict`; how sessions end in `agent`'s own tests.

mod clients;
mod idle;
mod servers;

use std::cell::Cell;
use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::cluster::LocalProxy;
use testkit::http::{Call, Reply, Sent};
use testkit::{Argv, Cluster, HttpServer, Peer, Real, census, wait};

/// What an operator may set, so that what is bounded by time does not take long here.
const LIMITS: &str = "  limits:\n    answer_timeout: 3s\n    held_session_idle_timeout: 2s\n    \
                      session_idle_timeout: 1h\n    server_idle_timeout: 1s\n";
const LEGACY: &str = "2025-06-18";
const MODERN: &str = "2026-07-28";

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Upstream {
    Stdio,
    Legacy,
    Modern,
    Sse,
}

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Downstream {
    /// `tsh mcp connect`.
    Lines,
    /// Streamable HTTP with sessions, at the ingress.
    Legacy,
    /// Streamable HTTP without sessions, at the ingress.
    Modern,
    /// The same as [`Downstream::Legacy`], by `tsh proxy mcp`.
    Local,
}

const DOWNSTREAMS: [Downstream; 4] =
    [Downstream::Lines, Downstream::Legacy, Downstream::Modern, Downstream::Local];

/// A cluster with one app, whose server misbehaves when it is told to, and somebody who may use it.
struct Site {
    cluster: Cluster,
    alice: PathBuf,
    log: PathBuf,
    upstream: Upstream,
    _server: Option<HttpServer>,
    pipe: HttpServer,
    local: LocalProxy,
    /// How many clients there were: each is of a sort of its own, and shares its session with no other.
    clients: Cell<usize>,
}

/// A client that has shaken hands, if its era does so.
enum Client {
    Lines(Box<Peer>),
    Web { port: u16, path: String, headers: Vec<(String, String)>, number: usize },
}

/// A call whose answer is not read yet.
enum Asked {
    /// Its answer will come on the one stream.
    Line(u64),
    Request(Sent),
}

/// What a call came to.
#[derive(Debug)]
enum Came {
    /// A result, with its text.
    Text(String),
    Error(i64, String),
    /// The connection ended without an answer.
    Nothing(String),
}

// === impl Upstream ===

impl Upstream {
    fn word(self) -> &'static str {
        match self {
            Self::Stdio => "stdio",
            Self::Legacy => "legacy",
            Self::Modern => "modern",
            Self::Sse => "sse",
        }
    }
}

// === impl Site ===

impl Site {
    #[track_caller]
    fn new(upstream: Upstream) -> Self {
        let (real, cluster) = (Real::locate(), Cluster::single_with("", LIMITS));
        let log = cluster.scratch().join("hostile.log");
        let argv = Argv::new(real.python())
            .arg(real.script("servers/hostile.py"))
            .arg(&log)
            .arg(upstream.word());
        let server = match upstream {
            Upstream::Stdio => {
                cluster.app("hostile", &argv);
                None
            }
            Upstream::Legacy | Upstream::Modern => {
                let server = HttpServer::telling("/mcp", &argv);
                cluster.app_pinned("hostile", &server.uri("mcp+http"), upstream.word());
                Some(server)
            }
            Upstream::Sse => {
                let server = HttpServer::telling("/sse", &argv);
                cluster.app_at("hostile", &server.uri("mcp+sse+http"));
                Some(server)
            }
        };
        cluster.tools_role("user", &["*"]);
        let alice = cluster.identity("alice", &["user"]);
        let pipe = real.tls_pipe(&cluster, &alice);
        let local = cluster.local_proxy(&alice, "hostile");
        let clients = Cell::new(0);
        Self { cluster, alice, log, upstream, _server: server, pipe, local, clients }
    }

    /// A client that has shaken hands.
    #[track_caller]
    fn client(&self, downstream: Downstream) -> Client {
        let number = self.clients.get();
        self.clients.set(number + 1);
        match downstream {
            Downstream::Lines => {
                let way = self.cluster.way(&self.alice, "hostile");
                Client::Lines(Box::new(Peer::connect(&way, LEGACY, &json!({})).0))
            }
            Downstream::Legacy => Self::session(self.pipe.port(), "/mcp/apps/hostile"),
            Downstream::Local => Self::session(self.local.port(), "/mcp"),
            Downstream::Modern => Client::Web {
                port: self.pipe.port(),
                path: "/mcp/apps/hostile".to_owned(),
                headers: vec![("mcp-protocol-version".to_owned(), MODERN.to_owned())],
                number,
            },
        }
    }

    #[track_caller]
    fn session(port: u16, path: &str) -> Client {
        let params = json!({
            "protocolVersion": LEGACY, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
        });
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params});
        let reply = Call::post(path, hello.to_string()).send(port).unwrap();
        let session = reply.header("mcp-session-id").map(str::to_owned);
        let status = reply.status;
        let answer = reply.whole().unwrap();
        let shown = String::from_utf8_lossy(&answer);
        let session = session.unwrap_or_else(|| panic!("no session: {status} {shown}"));
        let headers = vec![
            ("mcp-session-id".to_owned(), session),
            ("mcp-protocol-version".to_owned(), LEGACY.to_owned()),
        ];
        Client::Web { port, path: path.to_owned(), headers, number: 0 }
    }

    /// What the server wrote down.
    fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    fn count(&self, line: &str) -> usize {
        self.log().lines().filter(|one| *one == line).count()
    }

    /// Waits until the server has written a line so often.
    #[track_caller]
    fn await_line(&self, line: &str, times: usize) {
        wait::until(&format!("{times} times {line:?}"), wait::PATIENCE, || {
            match self.count(line) {
                count if count >= times => Ok(()),
                count => Err(format!("{count} times; {}", self.log())),
            }
        });
    }

    /// Waits until no server process runs but so many; over HTTP there is nothing to count.
    #[track_caller]
    fn await_processes(&self, what: &str, wanted: usize) {
        if self.upstream != Upstream::Stdio {
            return;
        }
        let mark = self.log.to_str().unwrap();
        wait::until(&format!("{what}: {wanted} servers"), wait::PATIENCE, || {
            let running = census::with_argument(mark);
            let servers = running.iter().filter(|seen| seen.command.contains("hostile.py"));
            let servers = servers.filter(|seen| seen.command.starts_with('/')).count();
            if servers == wanted { Ok(()) } else { Err(format!("{servers}: {running:?}")) }
        });
    }
}

// === impl Client ===

impl Client {
    /// Calls a tool, and waits for nothing.
    #[track_caller]
    fn ask(&mut self, id: u64, tool: &str, arguments: &Value) -> Asked {
        match self {
            Self::Lines(peer) => {
                peer.send(call(id, tool, arguments, None).as_bytes());
                Asked::Line(id)
            }
            Self::Web { .. } => {
                let (call, port) = self.request(id, tool, arguments);
                Asked::Request(call.begin(port).unwrap())
            }
        }
    }

    /// The call as a request over HTTP, and where it goes.
    #[track_caller]
    fn request(&self, id: u64, tool: &str, arguments: &Value) -> (Call, u16) {
        let Self::Web { port, path, headers, number } = self else {
            panic!("it does not speak HTTP")
        };
        let lines: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let modern = lines.contains(&("mcp-protocol-version", MODERN));
        let body = call(id, tool, arguments, modern.then_some(*number));
        let post = Call::post(path, body).headers(&lines);
        let post = match modern {
            true => post.headers(&[("mcp-method", "tools/call"), ("mcp-name", tool)]),
            false => post,
        };
        (post, *port)
    }

    /// What a call came to.
    #[track_caller]
    fn outcome(&mut self, asked: Asked) -> Came {
        match (self, asked) {
            (Self::Lines(peer), Asked::Line(id)) => judged(&peer.answer_to(&json!(id)), id),
            (Self::Web { .. }, Asked::Request(sent)) => match sent.reply() {
                Err(why) => Came::Nothing(why),
                Ok(reply) => read(reply),
            },
            _ => panic!("asked otherwise"),
        }
    }

    /// Calls a tool and says what it came to.
    #[track_caller]
    fn call(&mut self, id: u64, tool: &str) -> Came {
        let asked = self.ask(id, tool, &json!({}));
        self.outcome(asked)
    }

    /// Calls `echo`, which is answered at once.
    #[track_caller]
    fn is_well(&mut self, what: &str, id: u64) {
        match self.call(id, "echo") {
            Came::Text(text) if text == "did echo" => {}
            other => panic!("{what}: its neighbour was answered {other:?}"),
        }
    }

    /// Ends the session, as a good client does.
    fn end(self) {
        match self {
            Self::Lines(mut peer) => peer.close(),
            Self::Web { port, path, headers, .. } => {
                let lines: Vec<_> = headers.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
                if lines.iter().any(|(name, _)| *name == "mcp-session-id") {
                    drop(Call::new("DELETE", &path).headers(&lines).send(port));
                }
            }
        }
    }
}

/// A call of the legacy era, or of the modern one by the client of this number.
fn call(id: u64, tool: &str, arguments: &Value, modern: Option<usize>) -> String {
    // The name first: a server that reads no more has read so much.
    let token = format!("t{id}");
    let meta = match modern {
        None => json!({"progressToken": token}),
        Some(number) => json!({
            "progressToken": token,
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {
                "experimental": {number.to_string(): {}},
            },
        }),
    };
    format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"{tool}","_meta":{meta},"arguments":{arguments}}}}}"#
    )
}

/// The whole of an answer over HTTP, JSON or events.
fn read(reply: Reply) -> Came {
    let status = reply.status;
    let body = match reply.whole() {
        Ok(body) => body,
        Err(why) => return Came::Nothing(why),
    };
    let text = String::from_utf8_lossy(&body).into_owned();
    let events: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("data: ")).collect();
    let messages = if events.is_empty() { vec![text.trim()] } else { events };
    let answers: Vec<Value> = messages
        .iter()
        .filter_map(|message| serde_json::from_str(message).ok())
        .filter(|message: &Value| message.get("id").is_some() && message.get("method").is_none())
        .collect();
    match answers.as_slice() {
        [] => Came::Nothing(format!("{status} {text:?}")),
        [answer] => came(answer),
        several => panic!("{} answers to one request: {text}", several.len()),
    }
}

fn judged(answer: &[u8], id: u64) -> Came {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    assert_eq!(answer.get("id"), Some(&json!(id)));
    came(&answer)
}

fn came(answer: &Value) -> Came {
    let text = answer.pointer("/result/content/0/text").and_then(Value::as_str);
    let code = answer.pointer("/error/code").and_then(Value::as_i64);
    let words = answer.pointer("/error/message").and_then(Value::as_str).unwrap_or_default();
    match (text, code) {
        (Some(text), None) => Came::Text(text.to_owned()),
        (None, Some(code)) => Came::Error(code, words.to_owned()),
        _ => panic!("neither a result nor an error: {answer}"),
    }
}

/// The audit log knows of so many calls of a tool.
#[track_caller]
fn await_calls(cluster: &Cluster, tool: &str, wanted: usize) {
    wait::until(&format!("{wanted} records of {tool}"), wait::PATIENCE, || {
        let records = cluster.audit(&["--event=mcp.session.request", "--limit=1000"]);
        let of_tool = |event: &&Value| event.pointer("/message/params/name") == Some(&json!(tool));
        match records.iter().filter(of_tool).count() {
            count if count >= wanted => Ok(()),
            count => Err(format!("there are {count}")),
        }
    });
}
