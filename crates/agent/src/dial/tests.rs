//! Requests to servers inside the test: whom they reach, and what is said when they do not.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use std::collections::BTreeSet;
use std::time::Duration as StdDuration;

use http::{HeaderMap, Method};
use http_body_util::BodyExt as _;
use pki::tls::ServerCredentials;
use pki::{
    CaKind, CertificateAuthority, ClientAuth, PrivateKey, Service, ServiceIdentity, Trust,
    TrustStore, UserIdentity,
};
use resource::Resource;
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use super::*;
use crate::testing::http::{HttpServer, text};
use crate::testing::{access, identity};

fn app(spec: Value) -> App {
    let document = json!({
        "kind": "app", "version": "v3", "metadata": {"name": "files"}, "spec": spec,
    });
    match Resource::from_json(document.to_string().as_bytes()).unwrap() {
        Resource::App(app) => app,
        other => panic!("{other:?}"),
    }
}

fn dialler(spec: Value) -> Result<Dialler, String> {
    bounded(spec, &Limits::default())
}

fn bounded(spec: Value, limits: &Limits) -> Result<Dialler, String> {
    Dialler::new(&app(spec), &Arc::default(), limits, &Tasks::new())
}

fn caller() -> Caller {
    let app = app(json!({"uri": "mcp+http://h/"}));
    Caller::alone(identity("alice", &["r"]), Arc::new(app))
}

fn to(server: &HttpServer) -> Dialler {
    dialler(json!({"uri": format!("mcp+http://{}/mcp?x=1", server.address)})).unwrap()
}

async fn get(dialler: &Dialler) -> Result<Response<Body>, DialError> {
    let mut request = Request::new(api::empty());
    request.headers_mut().insert("accept", "application/json".parse().unwrap());
    request.headers_mut().insert("cookie", "client's".parse().unwrap());
    dialler.send(Leave::Housekeeping, request, &caller()).await
}

async fn failed(dialler: &Dialler) -> String {
    get(dialler).await.map(|answer| answer.status()).unwrap_err().to_string()
}

