//! Clients of the modern era that speak HTTP, and servers that do so too.

use api::Body;
use http::Response;
use resource::Kind;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::http_server::{HttpServer, Seen, text};
use crate::passing::{JSON, LIST, legacy, message, open_stream, register, result};
use crate::processes::wait_until;
use crate::web::{Web, modern};

fn everything() -> Value {
    json!(["*"])
}

/// A server of the modern era.
pub(crate) fn stateless(seen: &Seen) -> Response<Body> {
    let message = message(seen);
    let id = &message["id"];
    match message["method"].as_str() {
        Some("server/discover") => {
            let result_type = "complete";
            text(
                200,
                JSON,
                result(
                    id,
                    &json!({"resultType": result_type, "supportedVersions": ["2026-07-28"], "capabilities": {}}),
                ),
            )
        }
        Some("tools/list") => text(200, JSON, LIST),
        Some("tools/call") => {
            text(200, JSON, result(id, &json!({"resultType": "complete", "content": []})))
        }
        Some("subscriptions/listen") => open_stream(&format!(
            "data: {}\n\n",
            json!({"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": {"notifications": {}}})
        )),
        _ => {
            let error = json!({"code": -32601, "message": "unknown"});
            text(404, JSON, json!({"jsonrpc": "2.0", "id": id, "error": error}).to_string())
        }
    }
}

#[tokio::test]
async fn modern_requests_pass_one_by_one() {
    let cluster = Cluster::start(&[("dev", json!(["echo"]))]).await;
    let server = HttpServer::new(stateless).await;
    register(&cluster, "up", &server).await;
    let web = Web::new(&cluster, "dev", "up").with("mcp-session-id", "ignored");
    let call = web.with("mcp-param-region", "eu").modern_call(json!("same"), "echo").await;
    assert_eq!((call.status.as_u16(), call.content_type()), (200, JSON));
    assert!(!call.headers.contains_key("mcp-session-id"));
    assert_eq!(call.json().await["id"], "same");
    let list = modern(json!(2), "tools/list", json!({})).to_string();
    let listed = web.modern("tools/list", None).post(&list).await.json().await;
    assert_eq!(listed["result"]["cacheScope"], "private");
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 1);
    let denied = web.modern_call(json!(3), "die").await;
    assert_eq!(
        (denied.status.as_u16(), denied.json().await["error"]["code"].clone()),
        (200, json!(-32602))
    );
    let unknown = modern(json!(4), "x/unknown", json!({})).to_string();
    let unknown = web.modern("x/unknown", None).post(&unknown).await;
    assert_eq!((unknown.status.as_u16(), unknown.json().await["id"].clone()), (404, json!(4)));
    let seen = server.seen();
    let methods: Vec<_> = seen.iter().map(|seen| message(seen)["method"].clone()).collect();
    assert_eq!(methods, ["server/discover", "tools/call", "tools/list", "x/unknown"], "asked once");
    assert_eq!(seen[1].headers["mcp-name"], "echo");
    assert_eq!(seen[1].headers["mcp-param-region"], "eu");
    assert!(seen.iter().all(|seen| !seen.headers.contains_key("mcp-session-id")));
    assert!(!cluster.records.codes().contains(&"TMCP001I".to_owned()), "there are no sessions");
    wait_until("nothing is kept", || cluster.agent.connections() == 0).await;
}

#[tokio::test]
async fn a_modern_subscription_ends_with_the_role() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let server = HttpServer::new(stateless).await;
    register(&cluster, "up", &server).await;
    let web = Web::new(&cluster, "dev", "up").modern("subscriptions/listen", None);
    let listen = modern(json!(9), "subscriptions/listen", json!({"notifications": {}}));
    let mut stream = web.post(&listen.to_string()).await;
    assert!(stream.event().await.is_some());
    cluster.delete(Kind::User, "dev");
    let (_, answer) = stream.event().await.unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(9), &json!(-32603)));
    assert!(stream.event().await.is_none());
    wait_until("it is recorded", || cluster.records.of("TMCP002E").len() == 1).await;
}

#[tokio::test]
async fn a_server_of_both_eras_is_passed_to_in_both() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let server = HttpServer::new(|seen| match seen.headers.get("mcp-method") {
        Some(_) => stateless(seen),
        None => legacy(seen),
    })
    .await;
    register(&cluster, "up", &server).await;
    let stranger = Web::new(&cluster, "dev", "up");
    for _ in 0..2 {
        assert!(stranger.modern_call(json!(1), "echo").await.json().await["result"].is_object());
        let web = Web::begin(&cluster, "dev", "up").await;
        assert!(web.call(2, "echo").await.json().await["result"].is_object());
    }
    let seen = server.seen();
    let methods: Vec<_> = seen.iter().map(|seen| message(seen)["method"].clone()).collect();
    let round = ["tools/call", "initialize", "tools/call"];
    assert_eq!(methods, [["server/discover"].as_slice(), &round, &round].concat());
}

#[tokio::test]
async fn nobody_takes_back_what_another_client_asked_under_the_same_id() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let server = HttpServer::new(stateless).await;
    register(&cluster, "up", &server).await;
    let web = Web::new(&cluster, "dev", "up").modern("notifications/cancelled", None);
    let takes_back =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(web.post(&takes_back.to_string()).await.status.as_u16(), 202);
    let seen = server.seen();
    let methods: Vec<_> = seen.iter().map(|seen| message(seen)["method"].clone()).collect();
    assert_eq!(methods, ["server/discover"]);
}

#[tokio::test]
async fn a_server_that_is_overloaded_is_not_taken_for_one_of_the_other_era() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let ill = std::sync::atomic::AtomicBool::new(true);
    let server = HttpServer::new(move |seen| {
        if ill.swap(false, std::sync::atomic::Ordering::Relaxed) {
            return text(503, "text/html", "<p>busy</p>");
        }
        stateless(seen)
    })
    .await;
    register(&cluster, "up", &server).await;
    let web = Web::new(&cluster, "dev", "up");
    for id in 0..2 {
        assert!(web.modern_call(json!(id), "echo").await.json().await["result"].is_object());
    }
    let seen = server.seen();
    let methods: Vec<_> = seen.iter().map(|seen| message(seen)["method"].clone()).collect();
    assert_eq!(methods, ["server/discover", "tools/call", "server/discover", "tools/call"]);
}
