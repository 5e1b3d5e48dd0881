//! Servers that ask for a second factor at each session: what a sign-in left on a disk does not open them.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use testkit::cluster::{LocalProxy, Person};
use testkit::http::Call;
use testkit::{Argv, Cluster, Peer, Real, Visitor, process, wait};

use super::keys::{Office, at, finished, printed, security_key};
use super::{REVISION, SOON, connect, copy, done, listed};

const APP: &str = "everything";
const OTHER: &str = "other";
/// What of a form has no name for who cannot see it.
const UNNAMED: &str = "[...document.querySelectorAll('input:not([type=hidden]),button')].filter((e) => \
    !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).map((e) => e.id)";
/// Where the page is.
const PAGE: &str = "/web/session/";

/// Servers, and who may use them when a second factor is shown.
fn guard(cluster: &Cluster, real: &Real) {
    for app in [APP, OTHER] {
        cluster.app(app, &real.everything());
        cluster.await_served(app);
    }
    cluster.put(&json!({
        "kind": "role", "version": "v8", "metadata": {"name": "guarded"},
        "spec": {
            "options": {"require_session_mfa": true},
            "allow": {"app_labels": {"*": "*"}, "mcp": {"tools": ["*"]}},
        },
    }));
}

/// Somebody who has signed in with a password and a code.
fn signed_in(cluster: &Cluster, real: &Real) -> Person {
    let mut alice = cluster.sign_up(real, "alice", "guarded");
    let pin = format!("--ca-pin={}", cluster.ca_pin());
    let _said = done(&cluster.login(&mut alice, &[&pin]));
    alice
}

/// Adds a security key, after a code; gives what it holds.
fn add_key(office: &Office, alice: &mut Person) -> Value {
    let add = ["mfa", "add", "--type=webauthn", "--browser=none", "--name=blue-key"];
    let mut adding = office.cluster.begin_tool(&office.cluster.tsh_at(&alice.home).args(add));
    let page = printed(&mut adding, "/web/mfa/");
    let seen = office.visitor.visit(&[
        security_key(),
        json!({"goto": page}),
        json!({"fill": {"#code": alice.authenticator.code()}}),
        json!({"click": "#verify"}),
        json!({"click": "#new-key"}),
        json!({"credentials": true}),
    ]);
    assert!(finished(&mut adding).status.success(), "{seen:?}");
    at(&seen, 5).gave().clone()
}

fn device(cluster: &Cluster, alice: &Person, name: &str) -> String {
    let ls = cluster.tsh_at(&alice.home).args(["mfa", "ls", "--format=json"]);
    let devices: Value = serde_json::from_str(&done(&cluster.run(&ls, ""))).unwrap();
    let found = devices.as_array().unwrap().iter().find(|device| device["name"] == name);
    found.unwrap()["id"].as_str().unwrap().to_owned()
}

/// What an MCP client is given as the server's command.
fn way(cluster: &Cluster, home: &Path, app: &str) -> Argv {
    let words = ["--mfa-mode=browser", "mcp", "connect", "--no-auto-reconnect", "--browser=none"];
    cluster.tsh_at(home).args(words).arg(app)
}

fn hello() -> String {
    let client = json!({"name": "t", "version": "1"});
    let params = json!({"protocolVersion": REVISION, "capabilities": {}, "clientInfo": client});
    json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params}).to_string()
}

/// An MCP client that has just said its first word.
fn begin(cluster: &Cluster, home: &Path, app: &str) -> Peer {
    let mut peer = Peer::start(&way(cluster, home, app));
    peer.send(hello().as_bytes());
    peer
}

fn error_in(answer: &[u8]) -> String {
    let answer: Value = serde_json::from_slice(answer).unwrap();
    let message = answer.pointer("/error/message").and_then(Value::as_str);
    message.unwrap_or_else(|| panic!("this is no refusal: {answer}")).to_owned()
}

/// All that is kept below a directory.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(contents(&entry.path()));
        } else {
            found.insert(entry.path(), fs::read(entry.path()).unwrap());
        }
    }
    found
}

