//! How everything that can be open ends: at once, with a sentence for the client and a record.
//!
//! [`KINDS`] is the table of what can be open, each with an app of its own; each test is one reason.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Method, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use parking_lot::Mutex;
use resource::Kind;
use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::cluster::{Cluster, document, role_with};
use crate::http_server::{HttpServer, Seen, text};
use crate::passing::{JSON, legacy, message, open_stream, result};
use crate::passing_modern::stateless;
use crate::processes::wait_until;
use crate::web::{Reply, Web, modern};

/// Longer than opening any of them takes.
const SILENCE: Duration = Duration::from_secs(3);
/// So much later than it should a stream may end.
const SOON: Duration = Duration::from_secs(1);

/// Gives the sentence with which something that is open ends.
type Told = BoxFuture<'static, String>;
type Opens = fn(Arc<Cluster>) -> BoxFuture<'static, Told>;

/// What can be open: the name of its app, and how it is opened.
const KINDS: [(&str, Opens); 16] = [
    ("stdio", |cluster| Box::pin(lines(cluster, "stdio", None))),
    ("stdio-call", |cluster| Box::pin(lines(cluster, "stdio-call", Some("hang")))),
    ("lines-to-http", |cluster| Box::pin(lines(cluster, "lines-to-http", Some("hang")))),
    ("lines-to-sse", |cluster| Box::pin(lines(cluster, "lines-to-sse", Some("hang")))),
    ("held-get", |cluster| Box::pin(listens(cluster, "held-get"))),
    ("held-call", |cluster| Box::pin(calls(cluster, "held-call", "hang"))),
    ("sse-call", |cluster| Box::pin(calls(cluster, "sse-call", "hang"))),
    ("get", |cluster| Box::pin(listens(cluster, "get"))),
    ("stream", |cluster| Box::pin(calls(cluster, "stream", "stream"))),
    ("call", |cluster| Box::pin(calls(cluster, "call", "hang"))),
    ("trickle", |cluster| Box::pin(calls(cluster, "trickle", "trickle"))),
    ("modern-listen", |cluster| Box::pin(subscribes(cluster, "modern-listen"))),
    ("modern-stream", |cluster| Box::pin(asks(cluster, "modern-stream", "stream"))),
    ("modern-call", |cluster| Box::pin(asks(cluster, "modern-call", "hang"))),
    ("bridged-listen", |cluster| Box::pin(subscribes(cluster, "bridged-listen"))),
    ("bridged-call", |cluster| Box::pin(asks(cluster, "bridged-call", "hang"))),
];

/// The servers behind the apps.
struct Servers {
    legacy: HttpServer,
    modern: HttpServer,
    sse: HttpServer,
}

// === impl Servers ===

impl Servers {
    async fn start() -> Self {
        let legacy = HttpServer::slow(|seen| async move { odd(&seen, legacy).await }).await;
        let modern = HttpServer::slow(|seen| async move { odd(&seen, stateless).await }).await;
        Self { legacy, modern, sse: sse().await }
    }

    fn of(&self, kind: &str) -> Option<String> {
        let (scheme, server) = match kind {
            "stdio" | "stdio-call" | "held-get" | "held-call" => return None,
            "lines-to-sse" | "sse-call" => ("mcp+sse+http", &self.sse),
            kind if kind.starts_with("modern-") => ("mcp+http", &self.modern),
            _ => ("mcp+http", &self.legacy),
        };
        Some(format!("{scheme}://{}/mcp", server.address))
    }
}

/// Answers that are never complete, and all others.
async fn odd(seen: &Seen, others: fn(&Seen) -> Response<Body>) -> Response<Body> {
    let message = message(seen);
    let progress = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":"begun"}}"#;
    match message.pointer("/params/name").and_then(Value::as_str) {
        Some("hang") => std::future::pending().await,
        Some("stream") => open_stream(&format!("data: {progress}\n\n")),
        Some("trickle") => {
            let mut response = open_stream("{");
            response.headers_mut().insert("content-type", JSON.parse().unwrap());
            response
        }
        _ if seen.method == Method::GET => open_stream(&format!("data: {progress}\n\n")),
        _ => others(seen),
    }
}

