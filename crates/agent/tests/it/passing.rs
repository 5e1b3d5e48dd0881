//! Clients that speak HTTP, and servers that do so too: what passes, and what does not.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{Method, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use parking_lot::Mutex;
use resource::Kind;
use serde_json::{Value, json};

use crate::cluster::{Cluster, document};
use crate::http_server::{HttpServer, Seen, text};
use crate::processes::wait_until;
use crate::web::Web;

pub(crate) const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";
pub(crate) const LIST: &str = r#"{ "jsonrpc":"2.0","result":{"tools":[{"name":"echo","weight":1.0e2},{"name":"die"}],"nextCursor":"c","_meta":{"x":1}},"id":2 }"#;
const FEW: &str = r#"{ "jsonrpc":"2.0","result":{"tools":[{"name":"echo","weight":1.0e2}],"nextCursor":"c","_meta":{"x":1}},"id":2 }"#;

fn everything() -> Value {
    json!(["*"])
}

/// An app at this server.
pub(crate) async fn register(cluster: &Cluster, name: &str, server: &HttpServer) {
    let uri = format!("mcp+http://{}/mcp", server.address);
    cluster.put(document("app", "v3", name, json!({"spec": {"uri": uri}})));
    cluster.settled().await;
}

pub(crate) fn message(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap_or_default()
}

/// Events, and then silence.
pub(crate) fn open_stream(events: &str) -> Response<Body> {
    let first = Ok::<_, api::BoxError>(Frame::data(Bytes::from(events.to_owned())));
    let frames = stream::iter([first]).chain(stream::pending());
    let mut response = Response::new(api::boxed(StreamBody::new(frames)));
    response.headers_mut().insert("content-type", EVENTS.parse().unwrap());
    response
}

pub(crate) fn result(id: &Value, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()
}

