//! Servers whose era turns out to be another than it was taken for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use api::Body;
use http::Response;
use serde_json::{Value, json};

use crate::cluster::Cluster;
use crate::http_server::{HttpServer, Seen, text};
use crate::passing::{JSON, legacy, message, register};
use crate::passing_modern::stateless;
use crate::web::{Web, modern};

/// A server of the one era or the other.
struct Turning {
    cluster: Cluster,
    server: HttpServer,
    is_modern: Arc<AtomicBool>,
}

// === impl Turning ===

impl Turning {
    async fn new(is_modern: bool) -> Self {
        let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
        let is_modern = Arc::new(AtomicBool::new(is_modern));
        let now = is_modern.clone();
        let server = HttpServer::new(move |seen| match now.load(Ordering::Relaxed) {
            true => stateless(seen),
            false => older(seen),
        })
        .await;
        register(&cluster, "up", &server).await;
        Self { cluster, server, is_modern }
    }

    fn turn(&self) {
        self.is_modern.fetch_xor(true, Ordering::Relaxed);
        self.server.seen.lock().clear();
    }

    fn asked(&self) -> Vec<String> {
        let method = |seen: &Seen| message(seen)["method"].as_str().unwrap_or_default().to_owned();
        self.server.seen().iter().map(method).filter(|method| !method.is_empty()).collect()
    }

    /// A call of a client whose capabilities are its own, so that no session is held for it.
    async fn call(&self, number: u64) -> Value {
        let web = Web::new(&self.cluster, "dev", "up").modern("tools/call", Some("x"));
        let mut message = modern(json!(7), "tools/call", json!({"name": "x"}));
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] =
            json!({"experimental": {number.to_string(): {}}});
        web.post(&message.to_string()).await.json().await
    }
}

/// A server that knows sessions only.
fn older(seen: &Seen) -> Response<Body> {
    let began = seen.headers.contains_key("mcp-session-id");
    if began || message(seen)["method"] == "initialize" {
        return legacy(seen);
    }
    let error = json!({"code": -32000, "message": "Bad Request: Server not initialized"});
    text(400, JSON, json!({"jsonrpc": "2.0", "id": null, "error": error}).to_string())
}

#[tokio::test]
async fn one_that_becomes_modern_is_soon_spoken_to_as_such() {
    let turning = Turning::new(false).await;
    assert!(turning.call(1).await["result"].is_object());
    turning.turn();
    // No session begins any more, and that is how it shows.
    assert!(turning.call(2).await["result"].is_object());
    assert_eq!(turning.asked(), ["initialize", "tools/call"]);
    assert!(turning.call(3).await["result"].is_object());
    assert_eq!(turning.asked()[2..], ["tools/call"], "nothing is asked twice");
}

#[tokio::test]
async fn one_that_becomes_legacy_is_soon_spoken_to_as_such() {
    let turning = Turning::new(true).await;
    assert!(turning.call(1).await["result"].is_object());
    turning.turn();
    let refused = turning.call(2).await;
    assert!(refused["error"].is_object(), "{refused}");
    assert!(turning.call(3).await["result"].is_object());
    assert!(turning.asked().contains(&"initialize".to_owned()));
}

#[tokio::test]
async fn a_client_with_a_session_is_bridged_to_one_that_became_modern() {
    let turning = Turning::new(false).await;
    assert!(turning.call(1).await["result"].is_object());
    turning.turn();
    let web = Web::begin(&turning.cluster, "dev", "up").await;
    assert!(web.call(2, "x").await.json().await["result"].is_object());
}

#[tokio::test]
async fn one_that_is_slow_to_say_what_it_is_is_not_taken_for_a_legacy_one() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let slow = Arc::new(AtomicBool::new(true));
    let server = HttpServer::slow(move |seen| {
        let discovers = message(&seen)["method"] == "server/discover";
        let slow = discovers && slow.swap(false, Ordering::Relaxed);
        async move {
            if slow {
                tokio::time::sleep(Duration::from_secs(6)).await;
            }
            stateless(&seen)
        }
    })
    .await;
    register(&cluster, "up", &server).await;
    for id in 0..2 {
        let web = Web::new(&cluster, "dev", "up");
        assert!(web.modern_call(json!(id), "x").await.json().await["result"].is_object());
    }
    let seen = server.seen();
    let methods: Vec<_> = seen.iter().map(|seen| message(seen)["method"].clone()).collect();
    assert_eq!(methods, ["server/discover", "server/discover", "tools/call", "tools/call"]);
}

#[tokio::test]
async fn one_that_refuses_somebody_is_not_taken_for_a_legacy_one_by_others() {
    let roles = [("dev", json!(["*"])), ("eve", json!(["*"]))];
    let cluster = Cluster::start(&roles).await;
    let server = HttpServer::new(|seen| match seen.headers.get("authorization") {
        Some(_) => stateless(seen),
        None => {
            let mut refusal = text(401, "text/html", "<p>who is it?</p>".to_owned());
            let way = "Bearer realm=\"up\"".parse().unwrap();
            refusal.headers_mut().insert("www-authenticate", way);
            refusal
        }
    })
    .await;
    register(&cluster, "up", &server).await;
    let stranger = Web::new(&cluster, "eve", "up");
    for id in 0..2 {
        let refused = stranger.modern_call(json!(id), "x").await;
        assert_eq!(refused.status, 401, "and hears how to sign in there");
        assert_eq!(refused.headers["www-authenticate"], "Bearer realm=\"up\"");
    }
    let known =
        Web::new(&cluster, "dev", "up").with("tessera-forward-authorization", "Bearer good");
    assert!(known.modern_call(json!(7), "x").await.json().await["result"].is_object());
    let begun = server.seen().iter().any(|seen| message(seen)["method"] == "initialize");
    assert!(!begun, "no session was tried");
}

#[tokio::test]
async fn what_is_known_of_one_is_not_forgotten_when_it_refuses_somebody() {
    let roles = [("dev", json!(["*"])), ("eve", json!(["*"]))];
    let cluster = Cluster::start(&roles).await;
    let refuses = Arc::new(AtomicBool::new(false));
    let now = refuses.clone();
    let server = HttpServer::new(move |seen| match now.load(Ordering::Relaxed) {
        true => text(401, "text/html", "<p>who is it?</p>".to_owned()),
        false => stateless(seen),
    })
    .await;
    register(&cluster, "up", &server).await;
    let begin = async |user: &str| {
        server.seen.lock().clear();
        let mut client = cluster.connect(user, "up").await;
        let begun = client.initialize().await;
        (begun["result"].is_object(), message(&server.seen()[0])["method"].clone())
    };
    assert_eq!(begin("dev").await, (true, json!("initialize")), "nothing is known of it");
    assert_eq!(begin("dev").await, (true, json!("server/discover")));
    refuses.store(true, Ordering::Relaxed);
    assert_eq!(begin("eve").await, (false, json!("server/discover")));
    refuses.store(false, Ordering::Relaxed);
    assert_eq!(begin("dev").await, (true, json!("server/discover")), "it is known all the same");
}
