//! Conversations with servers inside the test, in each dialect, and everything that can go wrong.

mod hearing;
mod older;

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::Body;
use http::{HeaderMap, Method, Response};
use http_body_util::channel::{Channel, Sender};
use parking_lot::Mutex;
use resource::{App, Resource};
use runtime::Clock;
use serde_json::{Value, json};
use tokio::time::timeout;

use super::*;
use crate::catalog::Wanted;
use crate::limits::Limits;
use crate::served::{Served, Speech, Table};
use crate::testing::http::{HttpServer, Seen, text};
use crate::testing::identity;

const PATIENCE: Duration = Duration::from_secs(10);

/// A conversation.
struct Talk {
    remote: Remote,
    served: Arc<Served>,
    tasks: Tasks,
}

fn app(spec: &Value) -> Arc<App> {
    let document = json!({
        "kind": "app", "version": "v3", "metadata": {"name": "files"}, "spec": spec,
    });
    match Resource::from_json(document.to_string().as_bytes()).unwrap() {
        Resource::App(app) => Arc::new(app),
        other => panic!("{other:?}"),
    }
}

// === impl Talk ===

impl Talk {
    fn with(server: &HttpServer, dialect: Dialect) -> Self {
        let headers = json!([{"name": "X-Key", "value": "hunter22"}]);
        let uri = format!("mcp+http://{}/mcp", server.address);
        Self::to(&json!({"uri": uri, "rewrite": {"headers": headers}}), dialect)
    }

    fn to(spec: &Value, dialect: Dialect) -> Self {
        let (app, tasks) = (app(spec), Tasks::new());
        let table = Table::new(Clock::system());
        let served = table.register(Wanted { app: app.clone(), shadows: false });
        let line = Line {
            dialler: Arc::new(
                Dialler::new(&app, &Arc::default(), &Limits::default(), &tasks).unwrap(),
            ),
            caller: Caller::alone(identity("alice", &["r"]), app),
            target: served.target(),
            faults: Faults::OfApp(served.clone()),
            // However busy the machine is, what was logged has come by then.
            logs: Logs::new(Duration::from_secs(1)),
            brought: Newest::default(),
        };
        Self { remote: Remote::new(line, dialect, &tasks), served, tasks }
    }

    fn say(&self, message: &Value) {
        self.remote.write(message.to_string().as_bytes(), Author::Client);
    }

    async fn hear(&mut self) -> Value {
        loop {
            if let Some(line) = self.remote.next_line() {
                return serde_json::from_slice(&line.unwrap()).unwrap();
            }
            let heard = poll_fn(|cx| self.remote.poll(cx, true));
            let heard = timeout(PATIENCE, heard).await.expect("nothing was heard");
            assert_eq!(heard, FromServer::Wrote, "{:?}", self.remote.over());
        }
    }

    async fn end(&mut self) -> Option<String> {
        let heard = poll_fn(|cx| self.remote.poll(cx, true));
        let heard = timeout(PATIENCE, heard).await.expect("it did not end");
        assert_eq!(heard, FromServer::Ended);
        self.remote.over().map(|(_, words)| words)
    }

    /// Shakes hands with a legacy server.
    async fn begin(&mut self) {
        self.say(&initialize());
        assert_eq!(self.hear().await["id"], 1);
        self.say(&json!({"jsonrpc": "2.0", "method": "notifications/initialized"}));
    }

    fn last_error(&self) -> String {
        self.served.observe().last_error.map(|error| error.message).unwrap_or_default()
    }
}

fn initialize() -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {}}})
}

fn call(id: u64, name: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name}})
}

fn modern(id: u64, name: &str) -> Value {
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    json!({"jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": {"name": name, "_meta": meta}})
}

fn id_of(seen: &Seen) -> Value {
    serde_json::from_slice::<Value>(&seen.body).unwrap()["id"].clone()
}

fn result(id: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": {"content": []}}).to_string()
}