/// What a server of the legacy era answers, where a test says nothing else.
pub(crate) fn legacy(seen: &Seen) -> Response<Body> {
    if seen.method != Method::POST {
        return text(405, "text/plain", "no");
    }
    let message = message(seen);
    let id = &message["id"];
    match message["method"].as_str() {
        Some("initialize") => {
            let body = result(
                id,
                &json!({"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "up", "version": "2"}}),
            );
            let mut response = text(200, JSON, body);
            response.headers_mut().insert("mcp-session-id", "of-the-server".parse().unwrap());
            response
        }
        Some("tools/list") => text(200, JSON, LIST),
        _ if id.is_null() => text(202, JSON, ""),
        _ => text(200, JSON, result(id, &json!({"content": []}))),
    }
}

/// A legacy server, but for what `special` answers; a client with a session; and their cluster.
async fn meet(
    tools: Value,
    special: impl Fn(&Seen) -> Option<Response<Body>> + Send + Sync + 'static,
) -> (Cluster, HttpServer, Web) {
    let cluster = Cluster::start(&[("dev", tools)]).await;
    let server = HttpServer::new(move |seen| special(seen).unwrap_or_else(|| legacy(seen))).await;
    register(&cluster, "up", &server).await;
    let web = Web::begin(&cluster, "dev", "up").await;
    (cluster, server, web)
}

fn called(seen: &Seen) -> Option<String> {
    let message = message(seen);
    Some(message.pointer("/params/name")?.as_str()?.to_owned())
}

#[tokio::test]
async fn a_session_passes_with_a_name_of_its_own_on_each_side() {
    let (cluster, server, web) = meet(json!(["echo"]), |_| None).await;
    let name = web.session.clone().unwrap();
    assert!(name.starts_with("host-1.") && !name.contains("of-the-server"));
    let web = web
        .with("mcp-protocol-version", "2025-11-25")
        .with("traceparent", "00-1-2-01")
        .with("authorization", "Bearer secret")
        .with("cookie", "secret");
    let told = web.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((told.status.as_u16(), told.bytes().await.len()), (202, 0));
    let listed = web.ask(2, "tools/list", json!({})).await;
    assert_eq!((listed.status.as_u16(), listed.content_type()), (200, JSON));
    assert_eq!(listed.bytes().await, FEW, "but for what may not be used, to the byte");
    let odd = "{\"id\":\"x\", \"jsonrpc\":\"2.0\",\n\"method\":\"tools/call\",\"params\":{\"name\":\"ec\\u0068o\",\"arguments\":{\"n\":1.0e2}}}";
    assert!(web.post(odd).await.json().await["result"].is_object());
    assert_eq!(web.call(3, "die").await.json().await["error"]["code"], -32602);
    let seen = server.seen();
    assert_eq!(seen.len(), 4, "what is denied is not sent");
    assert!(seen[0].headers.get("mcp-session-id").is_none());
    for later in &seen[1..] {
        assert_eq!(later.headers["mcp-session-id"], "of-the-server");
        assert_eq!(later.headers["mcp-protocol-version"], "2025-11-25");
        assert_eq!(later.headers["traceparent"], "00-1-2-01");
        for secret in ["authorization", "cookie", "tessera-evidence", "tessera-client-addr"] {
            assert!(later.headers.get(secret).is_none(), "{secret}");
        }
    }
    assert_eq!(seen[3].body, odd, "to the byte");
    let codes = ["TMCP003I", "TMCP001I", "TMCP004I", "TMCP003I", "TMCP003E"];
    assert_eq!(cluster.records.codes(), codes);
    let start = &cluster.records.of("TMCP001I")[0];
    assert_eq!(
        (&start["client_info"], &start["server_info"]),
        (&json!("tester/7"), &json!("up/2"))
    );
}

/// Sessions are looked at whenever anything changes, and now and then.
#[tokio::test]
async fn a_session_goes_on_when_something_changes_that_does_not_concern_it() {
    let (cluster, _server, web) = meet(everything(), |_| None).await;
    cluster.put(cluster.app("other", json!({})));
    cluster.settled().await;
    assert!(web.call(2, "echo").await.json().await["result"].is_object());
}

#[tokio::test]
async fn streams_pass_with_their_ids_and_comments_and_times() {
    const STREAM: &str = ": hello\n\nid: 0\nretry: 50\ndata:\n\nid: 1\r\nevent: message\r\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\r\ndata: \"params\":{\"progressToken\":1,\"progress\":2}}\r\n\r\nid:2\ndata:{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{\"x\":1.0e2}}\n\n";
    let special = |seen: &Seen| (called(seen)? == "echo").then(|| text(200, EVENTS, STREAM));
    let (_cluster, _server, web) = meet(everything(), special).await;
    let reply = web.call(2, "echo").await;
    assert_eq!(reply.content_type(), EVENTS);
    assert_eq!(reply.bytes().await, STREAM);
}

#[tokio::test]
async fn lists_are_filtered_in_streams_too() {
    let stream = format!("id: a-1\ndata: {LIST}\n\n");
    let special = move |seen: &Seen| {
        (message(seen)["method"] == "tools/list").then(|| text(200, EVENTS, stream.clone()))
    };
    let (_cluster, _server, web) = meet(json!(["echo"]), special).await;
    let reply = web.ask(2, "tools/list", json!({})).await;
    assert_eq!(reply.bytes().await, format!("id: a-1\ndata: {FEW}\n\n"));
}

#[tokio::test]
async fn what_cannot_be_told_is_withheld() {
    let other = LIST.replace("\"id\":2", "\"id\":3");
    let answers: Vec<(&str, Response<Body>)> = vec![
        ("HTML", text(200, "text/html", LIST)),
        ("no type", text(200, "x", LIST)),
        ("another id", text(200, JSON, other.clone())),
        ("another id in a stream", text(200, EVENTS, format!("data: {other}\n\n"))),
        ("a batch", text(200, JSON, format!("[{LIST}]"))),
        ("half", text(200, JSON, LIST.split_once("nextCursor").unwrap().0)),
        ("a byte-order mark", text(200, JSON, format!("\u{feff}{LIST}"))),
        ("an unclear list", text(200, JSON, LIST.replace("\"nextCursor\"", "\"Tools\""))),
        ("hidden in the error", text(500, "text/html", LIST)),
        ("a long event", text(200, EVENTS, format!("data: {}\n\n", "x".repeat(17 << 20)))),
        ("a long answer", text(200, JSON, "x".repeat(17 << 20))),
        ("too early", text(202, JSON, LIST)),
    ];
    let names: Vec<_> = answers.iter().map(|(name, _)| *name).collect();
    let next = Mutex::new(answers);
    let special = move |seen: &Seen| {
        let mut next = next.lock();
        (message(seen)["method"] == "tools/list").then(|| next.remove(0).1)
    };
    let (_cluster, _server, web) = meet(json!(["echo"]), special).await;
    for name in names {
        let reply = web.ask(2, "tools/list", json!({})).await;
        let bytes = String::from_utf8_lossy(&reply.bytes().await).into_owned();
        let filtered = name == "too early";
        assert!(!bytes.contains("die"), "{name}: {bytes}");
        assert!(filtered || !bytes.contains("echo"), "{name}: {bytes}");
        assert!(name.contains("stream") || bytes.contains("\"id\":2"), "{name}: {bytes}");
    }
}

#[tokio::test]
async fn the_second_answer_to_a_request_does_not_pass() {
    let answer = |n| format!("data: {}\n\n", result(&json!(2), &json!({"n": n})));
    let special = move |seen: &Seen| {
        (called(seen)? == "echo").then(|| text(200, EVENTS, answer(1) + &answer(2)))
    };
    let (_cluster, _server, web) = meet(everything(), special).await;
    assert_eq!(
        web.call(2, "echo").await.bytes().await,
        format!("data: {}\n\n", result(&json!(2), &json!({"n": 1})))
    );
}

#[tokio::test]
async fn a_stream_is_resumed_at_the_server_and_answers_come_again() {
    let answer = format!("id: 7\ndata: {LIST}\n\n");
    let again = answer.clone();
    let special = move |seen: &Seen| match (&seen.method, seen.headers.get("last-event-id")) {
        (&Method::GET, Some(id)) if id == "6" => Some(text(200, EVENTS, again.clone())),
        _ => (message(seen)["method"] == "tools/list").then(|| text(200, EVENTS, answer.clone())),
    };
    let (_cluster, _server, web) = meet(json!(["echo"]), special).await;
    let expected = format!("id: 7\ndata: {FEW}\n\n");
    assert_eq!(web.ask(2, "tools/list", json!({})).await.bytes().await, expected);
    for _ in 0..2 {
        assert_eq!(web.with("last-event-id", "6").get().await.bytes().await, expected);
    }
}

#[tokio::test]
async fn a_listening_stream_ends_with_the_role_and_so_does_the_session() {
    let change = r#"data: {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#;
    let special = move |seen: &Seen| {
        (seen.method == Method::GET).then(|| open_stream(&format!("id: 1\n{change}\n\n")))
    };
    let (cluster, server, web) = meet(everything(), special).await;
    let mut stream = web.get().await;
    assert_eq!(stream.event().await.unwrap().1["method"], "notifications/tools/list_changed");
    cluster.delete(Kind::Role, "dev");
    let words = stream.event().await.unwrap().1;
    assert!(words["params"]["data"].as_str().unwrap().contains("denied"), "{words}");
    assert!(stream.event().await.is_none());
    wait_until("the server is told", || {
        server.seen().iter().any(|seen| {
            seen.method == Method::DELETE && seen.headers["mcp-session-id"] == "of-the-server"
        })
    })
    .await;
    assert_eq!(cluster.records.of("TMCP002E").len(), 1);
    assert_eq!(web.call(2, "echo").await.status, 403);
    drop(stream);
    wait_until("it is over", || cluster.agent.connections() == 0).await;
}

#[tokio::test]
async fn a_call_that_waits_ends_with_the_app() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let server = HttpServer::slow(|seen| async move {
        if called(&seen).is_some() {
            return std::future::pending().await;
        }
        legacy(&seen)
    })
    .await;
    register(&cluster, "up", &server).await;
    let web = Web::begin(&cluster, "dev", "up").await;
    let calling = web.clone();
    let call = cluster.tasks.spawn("call", async move { calling.call(2, "x").await.json().await });
    wait_until("it is asked", || server.seen().len() == 2).await;
    cluster.delete(Kind::App, "up");
    let answer = call.await.ok().unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(2), &json!(-32603)));
    assert!(answer["error"]["message"].as_str().unwrap().contains("not served any more"));
}

