//! How people get credentials, and who does not.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use testkit::browser::Browser;
use testkit::{Cluster, Real};

use super::{done, refused};

#[test]
fn an_invite_lets_its_user_set_credentials_once() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let browser = Browser::new(&real);
    let link = cluster.invite("alice", "access,mcp-user");
    assert!(link.starts_with(&format!("https://{}/web/invite/", cluster.proxy_addr())), "{link}");
    let page = browser.open(&link);
    assert_eq!(page.status(), 200);
    assert!(page.text().contains("alice") && page.secret().is_some(), "{page:?}");
    let policy = page.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    for (password, again, code, problem) in [
        ("short", "short", "123456", "12"),
        ("a password that is long", "a password that differs", "123456", "same"),
        ("a password that is long", "a password that is long", "000000", "code"),
    ] {
        let fields = json!({"password": password, "password_again": again, "totp": code});
        let page = browser.send(&link, &fields);
        assert!(page.status() >= 400 && page.secret().is_some(), "{page:?}");
        assert!(page.text().contains(problem), "{problem}: {page:?}");
    }
    let invented = format!("https://{}/web/invite/{}", cluster.proxy_addr(), "0".repeat(64));
    assert_eq!(browser.open(&invented).status(), 404);

    let _alice = cluster.accept(&real, "alice", &link);
    let used = browser.open(&link);
    assert!(used.status() == 404 && used.secret().is_none(), "{used:?}");
    let _bob = cluster.sign_up(&real, "bob", "mcp-user");
    let again = cluster.tctl(&["users", "add", "bob", "--roles=mcp-user"]);
    refused(&again, &["bob", "exists"]);
    let unknown = cluster.tctl(&["users", "add", "carol", "--roles=no-such-role"]);
    refused(&unknown, &["no-such-role"]);
}

#[test]
fn a_used_link_is_dead() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let reset = |name: &str| -> String {
        let said = cluster.tctl_json(&["users", "reset", name, "--format=json"]);
        said.get("url").and_then(Value::as_str).unwrap().to_owned()
    };
    let mut person = cluster.sign_up(&real, "alice", "mcp-user");
    let pin = format!("--ca-pin={}", cluster.ca_pin());
    let _said = done(&cluster.login(&mut person, &[&pin]));
    // A reset takes the old credentials away before the new ones are set.
    let link = reset("alice");
    refused(&cluster.login(&mut person, &[&pin]), &["wrong"]);
    let newer = reset("alice");
    let browser = Browser::new(&real);
    assert_eq!(browser.open(&link).status(), 404, "a newer link makes the older one worthless");
    assert_eq!(browser.open(&newer).status(), 200);
    cluster.admin(&["users", "rm", "alice"]);
    assert_eq!(browser.open(&newer).status(), 404);
}

#[test]
fn signing_in_needs_the_password_a_fresh_code_and_a_proxy_that_is_known() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let mut person = cluster.sign_up(&real, "alice", "mcp-user");
    let pin = format!("--ca-pin={}", cluster.ca_pin());
    let home = person.home.clone();

    // Nobody is asked for a password before the proxy is known.
    let unknown = cluster.login_with(&home, "alice", "", "", &[]);
    refused(&unknown, &["--ca-pin", "--insecure"]);
    let other = format!("--ca-pin=sha256:{}", "1".repeat(64));
    refused(&cluster.login_with(&home, "alice", "", "", &[&other]), &["pin"]);
    assert!(!home.exists(), "something was kept of a sign-in that failed");

    // What was wrong is not told.
    let stale = person.authenticator.stale_code();
    let code = person.authenticator.code();
    let wrong_password = cluster.login_with(&home, "alice", "not my password", &code, &[&pin]);
    let wrong_code = cluster.login_with(&home, "alice", &person.password, &stale, &[&pin]);
    let wrong_user = cluster.login_with(&home, "mallory", &person.password, &code, &[&pin]);
    refused(&wrong_password, &["wrong", "hint"]);
    assert_eq!(wrong_password.stderr, wrong_code.stderr);
    assert_eq!(wrong_password.stderr, wrong_user.stderr);

    let said = done(&cluster.login_with(&home, "alice", &person.password, &code, &[&pin]));
    assert!(said.contains("alice") && said.contains("mcp-user"), "{said}");
    refused(&cluster.login_with(&home, "alice", &person.password, &code, &[&pin]), &["wrong"]);
    owner_only(&home);

    // The proxy is known from now on, and a shorter life is given to who asks for it.
    let said = done(&cluster.login(&mut person, &["--ttl=10m"]));
    assert!(said.contains("valid for 0h09m") || said.contains("valid for 0h10m"), "{said}");
    let status = done(&cluster.run(&cluster.tsh_at(&home).args(["status", "--format=json"]), ""));
    let status: Value = serde_json::from_str(&status).unwrap();
    assert_eq!(status.pointer("/0/username"), Some(&json!("alice")), "{status}");

    let _said = done(&cluster.run(&cluster.tsh_at(&home).arg("logout"), ""));
    refused(&cluster.run(&cluster.tsh_at(&home).arg("status"), ""), &["not signed in", "hint"]);
    refused(&cluster.run(&cluster.tsh_at(&home).args(["mcp", "ls"]), ""), &["not signed in"]);
}

#[test]
fn guessing_is_cut_short() {
    let cluster = Cluster::single();
    let home = cluster.scratch().join("mallory");
    let guess = || cluster.login_with(&home, "alice", "a guess", "123456", &["--insecure"]);
    for _ in 0..5 {
        refused(&guess(), &["WARNING", "wrong"]);
    }
    let locked = guess();
    refused(&locked, &["too many", "hint"]);
    let failures = cluster.audit(&["--event=user.login"]);
    assert_eq!(failures.len(), 6, "{failures:?}");
    assert!(failures.iter().all(|event| event["success"] == json!(false)), "{failures:?}");
}

/// Only its owner reads what is kept.
#[track_caller]
fn owner_only(home: &Path) {
    let mut seen = 0;
    let mut folders = vec![home.to_owned()];
    while let Some(folder) = folders.pop() {
        assert_eq!(mode(&folder), 0o700, "{}", folder.display());
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                assert_eq!(mode(&path), 0o600, "{}", path.display());
                seen += 1;
            }
        }
    }
    assert!(seen >= 2, "no profile in {}", home.display());
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}