/// A server of the first revision, with a stream for each client.
async fn sse() -> HttpServer {
    let streams = Arc::<Mutex<Vec<mpsc::UnboundedSender<String>>>>::default();
    HttpServer::new(move |seen| {
        if seen.method == Method::GET {
            let (sender, events) = mpsc::unbounded_channel();
            let mut streams = streams.lock();
            sender.send(format!("event: endpoint\ndata: /to/{}\n\n", streams.len())).unwrap();
            streams.push(sender);
            let frames = futures_util::stream::unfold(events, async |mut events| {
                let event: String = events.recv().await?;
                Some((Ok::<_, api::BoxError>(Frame::data(Bytes::from(event))), events))
            });
            let mut response = Response::new(api::boxed(StreamBody::new(frames)));
            response.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
            return response;
        }
        let message = message(seen);
        let answer = match message["method"].as_str() {
            Some("initialize") => Some(json!({
                "protocolVersion": "2024-11-05", "capabilities": {},
                "serverInfo": {"name": "old", "version": "1"},
            })),
            _ => None,
        };
        let number = seen.path.strip_prefix("/to/").and_then(|number| number.parse::<usize>().ok());
        if let (Some(answer), Some(number)) = (answer, number) {
            let event = format!("event: message\ndata: {}\n\n", result(&message["id"], &answer));
            streams.lock()[number].send(event).unwrap();
        }
        text(202, "text/plain", "")
    })
    .await
}

/// `tsh mcp connect`, with a call that is not answered or without.
async fn lines(cluster: Arc<Cluster>, app: &'static str, call: Option<&str>) -> Told {
    let mut client = cluster.connect("dev", app).await;
    assert!(client.initialize().await["result"].is_object(), "{app}");
    client.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    let waits = call.is_some();
    if let Some(tool) = call {
        client.ask("tools/call", json!({"name": tool})).await;
    }
    Box::pin(async move {
        let mut words = Value::Null;
        while waits && words.is_null() {
            // What the server says by itself comes before.
            words = client.read().await.expect("an answer")["error"]["message"].clone();
        }
        let (_, told) = client.end().await;
        if waits {
            assert_eq!(words, told, "{app}");
        }
        told
    })
}

async fn listens(cluster: Arc<Cluster>, app: &'static str) -> Told {
    let web = Web::begin(&cluster, "dev", app).await;
    let stream = web.get().await;
    assert_eq!(stream.status, 200, "{app}");
    last(stream)
}

async fn calls(cluster: Arc<Cluster>, app: &'static str, tool: &'static str) -> Told {
    let web = Web::begin(&cluster, "dev", app).await;
    sent(&cluster, async move { web.call(2, tool).await }).await
}

async fn subscribes(cluster: Arc<Cluster>, app: &'static str) -> Told {
    let web = Web::new(&cluster, "dev", app).modern("subscriptions/listen", None);
    let listen = modern(json!(9), "subscriptions/listen", json!({"notifications": {}}));
    let mut stream = web.post(&listen.to_string()).await;
    assert!(stream.event().await.is_some());
    last(stream)
}

async fn asks(cluster: Arc<Cluster>, app: &'static str, tool: &'static str) -> Told {
    let web = Web::new(&cluster, "dev", app);
    sent(&cluster, async move { web.modern_call(json!(2), tool).await }).await
}

/// Something that is sent; that it was decided is recorded before it goes on.
async fn sent(cluster: &Cluster, asks: impl Future<Output = Reply> + Send + 'static) -> Told {
    let requests = |records: &crate::cluster::Records| {
        let calls = records.of("TMCP003I");
        calls.iter().filter(|call| call["message"]["method"] == "tools/call").count()
    };
    let before = requests(&cluster.records);
    let answer = cluster.tasks.spawn("call", async move { last(asks.await).await });
    wait_until("it is asked", || requests(&cluster.records) > before).await;
    Box::pin(async move { answer.await.unwrap() })
}

/// The last thing that is said on an answer.
fn last(mut reply: Reply) -> Told {
    Box::pin(async move {
        let mut last = Value::Null;
        if reply.content_type() == "text/event-stream" {
            while let Some((_, event)) = reply.event().await {
                last = event;
            }
        } else {
            last = reply.json().await;
        }
        let words = last.pointer("/error/message").or(last.pointer("/params/data"));
        words.and_then(Value::as_str).unwrap_or_else(|| panic!("no words: {last}")).to_owned()
    })
}