/// Touches the key at a page; its counter goes on.
fn tap(visitor: &Visitor, held: &mut Value, link: &str) -> String {
    let seen = visitor.visit(&[
        security_key(),
        json!({"hold": held}),
        json!({"goto": link}),
        json!({"click": "#use-key"}),
        json!({"credentials": true}),
    ]);
    assert!(at(&seen, 3).text().contains("Back to the terminal"), "{seen:?}");
    *held = at(&seen, 4).gave().clone();
    at(&seen, 2).text().to_owned()
}

#[test]
fn a_key_is_asked_for_anew_and_what_comes_of_it_is_in_memory_only() {
    let (office, real) = (Office::open(), Real::locate());
    let cluster = &office.cluster;
    guard(cluster, &real);
    let mut alice = signed_in(cluster, &real);
    let mut held = add_key(&office, &mut alice);
    let key = device(cluster, &alice, "blue-key");

    // The certificate of the sign-in, in the hands of a program that knows nothing of this.
    let folder = cluster.proxy_addr().replace(':', "%3A");
    let file = alice.home.join(folder).join("identity.pem");
    let plain = real.forwarder(cluster, &file, APP);
    let reply = Call::post("/mcp", hello()).send(plain.port()).unwrap();
    assert_eq!((reply.status, reply.header("tessera-needed")), (403, Some("second-factor")));
    let said = reply.json().to_string();
    assert!(said.contains("second factor") && said.contains("tsh mcp connect"), "{said}");

    let before = contents(&alice.home);
    let mut peer = begin(cluster, &alice.home, APP);
    let link_of = |peer: &mut Peer| printed(peer.process(), PAGE);
    let page = link_of(&mut peer);
    let asked = tap(&office.visitor, &mut held, &page);
    for words in [APP, "alice", "127.0.0.1", cluster.name(), "reject"] {
        assert!(asked.contains(words), "{words:?} is missing: {asked}");
    }
    let answer = peer.answer_to(&json!(1));
    assert!(String::from_utf8_lossy(&answer).contains("serverInfo"), "{answer:?}");
    peer.send(br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#);
    assert!(listed(&mut peer).iter().any(|tool| tool == "echo"));
    let echo = json!({"name": "echo", "arguments": {"message": "hi"}});
    let answer = peer.request("tools/call", &echo);
    assert!(String::from_utf8_lossy(&answer).contains("hi"), "{answer:?}");
    // Once for the process, and not a trace on the disk.
    assert_eq!(peer.process().stderr().matches(PAGE).count(), 1);
    assert_eq!(contents(&alice.home), before);
    assert_eq!(office.visitor.see(&[json!({"goto": page})]).status(), 404);
    let shown = cluster.await_audit("the tap", &["--event=session_mfa.shown"], |event| {
        event["success"] == true && event["app_name"] == APP
    });
    assert_eq!((&shown["with_mfa"], &shown["user"]), (&json!(key), &json!("alice")));

    // Whoever copies what is on the disk is asked; so is another server of the same user.
    let elsewhere = office.home("a copy");
    fs::create_dir(&elsewhere).unwrap();
    copy(&alice.home, &elsewhere);
    let mut thief = begin(cluster, &elsewhere, APP);
    let page = link_of(&mut thief);
    let seen = office.visitor.visit(&[json!({"goto": page}), json!({"click": "#reject"})]);
    assert!(at(&seen, 1).text().contains("Back to the terminal"), "{seen:?}");
    let said = error_in(&thief.answer_to(&json!(1)));
    assert!(said.contains("MCP_SECOND_FACTOR_REQUIRED") && said.contains("rejected"), "{said}");
    // Nobody is asked again by the next message.
    thief.send(hello().replace("\"id\":1", "\"id\":2").as_bytes());
    let said = error_in(&thief.answer_to(&json!(2)));
    assert!(said.contains("rejected"), "{said}");
    assert_eq!(thief.process().stderr().matches(PAGE).count(), 1);
    let mut other = begin(cluster, &alice.home, OTHER);
    let page = link_of(&mut other);
    assert!(tap(&office.visitor, &mut held, &page).contains(OTHER));
    assert!(String::from_utf8_lossy(&other.answer_to(&json!(1))).contains("serverInfo"));

    // A lock on the key cuts what it opened, although the sign-in was by an app.
    cluster.admin(&["lock", &format!("--mfa-device={key}"), "--message=lost on the train"]);
    for peer in [&mut peer, &mut other] {
        assert_eq!(peer.process().wait(SOON).code(), Some(1));
        wait::until("tsh's last words", SOON, || {
            let said = peer.process().stderr();
            if said.contains("lost on the train") { Ok(()) } else { Err(said) }
        });
    }
    // It opens nothing any more, and the sign-in is what it was.
    let mut again = begin(cluster, &alice.home, APP);
    let page = link_of(&mut again);
    let seen = office.visitor.visit(&[
        security_key(),
        json!({"hold": held}),
        json!({"goto": page}),
        json!({"click": "#use-key"}),
    ]);
    assert!(at(&seen, 3).text().contains("locked"), "{seen:?}");
}

#[test]
fn one_page_serves_all_clients_of_a_local_proxy() {
    let (office, real) = (Office::open(), Real::locate());
    let cluster = &office.cluster;
    guard(cluster, &real);
    let mut alice = signed_in(cluster, &real);
    let words = ["--mfa-mode=browser", "proxy", "mcp", "--browser=none", APP];
    let mut local = LocalProxy::start(&cluster.tsh_at(&alice.home).args(words));
    let ls = |words: &[&str]| {
        let ls = cluster.tsh_at(&alice.home).args(["mcp", "ls"]).args(words);
        done(&cluster.run(&ls, ""))
    };
    // Listing asks for nothing, and tells what is asked for.
    let said = ls(&[]);
    assert!(said.contains(APP) && said.contains("[*]"), "{said}");
    assert!(said.contains("second factor at each new session with: everything, other"), "{said}");
    let all: Value = serde_json::from_str(&ls(&["--format=json"])).unwrap();
    assert_eq!(all.pointer("/0/second_factor_per_session"), Some(&json!(true)), "{all}");
    let ask = || Call::post("/mcp", hello()).begin(local.port()).unwrap();
    let (one, other) = (ask(), ask());
    let page = printed(local.process(), PAGE);
    let seen = office.visitor.visit(&[
        json!({"viewport": [360, 640]}),
        json!({"goto": page}),
        json!({"eval": UNNAMED}),
        json!({"fill": {"#code": "000000"}}),
        json!({"click": "#approve"}),
        json!({"fill": {"#code": alice.authenticator.code()}}),
        json!({"click": "#approve"}),
    ]);
    assert_eq!((at(&seen, 2).gave(), at(&seen, 2).get("wide")), (&json!([]), &json!(false)));
    assert_eq!(at(&seen, 2).get("focus"), &json!("code"));
    assert!(at(&seen, 4).problem().contains("not right"), "{seen:?}");
    assert!(at(&seen, 6).text().contains("Back to the terminal"), "{seen:?}");
    for sent in [one, other] {
        let reply = sent.reply().unwrap();
        assert_eq!(reply.status, 200);
    }
    assert_eq!(local.process().stderr().matches(PAGE).count(), 1);
}

#[test]
fn a_code_is_typed_into_the_terminal_that_the_process_belongs_to() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    guard(&cluster, &real);
    let mut alice = signed_in(&cluster, &real);
    let folder = cluster.scratch();
    let (input, output) = (folder.join("in"), folder.join("out"));
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    let initialized = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    fs::write(&input, format!("{}\n{initialized}\n{list}\n", hello())).unwrap();
    // A terminal of its own; what an MCP client would write and read is elsewhere.
    let tsh = cluster.tsh_at(&alice.home).args(["--mfa-mode=otp", "mcp", "connect", APP]);
    let line = format!(
        "exec {} <\"$IN\" >\"$OUT\" 2>/dev/null",
        tsh.words().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ")
    );
    let mut script = Argv::new("script").args(["-qec", line.as_str(), "/dev/null"]).command();
    script.env("IN", &input).env("OUT", &output);
    script.env("TESSERA_HOME", &alice.home).env("SHELL", "/bin/sh");
    let (mut terminal, mut keyboard, mut screen) = process::dialogue(script);
    let mut shown = Vec::new();
    let mut asked = |times: usize| {
        while String::from_utf8_lossy(&shown).matches("one-time code").count() < times {
            let mut some = [0; 256];
            let read = screen.read(&mut some).unwrap();
            assert!(read > 0, "the terminal ended: {}", String::from_utf8_lossy(&shown));
            shown.extend_from_slice(&some[..read]);
        }
    };
    asked(1);
    keyboard.write_all(b"000000\n").unwrap();
    asked(2);
    keyboard.write_all(format!("{}\n", alice.authenticator.code()).as_bytes()).unwrap();
    assert!(terminal.wait(wait::PATIENCE).success());
    let answered = fs::read_to_string(&output).unwrap();
    assert!(answered.contains("serverInfo") && answered.contains("\"echo\""), "{answered}");
}

