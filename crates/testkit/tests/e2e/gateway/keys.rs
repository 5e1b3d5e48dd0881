//! People with security keys and passkeys, in front of a real browser.

use std::path::PathBuf;

use serde_json::{Value, json};
use testkit::process::Finished;
use testkit::visitor::Sight;
use testkit::{Cluster, Process, Real, Visitor, wait};

use super::{SOON, connect, copy, done, listed, refused};

const PASSWORD: &str = "a long password of alice";

/// A cluster whose proxy has a name, and somebody in front of a browser.
pub(super) struct Office {
    pub(super) cluster: Cluster,
    pub(super) visitor: Visitor,
}

// === impl Office ===

impl Office {
    pub(super) fn open() -> Self {
        let (real, cluster) = (Real::locate(), Cluster::named());
        let visitor = Visitor::new(&real, &cluster);
        Self { cluster, visitor }
    }

    pub(super) fn home(&self, name: &str) -> PathBuf {
        self.cluster.scratch().join(format!("home of {name}"))
    }

    fn begin(&self, name: &str, words: &[&str]) -> (Process, String) {
        self.cluster.begin_login(&self.home(name), words)
    }

    /// Invites somebody, who makes a passkey; gives what it holds.
    fn enrol_passkey(&self, name: &str) -> Value {
        let link = self.cluster.invite(name, "access,mcp-user");
        let seen = self.visitor.visit(&[
            passkey(),
            json!({"goto": link}),
            json!({"click": "#use-passkey"}),
            json!({"credentials": true}),
        ]);
        assert_eq!(at(&seen, 2).status(), 200, "{seen:?}");
        assert!(at(&seen, 2).text().contains("--mfa-mode=browser"), "{seen:?}");
        at(&seen, 3).gave().clone()
    }

    /// The same with a password and a security key besides.
    fn enrol_key(&self, name: &str) -> Value {
        let link = self.cluster.invite(name, "access,mcp-user");
        let seen = self.visitor.visit(&[
            security_key(),
            json!({"goto": link}),
            json!({"fill": {"#password": PASSWORD, "#password_again": PASSWORD}}),
            json!({"click": "#use-key"}),
            json!({"credentials": true}),
        ]);
        assert!(at(&seen, 3).text().contains("--mfa-mode=browser"), "{seen:?}");
        at(&seen, 4).gave().clone()
    }

    /// What is recorded of logins, the newest first.
    fn logins(&self) -> Vec<Value> {
        self.cluster.audit(&["--event=user.login"])
    }
}

/// A key that finds out itself who uses it.
fn passkey() -> Value {
    json!({"key": {
        "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
        "hasUserVerification": true, "isUserVerified": true,
    }})
}

/// A key that is touched, and asks for nothing.
pub(super) fn security_key() -> Value {
    json!({"key": {"protocol": "ctap2", "transport": "usb", "hasResidentKey": false, "hasUserVerification": false}})
}

pub(super) fn at(seen: &[Sight], step: usize) -> &Sight {
    seen.get(step).unwrap()
}

pub(super) fn finished(tool: &mut Process) -> Finished {
    let status = tool.wait(wait::PATIENCE);
    Finished { status, stdout: tool.stdout().into_bytes(), stderr: tool.stderr() }
}

/// The last link to such a page that a tool printed.
pub(super) fn printed(tool: &mut Process, page: &str) -> String {
    tool.wait_for_output(page, wait::PATIENCE);
    let said = tool.stderr();
    said.split_whitespace().rfind(|word| word.contains(page)).unwrap().to_owned()
}

#[test]
fn a_passkey_is_enough_from_the_invite_on() {
    let office = Office::open();
    let held = office.enrol_passkey("alice");
    let (mut tsh, link) = office.begin("alice", &["--auth=passwordless"]);
    let seen = office.visitor.see(&[
        passkey(),
        json!({"hold": held}),
        json!({"goto": link}),
        json!({"click": "#use-passkey"}),
        json!({"until": "Back to the terminal"}),
    ]);
    assert!(seen.text().contains("Back to the terminal"), "{seen:?}");
    let said = done(&finished(&mut tsh));
    assert!(said.contains("alice") && said.contains("mcp-user"), "{said}");
    let login = &office.logins()[0];
    assert_eq!((&login["user"], &login["success"]), (&json!("alice"), &json!(true)));
    assert!(login["with_mfa"].is_string(), "{login}");
}

