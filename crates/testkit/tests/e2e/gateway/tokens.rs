//! Clients without a certificate: a token that an identity provider signed, and official clients that send it.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::cluster::CLUSTER;
use testkit::{Argv, Cluster, HttpServer, IdentityProvider, Real, process, wait};

use super::{SOON, done};

/// A cluster where users of this one go.
const LEAF: &str = "leaf.test";
const AUDIENCE: &str = "https://mcp.example.test";

struct Office {
    real: Real,
    cluster: Cluster,
    provider: IdentityProvider,
    authority: PathBuf,
}

impl Office {
    fn open() -> Self {
        let (real, cluster) = (Real::locate(), Cluster::apart());
        let provider = IdentityProvider::start(&real, &cluster);
        let found = cluster.get(&format!("cert_authority/host.{CLUSTER}"));
        let pem = found.pointer("/spec/active_keys/0/certificate").and_then(Value::as_str).unwrap();
        let authority = cluster.scratch().write(Path::new("authority.pem"), pem);
        cluster.tools_role("reader", &["echo"]);
        cluster.user("alice@example.test", &["reader"]);
        cluster.app("everything", &real.everything());
        let office = Self { real, cluster, provider, authority };
        office.believe(&json!({}));
        office
    }

    fn believe(&self, more: &Value) {
        let mut jwt = json!({
            "issuer": self.provider.issuer(), "audience": AUDIENCE,
            "jwks_url": format!("{}/jwks", self.provider.issuer()),
        });
        jwt.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.cluster.put(&json!({
            "kind": "app_auth_config", "version": "v1", "metadata": {"name": "idp"},
            "spec": {"app_labels": [{"name": "*", "values": ["*"]}], "jwt": jwt},
        }));
    }

    fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.cluster.proxy_addr())
    }

    /// A cluster that lets in the users of this one, with a server of the same name.
    fn leaf(&self) -> Cluster {
        let leaf = Cluster::single_called(LEAF);
        leaf.tools_role("guest", &["{{internal.mcp_tools}}"]);
        leaf.app("everything", &self.real.everything());
        leaf.trust(&self.cluster, &json!([{"remote": "reader", "local": ["guest"]}]));
        leaf
    }

    fn listener(&self, path: &str, token: &str) -> process::Process {
        listener(&self.real, &self.url(path), token)
    }

    /// What an official client gets with a token.
    fn client(&self, line: &str, url: &str, header: &str, token: &str) -> Value {
        let argv = Argv::new(self.real.node())
            .arg(self.real.script("clients/bearer.mjs"))
            .arg(self.real.modules("sdk"))
            .args([line, url, header])
            .with_env("NODE_EXTRA_CA_CERTS", &self.authority);
        let finished = process::run(argv.command(), token.as_bytes(), wait::PATIENCE);
        serde_json::from_str(&done(&finished)).unwrap()
    }

    /// The bare answer to a message: status, headers and body.
    fn ask(&self, path: &str, headers: &Value) -> Value {
        ask(&self.real, &self.url(path), headers)
    }
}

/// The bare answer to a client's first message: status, headers and body.
pub(super) fn ask(real: &Real, url: &str, headers: &Value) -> Value {
    let argv = Argv::new(real.python()).args(["-c", ASK, url]);
    let finished = process::run(argv.command(), headers.to_string().as_bytes(), wait::PATIENCE);
    serde_json::from_str(&done(&finished)).unwrap()
}

/// A client that begins a session and listens to what the server says of its own accord, until that ends. It does when
/// this returns.
pub(super) fn listener(real: &Real, url: &str, token: &str) -> process::Process {
    let argv = Argv::new(real.python()).args(["-c", LISTEN, url]).with_env("TOKEN", token);
    let mut listener = process::service(argv.command());
    listener.wait_for_output("listening", wait::PATIENCE);
    listener
}

fn bearer(token: &str) -> Value {
    json!({"authorization": format!("Bearer {token}")})
}

