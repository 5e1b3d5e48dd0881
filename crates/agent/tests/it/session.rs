//! What a connection can do, and what it leaves in the records.

use std::time::Duration;

use resource::{Kind, LabelSelector};
use serde_json::{Value, json};

use crate::client::TestClient;
use crate::cluster::{Cluster, role};
use crate::processes::wait_until;

fn everything() -> Value {
    json!(["*"])
}

#[tokio::test]
async fn an_allowed_call_is_answered_as_the_server_answers() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let mut client = cluster.connect("dev", "files").await;
    let hello = client.initialize().await;
    assert_eq!(hello["result"]["serverInfo"]["name"], "fixture");
    let line = r#"{"id":"x", "jsonrpc":"2.0","method":"tools/call","params":{"arguments":{"n":1.0e2},"name":"ec\u0068o"}}"#;
    client.write(line).await;
    let answer = client.read_line().await.unwrap();
    assert!(answer.starts_with(r#"{"jsonrpc":"2.0","id":"x","result":{"content":[],"was":"#));
    assert!(cluster.reached("files").contains(line), "to the byte");
}

#[tokio::test]
async fn a_denied_call_never_reaches_the_server() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    assert_eq!(client.call_error("hang").await, -32602);
    assert!(client.call("echo").await["result"].is_object());
    assert!(!cluster.reached("files").contains("hang"));
    let refused = cluster.records.of("TMCP003E");
    assert_eq!(refused.len(), 1);
    assert_eq!(refused[0]["message"]["params"]["name"], "hang");
    assert_eq!((&refused[0]["user"], &refused[0]["app_name"]), (&json!("dev"), &json!("files")));
}

#[tokio::test]
async fn two_users_see_different_lists_in_the_servers_bytes() {
    let cluster = Cluster::start(&[("all", everything()), ("few", json!(["^(echo|hang)$"]))]).await;
    let mut all = cluster.connect("all", "files").await;
    assert_eq!(all.tools().await, ["echo", "hang", "die", "flood", "ask", "big"]);
    let mut few = cluster.connect("few", "files").await;
    few.ask("tools/list", json!({})).await;
    let line = few.read_line().await.unwrap();
    let tools = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"echo","weight":1.0e2},{"name":"hang" , "x":null}]}}"#;
    assert_eq!(line, tools);
}

#[tokio::test]
async fn a_session_is_recorded_from_beginning_to_end() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    client.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    client.tools().await;
    client.call("echo").await;
    client.finish_writing();
    assert_eq!(client.end().await.0, "client-done");
    let codes = cluster.records.codes();
    assert_eq!(codes, ["TMCP003I", "TMCP001I", "TMCP004I", "TMCP003I", "TMCP002I"]);
    let start = &cluster.records.of("TMCP001I")[0];
    assert_eq!(start["client_info"], "tester/7");
    assert_eq!(start["server_info"], "fixture/1");
    assert_eq!(start["protocol_version"], "2025-11-25");
    assert_eq!(start["ei"], 0);
    assert_eq!(start["addr.remote"], "192.0.2.1:4711");
    let sessions: Vec<_> = cluster.records.of("TMCP003I");
    assert!(sessions.iter().all(|record| record["sid"] == start["sid"]));
}

#[tokio::test]
async fn what_cannot_be_recorded_does_not_happen() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    cluster.records.set_full(true);
    assert_eq!(client.call_error("echo").await, -32603);
    assert!(!cluster.reached("files").contains("echo"));
    cluster.records.set_full(false);
    assert!(client.call("echo").await["result"].is_object());
}

#[tokio::test]
async fn no_server_is_started_before_there_is_a_record() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    cluster.records.set_full(true);
    let mut client = cluster.connect("dev", "files").await;
    assert!(client.initialize().await["error"].is_object());
    assert_eq!(cluster.mark.alive(), [0_i32; 0]);
}