#[test]
fn a_security_key_comes_after_the_password_and_its_lock_ends_what_it_opened() {
    let office = Office::open();
    let held = office.enrol_key("alice");
    let (mut tsh, link) = office.begin("alice", &["--mfa-mode=browser"]);
    let seen = office.visitor.visit(&[
        security_key(),
        json!({"hold": held}),
        json!({"goto": link}),
        json!({"fill": {"#user": "alice", "#password": "not the password"}}),
        json!({"click": "button[type=submit]"}),
        json!({"fill": {"#user": "alice", "#password": PASSWORD}}),
        json!({"click": "button[type=submit]"}),
        json!({"click": "#use-key"}),
        json!({"until": "Back to the terminal"}),
    ]);
    assert!(at(&seen, 4).problem().contains("wrong"), "{seen:?}");
    assert!(at(&seen, 6).text().contains("Your password was right"), "{seen:?}");
    assert!(at(&seen, 8).text().contains("Back to the terminal"), "{seen:?}");
    let _said = done(&finished(&mut tsh));

    let home = office.home("alice");
    let ls = office.cluster.tsh_at(&home).args(["mfa", "ls", "--format=json"]);
    let devices: Value = serde_json::from_str(&done(&office.cluster.run(&ls, ""))).unwrap();
    let device = devices.pointer("/0/id").and_then(Value::as_str).unwrap();
    assert_eq!(
        (&devices[0]["type"], &devices[0]["name"]),
        (&json!("WebAuthn"), &json!("security-key"))
    );
    let way = office.cluster.tsh_at(&home).args([
        "mcp",
        "connect",
        "--no-auto-reconnect",
        "tessera-mcp-demo",
    ]);
    wait::until("the demo server", wait::PATIENCE, || {
        let ls = office.cluster.run(&office.cluster.tsh_at(&home).args(["mcp", "ls"]), "");
        let said = String::from_utf8_lossy(&ls.stdout).into_owned();
        if said.contains("demo") { Ok(()) } else { Err(said) }
    });
    let mut peer = connect(&way);
    assert!(listed(&mut peer).iter().any(|tool| tool == "tessera_user_info"));
    let target = format!("--mfa-device={device}");
    office.cluster.admin(&["lock", &target, "--message=lost on the train"]);
    assert_eq!(peer.process().wait(SOON).code(), Some(1));
    wait::until("tsh's last words", SOON, || {
        let said = peer.process().stderr();
        if said.contains("lost on the train") { Ok(()) } else { Err(said) }
    });
}

#[test]
fn devices_are_added_and_removed_at_a_page_and_in_the_terminal() {
    let office = Office::open();
    let real = Real::locate();
    let mut alice = office.cluster.sign_up(&real, "alice", "mcp-user");
    let pin = format!("--ca-pin={}", office.cluster.ca_pin());
    let _said = done(&office.cluster.login(&mut alice, &[&pin]));
    let tsh = |words: &[&str], input: &str| {
        office.cluster.run(&office.cluster.tsh_at(&alice.home).args(["mfa"]).args(words), input)
    };
    refused(&tsh(&["rm", "authenticator", "--codes-from-stdin"], "000000\n"), &["last device"]);

    // A passkey, at a page, after a code of the app.
    let add = ["mfa", "add", "--browser=none", "--allow-passwordless", "--name=laptop"];
    let mut adding = office.cluster.begin_tool(&office.cluster.tsh_at(&alice.home).args(add));
    let link = printed(&mut adding, "/web/mfa/");
    let seen = office.visitor.visit(&[
        passkey(),
        json!({"goto": link}),
        json!({"fill": {"#code": "000000"}}),
        json!({"click": "#verify"}),
        json!({"fill": {"#code": alice.authenticator.code()}}),
        json!({"click": "#verify"}),
        json!({"click": "#new-key"}),
        json!({"credentials": true}),
    ]);
    assert!(at(&seen, 3).problem().contains("not right"), "{seen:?}");
    assert!(at(&seen, 6).text().contains("Done"), "{seen:?}");
    let held = at(&seen, 7).gave().clone();
    let added = finished(&mut adding);
    assert!(added.status.success() && added.stderr.contains("\"laptop\""), "{added:?}");
    // The page is over, for everybody.
    assert_eq!(office.visitor.see(&[json!({"goto": link})]).status(), 404);
    let devices = done(&tsh(&["ls"], ""));
    assert!(
        devices.contains("laptop") && devices.contains("passkey") && devices.contains("TOTP"),
        "{devices}"
    );
    refused(&tsh(&["add", "--browser=none", "--name=laptop"], ""), &["laptop", "--name"]);

    // Somebody copied what is kept on the disk.
    let elsewhere = office.home("a copy");
    std::fs::create_dir(&elsewhere).unwrap();
    copy(&alice.home, &elsewhere);

    // It signs in, and then lets the app be removed.
    let (mut login, link) = office.begin("alice", &["--auth=passwordless"]);
    let seen = office.visitor.visit(&[
        passkey(),
        json!({"hold": held}),
        json!({"goto": link}),
        json!({"click": "#use-passkey"}),
        json!({"until": "Back to the terminal"}),
        json!({"credentials": true}),
    ]);
    assert!(at(&seen, 4).text().contains("Back to the terminal"), "{seen:?}");
    let held = at(&seen, 5).gave().clone();
    let _said = done(&finished(&mut login));
    let connecting = ["mcp", "connect", "--no-auto-reconnect", "tessera-mcp-demo"];
    let mut with_the_app = connect(&office.cluster.tsh_at(&elsewhere).args(connecting));
    let mut with_the_key = connect(&office.cluster.tsh_at(&alice.home).args(connecting));
    for peer in [&mut with_the_app, &mut with_the_key] {
        assert!(listed(peer).iter().any(|tool| tool == "tessera_user_info"));
    }
    let rm = ["--mfa-mode=browser", "mfa", "rm", "--browser=none", "authenticator"];
    let mut removing = office.cluster.begin_tool(&office.cluster.tsh_at(&elsewhere).args(rm));
    let link = printed(&mut removing, "/web/mfa/");
    assert!(removing.stderr().contains("You signed in with this device"));
    let page = office.visitor.see(&[
        passkey(),
        json!({"hold": held}),
        json!({"goto": link}),
        json!({"click": "#use-key"}),
    ]);
    assert!(page.text().contains("Done"), "{page:?}");
    assert_eq!(with_the_app.process().wait(SOON).code(), Some(1));
    let removed = finished(&mut removing);
    assert!(removed.status.success() && removed.stderr.contains("ended with it"), "{removed:?}");
    wait::until("tsh's last words", SOON, || {
        let said = with_the_app.process().stderr();
        if said.contains("\"authenticator\" was removed") { Ok(()) } else { Err(said) }
    });
    let ls = office.cluster.run(&office.cluster.tsh_at(&elsewhere).args(["mfa", "ls"]), "");
    refused(&ls, &["locked", "was removed"]);
    // What the passkey opened goes on.
    assert!(listed(&mut with_the_key).iter().any(|tool| tool == "tessera_user_info"));
    let left = done(&tsh(&["ls"], ""));
    assert!(left.contains("laptop") && !left.contains("TOTP"), "{left}");
    let locks = office.cluster.admin(&["get", "locks"]);
    assert!(locks.contains("removed-device-"), "{locks}");
}