fn json_answer(text_: impl Into<Bytes>) -> Response<Body> {
    text(200, "application/json", text_)
}

fn events(text_: impl Into<Bytes>) -> Response<Body> {
    text(200, "text/event-stream; charset=utf-8", text_)
}

/// What every legacy server answers, unless a test has another answer.
fn legacy(seen: &Seen, other: impl Fn(&Seen) -> Response<Body>) -> Response<Body> {
    let method = serde_json::from_slice::<Value>(&seen.body).unwrap_or_default();
    match (seen.method.as_str(), method["method"].as_str()) {
        ("POST", Some("initialize")) => {
            let mut answer = json_answer(
                json!({"jsonrpc": "2.0", "id": method["id"],
                    "result": {"protocolVersion": "2025-06-18", "capabilities": {}}})
                .to_string(),
            );
            answer.headers_mut().insert("mcp-session-id", "s-1".parse().unwrap());
            answer
        }
        ("POST", Some("notifications/initialized")) => text(202, "text/plain", ""),
        ("DELETE", _) => text(200, "text/plain", ""),
        _ => other(seen),
    }
}

fn header<'h>(headers: &'h HeaderMap, name: &str) -> &'h str {
    headers.get(name).map_or("", |value| value.to_str().unwrap())
}

/// A stream that a test holds the other end of.
fn stream() -> (Sender<Bytes, api::BoxError>, Response<Body>) {
    let (sender, channel) = Channel::new(8);
    let mut answer = Response::new(api::boxed(channel));
    answer.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
    (sender, answer)
}