#[tokio::test]
async fn a_client_that_goes_away_goes_away_from_the_server() {
    struct Gone(Arc<Mutex<usize>>);
    impl Drop for Gone {
        fn drop(&mut self) {
            *self.0.lock() += 1;
        }
    }
    let gone = Arc::<Mutex<usize>>::default();
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let count = gone.clone();
    let server = HttpServer::slow(move |seen| {
        let gone = called(&seen).map(|_| Gone(count.clone()));
        async move {
            if gone.is_some() {
                return std::future::pending().await;
            }
            legacy(&seen)
        }
    })
    .await;
    register(&cluster, "up", &server).await;
    let web = Web::begin(&cluster, "dev", "up").await;
    let calling = web.clone();
    let call = cluster.tasks.spawn("call", async move { calling.call(2, "x").await.status });
    wait_until("it is asked", || server.seen().len() == 2).await;
    call.abort();
    wait_until("the server sees it", || *gone.lock() == 1).await;
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_begun_anew() {
    let special = |seen: &Seen| (called(seen)? == "echo").then(|| text(404, JSON, "{}"));
    let (cluster, _server, web) = meet(everything(), special).await;
    let lost = web.call(2, "echo").await;
    assert_eq!(lost.status, 404);
    assert!(lost.json().await["error"]["message"].as_str().unwrap().contains("initialize"));
    assert_eq!(web.call(3, "other").await.status, 404, "here too");
    wait_until("it is recorded", || cluster.records.of("TMCP002E").len() == 1).await;
}

#[tokio::test]
async fn a_session_is_ended_at_the_server_if_it_lets_it() {
    let (_cluster, _server, web) = meet(everything(), |_| None).await;
    assert_eq!(web.delete().await.status, 405);
    assert_eq!(web.get().await.status, 405);
    assert!(web.call(2, "echo").await.json().await["result"].is_object(), "it goes on");
    let special = |seen: &Seen| (seen.method == Method::DELETE).then(|| text(204, JSON, ""));
    let (cluster, server, web) = meet(everything(), special).await;
    assert_eq!(web.delete().await.status, 204);
    assert_eq!(web.call(2, "echo").await.status, 404);
    assert_eq!(server.seen().len(), 2);
    wait_until("it is recorded", || cluster.records.of("TMCP002I").len() == 1).await;
}

#[tokio::test]
async fn statuses_pass_but_for_those_that_would_be_taken_for_ours() {
    let special = |seen: &Seen| {
        let status = called(seen)?.parse().ok()?;
        let refusal =
            json!({"jsonrpc": "2.0", "id": null, "error": {"code": -32000, "message": "no"}});
        Some(text(status, JSON, refusal.to_string()))
    };
    let (_cluster, _server, web) = meet(everything(), special).await;
    for (theirs, ours) in [(400, 400), (429, 429), (500, 500), (401, 502), (403, 502)] {
        let reply = web.call(2, &theirs.to_string()).await;
        assert_eq!(reply.status, ours, "{theirs}");
        assert_eq!(reply.json().await["error"]["message"], "no");
    }
}

#[tokio::test]
async fn a_server_that_is_down_is_told_in_words() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let server = HttpServer::new(legacy).await;
    register(&cluster, "up", &server).await;
    let web = Web::begin(&cluster, "dev", "up").await;
    drop(server);
    let gone = |answer: &Value| {
        answer["error"]["message"].as_str().is_some_and(|words| words.contains("the MCP server"))
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let answer = web.call(2, "echo").await.json().await;
        if gone(&answer) {
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(2), &json!(-32603)));
            break;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer}");
    }
    let begun = Web::new(&cluster, "dev", "up").ask(1, "initialize", json!({})).await;
    assert!(!begun.headers.contains_key("mcp-session-id"));
    assert!(gone(&begun.json().await));
    wait_until("it is recorded", || cluster.records.of("TMCP002E").len() == 1).await;
}