#[test]
fn a_machine_without_a_browser_is_signed_in_elsewhere() {
    let office = Office::open();
    let held = office.enrol_passkey("alice");
    let (mut tsh, page) = office.begin("build machine", &["--headless", "--user=alice"]);
    assert!(page.ends_with("/web/headless"), "{page}");
    let code = wait::until("the code", wait::PATIENCE, || {
        let said = tsh.stderr();
        let found = said.split_whitespace().find(|word| word.len() == 9 && word.contains('-'));
        found.map(str::to_owned).ok_or(said)
    });
    let seen = office.visitor.visit(&[
        passkey(),
        json!({"hold": held}),
        json!({"goto": page}),
        json!({"fill": {"#code": "BBBB-BBBB"}}),
        json!({"click": "#go"}),
        json!({"fill": {"#code": code}}),
        json!({"click": "#go"}),
        json!({"click": "#use-passkey"}),
    ]);
    assert!(at(&seen, 4).problem().contains("no such code"), "{seen:?}");
    let asks = at(&seen, 6).text();
    for words in ["another machine", "127.0.0.1", "alice", "reject"] {
        assert!(asks.contains(words), "{words:?} is missing: {asks}");
    }
    assert!(at(&seen, 7).text().contains("is signed in"), "{seen:?}");
    let said = done(&finished(&mut tsh));
    assert!(said.contains("alice"), "{said}");

    // Rejected: the machine is told so.
    let (mut tsh, page) = office.begin("stranger", &["--headless"]);
    let code = wait::until("the code", wait::PATIENCE, || {
        let said = tsh.stderr();
        let found = said.split_whitespace().find(|word| word.len() == 9 && word.contains('-'));
        found.map(str::to_owned).ok_or(said)
    });
    let seen = office.visitor.see(&[
        json!({"goto": page}),
        json!({"fill": {"#code": code}}),
        json!({"click": "#go"}),
        json!({"click": "#reject"}),
    ]);
    assert!(seen.text().contains("not signed in"), "{seen:?}");
    refused(&finished(&mut tsh), &["rejected"]);
}