#[tokio::test]
async fn a_server_may_ask_its_client() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.ask("tools/call", json!({"name": "ask"})).await;
    assert_eq!(client.read().await.unwrap()["method"], "sampling/createMessage");
    client.write(r#"{"jsonrpc":"2.0","id":"other","result":{"forged":1}}"#).await;
    client.write(r#"{"jsonrpc":"2.0","id":"q","result":{"asked":1}}"#).await;
    wait_until("the answer has arrived", || cluster.reached("files").contains("asked")).await;
    assert!(!cluster.reached("files").contains("forged"));
}

#[tokio::test]
async fn a_change_of_roles_acts_on_the_next_message() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let mut client = cluster.connect("dev", "files").await;
    assert_eq!(client.tools().await, ["echo"]);
    cluster.put(role("dev", &json!(["hang"])));
    cluster.settled().await;
    assert_eq!(client.tools().await, ["hang"]);
    assert_eq!(client.call_error("echo").await, -32602);
}

#[tokio::test]
async fn an_update_serves_new_connections_and_leaves_open_ones_alone() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut old = cluster.connect("dev", "files").await;
    old.initialize().await;
    let script = r#"read l; echo '{"jsonrpc":"2.0","id":1,"result":{"new":true}}'; read l"#;
    cluster.put(cluster.app_of("files", json!({}), "sh", &["-c", script]));
    cluster.settled().await;
    let new_is_served = async || {
        let mut client = cluster.connect("dev", "files").await;
        client.answer("ping", json!({})).await["result"]["new"] == true
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    while !new_is_served().await {
        assert!(tokio::time::Instant::now() < deadline, "the update is not served");
    }
    assert!(old.call("echo").await["result"].is_object());
}

#[tokio::test]
async fn an_update_that_cannot_be_served_leaves_the_old_one_serving() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    cluster.connect("dev", "files").await.initialize().await;
    cluster.put(cluster.app_of("files", json!({}), "/no/such/command", &[]));
    cluster.settled().await;
    for _ in 0..5 {
        let hello = cluster.connect("dev", "files").await.initialize().await;
        assert_eq!(hello["result"]["serverInfo"]["name"], "fixture", "{hello}");
    }
}

#[tokio::test]
async fn an_app_is_served_when_it_appears_and_not_when_it_is_gone() {
    let selectors = [LabelSelector::from_pairs([("env", "prod")])];
    let cluster = Cluster::start_with(&[("dev", everything())], &selectors).await;
    assert_eq!(cluster.status("files", "").await, 503);
    cluster.put(cluster.app("files", json!({"env": "prod"})));
    cluster.until_status("files", 401).await;
    cluster.connect("dev", "files").await.initialize().await;
    cluster.delete(Kind::App, "files");
    cluster.until_status("files", 503).await;
}

#[tokio::test]
async fn the_demo_server_is_governed_like_any_other() {
    let cluster = Cluster::start(&[("dev", json!(["tessera_user_*"]))]).await;
    let mut client = cluster.connect("dev", "tessera-mcp-demo").await;
    client.initialize().await;
    assert_eq!(client.tools().await, ["tessera_user_info"]);
    let info = client.call("tessera_user_info").await;
    assert!(info["result"].to_string().contains("dev"), "{info}");
    assert_eq!(client.call_error("tessera_session_info").await, -32602);
    assert!(cluster.records.codes().contains(&"TMCP003E".to_owned()));
}

#[tokio::test]
async fn a_client_that_does_not_read_can_still_write() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.ask("tools/call", json!({"name": "flood"})).await;
    assert!(client.read().await.is_some());
    for n in 0..100 {
        client.ask("tools/call", json!({"name": "denied", "arguments": {"n": n}})).await;
    }
    let requests = || cluster.records.of("TMCP003I").len();
    wait_until("all were taken", || requests() == 101).await;
}

#[tokio::test]
async fn a_stuck_connection_holds_up_no_other() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut stuck = cluster.connect("dev", "files").await;
    stuck.ask("tools/call", json!({"name": "flood"})).await;
    let mut other = cluster.connect("dev", "files").await;
    for _ in 0..20 {
        assert!(other.call("echo").await["result"].is_object());
    }
    assert_eq!(cluster.agent.connections(), 2);
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_an_error_of_its_request() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    assert_eq!(client.call_error("big").await, -32603);
    assert!(client.call("echo").await["result"].is_object());
}