#[test]
fn a_token_lets_official_clients_in_and_goes_no_further() {
    let office = Office::open();
    let token = office.provider.token("alice", AUDIENCE);
    for (line, path) in [
        ("v1", "/mcp/apps/everything".to_owned()),
        ("v2", "/mcp/apps/everything".to_owned()),
        ("v1", format!("/mcp/sites/{CLUSTER}/apps/everything")),
    ] {
        let seen = office.client(line, &office.url(&path), "Authorization", &token);
        assert_eq!(seen["tools"], json!(["echo"]), "{line} {path}: {seen}");
        assert!(seen["echo"].as_str().unwrap().contains("by token"), "{seen}");
    }
    let record = office.cluster.await_audit(
        "the token",
        &["--event=app_auth_config.verify.success"],
        |record| record["user"] == "alice@example.test" && record["app_auth_config"] == "idp",
    );
    assert_eq!(record["app_name"], "everything");
    let request =
        office.cluster.await_audit("the call", &["--event=mcp.session.request"], |record| {
            record.pointer("/message/method") == Some(&json!("tools/call"))
        });
    assert_eq!(request["user"], "alice@example.test");
    let logs = office.cluster.logs();
    let signature = token.rsplit('.').next().unwrap();
    assert!(!logs.contains(signature), "a token is in a log");
    let events = office.cluster.audit(&[]);
    assert!(!Value::from(events).to_string().contains(signature), "a token is in the audit log");

    // Another header, which a server would be shown if it were let through.
    let pass = office.real.everything_http();
    let recorder = HttpServer::telling(
        "/mcp",
        &Argv::new(office.real.python()).args(["-c", RECORD]).arg(pass.port().to_string()),
    );
    office.cluster.app_at("recorded", &recorder.uri("mcp+http"));
    office.believe(&json!({"authorization_header": "X-Idp-Token"}));
    let url = office.url("/mcp/apps/recorded");
    let seen = wait::until("the other header", wait::PATIENCE, || {
        let seen = office.client("v1", &url, "X-Idp-Token", &token);
        if seen["error"].is_null() { Ok(seen) } else { Err(seen.to_string()) }
    });
    assert_eq!(seen["tools"], json!(["echo"]), "{seen}");
    let mut recorder = recorder;
    let said = recorder.process().stdout();
    assert!(said.contains("request ") && said.contains("mcp-session-id"), "{said}");
    assert!(!said.contains("x-idp-token") && !said.contains(signature), "{said}");
}

