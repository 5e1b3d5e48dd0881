//! What an operator sets: each bound at its value, and what is told past it.

use std::sync::Arc;
use std::time::Duration;

use agent::Limits;
use api::Body;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::Response;
use http_body::Frame;
use http_body_util::StreamBody;
use serde_json::{Value, json};

use crate::client::TestClient;
use crate::cluster::Cluster;
use crate::http_server::{HttpServer, Seen};
use crate::passing::{JSON, legacy, message, register};
use crate::passing_modern::stateless;
use crate::processes::wait_until;
use crate::web::Web;

const SHORT: Duration = Duration::from_secs(1);

fn everybody() -> [(&'static str, Value); 2] {
    [("dev", json!(["*"])), ("eve", json!(["*"]))]
}

/// The status with which another stream is answered.
async fn stream_status(cluster: &Cluster, user: &str) -> u16 {
    let evidence = cluster.evidence(&cluster.identity(user));
    let request = TestClient::request("files", &evidence, api::empty());
    cluster.handler.call(request).await.status().as_u16()
}

#[tokio::test]
async fn an_agent_serves_so_many_and_then_another_agent_is_asked() {
    let limits = Limits { connections: 3, ..Limits::default() };
    let cluster = Cluster::within(limits, &everybody()).await;
    let mut clients = Vec::new();
    for user in ["dev", "eve", "dev"] {
        let mut client = cluster.connect(user, "files").await;
        assert!(client.initialize().await["result"].is_object());
        clients.push(client);
    }
    assert_eq!(stream_status(&cluster, "eve").await, 503);
    let refused = Web::new(&cluster, "eve", "files").modern_call(json!(1), "x").await;
    assert_eq!(refused.status, 503);
    assert!(refused.headers.contains_key(tunnel::APP_NOT_SERVED), "another agent may have room");
    drop(clients.pop());
    wait_until("a place is free", || cluster.agent.connections() == 2).await;
    assert_eq!(stream_status(&cluster, "eve").await, 200);
}

#[tokio::test]
async fn an_agent_runs_so_many_servers_and_no_other() {
    let limits = Limits { processes: 2, ..Limits::default() };
    let cluster = Cluster::within(limits, &everybody()).await;
    let mut clients = Vec::new();
    for _ in 0..2 {
        let mut client = cluster.connect("dev", "files").await;
        assert!(client.initialize().await["result"].is_object());
        clients.push(client);
    }
    let mut one_more = cluster.connect("eve", "files").await;
    let refused = one_more.initialize().await;
    assert_eq!(refused["error"]["code"], -32603);
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(words.contains('2'), "{words}");
    assert_eq!(one_more.end().await.0, "start-failed");
    assert!(clients[0].call("echo").await["result"].is_object());
}

#[tokio::test]
async fn sessions_that_nobody_uses_end_in_time() {
    let limits = Limits {
        session_idle_timeout: SHORT,
        passing_session_idle_timeout: SHORT,
        held_session_idle_timeout: SHORT,
        ..Limits::default()
    };
    let cluster = Cluster::within(limits, &everybody()).await;
    let server = HttpServer::new(legacy).await;
    register(&cluster, "passing", &server).await;
    let kept = Web::begin(&cluster, "dev", "files").await;
    let passing = Web::begin(&cluster, "dev", "passing").await;
    assert!(kept.call(2, "echo").await.json().await["result"].is_object());
    let held = Web::new(&cluster, "eve", "files").modern_call(json!(1), "echo").await;
    assert!(held.json().await["result"].is_object());
    wait_until("all have ended", || cluster.agent.connections() == 0).await;
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    assert_eq!(kept.call(3, "echo").await.status, 404);
    assert_eq!(passing.call(3, "x").await.status, 404);
    // The modern era has no sessions: another one is held.
    let again = Web::new(&cluster, "eve", "files").modern_call(json!(2), "echo").await;
    assert!(again.json().await["result"].is_object());
}

#[tokio::test]
async fn a_process_that_is_silent_is_ended_in_time() {
    let limits = Limits { start_timeout: SHORT, ..Limits::default() };
    let cluster = Cluster::within(limits, &everybody()).await;
    cluster.put(cluster.app_of("mute", json!({}), "sh", &["-c", "cat > /dev/null"]));
    cluster.settled().await;
    let mut client = cluster.connect("dev", "mute").await;
    let refused = client.initialize().await;
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(words.contains("said nothing within 1 seconds"), "{words}");
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
}

/// Begins an answer as JSON, and sends nothing of it.
fn begun() -> Response<Body> {
    let nothing = stream::iter([Ok::<_, api::BoxError>(Frame::data(Bytes::from_static(b"{")))]);
    let mut response = Response::new(api::boxed(StreamBody::new(nothing.chain(stream::pending()))));
    response.headers_mut().insert("content-type", JSON.parse().unwrap());
    response
}

/// A server that never answers `never`, begins to answer `begins`, and answers all else as `others` does.
async fn late(others: fn(&Seen) -> Response<Body>) -> HttpServer {
    HttpServer::slow(move |seen| async move {
        match message(&seen)["params"]["name"].as_str() {
            Some("never") => std::future::pending().await,
            Some("begins") => begun(),
            _ => others(&seen),
        }
    })
    .await
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_left() {
    let limits = Limits { answer_timeout: SHORT, ..Limits::default() };
    let cluster = Cluster::within(limits, &everybody()).await;
    let (old, new) = (late(legacy).await, late(stateless).await);
    register(&cluster, "old", &old).await;
    register(&cluster, "new", &new).await;
    for app in ["old", "new"] {
        let mut lines = cluster.connect("dev", app).await;
        lines.initialize().await;
        let sessions = Web::begin(&cluster, "dev", app).await;
        let modern = Web::new(&cluster, "dev", app);
        for tool in ["never", "begins"] {
            let answers = [
                lines.call(tool).await,
                sessions.call(7, tool).await.json().await,
                modern.modern_call(json!(7), tool).await.json().await,
            ];
            for answer in answers {
                assert_eq!(answer["error"]["code"], -32603, "{app} {tool}: {answer}");
                let words = answer["error"]["message"].as_str().unwrap();
                assert!(words.contains("1 seconds"), "{app} {tool}: {words}");
            }
        }
        assert!(lines.call("x").await["result"].is_object(), "{app}: it goes on");
        assert!(sessions.call(8, "x").await.json().await["result"].is_object(), "{app}");
    }
}

#[tokio::test]
async fn a_server_that_does_not_answer_initialize_in_time_is_left() {
    let limits = Limits { answer_timeout: SHORT, ..Limits::default() };
    let cluster = Cluster::within(limits, &everybody()).await;
    let server = HttpServer::new(|_| begun()).await;
    register(&cluster, "up", &server).await;
    let web = Web::new(&cluster, "dev", "up");
    let params = json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let refused = web.ask(1, "initialize", params).await.json().await;
    assert_eq!(refused["error"]["code"], -32603, "{refused}");
    wait_until("its place is free", || cluster.agent.connections() == 0).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_is_answered_for() {
    let cluster = Cluster::start(&everybody()).await;
    let broken = |answer: &str| -> Response<Body> {
        let frames =
            stream::iter([Ok::<_, api::BoxError>(Frame::data(Bytes::from(answer.to_owned())))]);
        let mut response = Response::new(api::boxed(StreamBody::new(frames)));
        response.headers_mut().insert("content-type", "text/event-stream".parse().unwrap());
        response
    };
    let breaks = Arc::new(move |seen: &Seen, others: fn(&Seen) -> Response<Body>| {
        match message(seen)["params"]["name"].as_str() {
            Some("silent") => broken(": nothing\n\n"),
            Some("half") => broken("data: {\"jsonrpc\":\"2.0\",\"id\":7,"),
            Some("resumable") => broken("id: 5\nretry: 1\ndata:\n\n"),
            _ => others(seen),
        }
    });
    let (first, second) = (breaks.clone(), breaks);
    let old = HttpServer::new(move |seen| first(seen, legacy)).await;
    let new = HttpServer::new(move |seen| second(seen, stateless)).await;
    register(&cluster, "old", &old).await;
    register(&cluster, "new", &new).await;
    let sessions = Web::begin(&cluster, "dev", "old").await;
    let modern = Web::new(&cluster, "dev", "new");
    for tool in ["silent", "half", "resumable"] {
        let new = modern.modern_call(json!(7), tool).await;
        let old = sessions.call(7, tool).await;
        for (era, mut reply) in [("modern", new), ("legacy", old)] {
            if era == "legacy" && tool == "resumable" {
                // The client takes it up where it broke off.
                assert_eq!(reply.raw_event().await.unwrap().id.as_deref(), Some("5"));
                assert!(reply.event().await.is_none(), "{era} {tool}");
                continue;
            }
            let (_, answer) = reply.event().await.unwrap();
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32603)));
            let words = answer["error"]["message"].as_str().unwrap();
            assert!(words.contains("broke off"), "{era} {tool}: {words}");
            assert!(reply.event().await.is_none(), "{era} {tool}: once");
        }
    }
}