#[tokio::test]
async fn what_is_no_message_is_answered_and_goes_no_further() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    for (line, code) in [
        ("nonsense", -32700),
        (r#"{"jsonrpc":"2.0","id":5,"id":6,"method":"ping"}"#, -32600),
        (r#"[{"jsonrpc":"2.0","id":5,"method":"ping"}]"#, -32600),
        (
            r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"echo","Name":"x"}}"#,
            -32600,
        ),
    ] {
        client.write(line).await;
        assert_eq!(client.read().await.unwrap()["error"]["code"], code, "{line}");
        assert!(!cluster.reached("files").contains(line), "{line}");
        let record = cluster.records.of("TMCP003E").pop().unwrap();
        let kept = &record["message"]["params"];
        // A request that was read has its parameters in the log, anything else its size.
        let size = kept.pointer("/tessera.omitted/bytes").cloned().unwrap_or(json!(line.len()));
        assert_eq!((size, kept.is_object()), (json!(line.len()), true), "{record}");
        assert!(record["error"].as_str().unwrap().contains("not forwarded"), "{record}");
    }
    assert_eq!(cluster.records.of("TMCP003E").len(), 4);
    assert_eq!(cluster.records.of("TMCP003E")[3]["message"]["id"], 5);
}

#[tokio::test]
async fn a_change_while_a_call_is_recorded_acts_on_that_call() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    let held = cluster.records.hold();
    let id = client.ask("tools/call", json!({"name": "echo"})).await;
    let look = Duration::from_millis(300);
    assert!(tokio::time::timeout(look, client.read()).await.is_err(), "it waits for its record");
    cluster.put(role("dev", &json!(["hang"])));
    cluster.settled().await;
    held.add_permits(100);
    let answer = client.read().await.unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32602)), "{answer}");
    assert!(!cluster.reached("files").contains("echo"));
    assert_eq!(cluster.records.of("TMCP003E").len(), 1);
}

#[tokio::test]
async fn every_message_of_a_batch_is_decided_when_it_passes() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let script = r#"read l; echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26"}}'; while read l; do :; done"#;
    cluster.put(cluster.app_of("old", json!({}), "sh", &["-c", script]));
    cluster.settled().await;
    let mut client = cluster.connect("dev", "old").await;
    client.initialize().await;
    let held = cluster.records.hold();
    let call = |id: u32| json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": "echo"}});
    client.write(&json!([call(7), call(8)]).to_string()).await;
    let look = Duration::from_millis(300);
    assert!(tokio::time::timeout(look, client.read()).await.is_err(), "it waits for its record");
    held.add_permits(1);
    assert!(tokio::time::timeout(look, client.read()).await.is_err(), "so does the second");
    cluster.put(role("dev", &json!(["hang"])));
    cluster.settled().await;
    held.add_permits(100);
    assert_eq!(client.read().await.unwrap()["id"], 8);
}

#[tokio::test]
async fn half_a_message_at_the_end_is_refused_in_words() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    client.write_part(r#"{"jsonrpc":"2.0","id":5,"method":"ping"}"#).await;
    client.finish_writing();
    let refused = client.read().await.unwrap();
    assert_eq!(refused["error"]["code"], -32600, "{refused}");
    assert_eq!(client.end().await.0, "client-done");
}

#[tokio::test]
async fn evidence_of_two_senders_is_none() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let evidence = cluster.evidence(&cluster.identity("dev"));
    assert_eq!(cluster.status("files", &evidence).await, 200);
    let long = vec![evidence.clone(); 5].join(",");
    assert_eq!(cluster.status("files", &long).await, 401);
    let mut request = TestClient::request("files", &evidence, api::empty());
    request.headers_mut().append(tunnel::EVIDENCE, evidence.parse().unwrap());
    assert_eq!(cluster.handler.call(request).await.status(), 401);
}