/// Opens everything.
async fn open(options: Value) -> (Arc<Cluster>, Servers, Vec<(&'static str, Told)>) {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    cluster.put(role_with("dev", &json!(["*"]), options));
    let servers = Servers::start().await;
    for (name, _) in KINDS {
        cluster.put(match servers.of(name) {
            Some(uri) => document("app", "v3", name, json!({"spec": {"uri": uri}})),
            None => cluster.app(name, json!({})),
        });
    }
    cluster.settled().await;
    let cluster = Arc::new(cluster);
    let opening = KINDS.map(|(name, opens)| {
        let told = opens(cluster.clone());
        async move { (name, told.await) }
    });
    let told = futures_util::future::join_all(opening).await;
    (cluster, servers, told)
}

/// Each ends with these words, and is recorded with them.
async fn all_end(
    cluster: &Cluster,
    told: Vec<(&'static str, Told)>,
    within: Duration,
    words: &str,
) {
    for (kind, told) in told {
        let told = tokio::time::timeout(within, told).await;
        let told = told.unwrap_or_else(|_| panic!("{kind} does not end"));
        assert!(told.contains(words), "{kind}: {told}");
        let is_recorded = || {
            cluster.records.of("TMCP002E").iter().any(|end| {
                end["app_name"] == kind && end["error"].as_str().unwrap().contains(words)
            })
        };
        wait_until(&format!("the end of {kind} is recorded"), is_recorded).await;
    }
    wait_until("nothing is left", || {
        cluster.agent.connections() == 0 && cluster.mark.alive().is_empty()
    })
    .await;
    let ends = cluster.records.of("TMCP002E");
    assert_eq!(ends.len(), KINDS.len(), "each once: {ends:#?}");
}

#[tokio::test]
async fn by_silence() {
    let options = json!({"client_idle_timeout": format!("{}s", SILENCE.as_secs())});
    let (cluster, _servers, told) = open(options).await;
    all_end(&cluster, told, SILENCE + SOON, "idle for longer").await;
}

#[tokio::test]
async fn with_the_certificate() {
    let (cluster, _servers, told) = open(json!({"disconnect_expired_cert": true})).await;
    cluster.clock.advance(Duration::from_secs(3_601));
    all_end(&cluster, told, SOON, "certificate has expired").await;
}

#[tokio::test]
async fn by_a_lock() {
    let (cluster, _servers, told) = open(json!({})).await;
    let target = json!({"target": {"user": "dev"}, "message": "go away"});
    cluster.put(document("lock", "v2", "it", json!({"spec": target})));
    all_end(&cluster, told, SOON, "go away").await;
}

#[tokio::test]
async fn with_the_role() {
    let (cluster, _servers, told) = open(json!({})).await;
    cluster.delete(Kind::Role, "dev");
    all_end(&cluster, told, SOON, "denied").await;
}

#[tokio::test]
async fn with_the_user() {
    let (cluster, _servers, told) = open(json!({})).await;
    cluster.delete(Kind::User, "dev");
    all_end(&cluster, told, SOON, "no user").await;
}

#[tokio::test]
async fn with_the_app() {
    let (cluster, _servers, told) = open(json!({})).await;
    for (name, _) in KINDS {
        cluster.delete(Kind::App, name);
    }
    all_end(&cluster, told, SOON, "not served any more").await;
}

/// Tells that a stream of the server's is left.
struct Left(Arc<Mutex<usize>>);

impl Drop for Left {
    fn drop(&mut self) {
        *self.0.lock() += 1;
    }
}

#[tokio::test]
async fn though_the_client_reads_nothing() {
    let left = Arc::<Mutex<usize>>::default();
    let count = left.clone();
    let loud = move |seen: &Seen, others: fn(&Seen) -> Response<Body>| {
        let name = message(seen).pointer("/params/name").cloned();
        if name != Some(json!("flood")) {
            return others(seen);
        }
        let guard = Left(count.clone());
        let frames = futures_util::stream::repeat_with(move || {
            let _held = &guard;
            let event = format!(": {}\n\n", "x".repeat(64 * 1024));
            Ok::<_, api::BoxError>(Frame::data(Bytes::from(event)))
        });
        let mut response = Response::new(api::boxed(StreamBody::new(frames)));
        response.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
        response
    };
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let (old, new) = (loud.clone(), loud);
    let old = HttpServer::new(move |seen| old(seen, legacy)).await;
    let new = HttpServer::new(move |seen| new(seen, stateless)).await;
    for (name, server) in [("old", &old), ("new", &new)] {
        crate::passing::register(&cluster, name, server).await;
    }
    let unread = [
        Web::begin(&cluster, "dev", "old").await.call(2, "flood").await,
        Web::new(&cluster, "dev", "new").modern_call(json!(2), "flood").await,
    ];
    assert!(unread.iter().all(|reply| reply.status == 200));
    let target = json!({"target": {"user": "dev"}});
    cluster.put(document("lock", "v2", "it", json!({"spec": target})));
    wait_until("the servers are left", || *left.lock() == 2).await;
    wait_until("both are recorded", || cluster.records.of("TMCP002E").len() == 2).await;
    drop(unread);
    wait_until("nothing is left", || cluster.agent.connections() == 0).await;
}
