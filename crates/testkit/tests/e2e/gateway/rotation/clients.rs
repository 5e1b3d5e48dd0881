//! What those hear, and what of them ends, whose certificate a dropped key has signed.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::{Value, json};
use testkit::cluster::LocalProxy;
use testkit::http::{Call, Sent};
use testkit::{Cluster, HttpServer, Real, wait};

use super::super::{REVISION, SOON, call, connect, copy, done, refused, turned_away};
use super::{SAFE, await_renewal, go, keep};

const MODERN: &str = "2026-07-28";
const LONG: &str = "trigger-long-running-operation";
/// What is said on a connection that is open.
const ENDED: &str = "no longer accepted";
/// What is said to who opens one.
const CHANGED: &str = "The cluster's keys were changed";

/// A client over HTTP, through a pipe of TLS with its certificate.
struct Web {
    pipe: HttpServer,
    session: String,
}

impl Web {
    fn open(real: &Real, cluster: &Cluster, identity: &Path) -> Self {
        let pipe = real.tls_pipe(cluster, identity);
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {
            "protocolVersion": REVISION, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"},
        }});
        let reply = post(&hello).send(pipe.port()).unwrap();
        let session = reply.header("mcp-session-id").unwrap().to_owned();
        let _hello = reply.whole().unwrap();
        Self { pipe, session }
    }

    /// A call in the session that takes so many seconds.
    fn legacy(&self, seconds: u32) -> Sent {
        let call = post(&long(seconds, &json!({})));
        let call =
            call.headers(&[("mcp-session-id", &self.session), ("mcp-protocol-version", REVISION)]);
        call.begin(self.pipe.port()).unwrap()
    }

    /// The same without a session.
    fn modern(&self, seconds: u32) -> Sent {
        let meta = json!({
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
        });
        let call = post(&long(seconds, &meta)).headers(&[
            ("mcp-protocol-version", MODERN),
            ("mcp-method", "tools/call"),
            ("mcp-name", LONG),
        ]);
        call.begin(self.pipe.port()).unwrap()
    }

    /// What the server says of its own accord.
    fn listen(&self) -> testkit::http::Reply {
        let listen = Call::new("GET", "/mcp/apps/everything")
            .header("accept", "text/event-stream")
            .header("mcp-session-id", &self.session)
            .header("mcp-protocol-version", REVISION);
        let reply = listen.send(self.pipe.port()).unwrap();
        assert_eq!(reply.status, 200);
        reply
    }
}

fn post(message: &Value) -> Call {
    Call::post("/mcp/apps/everything", message.to_string())
}

fn long(seconds: u32, meta: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {
        "name": LONG, "arguments": {"duration": seconds, "steps": 2}, "_meta": meta,
    }})
}

fn whole(sent: Sent) -> String {
    let body = sent.reply().and_then(testkit::http::Reply::whole);
    String::from_utf8_lossy(&body.unwrap()).into_owned()
}

/// Agents, the identity of somebody who is certified by the old key and knows both host authorities, and that of
/// somebody who signed in in time.
fn start(real: &Real) -> (Cluster, PathBuf, PathBuf) {
    let cluster = Cluster::apart();
    cluster.app("everything", &real.everything());
    cluster.tools_role("reader", &["*"]);
    cluster.user("alice", &["reader"]);
    go(&cluster, "init");
    let old = keep(&cluster, &cluster.sign("alice", "1h"), "old.pem");
    go(&cluster, "update_clients");
    let new = keep(&cluster, &cluster.sign("alice", "1h"), "new.pem");
    (cluster, old, new)
}

#[test]
fn who_holds_a_dropped_certificate_hears_why_however_it_speaks() {
    let real = Real::locate();
    let (mut cluster, old, new) = start(&real);
    let (mut lines, before) =
        (connect(&cluster.way(&old, "everything")), Web::open(&real, &cluster, &old));
    let mut local = cluster.local_proxy(&old, "everything");
    let in_the_local_proxy = |local: &LocalProxy| {
        let hello = json!({"jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": {}});
        let reply = Call::post("/mcp", hello.to_string()).send(local.port()).unwrap();
        String::from_utf8_lossy(&reply.whole().unwrap()).into_owned()
    };
    assert!(!in_the_local_proxy(&local).contains("tsh login"), "it works so far");
    // These are under way in tunnels that are replaced under them.
    let (legacy, modern, mut stream) = (before.legacy(50), before.modern(50), before.listen());
    go(&cluster, "update_servers");
    await_renewal(&mut cluster, &["agent"]);
    let after = Web::open(&real, &cluster, &new);
    let mut good = connect(&cluster.way(&new, "everything"));
    let kept = (after.legacy(4), after.modern(4));
    assert!(call(&mut lines, "echo").is_ok(), "the old key is believed until standby");
    go(&cluster, "standby");
    let began = Instant::now();
    for sent in [legacy, modern] {
        let said = whole(sent);
        assert!(said.contains(ENDED) && said.contains("sign in again"), "{said}");
    }
    let _rest = stream.until(|_| false);
    let status = lines.process().wait(SOON);
    assert!(began.elapsed() < SOON && status.code() == Some(1), "{status} {:?}", began.elapsed());
    let said = lines.process().stderr();
    assert!(said.contains(ENDED) && said.contains("sign in again"), "{said}");
    // Nothing that is under way elsewhere is disturbed.
    for sent in [kept.0, kept.1] {
        let said = whole(sent);
        assert!(said.contains("completed"), "{said}");
    }
    assert!(call(&mut good, "echo").is_ok());
    // Every other door says it too.
    let said = turned_away(&cluster.way(&old, "everything"));
    assert!(said.contains(CHANGED) && said.contains("tsh login"), "{said}");
    refused(&cluster.run(&cluster.tsh_as(&old).args(["mcp", "ls"]), ""), &[CHANGED, "tsh login"]);
    let said = in_the_local_proxy(&local);
    assert!(said.contains("tsh login") && said.contains("LOGIN_REQUIRED"), "{said}");
    assert!(local.stop(nix::sys::signal::Signal::SIGTERM).success());
    assert!(post(&json!({})).send(before.pipe.port()).is_err(), "no connection with it");
    let ends = cluster.audit(&["--event=mcp.session.end", "--limit=1000"]);
    let ended = ends.iter().filter(|end| end.to_string().contains(ENDED)).count();
    assert!(ended >= 2, "{ends:?}");
}

