//! Apps that are registered anew: what is open stays where it is, what is new goes to the new place,
//! and what cannot be served leaves the old one serving.

use std::time::Duration;

use api::Body;
use http::{Method, Response};
use serde_json::json;

use crate::cluster::{Cluster, document};
use crate::http_server::{HttpServer, Seen, text};
use crate::passing::{JSON, legacy, message, register, result};
use crate::processes::wait_until;
use crate::web::Web;

const REFUSES: &str = "127.0.0.1:1";

/// How many calls a server was asked for.
fn calls(server: &HttpServer) -> usize {
    server.seen().iter().filter(|seen| message(seen)["method"] == "tools/call").count()
}

async fn begun_at(cluster: &Cluster, server: &HttpServer) -> Web {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    loop {
        let before = server.seen().len();
        let web = Web::begin(cluster, "dev", "up").await;
        if server.seen().len() > before {
            return web;
        }
        assert!(tokio::time::Instant::now() < deadline, "new sessions go to the new address");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn a_session_stays_with_its_server_and_a_new_one_goes_to_the_new_address() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let (old, new) = (HttpServer::new(legacy).await, HttpServer::new(legacy).await);
    register(&cluster, "up", &old).await;
    let first = begun_at(&cluster, &old).await;
    register(&cluster, "up", &new).await;
    let second = begun_at(&cluster, &new).await;
    assert!(first.call(2, "echo").await.json().await["result"].is_object());
    assert_eq!((calls(&old), calls(&new)), (1, 0));
    assert!(second.call(2, "echo").await.json().await["result"].is_object());
    assert_eq!((calls(&old), calls(&new)), (1, 1));
}

/// A server of the modern era.
fn modern(seen: &Seen) -> Response<Body> {
    let message = message(seen);
    let id = &message["id"];
    let answer = match message["method"].as_str() {
        Some("server/discover") => {
            json!({"resultType": "complete", "supportedVersions": ["2026-07-28"], "capabilities": {}})
        }
        _ => json!({"resultType": "complete", "content": []}),
    };
    text(200, JSON, result(id, &answer))
}

#[tokio::test]
async fn a_request_of_the_modern_era_goes_where_the_app_is_by_then() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let (old, new) = (HttpServer::new(modern).await, HttpServer::new(modern).await);
    register(&cluster, "up", &old).await;
    let web = Web::new(&cluster, "dev", "up");
    assert!(web.modern_call(json!(1), "echo").await.json().await["result"].is_object());
    assert_eq!((calls(&old), calls(&new)), (1, 0));
    register(&cluster, "up", &new).await;
    wait_until("the new one is tried", || *new.connections.lock() > 0).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while calls(&new) == 0 {
        assert!(web.modern_call(json!(2), "echo").await.json().await["result"].is_object());
        assert!(tokio::time::Instant::now() < deadline, "it goes to the old one still");
    }
}

#[tokio::test]
async fn an_address_where_nobody_is_leaves_the_old_one_serving() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let old = HttpServer::new(legacy).await;
    register(&cluster, "up", &old).await;
    let first = begun_at(&cluster, &old).await;
    let nowhere = format!("mcp+http://{REFUSES}/mcp");
    cluster.put(document("app", "v3", "up", json!({"spec": {"uri": nowhere}})));
    cluster.settled().await;
    // Long enough for a check that would have let it in.
    tokio::time::sleep(Duration::from_millis(300)).await;
    let second = Web::begin(&cluster, "dev", "up").await;
    for web in [first, second] {
        assert!(web.call(2, "echo").await.json().await["result"].is_object());
    }
    assert_eq!(calls(&old), 2);
    assert!(old.seen().iter().all(|seen| seen.method != Method::DELETE), "no session was ended");
}

#[tokio::test]
async fn new_labels_decide_about_old_sessions_even_where_the_new_server_cannot_be_had() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let old = HttpServer::new(legacy).await;
    register(&cluster, "up", &old).await;
    let web = begun_at(&cluster, &old).await;
    let allow = json!({"app_labels": {"*": "*"}, "mcp": {"tools": ["*"]}});
    let deny = json!({"app_labels": {"env": "secret"}});
    cluster.put(document("role", "v8", "dev", json!({"spec": {"allow": allow, "deny": deny}})));
    let spec = json!({"uri": format!("mcp+http://{REFUSES}/mcp")});
    let mut app = document("app", "v3", "up", json!({"spec": spec}));
    app.metadata_mut().labels.insert("env".to_owned(), "secret".to_owned());
    cluster.put(app);
    cluster.settled().await;
    let before = calls(&old);
    let answer = web.call(2, "echo").await;
    assert!(answer.status == 403 || answer.status == 404, "{}", answer.status);
    assert_eq!(calls(&old), before, "nothing is sent");
}
