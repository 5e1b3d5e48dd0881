//! Messages of the greatest length, of one byte less and of one more, on every way and in both directions: each is
//! answered, and nobody waits for ever.

use http::Response;
use mcp::limits::MESSAGE_BYTES;
use serde_json::{Value, json};

use api::Body;

use crate::cluster::Cluster;
use crate::http_server::{HttpServer, Seen, text};
use crate::passing::{JSON, legacy, message, register, result};
use crate::passing_modern::stateless;
use crate::web::{Web, modern};

/// One byte less is tried on lines only: no way counts from below.
const SIZES: [usize; 2] = [MESSAGE_BYTES, MESSAGE_BYTES + 1];

/// A message with so many bytes of argument that it has this many.
fn padded(message: &Value, bytes: usize) -> String {
    let mut message = message.clone();
    message["params"]["arguments"] = json!({"x": ""});
    let short = message.to_string().len();
    message["params"]["arguments"]["x"] = "x".repeat(bytes - short).into();
    message.to_string()
}

fn call(tool: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": tool}})
}

/// An answer that is just so long.
fn long(id: &Value, bytes: usize) -> String {
    let short = result(id, &json!({"resultType": "complete", "content": [], "x": ""})).len();
    let x = "x".repeat(bytes - short);
    result(id, &json!({"resultType": "complete", "content": [], "x": x}))
}

/// Answers a call of `json` or `events` with as many bytes as it asks for, and all else as `others` does.
fn lengthy(seen: &Seen, others: fn(&Seen) -> Response<Body>) -> Response<Body> {
    let message = message(seen);
    let bytes = message.pointer("/params/arguments/bytes").and_then(Value::as_u64);
    let Some(bytes) = bytes.and_then(|bytes| usize::try_from(bytes).ok()) else {
        return others(seen);
    };
    let answer = long(&message["id"], bytes);
    if message["params"]["name"] == "json" {
        return text(200, JSON, answer);
    }
    text(200, "text/event-stream", format!("data: {answer}\n\n"))
}

async fn servers(cluster: &Cluster) -> [HttpServer; 2] {
    let old = HttpServer::new(|seen| lengthy(seen, legacy)).await;
    let new = HttpServer::new(|seen| lengthy(seen, stateless)).await;
    register(cluster, "old", &old).await;
    register(cluster, "new", &new).await;
    [old, new]
}

#[tokio::test]
async fn of_clients_on_lines() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    for size in [MESSAGE_BYTES - 1, MESSAGE_BYTES, MESSAGE_BYTES + 1] {
        client.write(&padded(&call("size"), size)).await;
        let answer = client.read().await.unwrap();
        if size > MESSAGE_BYTES {
            assert_eq!((&answer["id"], &answer["error"]["code"]), (&Value::Null, &json!(-32600)));
        } else {
            assert_eq!(answer["result"]["size"], size);
        }
    }
    assert!(client.call("echo").await["result"].is_object(), "it goes on");
}

#[tokio::test]
async fn of_clients_over_http() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let _servers = servers(&cluster).await;
    for app in ["files", "old", "new"] {
        let web = Web::begin(&cluster, "dev", app).await;
        for size in SIZES {
            let reply = web.post(&padded(&call("size"), size)).await;
            judge(app, size, reply).await;
        }
    }
}

#[tokio::test]
async fn of_clients_of_the_modern_era() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let _servers = servers(&cluster).await;
    for app in ["files", "old", "new"] {
        let web = Web::new(&cluster, "dev", app);
        // The names that requests have inside grow.
        for _ in 0..10 {
            assert!(web.modern_call(json!(1), "size").await.json().await["result"].is_object());
        }
        let web = web.modern("tools/call", Some("size"));
        let message = modern(json!(7), "tools/call", json!({"name": "size"}));
        for size in SIZES {
            let reply = web.post(&padded(&message, size)).await;
            judge(app, size, reply).await;
        }
    }
}

async fn judge(app: &str, size: usize, reply: crate::web::Reply) {
    let (status, answer) = (reply.status.as_u16(), reply.json().await);
    if size > MESSAGE_BYTES {
        assert_eq!((status, &answer["error"]["code"]), (413, &json!(-32600)), "{app}, {size}");
    } else {
        assert_eq!((status, &answer["id"]), (200, &json!(7)), "{app}, {size}: {}", answer["error"]);
        assert!(answer["result"].is_object(), "{app}, {size}: {}", answer["error"]);
    }
}

/// An answer of a server's, under the id of its request, whole or as an error.
fn heard(what: &str, size: usize, answer: &Value) {
    assert_eq!(answer["id"], 7, "{what}, {size}");
    if size > MESSAGE_BYTES {
        let words = answer["error"]["message"].as_str().unwrap_or_default();
        assert!(words.contains("passed on") || words.contains("too long"), "{what}: {words}");
    } else {
        assert!(answer["result"]["x"].is_string(), "{what}, {size}: {}", answer["error"]);
    }
}

#[tokio::test]
async fn of_servers_to_clients_on_lines() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let _servers = servers(&cluster).await;
    for (app, tool) in [("files", "long"), ("old", "json"), ("old", "events"), ("new", "json")] {
        let mut client = cluster.connect("dev", app).await;
        client.initialize().await;
        for size in SIZES {
            let mut call = call(tool);
            call["params"]["arguments"] = json!({"bytes": size});
            client.write(&call.to_string()).await;
            heard(&format!("{app} {tool}"), size, &client.read().await.unwrap());
        }
    }
}

#[tokio::test]
async fn of_servers_to_clients_over_http() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let _servers = servers(&cluster).await;
    for (app, tool) in [("files", "long"), ("old", "json"), ("old", "events"), ("new", "json")] {
        let web = Web::begin(&cluster, "dev", app).await;
        for size in SIZES {
            let mut call = call(tool);
            call["params"]["arguments"] = json!({"bytes": size});
            let answer = web.post(&call.to_string()).await.json().await;
            heard(&format!("{app} {tool}"), size, &answer);
        }
    }
}

#[tokio::test]
async fn of_servers_to_clients_of_the_modern_era() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let _servers = servers(&cluster).await;
    for (app, tool) in [("files", "long"), ("old", "json"), ("old", "events"), ("new", "events")] {
        let web = Web::new(&cluster, "dev", app).modern("tools/call", Some(tool));
        for size in SIZES {
            let params = json!({"name": tool, "arguments": {"bytes": size}});
            let message = modern(json!(7), "tools/call", params);
            let answer = web.post(&message.to_string()).await.json().await;
            heard(&format!("{app} {tool}"), size, &answer);
        }
    }
}
