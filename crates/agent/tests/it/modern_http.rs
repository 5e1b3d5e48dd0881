//! Clients of the modern era over HTTP.

use http::Method;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::processes::wait_until;
use crate::web::{Web, modern};

const DEMO: &str = "tessera-mcp-demo";

fn everything() -> Value {
    json!(["*"])
}

#[tokio::test]
async fn requests_need_no_session() {
    let cluster = Cluster::start(&[("dev", json!(["tessera_user_*"]))]).await;
    let web = Web::new(&cluster, "dev", DEMO);
    let message = modern(json!("d"), "server/discover", json!({}));
    let found = web.modern("server/discover", None).post(&message.to_string()).await;
    assert_eq!((found.status.as_u16(), found.content_type()), (200, "application/json"));
    assert!(!found.headers.contains_key("mcp-session-id"));
    let found = found.json().await;
    assert_eq!((&found["id"], &found["result"]["cacheScope"]), (&json!("d"), &json!("private")));
    let message = modern(json!(1), "tools/list", json!({}));
    let listed = web.modern("tools/list", None).post(&message.to_string()).await.json().await;
    assert_eq!(listed["result"]["tools"].as_array().unwrap().len(), 1, "{listed}");
    let called = web.modern_call(json!(1), "tessera_user_info").await.json().await;
    assert!(called["result"].to_string().contains("dev"), "{called}");
    let denied = web.modern_call(json!(1), "tessera_demo_info").await;
    assert_eq!(denied.status, 200);
    assert_eq!(denied.json().await["error"]["code"], -32602);
}

#[tokio::test]
async fn clients_of_one_identity_may_use_the_same_ids() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::new(&cluster, "dev", "files");
    let open = web.modern_call(json!(1), "ask").await;
    assert_eq!(open.status, 200);
    let params = json!({"name": "progress", "_meta": {"progressToken": "p"}});
    let message = modern(json!(1), "tools/call", params).to_string();
    let mut other = web.modern("tools/call", Some("progress")).post(&message).await;
    assert_eq!(other.event().await.unwrap().1["params"]["progressToken"], "p");
    assert_eq!(other.event().await.unwrap().1["id"], 1);
    assert!(other.event().await.is_none());
    assert_eq!(cluster.agent.connections(), 1, "they share a session");
    drop(open);
}

#[tokio::test]
async fn sessions_are_never_shared_between_identities() {
    let cluster = Cluster::start(&[("dev", everything()), ("eve", everything())]).await;
    for user in ["dev", "eve"] {
        let called = Web::new(&cluster, user, "files").modern_call(json!(1), "echo").await;
        assert!(called.json().await["result"].is_object());
    }
    assert_eq!(cluster.agent.connections(), 2);
}

#[tokio::test]
async fn to_close_the_answer_is_to_cancel() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::new(&cluster, "dev", "files");
    let (tasks, calling) = (cluster.tasks.clone(), web.clone());
    let call = tasks.spawn("call", async move { calling.modern_call(json!(1), "hang").await });
    wait_until("it is asked", || cluster.reached("files").contains("hang")).await;
    call.abort();
    wait_until("it is cancelled", || cluster.reached("files").contains("notifications/cancelled"))
        .await;
    let reached = cluster.reached("files");
    let asked = reached.lines().find(|line| line.contains("hang")).unwrap();
    let asked: Value = serde_json::from_str(asked).unwrap();
    let cancelled: Value = serde_json::from_str(reached.lines().last().unwrap()).unwrap();
    assert_eq!(cancelled["params"]["requestId"], asked["id"]);
}

#[tokio::test]
async fn headers_say_what_the_body_says() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::new(&cluster, "dev", DEMO);
    let call = modern(json!(1), "tools/call", json!({"name": "tessera_user_info"})).to_string();
    let good = web.modern("tools/call", Some("tessera_user_info"));
    assert_eq!(good.post(&call).await.status, 200);
    for (what, web) in [
        ("another tool", good.with("mcp-name", "tessera_demo_info")),
        ("another method", good.with("mcp-method", "tools/list")),
        ("no name", web.modern("tools/call", None)),
        ("no method", web.with("mcp-protocol-version", "2026-07-28")),
        ("no headers", web.clone()),
        ("half base64", good.with("mcp-name", "=?base64?!?=")),
    ] {
        let refused = web.post(&call).await;
        assert_eq!(refused.status, 400, "{what}");
        let answer = refused.json().await;
        assert_eq!(
            (&answer["id"], &answer["error"]["code"]),
            (&json!(1), &json!(-32020)),
            "{what}"
        );
    }
    let mut twice = good.clone();
    twice.headers.push(("mcp-name", "tessera_user_info".to_owned()));
    assert_eq!(twice.post(&call).await.status, 400);
    assert_eq!(cluster.records.of("TMCP006E").len(), 7);
    let encoded = good.with("mcp-name", "=?base64?dGVzc2VyYV91c2VyX2luZm8=?=");
    assert_eq!(encoded.post(&call).await.status, 200);
}

#[tokio::test]
async fn revisions_that_are_not_spoken_are_refused_with_those_that_are() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::new(&cluster, "dev", DEMO).with("mcp-method", "tools/list");
    let mut message = modern(json!(1), "tools/list", json!({}));
    message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let refused = web.with("mcp-protocol-version", "2099-01-01").post(&message.to_string()).await;
    assert_eq!(refused.status, 400);
    let answer = refused.json().await;
    assert_eq!(answer["error"]["code"], -32022);
    assert_eq!(answer["error"]["data"]["requested"], "2099-01-01");
    assert_eq!(answer["error"]["data"]["supported"][0], "2026-07-28");
}

#[tokio::test]
async fn there_is_only_post() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::new(&cluster, "dev", DEMO).with("mcp-protocol-version", "2026-07-28");
    for method in [Method::GET, Method::DELETE] {
        assert_eq!(web.send(method, api::empty()).await.status, 405);
    }
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(web.post(answer).await.status, 400);
    let batch = r#"[{"jsonrpc":"2.0","id":1,"method":"ping"}]"#;
    assert_eq!(web.post(batch).await.status, 400);
}

#[tokio::test]
async fn an_unknown_method_is_not_found() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::new(&cluster, "dev", DEMO).modern("ping", None);
    let refused = web.post(&modern(json!(1), "ping", json!({})).to_string()).await;
    assert_eq!(refused.status, 404);
    assert_eq!(refused.json().await["error"]["code"], -32601);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn requests_that_come_at_once_begin_one_session() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let web = Web::new(&cluster, "dev", "files");
    let call = |id: u64| {
        let web = web.clone();
        async move { web.modern_call(json!(id), "echo").await.json().await }
    };
    let calls = (0..16).map(|id| cluster.tasks.spawn("call", call(id))).collect::<Vec<_>>();
    for (id, call) in calls.into_iter().enumerate() {
        assert_eq!(call.await.ok().unwrap()["id"], id);
    }
    assert_eq!(cluster.agent.connections(), 1);
}
