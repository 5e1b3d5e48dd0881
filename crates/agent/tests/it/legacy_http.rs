//! Clients that speak streamable HTTP with sessions.

use std::time::Duration;

use http::Method;
use resource::Kind;
use serde_json::{Value, json};

use crate::cluster::{Cluster, role};
use crate::http_server::HttpServer;
use crate::passing::{legacy, register};
use crate::passing_modern::stateless;
use crate::processes::wait_until;
use crate::web::Web;

fn everything() -> Value {
    json!(["*"])
}

const SAMPLED: &str = r#"{"jsonrpc":"2.0","id":"q","result":{"asked":1}}"#;

#[tokio::test]
async fn a_session_reaches_a_stdio_server() {
    let cluster = Cluster::start(&[("dev", json!(["echo", "hang"]))]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    assert!(web.session.as_ref().unwrap().starts_with("host-1."));
    let told = web.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    assert_eq!((told.status.as_u16(), told.bytes().await.len()), (202, 0));
    let listed = web.ask(2, "tools/list", json!({})).await;
    assert_eq!(listed.content_type(), "application/json");
    let tools = r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"echo","weight":1.0e2},{"name":"hang" , "x":null}]}}"#;
    assert_eq!(listed.bytes().await, tools);
    let pretty = "{\n\"jsonrpc\":\"2.0\", \"id\":\"x\",\r\n\"method\":\"tools/call\",\"params\":{\"name\":\"echo\",\"arguments\":{\"n\":1.0e2}}}";
    let called = web.post(pretty).await.json().await;
    assert!(called["result"]["was"].as_str().unwrap().contains("1.0e2"), "{called}");
    let denied = web.call(3, "die").await;
    assert_eq!(
        (denied.status.as_u16(), &denied.json().await["error"]["code"]),
        (200, &json!(-32602))
    );
    assert!(!cluster.reached("files").contains("die"));
}

#[tokio::test]
async fn a_session_is_recorded_as_any_other() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    web.post(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    web.call(2, "echo").await;
    web.call(3, "die").await;
    assert_eq!(web.delete().await.status, 200);
    wait_until("the end is recorded", || !cluster.records.of("TMCP002I").is_empty()).await;
    let codes = cluster.records.codes();
    assert_eq!(
        codes,
        ["TMCP003I", "TMCP001I", "TMCP004I", "TMCP003I", "TMCP003E", "TMCP002I"],
        "as on the stream of `tsh mcp connect`"
    );
}

#[tokio::test]
async fn a_session_ends_with_delete_and_leaves_nothing() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    assert!(!cluster.mark.alive().is_empty());
    assert_eq!(web.delete().await.status, 200);
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    let late = web.call(2, "echo").await;
    assert_eq!(late.status, 404);
    assert!(late.json().await["error"]["message"].as_str().unwrap().contains("initialize"));
    wait_until("it is over", || cluster.agent.connections() == 0).await;
}

#[tokio::test]
async fn a_session_is_its_owners_alone() {
    let roles = [("dev", everything()), ("eve", everything())];
    let cluster = Cluster::start(&roles).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let mut eve = Web::new(&cluster, "eve", "files");
    eve.session.clone_from(&web.session);
    assert_eq!(eve.call(2, "echo").await.status, 404);
    assert_eq!(eve.get().await.status, 404);
    assert_eq!(eve.delete().await.status, 404);
    let refused = cluster.records.of("TMCP006E");
    assert_eq!(refused.len(), 3);
    assert_eq!(refused[0]["user"], "eve");
    let mut other = Web::new(&cluster, "dev", "tessera-mcp-demo");
    other.session.clone_from(&web.session);
    assert_eq!(other.call(2, "echo").await.status, 404, "of another app");
    let mut login = cluster.identity("dev");
    "login-2".clone_into(&mut login.login_id);
    let mut later = Web::new(&cluster, "dev", "files");
    later.evidence = cluster.evidence(&login);
    later.session.clone_from(&web.session);
    assert_eq!(later.call(2, "echo").await.status, 404, "of another login");
    assert!(web.call(2, "echo").await.json().await["result"].is_object());
    assert!(!cluster.reached("files").contains("\"id\":2}"));
}