#[test]
fn a_token_opens_what_its_user_may_use_in_another_cluster() {
    let office = Office::open();
    let leaf = office.leaf();
    let path = format!("/mcp/sites/{LEAF}/apps/everything");
    let token = office.provider.token("alice", AUDIENCE);
    let seen = wait::until("a way to the leaf", wait::PATIENCE, || {
        let seen = office.client("v1", &office.url(&path), "Authorization", &token);
        if seen["error"].is_null() { Ok(seen) } else { Err(seen.to_string()) }
    });
    assert_eq!(seen["tools"], json!(["echo"]), "{seen}");
    assert!(seen["echo"].as_str().unwrap().contains("by token"), "{seen}");
    let request = leaf.await_audit("the call", &["--event=mcp.session.request"], |record| {
        record.pointer("/message/method") == Some(&json!("tools/call"))
    });
    assert_eq!(
        (&request["user"], &request["user_cluster_name"]),
        (&json!("alice@example.test"), &json!(CLUSTER))
    );
    office.cluster.await_audit("the visit", &["--event=visit.create"], |record| {
        record["user"] == "alice@example.test"
    });
    let signature = token.rsplit('.').next().unwrap();
    let told = format!("{}{}", leaf.logs(), Value::from(leaf.audit(&[])));
    assert!(!told.contains(signature), "the leaf has seen the token");

    // Strangers are not told which clusters there are.
    let nobody = "/mcp/sites/nobody.test/apps/everything".to_owned();
    for path in [&path, &nobody] {
        let nothing = office.ask(path, &json!({}));
        assert_eq!(nothing["status"], 401, "{path}: {nothing}");
        let other = office.provider.token("alice", "https://other.example.test");
        let other = office.ask(path, &bearer(&other));
        assert!(
            other["status"] == 401 && other["body"].as_str().unwrap().contains("aud"),
            "{other}"
        );
    }
    assert_eq!(office.ask(&nobody, &bearer(&token))["status"], 404);
    assert_eq!(office.ask(&path, &bearer(&token))["status"], 200);

    // A lock at the leaf says so; of one at home, whoever shows a token is told no more than by any other refusal.
    for (cluster, words) in [(&leaf, "lock targeting"), (&office.cluster, "access denied")] {
        cluster.admin(&["lock", "--user=alice@example.test", "--message=a stolen token"]);
        wait::until("the lock to be felt", wait::PATIENCE, || {
            let answer = office.ask(&path, &bearer(&token));
            let is_refused = answer["body"].as_str().is_some_and(|body| body.contains(words));
            if is_refused { Ok(()) } else { Err(answer.to_string()) }
        });
        let locks = cluster.tctl_json(&["get", "locks", "--format=json"]);
        let name = locks.pointer("/0/metadata/name").and_then(Value::as_str).unwrap();
        cluster.admin(&["rm", &format!("lock/{name}")]);
        wait::until("the lock to be gone", wait::PATIENCE, || {
            let answer = office.ask(&path, &bearer(&token));
            if answer["status"] == 200 { Ok(()) } else { Err(answer.to_string()) }
        });
    }
    // A config that is about some apps is about none of another cluster's.
    let mut config = office.cluster.get("app_auth_config/idp");
    config["spec"]["app_labels"] = json!([{"name": "env", "values": ["test"]}]);
    office.cluster.put(&config);
    let refused = wait::until("the config to be felt", wait::PATIENCE, || {
        let answer = office.ask(&path, &bearer(&token));
        if answer["status"] == 200 { Err(answer.to_string()) } else { Ok(answer) }
    });
    assert_eq!(refused["status"], 401, "{refused}");
}

#[test]
fn what_a_token_opened_in_another_cluster_ends_with_what_let_it() {
    let office = Office::open();
    let leaf = office.leaf();
    let path = format!("/mcp/sites/{LEAF}/apps/everything");
    let token = office.provider.token("alice", AUDIENCE);
    let opens = |what: &str| {
        wait::until(what, wait::PATIENCE, || {
            let answer = office.ask(&path, &bearer(&token));
            if answer["status"] == 200 { Ok(()) } else { Err(answer.to_string()) }
        });
    };
    opens("a way to the leaf");
    for cluster in [&leaf, &office.cluster] {
        let mut listener = office.listener(&path, &token);
        cluster.admin(&["lock", "--user=alice@example.test", "--message=a stolen token"]);
        listener.wait_for_output("ended", SOON);
        assert_ne!(office.ask(&path, &bearer(&token))["status"], 200, "at {}", cluster.name());
        let locks = cluster.tctl_json(&["get", "locks", "--format=json"]);
        let name = locks.pointer("/0/metadata/name").and_then(Value::as_str).unwrap();
        cluster.admin(&["rm", &format!("lock/{name}")]);
        opens("the lock to be gone");
    }
    let mut listener = office.listener(&path, &token);
    office.cluster.admin(&["rm", "app_auth_config/idp"]);
    listener.wait_for_output("ended", SOON);
    assert_eq!(office.ask(&path, &bearer(&token))["status"], 401);
}

