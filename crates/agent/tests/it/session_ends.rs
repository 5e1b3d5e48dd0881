//! How connections end, and what is left of them: words for the client, a record, no process.

use std::time::Duration;

use pki::{CaKind, CertificateAuthority};
use resource::Kind;
use serde_json::{Value, json};

use crate::client::TestClient;
use crate::cluster::{Cluster, FIXTURE, document, evidence_of, role_with};
use crate::processes::wait_until;

fn everything() -> Value {
    json!(["*"])
}

fn lock(target: Value) -> resource::Resource {
    document("lock", "v2", "l", json!({"spec": {"target": target, "message": "go away"}}))
}

/// A connection with a request that is never answered.
async fn waiting(cluster: &Cluster) -> TestClient {
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    client.ask("tools/call", json!({"name": "hang"})).await;
    wait_until("the server has the call", || cluster.reached("files").contains("hang")).await;
    client
}

/// The connection ends within a second, with an error for the open request; nothing is left.
async fn ends(cluster: &Cluster, mut client: TestClient, reason: &str, words: &str) {
    let began = tokio::time::Instant::now();
    let error = client.read().await.expect("an error for the open request");
    assert_eq!((&error["id"], &error["error"]["code"]), (&json!(2), &json!(-32603)));
    let (word, sentence) = client.end().await;
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    assert_eq!(word, reason, "{sentence}");
    assert!(sentence.contains(words), "{sentence}");
    assert_eq!(error["error"]["message"], sentence);
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    let end = cluster.records.of("TMCP002E");
    assert_eq!(end.len(), 1);
    assert!(end[0]["error"].as_str().unwrap().contains(words), "{}", end[0]);
}

#[tokio::test]
async fn by_a_lock() {
    for target in [json!({"user": "dev"}), json!({"role": "dev"}), json!({"app": "files"})] {
        let cluster = Cluster::start(&[("dev", everything())]).await;
        let client = waiting(&cluster).await;
        cluster.put(lock(target));
        ends(&cluster, client, "locked", "go away").await;
        let refused = cluster.connect("dev", "files").await.initialize().await;
        assert!(refused["error"]["message"].as_str().unwrap().contains("lock targeting"));
    }
}

/// What a user granted a client.
fn grant(name: &str, user: &str) -> resource::Resource {
    let client = json!({"id": "https://client.example.com/c", "known_by": "document"});
    let spec = json!({
        "user": user, "client": client, "app": "files", "proxy": "proxy.example.com:443",
        "created": "2026-01-01T00:00:00Z", "login_id": "l",
    });
    let metadata = json!({"name": name, "expires": "2999-01-01T00:00:00Z"});
    document("oauth_grant", "v1", name, json!({"metadata": metadata, "spec": spec}))
}

fn allow_oauth(allow: bool) -> resource::Resource {
    let name = resource::cluster_auth_preference::NAME;
    let spec = json!({"spec": {"allow_oauth": allow}});
    document("cluster_auth_preference", "v2", name, spec)
}

#[tokio::test]
async fn with_what_the_user_granted_the_client() {
    type End = fn(&Cluster);
    let ends_it: [(End, &str, &str); 3] = [
        (|cluster| cluster.delete(Kind::OauthGrant, "g"), "unauthenticated", "is over"),
        (|cluster| cluster.put(allow_oauth(false)), "unauthenticated", "no more"),
        (|cluster| cluster.put(lock(json!({"oauth_grant": "g"}))), "locked", "go away"),
    ];
    for (end, reason, words) in ends_it {
        let cluster = Cluster::start(&[("dev", everything())]).await;
        cluster.put(allow_oauth(true));
        cluster.put(grant("g", "dev"));
        cluster.copied().await;
        let mut identity = cluster.identity("dev");
        identity.oauth_grant = Some("g".to_owned());
        let evidence = cluster.evidence(&identity);
        let mut client = TestClient::connect(&cluster.handler, "files", &evidence).await;
        client.initialize().await;
        client.ask("tools/call", json!({"name": "hang"})).await;
        wait_until("the server has the call", || cluster.reached("files").contains("hang")).await;
        // What does not concern it changes nothing.
        cluster.put(grant("other", "dev"));
        cluster.delete(Kind::OauthGrant, "other");
        cluster.copied().await;
        end(&cluster);
        ends(&cluster, client, reason, words).await;
        // Nor is it let in anew; a lock is told of in the stream.
        let status = if reason == "locked" { 200 } else { 401 };
        assert_eq!(cluster.status("files", &evidence).await, status);
    }
}

