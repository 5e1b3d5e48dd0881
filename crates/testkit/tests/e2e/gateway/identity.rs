//! Who asks, as servers learn it that believe only what the cluster signed, verified by libraries
//! that nobody here wrote.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::cluster::CLUSTER;
use testkit::http::Call;
use testkit::{Argv, Cluster, HttpServer, Peer, Real, process, wait};

use super::{REVISION, connect, outcome};

const HEADER: &str = "tessera-jwt-assertion";

/// A server that verifies, and what it wrote down.
struct Verifying {
    server: HttpServer,
    log: PathBuf,
}

impl Verifying {
    fn start(real: &Real, cluster: &Cluster, name: &str, more: &[&str]) -> Self {
        let log = cluster.scratch().join(name);
        let argv = Argv::new(real.python())
            .arg(real.script("servers/verifying_server.py"))
            .args(["--proxy", &proxy(cluster), "--ca"])
            .arg(authority(cluster))
            .arg("--log")
            .arg(&log)
            .args(more);
        Self { server: HttpServer::telling("/mcp", &argv), log }
    }

    fn seen(&self) -> Vec<Value> {
        let log = fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// All values of a header, of all requests that had a body to serve.
    fn values(&self, header: &str) -> Vec<String> {
        let seen = self.seen();
        let headers = seen.iter().flat_map(|request| request["headers"].as_array().unwrap());
        let named = headers.filter(|pair| pair[0] == header);
        named.map(|pair| pair[1].as_str().unwrap().to_owned()).collect()
    }

    /// What the server says to whoever goes around the gateway with this token.
    fn verdict(&self, token: &str) -> (u16, String) {
        let ping = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
        let call = Call::post("/mcp", ping).header(HEADER, token);
        let status = call.send(self.server.port()).unwrap().status;
        let seen = self.seen();
        (status, seen.last().unwrap()["verdict"].as_str().unwrap().to_owned())
    }
}

fn proxy(cluster: &Cluster) -> String {
    format!("https://{}", cluster.proxy_addr())
}

/// The file with the authority that certifies proxies.
fn authority(cluster: &Cluster) -> PathBuf {
    let found = cluster.get(&format!("cert_authority/host.{CLUSTER}"));
    let pem = found.pointer("/spec/active_keys/0/certificate").and_then(Value::as_str).unwrap();
    cluster.scratch().write(Path::new("authority.pem"), pem)
}

/// The claims that the server read, by its tool.
#[track_caller]
fn claims(peer: &mut Peer) -> Value {
    let result = outcome(&peer.request("tools/call", &json!({"name": "whoami"}))).unwrap();
    let text = result.pointer("/content/0/text").and_then(Value::as_str).unwrap();
    serde_json::from_str(text).unwrap()
}

#[test]
fn a_server_verifies_who_asks_and_refuses_everything_else() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let strict = Verifying::start(&real, &cluster, "strict.log", &["--issuer", CLUSTER]);
    let uri = strict.server.uri("mcp+http");
    cluster.app_at("reports", &uri);
    cluster.tools_role("reader", &["whoami"]);
    let alice = cluster.identity("alice", &["reader"]);
    let bob = cluster.identity("bob", &["reader"]);
    for (name, identity) in [("alice", &alice), ("bob", &bob), ("alice", &alice)] {
        let said = claims(&mut connect(&cluster.way(identity, "reports")));
        assert_eq!((&said["sub"], &said["username"]), (&json!(name), &json!(name)));
        assert_eq!((&said["iss"], &said["aud"]), (&json!(CLUSTER), &json!([uri])));
        assert_eq!(said["roles"], json!(["reader"]));
        let life = said["exp"].as_i64().unwrap() - said["iat"].as_i64().unwrap();
        assert_eq!(life, 600);
    }
    let mut tokens = strict.values(HEADER);
    assert!(tokens.len() >= 9 && tokens.len() == strict.seen().len(), "one with each request");
    tokens.sort();
    tokens.dedup();
    assert_eq!(tokens.len(), 2, "one for each user");
    let signed = cluster.await_audit("two statements", &["--event=assertion.create"], |record| {
        record["user"] == "bob" && record["app_name"] == "reports"
    });
    assert_eq!(signed["app_uri"], uri.as_str());