#[test]
fn pages_take_only_what_their_own_forms_send() {
    let office = Office::open();
    let link = office.cluster.invite("alice", "mcp-user");
    let fields =
        json!({"password": PASSWORD, "password_again": PASSWORD, "totp": "123456", "csrf": "0"});
    let seen = office.visitor.visit(&[
        json!({"goto": link}),
        json!({"cookies": true}),
        // Another site has the browser send what it likes.
        json!({"post": {"url": link, "fields": fields}}),
        // And shows the page as a part of its own.
        json!({"frame": link}),
        json!({"goto": link}),
        // A form of ours, from which somebody took what ties it to the browser.
        json!({"eval": "for (const field of document.querySelectorAll('[name=csrf]')) field.remove()"}),
        json!({"fill": {"#password": PASSWORD, "#password_again": PASSWORD, "#totp": "123456"}}),
        json!({"click": "#save"}),
    ]);
    let cookie = &at(&seen, 1).gave()[0];
    assert_eq!(cookie["name"], "__Host-tessera-form");
    for (name, value) in [
        ("httpOnly", json!(true)),
        ("secure", json!(true)),
        ("sameSite", json!("Lax")),
        ("path", json!("/")),
    ] {
        assert_eq!(cookie[name], value, "{cookie}");
    }
    assert_eq!(at(&seen, 2).status(), 403, "{seen:?}");
    let framed = at(&seen, 3).gave().as_str().unwrap();
    assert!(!framed.contains("alice"), "{framed}");
    assert_eq!(at(&seen, 7).status(), 403, "{seen:?}");
    // The link is good still.
    assert_eq!(office.visitor.see(&[json!({"goto": link})]).status(), 200);

    // The link of a login is for one browser, and its page takes no key that was asked in a frame.
    let (tsh, link) = office.begin("alice", &["--auth=passwordless"]);
    let seen = office.visitor.visit(&[json!({"goto": link}), json!({"frame": link})]);
    let page = at(&seen, 0).url().to_owned();
    assert!(page.contains("/web/login/") && at(&seen, 0).status() == 200, "{seen:?}");
    assert_eq!(office.visitor.see(&[json!({"goto": link})]).status(), 404);
    assert_eq!(office.visitor.see(&[json!({"goto": page})]).status(), 403);
    // Nothing leads elsewhere.
    let hop = format!("{page}?next=https://evil.example.com&location=https://evil.example.com");
    assert_eq!(office.visitor.see(&[json!({"goto": hop})]).status(), 403);
    tsh.signal(nix::sys::signal::Signal::SIGTERM);
}

#[test]
fn pages_are_used_without_a_mouse_and_on_a_telephone() {
    let office = Office::open();
    let link = office.cluster.invite("alice", "access,mcp-user");
    let names = "[...document.querySelectorAll('input:not([type=hidden]),button')].filter((e) => \
        !(e.labels?.length || e.textContent.trim() || e.getAttribute('aria-label'))).map((e) => e.id)";
    let headings = "document.querySelectorAll('h1').length + '/' + document.documentElement.lang";
    let seen = office.visitor.visit(&[
        json!({"viewport": [360, 640]}),
        passkey(),
        json!({"goto": link}),
        json!({"eval": names}),
        json!({"eval": headings}),
        // From the top: the name of the passkey, then its button.
        json!({"press": "Tab"}),
        json!({"press": "Tab"}),
        json!({"press": "Enter"}),
        json!({"until": "Done, alice"}),
        json!({"credentials": true}),
    ]);
    assert_eq!(at(&seen, 3).gave(), &json!([]), "these have no name");
    assert_eq!(at(&seen, 4).gave(), &json!("1/en"));
    assert_eq!(at(&seen, 4).get("wide"), &json!(false), "the page is wider than the telephone");
    assert_eq!(at(&seen, 6).get("focus"), &json!("use-passkey"), "{seen:?}");
    assert!(at(&seen, 8).text().contains("Done, alice"), "{seen:?}");
    let held = at(&seen, 9).gave().clone();

    let (mut tsh, link) = office.begin("alice", &["--mfa-mode=browser"]);
    let seen = office.visitor.visit(&[
        json!({"viewport": [360, 640]}),
        // Without a key that fits, the page says so to who cannot see it, and goes on.
        json!({"goto": link}),
        json!({"eval": names}),
        passkey(),
        json!({"hold": held}),
        json!({"press": "Enter"}),
        json!({"until": "Back to the terminal"}),
    ]);
    assert_eq!(at(&seen, 2).gave(), &json!([]), "these have no name");
    assert_eq!(at(&seen, 2).get("wide"), &json!(false));
    assert_eq!(at(&seen, 2).get("focus"), &json!("use-passkey"));
    assert!(at(&seen, 6).text().contains("Back to the terminal"), "{seen:?}");
    let _said = done(&finished(&mut tsh));
}