#[tokio::test]
async fn a_session_goes_on_with_a_renewed_certificate() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let mut renewed = Web::new(&cluster, "dev", "files");
    assert_ne!(renewed.evidence, web.evidence);
    renewed.session.clone_from(&web.session);
    assert!(renewed.call(2, "echo").await.json().await["result"].is_object());
}

#[tokio::test]
async fn a_server_asks_its_client_on_the_answer_to_a_request() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let mut reply = web.call(2, "ask").await;
    assert_eq!(reply.event().await.unwrap().1["method"], "sampling/createMessage");
    assert_eq!(web.post(SAMPLED).await.status, 202);
    wait_until("the answer has arrived", || cluster.reached("files").contains("asked")).await;
}

#[tokio::test]
async fn progress_goes_where_its_token_came_from() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let params = json!({"name": "progress", "_meta": {"progressToken": "p"}});
    let mut reply = web.ask(2, "tools/call", params).await;
    let (first, progress) = reply.event().await.unwrap();
    assert_eq!(progress["params"]["progressToken"], "p");
    let (second, answer) = reply.event().await.unwrap();
    assert_eq!(answer["id"], 2);
    assert!(reply.event().await.is_none(), "the answer is the last");
    assert_ne!(first, second);
}

#[tokio::test]
async fn what_belongs_to_no_request_goes_to_the_listening_stream() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    // Only JSON is taken: nothing but the answer can come this way.
    let lonely = web.with("accept", "application/json");
    let calling = tokio::time::timeout(Duration::from_millis(50), lonely.call(2, "change"));
    assert!(calling.await.is_err(), "it is not answered");
    let mut stream = web.get().await;
    assert_eq!(stream.event().await.unwrap().1["method"], "notifications/tools/list_changed");
    assert_eq!(web.get().await.status, 409, "there is one already");
    drop(stream);
    assert_eq!(web.get().await.status, 200);
    assert_eq!(cluster.records.of("TMCP005I").len(), 2);
}

#[tokio::test]
async fn a_stream_goes_on_after_the_last_event_that_arrived() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let params = json!({"name": "progress", "_meta": {"progressToken": 7}});
    let mut reply = web.ask(2, "tools/call", params).await;
    let (first, _) = reply.event().await.unwrap();
    drop(reply);
    let mut resumed = web.with("last-event-id", &first).get().await;
    assert_eq!(resumed.event().await.unwrap().1["id"], 2, "the answer that was missed");
    assert!(resumed.event().await.is_none());
    let mut again = web.with("last-event-id", &first).get().await;
    assert_eq!(again.event().await.unwrap().1["id"], 2);
    for unknown in ["", "x", "1", "99-0", "1-99", "-1--1", "0-18446744073709551615"] {
        assert_eq!(web.with("last-event-id", unknown).get().await.status, 400, "{unknown}");
    }
}

#[tokio::test]
async fn a_long_call_is_answered_by_a_stream_that_can_be_resumed() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let mut reply = web.call(2, "hang").await;
    let primer = reply.raw_event().await.unwrap();
    assert!(primer.data.is_empty());
    let id = primer.id.unwrap().to_string();
    drop(reply);
    let mut resumed = web.with("last-event-id", &id).get().await;
    cluster.delete(Kind::User, "dev");
    let (_, answer) = resumed.event().await.unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(2), &json!(-32603)));
}

#[tokio::test]
async fn a_session_ends_at_once_when_access_ends() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let mut stream = web.get().await;
    let hanging = web.clone();
    let tasks = cluster.tasks.clone();
    let call = tasks.spawn("call", async move { hanging.call(2, "hang").await.json().await });
    wait_until("it is asked", || cluster.reached("files").contains("hang")).await;
    cluster.delete(Kind::Role, "dev");
    let answer: Value = call.await.ok().unwrap();
    assert_eq!(answer["error"]["code"], -32603);
    let (_, words) = stream.event().await.unwrap();
    assert!(words["params"]["data"].as_str().unwrap().contains("denied"), "{words}");
    assert!(stream.event().await.is_none());
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    assert_eq!(cluster.records.of("TMCP002E").len(), 1);
    let denied = web.call(3, "echo").await;
    assert_eq!(denied.status, 403);
    assert_eq!(denied.json().await["id"], 3);
    assert!(!cluster.records.of("TMCP003E").is_empty());
}

