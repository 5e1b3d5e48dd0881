//! How much one user may have of an agent, and that the others have the rest.

use agent::Limits;
use serde_json::json;

use crate::client::TestClient;
use crate::cluster::Cluster;
use crate::http_server::HttpServer;
use crate::passing::{legacy, register};
use crate::processes::wait_until;
use crate::web::Web;

const CONNECTIONS: usize = 20;
const SESSIONS: usize = 12;
const SESSIONS_OF_APP: usize = 4;

fn limits() -> Limits {
    Limits {
        connections_per_user: CONNECTIONS,
        sessions_per_user: SESSIONS,
        sessions_per_app: SESSIONS_OF_APP,
        ..Limits::default()
    }
}

#[tokio::test]
async fn a_user_has_so_many_connections_over_all_apps_and_others_have_theirs() {
    let roles = [("dev", json!(["*"])), ("eve", json!(["*"]))];
    let cluster = Cluster::within(limits(), &roles).await;
    let evidence = cluster.evidence(&cluster.identity("dev"));
    let mut clients = Vec::new();
    for number in 0..CONNECTIONS {
        let app = if number % 2 == 0 { "files" } else { "tessera-mcp-demo" };
        clients.push(TestClient::connect(&cluster.handler, app, &evidence).await);
    }
    for app in ["files", "tessera-mcp-demo"] {
        let request = TestClient::request(app, &evidence, api::empty());
        let refused = cluster.handler.call(request).await;
        assert_eq!(refused.status(), 429);
        let words = api::collect(refused.into_body(), 1_000).await.unwrap();
        assert!(str::from_utf8(&words).unwrap().contains("the most that one user may have"));
        assert_eq!(
            Web::new(&cluster, "dev", app).ask(1, "initialize", json!({})).await.status,
            429
        );
        assert_eq!(Web::new(&cluster, "dev", app).modern_call(json!(1), "x").await.status, 429);
    }
    let mut other = cluster.connect("eve", "files").await;
    assert!(other.initialize().await["result"].is_object());
    drop(clients.pop());
    wait_until("a place is free", || cluster.agent.connections() == CONNECTIONS).await;
    let mut again = cluster.connect("dev", "tessera-mcp-demo").await;
    assert!(again.initialize().await["result"].is_object());
}

#[tokio::test]
async fn sessions_that_nobody_uses_give_way_over_all_apps() {
    let roles = [("dev", json!(["*"])), ("eve", json!(["*"]))];
    let cluster = Cluster::within(limits(), &roles).await;
    let server = HttpServer::new(legacy).await;
    let apps: Vec<String> = (0..=SESSIONS / SESSIONS_OF_APP).map(|n| format!("up-{n}")).collect();
    for app in &apps {
        register(&cluster, app, &server).await;
    }
    let theirs = Web::begin(&cluster, "eve", &apps[0]).await;
    let mut sessions = Vec::new();
    for number in 0..SESSIONS {
        sessions.push(Web::begin(&cluster, "dev", &apps[number / SESSIONS_OF_APP]).await);
    }
    for session in [&sessions[0], &sessions[SESSIONS - 1], &theirs] {
        assert!(session.call(2, "x").await.json().await["result"].is_object());
    }
    // The first was just used: the second is the one that was unused for longest.
    let last = Web::begin(&cluster, "dev", &apps[apps.len() - 1]).await;
    assert_eq!(sessions[1].call(3, "x").await.status, 404);
    for session in [&sessions[0], &sessions[2], &last, &theirs] {
        assert!(session.call(3, "x").await.json().await["result"].is_object());
    }
}