#[tokio::test]
async fn not_by_a_lock_on_somebody_else() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    cluster.put(lock(json!({"user": "dev", "app": "other"})));
    cluster.settled().await;
    assert!(client.call("echo").await["result"].is_object());
}

#[tokio::test]
async fn with_the_app() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let client = waiting(&cluster).await;
    cluster.delete(Kind::App, "files");
    ends(&cluster, client, "app-removed", "not served any more").await;
}

#[tokio::test]
async fn with_the_match_of_the_apps_labels() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let only_dev = json!({"app_labels": {"env": "dev"}, "mcp": {"tools": ["*"]}});
    cluster.put(document("role", "v8", "dev", json!({"spec": {"allow": only_dev}})));
    cluster.put(cluster.app("files", json!({"env": "dev"})));
    cluster.settled().await;
    let client = waiting(&cluster).await;
    cluster.put(cluster.app("files", json!({"env": "prod"})));
    ends(&cluster, client, "access-denied", "do not permit").await;
}

#[tokio::test]
async fn with_the_role() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let client = waiting(&cluster).await;
    cluster.delete(Kind::Role, "dev");
    ends(&cluster, client, "access-denied", "denied").await;
    let end = &cluster.records.of("TMCP002E")[0];
    assert!(end["error"].as_str().unwrap().contains("dev"), "the administrator learns why: {end}");
}

#[tokio::test]
async fn with_the_user() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let client = waiting(&cluster).await;
    cluster.delete(Kind::User, "dev");
    ends(&cluster, client, "access-denied", "no user").await;
}

#[tokio::test]
async fn with_the_certificate_where_roles_say_so() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let client = waiting(&cluster).await;
    cluster.put(role_with("dev", &everything(), json!({"disconnect_expired_cert": true})));
    cluster.settled().await;
    cluster.clock.advance(Duration::from_secs(3_601));
    ends(&cluster, client, "expired", "expired").await;
}

#[tokio::test]
async fn not_with_the_certificate_otherwise() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    let evidence = cluster.evidence(&cluster.identity("dev"));
    cluster.clock.advance(Duration::from_secs(3_601));
    cluster.put(role_with("dev", &everything(), json!({})));
    cluster.settled().await;
    assert!(client.call("echo").await["result"].is_object());
    assert_eq!(cluster.status("files", &evidence).await, 401, "but it opens no other");
}

#[tokio::test]
async fn when_the_agent_stops() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let client = waiting(&cluster).await;
    cluster.tasks.cancel();
    ends(&cluster, client, "draining", "connect again").await;
    let late = cluster.tasks.shutdown(Duration::from_secs(20)).await;
    assert_eq!(late, [""; 0]);
    assert_eq!(cluster.status("files", "").await, 503);
}

#[tokio::test]
async fn when_the_server_dies_in_the_middle_of_a_line() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.initialize().await;
    client.ask("tools/call", json!({"name": "die"})).await;
    ends(&cluster, client, "server-ended", "status 3").await;
}

#[tokio::test]
async fn when_the_server_cannot_be_started() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    cluster.put(cluster.app_of("broken", json!({}), "/no/such/command", &[]));
    cluster.settled().await;
    let mut client = cluster.connect("dev", "broken").await;
    let refused = client.initialize().await;
    let words = refused["error"]["message"].as_str().unwrap();
    assert!(words.contains("/no/such/command"), "{words}");
    assert_eq!(client.end().await, ("start-failed".to_owned(), words.to_owned()));
}

#[tokio::test]
async fn when_the_client_vanishes() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = waiting(&cluster).await;
    assert!(!cluster.mark.alive().is_empty());
    client.stop_reading();
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    wait_until("it is over", || cluster.agent.connections() == 0).await;
    assert_eq!(cluster.records.of("TMCP002I").len(), 1);
}