#[tokio::test]
async fn a_change_of_roles_acts_on_the_next_request() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    assert!(web.call(2, "echo").await.json().await["result"].is_object());
    cluster.put(role("dev", &json!(["hang"])));
    cluster.settled().await;
    assert_eq!(web.call(3, "echo").await.json().await["error"]["code"], -32602);
}

#[tokio::test]
async fn batches_are_of_their_revision_alone() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let old = Web::new(&cluster, "dev", "files");
    let batch = r#"[{"jsonrpc":"2.0","id":5,"method":"ping"},{"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"die"}},{"jsonrpc":"2.0","method":"notifications/x"}]"#;
    assert_eq!(old.post(batch).await.status, 400);
    let web = Web::begin(&cluster, "dev", "files").await;
    assert_eq!(web.post(batch).await.status, 400);
    let script = r#"read l; echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26"}}'; read l; echo '{"jsonrpc":"2.0","id":5,"result":{}}'; read l; read l"#;
    cluster.put(cluster.app_of("batches", json!({}), "sh", &["-c", script]));
    cluster.settled().await;
    let web = Web::begin(&cluster, "dev", "batches").await;
    let mut reply = web.post(batch).await;
    let mut ids = vec![reply.event().await.unwrap().1, reply.event().await.unwrap().1];
    ids.sort_by_key(|answer| answer["id"].as_u64());
    assert!(ids[0]["result"].is_object(), "{ids:?}");
    assert_eq!(ids[1]["error"]["code"], -32602);
    assert!(reply.event().await.is_none());
}

#[tokio::test]
async fn what_is_not_as_it_must_be_is_refused_and_recorded() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let ping = r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#;
    let two_ids = r#"{"jsonrpc":"2.0","id":5,"id":6,"method":"ping"}"#;
    let (get, put) = (Method::GET, Method::PUT);
    let posts = |name, value| (Method::POST, web.with(name, value), ping);
    for (what, (method, web, body), status, recorded) in [
        ("no JSON", (Method::POST, web.clone(), "nonsense"), 400, true),
        ("two ids", (Method::POST, web.clone(), two_ids), 400, true),
        ("no type", posts("content-type", "text/plain"), 415, true),
        ("gzip", posts("content-encoding", "gzip"), 415, true),
        ("accepts HTML", posts("accept", "text/html"), 406, false),
        ("revision", posts("mcp-protocol-version", "1999-01-01"), 400, false),
        ("no stream", (get, web.with("accept", "application/json"), ""), 406, false),
        ("put", (put, web.clone(), ""), 405, false),
    ] {
        cluster.records.clear();
        let reply = web.send(method, api::full(body)).await;
        assert_eq!(reply.status, status, "{what}");
        let answer = reply.json().await;
        assert!(answer["error"]["message"].is_string(), "{what}: {answer}");
        assert_eq!(cluster.records.of("TMCP006E").len(), usize::from(recorded), "{what}");
    }
    let stranger = Web::new(&cluster, "dev", "files");
    assert_eq!(stranger.post(ping).await.status, 400, "no session");
    assert_eq!(stranger.get().await.status, 400);
    let mut lost = stranger.clone();
    lost.session = Some("host-1.unknown".to_owned());
    assert_eq!(lost.post(ping).await.status, 404);
    lost.evidence = String::new();
    assert_eq!(lost.post(ping).await.status, 401);
    let big = api::full(vec![b' '; 17 << 20]);
    assert_eq!(web.send(Method::POST, big).await.status, 413);
    assert!(web.post(ping).await.json().await["result"].is_object(), "and the session goes on");
}

#[tokio::test]
async fn an_id_that_is_open_is_not_used_again() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let params = json!({"name": "ask"});
    let mut open = web.ask(2, "tools/call", params).await;
    assert!(open.event().await.is_some());
    let refused = web.call(2, "echo").await;
    assert_eq!(refused.status, 400);
    assert_eq!(refused.json().await["id"], 2);
}

