//! Calls that go on while their user loses the right to them.

use serde_json::json;

use crate::cluster::{Cluster, role};
use crate::http_server::{HttpServer, Seen, text};
use crate::passing::{JSON, message, register, result};

/// A server of the modern era, whose tools ask their user first.
fn asks(seen: &Seen) -> http::Response<api::Body> {
    let message = message(seen);
    let id = &message["id"];
    let answer = match message["method"].as_str() {
        Some("server/discover") => {
            json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}})
        }
        Some("tools/call") if message["params"]["inputResponses"].is_null() => {
            let question = json!({
                "method": "elicitation/create",
                "params": {"message": "sure?", "requestedSchema": {"type": "object", "properties": {}}},
            });
            json!({"resultType": "input_required", "inputRequests": {"q": question}, "requestState": "s"})
        }
        Some("tools/call") => json!({"resultType": "complete", "content": []}),
        _ => {
            let error = json!({"code": -32601, "message": "unknown"});
            let body = json!({"jsonrpc": "2.0", "id": id, "error": error});
            return text(404, JSON, body.to_string());
        }
    };
    text(200, JSON, result(id, &answer))
}

#[tokio::test]
async fn a_bridge_sends_no_call_again_that_was_denied_meanwhile() {
    let cluster = Cluster::start(&[("dev", json!(["wipe"]))]).await;
    let server = HttpServer::new(asks).await;
    register(&cluster, "up", &server).await;
    let mut client = cluster.connect("dev", "up").await;
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {"elicitation": {}},
        "clientInfo": {"name": "tester", "version": "7"},
    });
    assert!(client.answer("initialize", params).await["result"].is_object());
    client.write(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#).await;
    let call = client.ask("tools/call", json!({"name": "wipe"})).await;
    let question = client.read().await.unwrap();
    assert_eq!(question["method"], "elicitation/create");
    cluster.put(role("dev", &json!(["other"])));
    cluster.settled().await;
    let mut told = [client.read().await.unwrap(), client.read().await.unwrap()];
    told.sort_by_key(|message| message["id"].is_null());
    assert_eq!((&told[0]["id"], &told[0]["error"]["code"]), (&json!(call), &json!(-32602)));
    assert_eq!(told[1]["method"], "notifications/cancelled");
    assert_eq!(told[1]["params"]["requestId"], question["id"]);
    let accepts = json!({"jsonrpc": "2.0", "id": question["id"], "result": {"action": "accept", "content": {}}});
    client.write(&accepts.to_string()).await;
    assert_eq!(client.call_error("wipe").await, -32602);
    let calls = server.seen().iter().filter(|seen| message(seen)["method"] == "tools/call").count();
    assert_eq!(calls, 1);
}