#[test]
fn what_is_not_accepted_is_told_with_a_challenge() {
    let office = Office::open();
    let path = "/mcp/apps/everything";
    let nothing = office.ask(path, &json!({}));
    assert_eq!(
        (&nothing["status"], &nothing["headers"]["www-authenticate"]),
        (&json!(401), &json!("Bearer"))
    );
    let other =
        office.ask(path, &bearer(&office.provider.token("alice", "https://other.example.test")));
    assert_eq!(other["status"], 401);
    let challenge = other["headers"]["www-authenticate"].as_str().unwrap();
    assert!(challenge.contains("error=\"invalid_token\"") && challenge.contains("aud"), "{other}");
    assert!(other["body"].as_str().unwrap().contains("invalid_token"), "{other}");
    // Somebody of whom the cluster knows nothing.
    let bob = office.ask(path, &bearer(&office.provider.token("bob", AUDIENCE)));
    assert!(
        bob["status"] == 401 && bob["body"].as_str().unwrap().contains("access denied"),
        "{bob}"
    );
    let forged = office.ask(path, &bearer("eyJhbGciOiJub25lIn0.e30."));
    assert_eq!(forged["status"], 401, "{forged}");

    // What let somebody in does so no more when it is gone: the config, the user, the other app.
    let alice = office.provider.token("alice", AUDIENCE);
    assert_eq!(office.ask(path, &bearer(&alice))["status"], 200);
    office.cluster.admin(&["users", "rm", "alice@example.test"]);
    wait::until("the user to be gone", wait::PATIENCE, || {
        let seen = office.ask(path, &bearer(&alice));
        if seen["status"] == 200 { Err(seen.to_string()) } else { Ok(()) }
    });
    office.cluster.user("alice@example.test", &["reader"]);
    office.cluster.admin(&["rm", "app_auth_config/idp"]);
    wait::until("the config to be gone", wait::PATIENCE, || {
        let seen = office.ask(path, &bearer(&alice));
        let is_gone = seen["status"] == 401 && seen["headers"]["www-authenticate"] == "Bearer";
        if is_gone { Ok(()) } else { Err(seen.to_string()) }
    });
    let record = office.cluster.await_audit(
        "a refusal",
        &["--event=app_auth_config.verify.failure"],
        |record| record["error"].as_str().is_some_and(|error| error.contains("no such user")),
    );
    assert_eq!(record["user"], "bob@example.test");
}

const ASK: &str = r#"import json, ssl, sys, urllib.request, urllib.error
body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}).encode()
headers = {"content-type": "application/json", "accept": "application/json, text/event-stream", **json.load(sys.stdin)}
request = urllib.request.Request(sys.argv[1], data=body, headers=headers)
try:
    answer = urllib.request.urlopen(request, context=ssl._create_unverified_context())
except urllib.error.HTTPError as error:
    answer = error
print(json.dumps({"status": answer.status, "headers": {k.lower(): v for k, v in answer.headers.items()}, "body": answer.read().decode()}))"#;

/// Begins a session and listens, and says when either is so and when it is over.
const LISTEN: &str = r#"import json, os, ssl, sys, urllib.request
hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}}
headers = {"accept": "application/json, text/event-stream", "authorization": "Bearer " + os.environ["TOKEN"]}
def go(message, more):
    body = message and json.dumps(message).encode()
    request = urllib.request.Request(sys.argv[1], data=body, headers={**headers, **more})
    return urllib.request.urlopen(request, context=ssl._create_unverified_context())
post = {"content-type": "application/json"}
begun = go(hello, post)
begun.read()
session = {"mcp-session-id": begun.headers["mcp-session-id"], "mcp-protocol-version": "2025-06-18"}
go({"jsonrpc": "2.0", "method": "notifications/initialized"}, {**post, **session}).read()
stream = go(None, session)
print("listening", stream.status, flush=True)
try:
    while stream.read1(65536): pass
except Exception as error:
    print("broken:", error, flush=True)
print("ended", flush=True)"#;

/// Passes requests on to a server on another port, and prints the headers of each.
const RECORD: &str = r#"import http.client, http.server, sys
class Pass(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def go(self):
        print("request", self.command, " ".join(f"{k.lower()}={v}" for k, v in self.headers.items()), flush=True)
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        there = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]))
        there.request(self.command, self.path, body, {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")})
        answer = there.getresponse()
        self.send_response(answer.status)
        for k, v in answer.getheaders():
            if k.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(k, v)
        self.send_header("connection", "close")
        self.end_headers()
        while part := answer.read1(65536):
            self.wfile.write(part); self.wfile.flush()
        self.close_connection = True
    do_POST = do_GET = do_DELETE = go
    def log_message(self, *args): pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pass)
print("port", server.server_address[1], flush=True)
server.serve_forever()"#;