#[tokio::test]
async fn a_server_that_does_not_start_is_told_in_words() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    cluster.put(cluster.app_of("broken", json!({}), "/no/such/command", &[]));
    cluster.settled().await;
    let web = Web::new(&cluster, "dev", "broken");
    let reply = web.ask(1, "initialize", json!({})).await;
    assert!(!reply.headers.contains_key("mcp-session-id"));
    let words = reply.json().await["error"]["message"].as_str().unwrap().to_owned();
    assert!(words.contains("/no/such/command"), "{words}");
}

#[tokio::test]
async fn headers_that_are_given_twice_are_refused() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::begin(&cluster, "dev", "files").await;
    let session = web.session.clone().unwrap();
    let ping = r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#;
    for (name, values) in [
        ("mcp-session-id", vec![session.as_str()]),
        ("mcp-session-id", vec!["other"]),
        ("mcp-protocol-version", vec!["2025-11-25", "2026-07-28"]),
        ("mcp-protocol-version", vec!["2025-11-25", "2025-11-25"]),
        ("content-type", vec!["application/json", "text/plain"]),
    ] {
        let mut twice = web.clone();
        twice.headers = values.iter().map(|value| (name, (*value).to_owned())).collect();
        let status = twice.post(ping).await.status.as_u16();
        assert!([400, 415].contains(&status), "{name} {values:?}: {status}");
    }
    let mut twice = web.clone();
    twice.headers = ["1-0", "2-0"].map(|id| ("last-event-id", id.to_owned())).to_vec();
    assert_eq!(twice.get().await.status, 400);
    assert!(!cluster.reached("files").contains("\"id\":5"));
}

#[tokio::test]
async fn sessions_of_one_owner_are_bounded_and_the_idle_ones_go_first() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut webs = Vec::new();
    for _ in 0..65 {
        webs.push(Web::begin(&cluster, "dev", "tessera-mcp-demo").await);
    }
    let ping = r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#;
    assert_eq!(webs[0].post(ping).await.status, 404, "the one that was idle for longest");
    assert_eq!(webs[1].post(ping).await.status, 200);
    assert_eq!(webs[64].post(ping).await.status, 200);
    wait_until("it is over", || cluster.agent.connections() == 64).await;
    let mut streams = Vec::new();
    for web in &webs[1..] {
        streams.push(web.get().await);
    }
    let refused =
        Web::new(&cluster, "dev", "tessera-mcp-demo").ask(1, "initialize", json!({})).await;
    assert_eq!(refused.status, 429, "all are in use");
}

#[tokio::test]
async fn what_a_client_has_for_the_server_can_be_renewed_within_a_session() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    // One that is bridged to, and one that is passed on to.
    let modern = HttpServer::new(stateless).await;
    register(&cluster, "modern", &modern).await;
    let passing = HttpServer::new(legacy).await;
    register(&cluster, "passing", &passing).await;
    for (app, server) in [("modern", &modern), ("passing", &passing)] {
        let first = Web::new(&cluster, "dev", app)
            .with("tessera-forward-authorization", "Bearer first")
            .with("tessera-forward-idempotency-key", "1");
        let begun = first.start().await;
        for token in ["Bearer first", "Bearer second"] {
            server.seen.lock().clear();
            let web = begun
                .with("tessera-forward-authorization", token)
                .with("tessera-forward-idempotency-key", "2");
            assert!(web.call(2, "x").await.json().await["result"].is_object(), "{app}");
            let seen = server.seen();
            let call = seen.last().unwrap();
            assert_eq!(call.headers["authorization"], token, "{app}");
            let key = call.headers.get("idempotency-key").map(|key| key.to_str().unwrap());
            assert!(key.is_none_or(|key| key == "2"), "{app}: {key:?} is another request's");
        }
        server.seen.lock().clear();
        let mut silent = begun.clone();
        silent.headers.clear();
        assert!(silent.call(3, "x").await.json().await["result"].is_object(), "{app}");
        assert!(server.seen().last().unwrap().headers.get("authorization").is_none(), "{app}");
    }
}