async fn whole(answer: Response<Body>) -> String {
    String::from_utf8(answer.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

#[tokio::test]
async fn requests_reach_the_apps_address_on_kept_connections() {
    let server = HttpServer::new(|_| text(404, "text/plain", "nothing here")).await;
    let spec = json!({
        "uri": format!("mcp+http://{}/mcp?x=1", server.address),
        "rewrite": {"headers": ["X-Api-Key: k", {"name": "Host", "value": "mcp.example.com"}]},
    });
    let dialler = dialler(spec).unwrap();
    for _ in 0..3 {
        let answer = get(&dialler).await.unwrap();
        assert_eq!(answer.status(), 404);
        assert_eq!(whole(answer).await, "nothing here");
    }
    let seen = server.seen();
    let first = &seen[0];
    assert_eq!((&first.method, first.path.as_str()), (&Method::GET, "/mcp?x=1"));
    assert_eq!(first.headers["host"], "mcp.example.com");
    assert_eq!(first.headers["x-api-key"], "k");
    assert_eq!(first.headers["accept-encoding"], "identity");
    assert!(first.headers.get("cookie").is_none());
    assert_eq!(*server.connections.lock(), 1);
}

#[tokio::test]
async fn a_permit_is_for_one_app_and_an_address_for_one_server() {
    let server = HttpServer::new(|_| text(200, "text/plain", "")).await;
    let dialler = dialler(json!({"uri": format!("mcp+http://{}/", server.address)})).unwrap();
    let access = access(&json!({"tools": ["*"]}));
    let request = || Request::new(api::empty());
    let policy::Decision::Allow(permit) = access.tool("echo") else { panic!("not granted") };
    dialler.send(Leave::Permit(permit), request(), &caller()).await.unwrap();
    let elsewhere = Url::parse("http://127.0.0.1:1/").unwrap();
    let refused = dialler.send_to(Leave::Housekeeping, &elsewhere, request(), &caller()).await;
    assert!(refused.unwrap_err().to_string().contains("another server"));
    let traits = std::collections::BTreeMap::new();
    let role = Arc::new(crate::testing::role("r", &json!({"tools": ["*"]})));
    let set = policy::RoleSet::compile(&[role], policy::User::new("alice", &traits));
    let other = set.access(policy::AppRef::new("other", &resource::Labels::new()));
    let policy::Decision::Allow(permit) = other.tool("echo") else { panic!("not granted") };
    let refused = dialler.send(Leave::Permit(permit), request(), &caller()).await;
    assert!(refused.unwrap_err().to_string().contains("another app"));
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn redirections_are_not_followed() {
    let trap = HttpServer::new(|_| text(200, "text/plain", "trapped")).await;
    let to_trap = format!("http://{}/secret?token=t", trap.address);
    for status in [301, 302, 303, 307, 308] {
        let location = to_trap.clone();
        let server = HttpServer::new(move |_| {
            let mut answer = text(status, "text/plain", "");
            answer.headers_mut().insert("location", location.parse().unwrap());
            answer
        })
        .await;
        let said = failed(&to(&server)).await;
        assert!(said.contains("redirects to http://127.0.0.1,"), "{said}");
        assert!(!said.contains("token"), "{said}");
    }
    assert_eq!(trap.seen().len(), 0);
}

#[tokio::test]
async fn what_a_server_compresses_is_readable_all_the_same() {
    let server = HttpServer::new(|_| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        std::io::Write::write_all(&mut encoder, b"inside").unwrap();
        let mut answer = text(200, "application/json", encoder.finish().unwrap());
        answer.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        answer
    })
    .await;
    let answer = get(&to(&server)).await.unwrap();
    assert_eq!(answer.headers().keys().find(|name| *name == "content-encoding"), None);
    assert_eq!(whole(answer).await, "inside");
    let server = HttpServer::new(|_| {
        let mut answer = text(200, "application/json", "x");
        answer.headers_mut().insert("content-encoding", "br".parse().unwrap());
        answer
    })
    .await;
    let said = failed(&to(&server)).await;
    assert_eq!(said, "the MCP server compresses its answers (br) though it was asked not to");
}

#[tokio::test]
async fn servers_that_are_not_there_are_told_in_words() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let nobody = dialler(json!({"uri": format!("mcp+http://{address}/")})).unwrap();
    let error = get(&nobody).await.map(|_| ()).unwrap_err();
    let said = format!("the MCP server cannot be reached: connection refused ({address})");
    assert_eq!(error.to_string(), said);
    let unknown = dialler(json!({"uri": "mcp+http://no-such-host.invalid/"})).unwrap();
    let said = failed(&unknown).await;
    assert!(said.contains("\"no-such-host.invalid\" cannot be resolved"), "{said}");
}

#[tokio::test]
async fn addresses_are_judged_after_they_were_resolved() {
    let server = HttpServer::new(|_| text(200, "text/plain", "ok")).await;
    let port = server.address.port();
    let rules =
        |deny: &str| Arc::new(Egress { allow: Vec::new(), deny: vec![deny.parse().unwrap()] });
    let dial = |host: &str, egress: &Arc<Egress>| {
        let spec = json!({"uri": format!("mcp+http://{host}:{port}/")});
        Dialler::new(&app(spec), egress, &Limits::default(), &Tasks::new()).unwrap()
    };
    // A name whose addresses are denied, and other spellings of the address.
    let both: Egress = Egress {
        allow: Vec::new(),
        deny: vec!["127.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()],
    };
    let both = Arc::new(both);
    for host in ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "[::ffff:127.0.0.1]"] {
        let said = failed(&dial(host, &both)).await;
        assert!(said.contains("denied by the egress rules"), "{host}: {said}");
    }
    assert!(failed(&dial("0.0.0.0", &Arc::default())).await.contains("do not connect to"));
    assert!(failed(&dial("169.254.169.254", &Arc::default())).await.contains("169.254.0.0/16"));
    assert_eq!(server.seen().len(), 0);
    assert!(get(&dial("127.0.0.1", &rules("10.0.0.0/8"))).await.is_ok());
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let tasks = Tasks::new();
    tasks.spawn_until_cancelled("test.hang-up", async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let dialler = dialler(json!({"uri": format!("mcp+http://{address}/")})).unwrap();
    let error = get(&dialler).await.map(|_| ()).unwrap_err();
    assert!(error.to_string().starts_with("the MCP server broke the connection"), "{error}");
    tasks.cancel();
}

/// An authority, and a server with its certificate for `localhost`.
async fn secure_server(client_auth: ClientAuth) -> (CertificateAuthority, Trust, HttpServer) {
    let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
    let life = StdDuration::from_secs(10 * 365 * 24 * 3600);
    let hosts = CertificateAuthority::generate(CaKind::Host, "test", now, life).unwrap();
    let users = CertificateAuthority::generate(CaKind::User, "test", now, life).unwrap();
    let service = ServiceIdentity {
        host_id: Uuid::new_v4().to_string(),
        node_name: "host".to_owned(),
        services: BTreeSet::from([Service::Proxy]),
        cluster: "test".to_owned(),
        join_token: None,
        issued: now,
        expires: now + time::Duration::days(3000),
    };
    let key = PrivateKey::generate().unwrap();
    let certificate =
        hosts.issue_service(&key.public(), &service, &["localhost".to_owned()]).unwrap();
    let slot =
        CredentialsSlot::new(Credentials::new(&certificate, hosts.certificate(), &key).unwrap());
    let trust =
        Trust::new("test", vec![users.certificate().clone()], vec![hosts.certificate().clone()])
            .unwrap();
    let config = pki::tls::server_config(
        &ServerCredentials::new(slot),
        &TrustStore::new(trust.clone()),
        client_auth,
        &[b"h2", b"http/1.1"],
    )
    .unwrap();
    (users, trust, HttpServer::secure(config).await)
}

fn pem(trust: &Trust) -> String {
    trust.authorities(CaKind::Host).map(pki::CaCertificate::to_pem).collect()
}

#[tokio::test]
async fn certificates_are_checked_by_what_the_app_says() {
    let (_users, trust, server) = secure_server(ClientAuth::None).await;
    let uri = format!("mcp+https://localhost:{}/mcp", server.address.port());
    let ca = pem(&trust);
    let answer = get(&dialler(json!({"uri": uri, "tls": {"ca": ca}})).unwrap()).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_2);
    assert_eq!(whole(answer).await, "ok");
    // A name that is set goes with HTTP/1.1, whose header it is.
    let named = json!({
        "uri": uri, "tls": {"ca": ca}, "rewrite": {"headers": ["Host: other"]},
    });
    let answer = get(&dialler(named).unwrap()).await.unwrap();
    assert_eq!(answer.version(), http::Version::HTTP_11);
    let blind = dialler(json!({"uri": uri, "insecure_skip_verify": true})).unwrap();
    assert!(get(&blind).await.is_ok());

    let untrusting = dialler(json!({"uri": uri})).unwrap();
    let said = failed(&untrusting).await;
    assert!(said.contains("certificate is not trusted"), "{said}");
    let misnamed = dialler(json!({"uri": uri, "tls": {"ca": ca, "server_name": "else.example"}}));
    let said = failed(&misnamed.unwrap()).await;
    assert!(said.contains("certificate is not trusted"), "{said}");
    let (_, other, _server) = secure_server(ClientAuth::None).await;
    let wrong = dialler(json!({"uri": uri, "tls": {"ca": pem(&other)}})).unwrap();
    assert!(failed(&wrong).await.contains("certificate is not trusted"));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_client_certificate_is_shown_from_files() {
    let (users, trust, server) = secure_server(ClientAuth::Required).await;
    let uri = format!("mcp+https://localhost:{}/mcp", server.address.port());
    let ca = pem(&trust);
    let refused = failed(&dialler(json!({"uri": uri, "tls": {"ca": ca}})).unwrap()).await;
    assert!(refused.contains("MCP server"), "{refused}");
    let dir = tempfile::tempdir().unwrap();
    let (cert_file, key_file) = (dir.path().join("crt"), dir.path().join("key"));
    let spec = json!({"uri": uri, "tls": {"ca": ca, "cert_file": cert_file, "key_file": key_file}});
    assert!(dialler(spec.clone()).unwrap_err().contains("cannot read"));
    let now = OffsetDateTime::from_unix_timestamp(1_790_000_000).unwrap();
    let user = UserIdentity {
        issued: now,
        expires: now + time::Duration::days(3000),
        ..identity("agent", &["r"])
    };
    let key = PrivateKey::generate().unwrap();
    let certificate = users.issue_user(&key.public(), &user).unwrap();
    std::fs::write(&cert_file, certificate.to_pem()).unwrap();
    std::fs::write(&key_file, "no key").unwrap();
    let said = dialler(spec.clone()).unwrap_err();
    assert!(said.contains("cannot be used") && !said.contains("no key\""), "{said}");
    std::fs::write(&key_file, key.to_pem().as_bytes()).unwrap();
    let dialler = dialler(spec).unwrap();
    assert_eq!(whole(get(&dialler).await.unwrap()).await, "ok");
    assert!(!dialler.is_stale());
}

#[test]
fn headers_of_requests_start_from_nothing() {
    assert_eq!(carried(&HeaderMap::new()).len(), 2);
}

#[tokio::test]
async fn bodies_travel_both_ways_as_they_come() {
    let server = HttpServer::slow(|seen| async move { text(200, "text/plain", seen.body) }).await;
    let dialler = to(&server);
    let mut request = Request::new(api::full("a body"));
    *request.method_mut() = Method::POST;
    let answer = dialler.send(Leave::Housekeeping, request, &caller()).await.unwrap();
    assert_eq!(whole(answer).await, "a body");
    assert_eq!(server.seen()[0].body, "a body");
}

#[tokio::test]
async fn a_server_that_is_silent_is_waited_for_as_long_as_was_said() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let limits = Limits {
        connect_timeout: StdDuration::from_secs(1),
        answer_timeout: StdDuration::from_secs(2),
        ..Limits::default()
    };
    // The system accepts connections; nobody speaks on them.
    let secure = bounded(json!({"uri": format!("mcp+https://{address}/")}), &limits).unwrap();
    let said = failed(&secure).await;
    assert_eq!(said, "the MCP server did not accept a connection within 1 seconds");
    let plain = bounded(json!({"uri": format!("mcp+http://{address}/")}), &limits).unwrap();
    assert_eq!(failed(&plain).await, "the MCP server did not answer within 2 seconds");
}

#[tokio::test]
async fn an_idle_connection_is_kept_for_as_long_as_was_said() {
    let server = HttpServer::new(|_| text(200, "text/plain", "ok")).await;
    let spec = json!({"uri": format!("mcp+http://{}/", server.address)});
    let limits = Limits { server_idle_timeout: StdDuration::from_secs(1), ..Limits::default() };
    let dialler = bounded(spec, &limits).unwrap();
    for _ in 0..3 {
        assert_eq!(whole(get(&dialler).await.unwrap()).await, "ok");
    }
    assert_eq!(*server.connections.lock(), 1);
    let left = async {
        while *server.open.lock() > 0 {
            tokio::time::sleep(StdDuration::from_millis(10)).await;
        }
    };
    timeout(StdDuration::from_secs(10), left).await.expect("it is left by itself");
    assert_eq!(whole(get(&dialler).await.unwrap()).await, "ok");
    assert_eq!(*server.connections.lock(), 2);
}