#[tokio::test]
async fn a_session_is_named_heard_and_ended() {
    let server = HttpServer::new(|seen| {
        legacy(seen, |seen| match seen.method.as_str() {
            "GET" => events(
                "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\"}\n\nretry: 60000\n\n",
            ),
            _ => json_answer(result(&id_of(seen))),
        })
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.begin().await;
    assert_eq!(talk.hear().await["method"], "notifications/x");
    talk.say(&call(2, "echo"));
    assert_eq!(talk.hear().await["id"], 2);
    talk.remote.end().await;
    let seen = server.seen();
    let methods: Vec<&str> = seen.iter().map(|one| one.method.as_str()).collect();
    assert_eq!(methods, ["POST", "POST", "GET", "POST", "DELETE"]);
    assert_eq!(header(&seen[0].headers, "mcp-session-id"), "");
    assert_eq!(header(&seen[0].headers, "mcp-protocol-version"), "");
    for later in &seen[1..] {
        assert_eq!(header(&later.headers, "mcp-session-id"), "s-1");
        assert_eq!(header(&later.headers, "mcp-protocol-version"), "2025-06-18");
    }
    assert_eq!(header(&seen[0].headers, "accept"), "application/json, text/event-stream");
    assert_eq!(header(&seen[2].headers, "accept"), "text/event-stream");
}

#[tokio::test]
async fn a_stream_that_breaks_before_its_answer_is_taken_up_again() {
    let server = HttpServer::new(|seen| {
        legacy(seen, |seen| match (seen.method.as_str(), header(&seen.headers, "last-event-id")) {
            ("GET", "") => text(405, "text/plain", ""),
            ("GET", "e-1") => events("id: e-2\nretry: 60\ndata:\n\n"),
            ("GET", "e-2") => events(format!("id: e-3\ndata: {}\n\n", result(&json!(2)))),
            ("GET", other) => panic!("{other}"),
            _ => events(
                "id: e-1\nretry: 60\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\"}\n\n",
            ),
        })
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.begin().await;
    talk.say(&call(2, "slow"));
    assert_eq!(talk.hear().await["method"], "notifications/progress");
    assert_eq!(talk.hear().await["id"], 2);
}

#[tokio::test]
async fn a_stream_that_cannot_be_taken_up_is_an_error() {
    let server = HttpServer::new(|seen| {
        legacy(seen, |seen| match seen.method.as_str() {
            "GET" => text(405, "text/plain", ""),
            _ => events(": nothing\n\ndata: {\"jsonrpc\""),
        })
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.begin().await;
    talk.say(&call(2, "slow"));
    let heard = talk.hear().await;
    assert_eq!((&heard["id"], &heard["error"]["code"]), (&json!(2), &json!(-32603)));
    assert!(heard["error"]["message"].as_str().unwrap().contains("broke off"), "{heard}");
}

#[tokio::test]
async fn a_session_that_was_forgotten_is_told_with_what_was_refused() {
    let server = HttpServer::new(|seen| {
        legacy(seen, |seen| match seen.method.as_str() {
            "GET" => text(405, "text/plain", ""),
            _ => text(404, "application/json", "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32001,\"message\":\"Session not found\"}}"),
        })
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.begin().await;
    talk.say(&call(2, "echo"));
    let words = talk.end().await.unwrap();
    assert!(words.contains("forgotten the session"), "{words}");
    let unsent = talk.remote.lost().unwrap();
    assert_eq!(unsent, [call(2, "echo").to_string()]);
    // Another session can be begun on it.
    talk.begin().await;
}

#[tokio::test]
async fn refusals_are_told_in_words_and_without_secrets() {
    let status = Arc::new(Mutex::new(401));
    let told = status.clone();
    let server = HttpServer::new(move |seen| {
        let told = *told.lock();
        legacy(seen, |seen| match seen.method.as_str() {
            "GET" => text(405, "text/plain", ""),
            _ => text(
                told,
                "text/html",
                format!("<p>\n  you sent {}\n</p>", header(&seen.headers, "x-key")),
            ),
        })
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.begin().await;
    for (number, words) in [
        (401, "wants other credentials"),
        (403, "refuses the gateway's request"),
        (429, "asked too often"),
        (503, "the MCP server failed (HTTP 503 Service Unavailable)"),
        (418, "answered HTTP 418"),
    ] {
        *status.lock() = number;
        talk.say(&call(u64::from(number), "echo"));
        let heard = talk.hear().await;
        assert_eq!(heard["id"], number);
        let said = heard["error"]["message"].as_str().unwrap();
        assert!(said.contains(words) && said.ends_with(": <p> you sent *** </p>"), "{said}");
        assert_eq!(talk.last_error(), said);
    }
}

#[tokio::test]
async fn an_error_of_the_protocol_is_passed_on_under_the_requests_id() {
    let error = json!({"code": -32020, "message": "headers", "data": {"x": 1}});
    let body = json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string();
    let server = HttpServer::new(move |_| text(400, "application/json", body.clone())).await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.say(&initialize());
    let heard = talk.hear().await;
    assert_eq!(heard, json!({"jsonrpc": "2.0", "id": 1, "error": error}));
    assert_eq!(talk.last_error(), "");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_told_and_its_silence_means_nothing() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let mut talk = Talk::to(&json!({"uri": format!("mcp+http://{address}/")}), Dialect::Legacy);
    talk.say(&initialize());
    let heard = talk.hear().await;
    let said = heard["error"]["message"].as_str().unwrap();
    assert!(said.contains("connection refused"), "{said}");
    assert_eq!(talk.remote.faults(), 1);
    assert_eq!(talk.last_error(), said);
}

#[tokio::test]
async fn what_is_no_answer_is_an_error() {
    for (answer, words) in [
        (text(200, "text/html", "<p>"), "not of the protocol"),
        (text(202, "text/plain", ""), "answered nothing"),
    ] {
        let answer = Mutex::new(Some(answer));
        let server = HttpServer::new(move |_| answer.lock().take().unwrap()).await;
        let mut talk = Talk::with(&server, Dialect::Modern);
        talk.say(&modern(5, "echo"));
        let heard = talk.hear().await;
        assert!(heard["error"]["message"].as_str().unwrap().contains(words), "{heard}");
    }
}

#[tokio::test]
async fn modern_requests_stand_alone_and_are_taken_back_by_breaking_off() {
    let (open, closed) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (opened, gone) = (open.clone(), closed.clone());
    let server = HttpServer::slow(move |seen| {
        let (opened, gone) = (opened.clone(), gone.clone());
        async move {
            let id = serde_json::from_slice::<Value>(&seen.body).unwrap()["id"].clone();
            if id == 1 {
                opened.fetch_add(1, Ordering::SeqCst);
                let (mut sender, answer) = stream();
                let watching = Tasks::new();
                watching.spawn("test.watch", async move {
                    while sender.send_data(":\n\n".into()).await.is_ok() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                    gone.fetch_add(1, Ordering::SeqCst);
                });
                return answer;
            }
            json_answer(result(&id))
        }
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.say(&modern(1, "slow"));
    talk.say(&modern(2, "ünïcode"));
    assert_eq!(talk.hear().await["id"], 2);
    while open.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    talk.say(
        &json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}),
    );
    talk.say(&modern(3, "echo"));
    assert_eq!(talk.hear().await["id"], 3);
    timeout(PATIENCE, async {
        while closed.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .expect("the request was not broken off");
    let seen = server.seen();
    assert_eq!(seen.len(), 3, "the cancellation was posted");
    let second = seen.iter().find(|one| id_of(one) == 2).unwrap();
    assert_eq!(header(&second.headers, "mcp-protocol-version"), "2026-07-28");
    assert_eq!(header(&second.headers, "mcp-method"), "tools/call");
    assert_eq!(header(&second.headers, "mcp-name"), "=?base64?w7xuw69jb2Rl?=");
    assert!(second.headers.get("mcp-session-id").is_none());
}

#[tokio::test]
async fn so_many_requests_go_side_by_side_and_no_more() {
    let (now, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak) = (now.clone(), most.clone());
    let server = HttpServer::slow(move |seen| {
        let (running, peak) = (running.clone(), peak.clone());
        async move {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(100)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            json_answer(result(&id_of(&seen)))
        }
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Modern);
    for id in 0..80 {
        talk.say(&modern(id, "echo"));
    }
    for _ in 0..80 {
        talk.hear().await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 64);
}

#[tokio::test]
async fn who_does_not_read_is_not_read_from() {
    let sent = Arc::new(AtomicUsize::new(0));
    let count = sent.clone();
    let server = HttpServer::slow(move |_| {
        let count = count.clone();
        async move {
            let (mut sender, answer) = stream();
            let flood = Tasks::new();
            flood.spawn("test.flood", async move {
                let line = format!(
                    "data: {{\"jsonrpc\":\"2.0\",\"method\":\"{}\"}}\n\n",
                    "x".repeat(65_536)
                );
                while sender.send_data(line.clone().into()).await.is_ok() {
                    count.fetch_add(line.len(), Ordering::SeqCst);
                }
            });
            answer
        }
    })
    .await;
    let talk = Talk::with(&server, Dialect::Modern);
    talk.say(&modern(1, "flood"));
    // Nothing is read of it here, and at some time nothing more is sent.
    let mut before = usize::MAX;
    timeout(PATIENCE, async {
        while before != sent.load(Ordering::SeqCst) || before == 0 {
            before = sent.load(Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    })
    .await
    .expect("the flood was not stopped");
    assert!(before < 64 << 20, "{before}");
    talk.tasks.cancel();
}

#[tokio::test]
async fn a_client_that_writes_no_more_ends_the_conversation_when_all_is_answered() {
    let server = HttpServer::new(|seen| json_answer(result(&id_of(seen)))).await;
    let mut talk = Talk::with(&server, Dialect::Modern);
    talk.say(&modern(1, "echo"));
    talk.remote.end_input();
    assert_eq!(talk.hear().await["id"], 1);
    assert_eq!(talk.end().await, None);
}