#[tokio::test]
async fn after_the_last_answer_when_the_client_writes_no_more() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut client = cluster.connect("dev", "files").await;
    client.ask("tools/call", json!({"name": "echo"})).await;
    client.finish_writing();
    assert!(client.read().await.unwrap()["result"].is_object());
    assert_eq!(client.end().await.0, "client-done");
}

#[tokio::test]
async fn at_once_when_access_is_denied() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let nothing = json!({"spec": {"allow": {"mcp": {"tools": ["*"]}}}});
    cluster.put(document("role", "v8", "dev", nothing));
    cluster.settled().await;
    let mut client = cluster.connect("dev", "files").await;
    let refused = client.initialize().await;
    assert_eq!(refused["error"]["code"], -32603);
    assert_eq!(client.end().await.0, "access-denied");
    assert_eq!(cluster.mark.alive(), [0_i32; 0]);
    assert_eq!(cluster.reached("files"), "");
    assert_eq!(cluster.records.codes(), ["TMCP003E"]);
}

#[tokio::test]
async fn before_it_begins_without_evidence_that_verifies() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let now = cluster.clock.now();
    let validity = Duration::from_secs(86_400);
    let foreign =
        CertificateAuthority::generate(CaKind::User, "test.example.com", now, validity).unwrap();
    let forged = evidence_of(&foreign, &cluster.identity("dev"));
    let mut expired = cluster.identity("dev");
    expired.issued -= Duration::from_secs(7_200);
    expired.expires -= Duration::from_secs(7_200);
    for (what, evidence) in [
        ("nothing", String::new()),
        ("nonsense", "bm9uc2Vuc2U=".to_owned()),
        ("no base64", "%".to_owned()),
        ("another authority", forged),
        ("expired", cluster.evidence(&expired)),
    ] {
        assert_eq!(cluster.status("files", &evidence).await, 401, "{what}");
    }
    assert_eq!(cluster.status("files", &cluster.evidence(&cluster.identity("dev"))).await, 200);
}

#[tokio::test]
async fn at_once_from_an_address_that_the_certificate_is_not_bound_to() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let mut bound = cluster.identity("dev");
    bound.source_ip = Some("192.0.2.2".parse().unwrap());
    let evidence = cluster.evidence(&bound);
    let mut client = TestClient::connect(&cluster.handler, "files", &evidence).await;
    assert!(client.initialize().await["error"].is_object());
    bound.source_ip = Some("192.0.2.1".parse().unwrap());
    let evidence = cluster.evidence(&bound);
    let mut client = TestClient::connect(&cluster.handler, "files", &evidence).await;
    assert!(client.initialize().await["result"].is_object());
}

#[tokio::test]
async fn after_the_last_answer_of_a_server_that_is_gone() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let script = r#"read l; echo '{"jsonrpc":"2.0","id":1,"result":{"last":true}}'"#;
    cluster.put(cluster.app_of("brief", json!({}), "sh", &["-c", script]));
    cluster.settled().await;
    let mut client = cluster.connect("dev", "brief").await;
    client.ask("ping", json!({})).await;
    client.ask("ping", json!({})).await;
    assert_eq!(client.read().await.unwrap()["result"]["last"], true);
    assert_eq!(client.read().await.unwrap()["error"]["code"], -32603);
    assert_eq!(client.end().await.0, "server-ended");
}

#[tokio::test]
async fn not_by_a_flood_on_the_error_stream() {
    let cluster = Cluster::start(&[("dev", everything())]).await;
    let log = cluster.log_path("loud");
    let script = format!("yes >&2 & yes >&2 & exec {FIXTURE} serve {}", log.display());
    cluster.put(cluster.app_of("loud", json!({}), "sh", &["-c", &script]));
    cluster.settled().await;
    let mut client = cluster.connect("dev", "loud").await;
    for _ in 0..100 {
        assert!(client.call("echo").await["result"].is_object());
    }
    client.finish_writing();
    assert_eq!(client.end().await.0, "client-done");
}