#[tokio::test]
async fn a_server_is_not_asked_by_somebody_else_under_the_same_session() {
    let roles = [("dev", everything()), ("eve", everything())];
    let cluster = Cluster::start(&roles).await;
    let server = HttpServer::new(legacy).await;
    register(&cluster, "up", &server).await;
    let web = Web::begin(&cluster, "dev", "up").await;
    let mut eve = Web::new(&cluster, "eve", "up");
    for session in [web.session.clone().unwrap(), "of-the-server".to_owned()] {
        eve.session = Some(session);
        assert_eq!(eve.call(2, "echo").await.status, 404);
        assert_eq!(eve.get().await.status, 404);
        assert_eq!(eve.delete().await.status, 404);
    }
    assert_eq!(server.seen().len(), 1);
    assert_eq!(cluster.records.of("TMCP006E").len(), 3);
    assert!(web.call(2, "echo").await.json().await["result"].is_object());
}

#[tokio::test]
async fn requests_that_nobody_waits_for_do_not_use_up_the_session() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let server = HttpServer::slow(|seen| async move {
        if called(&seen).as_deref() == Some("hang") {
            return std::future::pending().await;
        }
        legacy(&seen)
    })
    .await;
    register(&cluster, "up", &server).await;
    let web = Web::begin(&cluster, "dev", "up").await;
    for id in 10..14 {
        let (seen, calling) = (server.seen().len(), web.clone());
        let call =
            cluster.tasks.spawn("call", async move { calling.call(id, "hang").await.status });
        wait_until("it is asked", || server.seen().len() > seen).await;
        call.abort();
        assert!(call.await.is_err());
    }
    assert!(web.call(14, "echo").await.json().await["result"].is_object());
    let again = web.call(10, "echo").await.json().await;
    assert_eq!(again["error"]["code"], -32600, "its answer may still come: {again}");
}

#[tokio::test]
async fn headers_of_the_other_era_say_nothing_of_a_message_that_nobody_compared_with_them() {
    let (_cluster, server, web) = meet(json!(["echo"]), |_| None).await;
    let web =
        web.with("mcp-method", "tools/call").with("mcp-name", "die").with("mcp-param-region", "eu");
    assert!(web.call(2, "echo").await.json().await["result"].is_object());
    let seen = server.seen();
    let last = seen.last().unwrap();
    assert_eq!(called(last).as_deref(), Some("echo"));
    for name in ["mcp-method", "mcp-name", "mcp-param-region"] {
        assert!(last.headers.get(name).is_none(), "{name}");
    }
}