#[test]
fn people_sign_in_by_password_in_every_phase_and_servers_find_every_key() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    cluster.app("everything", &real.everything());
    cluster.tools_role("reader", &["echo"]);
    let mut alice = cluster.sign_up(&real, "alice", "reader");
    let _said = done(&cluster.login(&mut alice, &[&format!("--ca-pin={}", cluster.ca_pin())]));
    // A machine of hers that is not used for the whole time.
    let stale = cluster.scratch().join("stale");
    std::fs::create_dir(&stale).unwrap();
    copy(&alice.home, &stale);
    let keys = |cluster: &Cluster| -> Vec<String> {
        let pipe = real.tls_pipe(cluster, &cluster.sign("alice", "1h"));
        let found = Call::new("GET", "/.well-known/jwks.json").send(pipe.port()).unwrap().json();
        let keys = found["keys"].as_array().unwrap();
        keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    };
    let first = keys(&cluster);
    assert_eq!(first.len(), 1);
    for phase in SAFE {
        go(&cluster, phase);
        if phase == "update_servers" {
            await_renewal(&mut cluster, &["agent"]);
        }
        if phase != "init" {
            let _said = done(&cluster.login(&mut alice, &[]));
        }
        let tsh = cluster.tsh_at(&alice.home).args(["mcp", "connect", "everything"]);
        assert!(call(&mut connect(&tsh), "echo").is_ok(), "{phase}");
        wait::until("both keys", SOON, || {
            let now = keys(&cluster);
            let both = now.len() == 2 && now.contains(&first[0]);
            if both { Ok(()) } else { Err(format!("{phase}: {now:?}")) }
        });
    }
    go(&cluster, "standby");
    wait::until("the new key alone", SOON, || {
        let now = keys(&cluster);
        if now.len() == 1 && now != first { Ok(()) } else { Err(format!("{now:?}")) }
    });
    let tsh = cluster.tsh_at(&alice.home).args(["mcp", "connect", "everything"]);
    assert!(call(&mut connect(&tsh), "echo").is_ok());
    // The machine that was off is told what mends it, and that does.
    let lost = cluster.login_with(&stale, "alice", "", "", &[]);
    refused(&lost, &["pin", "keys were changed", "tsh login --ca-pin"]);
    let status = cluster.tctl_json(&["status", "--format=json"]);
    let pin = format!("--ca-pin={}", status["ca_pins"][0].as_str().unwrap());
    let code = alice.authenticator.code();
    let _said = done(&cluster.login_with(&stale, "alice", &alice.password, &code, &[&pin]));
}

#[test]
fn an_agent_that_was_away_is_told_to_join_again() {
    let mut cluster = Cluster::apart();
    cluster.add_agent("second");
    // One knows nothing of the new keys, the other believes them and is certified by the old one.
    for agent in ["agent", "second"] {
        let file = cluster.agent_named(agent).data().join("identity.pem");
        wait::until("an agent to have joined", wait::PATIENCE, || {
            if file.exists() { Ok(()) } else { Err(agent.to_owned()) }
        });
    }
    cluster.agent_named("agent").stop();
    go(&cluster, "init");
    wait::until("the second agent to know both", wait::PATIENCE, || {
        let file = cluster.agent_named("second").data().join("identity.pem");
        let count =
            std::fs::read_to_string(file).unwrap_or_default().matches("BEGIN CERTIFICATE").count();
        if count == 5 { Ok(()) } else { Err(format!("{count} certificates")) }
    });
    cluster.agent_named("second").stop();
    for phase in ["update_clients", "update_servers"] {
        go(&cluster, phase);
    }
    // Or the proxy would be told the same, and relay nothing.
    await_renewal(&mut cluster, &[]);
    go(&cluster, "standby");
    for agent in ["agent", "second"] {
        let node = cluster.agent_named(agent);
        node.start();
        wait::until("words in the log", wait::PATIENCE, || {
            let log = node.log();
            let told = log.contains("has to join again") && log.contains("identity.pem");
            if told { Ok(()) } else { Err(log) }
        });
    }
}