    // Somebody who can reach the server itself.
    let genuine = &tokens[0];
    assert_eq!(strict.verdict(genuine), (200, "ok".to_owned()));
    let mut tried = vec![genuine.clone()];
    let forger = Argv::new(real.python()).arg(real.script("clients/forge.py")).arg(genuine);
    let done = process::run(forger.command(), b"", wait::PATIENCE);
    let forged: Value = serde_json::from_slice(&done.stdout).unwrap();
    for (how, token) in forged.as_object().unwrap() {
        let token = token.as_str().unwrap();
        let (status, verdict) = strict.verdict(token);
        assert_eq!(status, 401, "a token {how} was believed: {verdict}");
        tried.push(token.to_owned());
    }
    // Another library agrees.
    let modules = real.modules("sdk");
    let verifier = Argv::new(real.node())
        .arg(real.script("clients/verify.mjs"))
        .arg(&modules)
        .args([proxy(&cluster).as_str(), CLUSTER, &uri])
        .args(&tried)
        .with_env("NODE_EXTRA_CA_CERTS", authority(&cluster));
    let done = process::run(verifier.command(), b"", wait::PATIENCE);
    let verdicts: Vec<Value> = serde_json::from_slice(&done.stdout)
        .unwrap_or_else(|cause| panic!("{cause}: {}", done.stderr));
    assert_eq!(verdicts.len(), tried.len());
    assert!(verdicts[0]["sub"].is_string(), "{verdicts:?}");
    assert!(verdicts[1..].iter().all(|verdict| verdict["error"].is_string()), "{verdicts:?}");

    // What was made for one server is nothing to another, and nothing any more when it has ended.
    let others = ["--issuer", CLUSTER, "--audience", "mcp+http://other/mcp"];
    let other = Verifying::start(&real, &cluster, "other.log", &others);
    assert!(other.verdict(genuine).1.starts_with("InvalidAudienceError"));
    let late = ["--issuer", CLUSTER, "--audience", &uri, "--late", "600"];
    let late = Verifying::start(&real, &cluster, "late.log", &late);
    assert!(late.verdict(genuine).1.starts_with("ExpiredSignatureError"));
    let issuer = ["--issuer", "elsewhere", "--audience", &uri];
    let elsewhere = Verifying::start(&real, &cluster, "elsewhere.log", &issuer);
    assert!(elsewhere.verdict(genuine).1.starts_with("InvalidIssuerError"));
}

#[test]
fn an_id_token_in_a_header_is_verified_by_discovery() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let issuer = proxy(&cluster);
    let options = ["--issuer", issuer.as_str(), "--discover", "--header", "authorization"];
    let server = Verifying::start(&real, &cluster, "asked.log", &options);
    cluster.put(&json!({
        "kind": "app", "version": "v3",
        "metadata": {"name": "reports", "labels": {"env": "test"}},
        "spec": {"uri": server.server.uri("mcp+http"), "rewrite": {
            "headers": [
                {"name": "Authorization", "value": "Bearer {{internal.id_token}}"},
                {"name": "X-Cluster-Token", "value": "{{internal.jwt}}"},
            ],
            "jwt_claims": "none",
        }},
    }));
    cluster.await_served("reports");
    cluster.tools_role("reader", &["whoami"]);
    let alice = cluster.identity("alice", &["reader"]);
    let said = claims(&mut connect(&cluster.way(&alice, "reports")));
    assert_eq!((&said["iss"], &said["sub"]), (&json!(issuer), &json!("alice")));
    assert_eq!(said["preferred_username"], "alice");
    assert!(said.get("roles").is_none() && said.get("traits").is_none(), "{said}");
    let (jwts, assertions) = (server.values("x-cluster-token"), server.values(HEADER));
    assert!(!jwts.is_empty());
    assert_eq!(jwts, assertions);
}

#[test]
fn what_a_client_sends_to_be_believed_never_reaches_a_server() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = Verifying::start(&real, &cluster, "asked.log", &["--issuer", CLUSTER]);
    cluster.app_at("reports", &server.server.uri("mcp+http"));
    cluster.tools_role("reader", &["whoami"]);
    let alice = cluster.identity("alice", &["reader"]);
    let way = real.forwarder(&cluster, &alice, "reports");
    let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
        "protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
    }});
    let headers = [
        ("authorization", "Bearer forged"),
        ("cookie", "session=forged"),
        ("tessera-jwt-assertion", "forged"),
        ("teleport-jwt-assertion", "forged"),
        ("x-forwarded-user", "forged"),
        ("x-forwarded-for", "192.0.2.66"),
        ("proxy-authorization", "Basic forged"),
        ("x-api-key", "forged"),
    ];
    let reply = Call::post("/mcp", hello.to_string()).headers(&headers).send(way.port()).unwrap();
    assert_eq!(reply.status, 200);
    let seen = server.seen();
    assert!(!seen.is_empty());
    for request in seen {
        assert_eq!(request["verdict"], "ok");
        let text = request.to_string();
        assert!(!text.contains("forged") && !text.contains("192.0.2.66"), "{text}");
        assert!(!text.contains("tessera-evidence"), "{text}");
    }
}