#[test]
fn a_server_of_another_cluster_asks_and_it_is_shown_at_home() {
    const LEAF: &str = "leaf.test";
    const DEMO: &str = "tessera-mcp-demo";
    let real = Real::locate();
    let (root, leaf) = (Cluster::named(), Cluster::single_called(LEAF));
    leaf.put(&json!({
        "kind": "role", "version": "v8", "metadata": {"name": "guest"},
        "spec": {
            "options": {"require_session_mfa": true},
            "allow": {"app_labels": {"*": "*"}, "mcp": {"tools": ["*"]}},
        },
    }));
    let mut alice = root.sign_up(&real, "alice", "mcp-user");
    let pin = format!("--ca-pin={}", root.ca_pin());
    let _said = done(&root.login(&mut alice, &[&pin]));
    leaf.trust(&root, &json!([{"remote": "mcp-user", "local": ["guest"]}]));
    let listed = wait::until("the leaf's list", wait::PATIENCE, || {
        let ls = root.tsh_at(&alice.home).args(["mcp", "ls", "-c", LEAF]);
        let said = String::from_utf8_lossy(&root.run(&ls, "").stdout).into_owned();
        if said.contains(DEMO) { Ok(said) } else { Err(said) }
    });
    assert!(
        listed.contains("second factor at each new session with: tessera-mcp-demo (leaf.test)")
    );

    let words = ["--mfa-mode=browser", "mcp", "connect", "--no-auto-reconnect", "--browser=none"];
    let way = root.tsh_at(&alice.home).args(words).args(["--cluster", LEAF, DEMO]);
    let mut peer = Peer::start(&way);
    peer.send(hello().as_bytes());
    let page = printed(peer.process(), PAGE);
    let seen = Visitor::new(&real, &root).visit(&[
        json!({"goto": page}),
        json!({"fill": {"#code": alice.authenticator.code()}}),
        json!({"click": "#approve"}),
    ]);
    let asked = at(&seen, 0).text();
    assert!(asked.contains(LEAF) && asked.contains(DEMO), "{asked}");
    assert!(String::from_utf8_lossy(&peer.answer_to(&json!(1))).contains("serverInfo"));
    // The server of that name at home is not asked for.
    let at_home = root.tsh_at(&alice.home).args(["mcp", "connect", "--no-auto-reconnect", DEMO]);
    let _asks_for_nothing = connect(&at_home);
    // A lock there on what was shown here.
    let app = device(&root, &alice, "authenticator");
    leaf.admin(&["lock", &format!("--mfa-device={app}"), "--message=lost on the train"]);
    assert_eq!(peer.process().wait(SOON).code(), Some(1));
}
