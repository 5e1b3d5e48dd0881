//! Whom servers run as.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, User};
use serde_json::{Value, json};
use testkit::cluster::{app_document, app_section, own_user};
use testkit::{Argv, Cluster, Real, Scratch, census, wait};

use super::{call, connect, turned_away};

/// A user that every Linux has.
const OTHER: &str = "nobody";

#[test]
fn a_server_runs_as_its_host_user_and_has_nothing_of_the_agents() {
    let (real, mut cluster) = (Real::locate(), Cluster::single());
    let server = public_script(&real, cluster.scratch());
    let user = if Uid::effective().is_root() { OTHER.to_owned() } else { own_user() };
    let entry = User::from_name(&user).unwrap().unwrap();
    cluster.put(&app_document("whoami", &server, &user));
    cluster.await_served("whoami");
    let alice = cluster.identity("alice", &["mcp-user"]);
    let mut peer = connect(&cluster.way(&alice, "whoami"));
    let facts = facts(&call(&mut peer, "whoami").unwrap());
    let (uid, gid) = (entry.uid.to_string(), entry.gid.to_string());
    assert_eq!(fact(&facts, "Uid:"), [uid.as_str(); 4], "{facts}");
    assert_eq!(fact(&facts, "Gid:"), [gid.as_str(); 4], "{facts}");
    assert_eq!(fact(&facts, "NoNewPrivs:"), ["1"], "{facts}");
    if Uid::effective().is_root() {
        let groups = fact(&facts, "Groups:");
        assert!(groups.iter().all(|group| *group == gid), "{facts}");
        assert_eq!(fact(&facts, "CapEff:"), ["0000000000000000"], "{facts}");
        assert_eq!(fact(&facts, "CapPrm:"), ["0000000000000000"], "{facts}");
    }
    // The environment is that of a fresh login, and no descriptor of the agent's came along.
    let variables: Vec<&str> =
        facts.lines().filter_map(|line| line.strip_prefix("env ")?.split('=').next()).collect();
    let known = ["HOME", "USER", "LOGNAME", "SHELL", "PATH", "LANG", "PWD", "OLDPWD", "_", "SHLVL"];
    assert!(variables.iter().all(|name| known.contains(name)), "{facts}");
    assert!(facts.contains(&format!("env USER={user}\n")), "{facts}");
    let descriptors = facts.lines().filter_map(|line| line.strip_prefix("fd "));
    for descriptor in descriptors {
        let (number, target) = descriptor.split_once(' ').unwrap();
        let standard = matches!(number, "0" | "1" | "2");
        assert!(standard || target.contains("whoami_server"), "{descriptor} is open:\n{facts}");
    }
    // Nor does it outlive an agent that dies, though it is somebody else's process.
    let mark = server.arguments().last().unwrap().clone();
    assert!(!census::with_argument(&mark).is_empty());
    cluster.agent().kill();
    wait::until("the server's end", wait::PATIENCE, || match census::with_argument(&mark) {
        left if left.is_empty() => Ok(()),
        left => Err(format!("{left:?}")),
    });
}

#[test]
fn what_cannot_be_started_is_told_in_the_apps_status() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = public_script(&real, cluster.scratch());
    let private = cluster.scratch().write("private.sh", "#!/bin/sh\n");
    let alice = cluster.identity("alice", &["mcp-user"]);
    for (name, argv, user, words) in [
        ("no-user", server, "no-such-user-here".to_owned(), "no-such-user-here"),
        ("no-command", Argv::new("/no/such/command"), own_user(), "/no/such/command"),
        ("not-executable", Argv::new(&private), own_user(), "private.sh"),
    ] {
        cluster.put(&app_document(name, &argv, &user));
        let told = failure(&cluster, name);
        assert!(told.contains(words), "{told}");
        let client = turned_away(&cluster.way(&alice, name));
        assert!(client.contains(words), "{client}");
    }
}

/// An agent without root's rights serves what runs as itself, and says so of everything else.
#[test]
fn an_agent_that_is_not_root_serves_its_own_user_only() {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let server = public_script(&real, cluster.scratch());
    let (own, other) = if Uid::effective().is_root() {
        (OTHER.to_owned(), own_user())
    } else {
        (own_user(), OTHER.to_owned())
    };
    let entry = User::from_name(&own).unwrap().unwrap();
    let binary = cluster.scratch().join("tessera");
    fs::copy(cluster.binaries().folder().join("tessera"), &binary).unwrap();
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), cluster.join_params("app"));
    let labels =
        "app_service:\n  enabled: yes\n  resources:\n  - labels:\n      where: elsewhere\n";
    let data = cluster.scratch().folder("humble/data");
    let words = [
        format!("--reuid={}", entry.uid),
        format!("--regid={}", entry.gid),
        "--clear-groups".to_owned(),
        "--pdeathsig=KILL".to_owned(),
        "--".to_owned(),
    ];
    let words: Vec<&str> =
        ["setpriv"].into_iter().chain(words.iter().map(String::as_str)).collect();
    let node =
        testkit::cluster::Node::new(cluster.binaries(), cluster.scratch(), "humble", &join, labels);
    for path in [data.parent().unwrap(), &data, node.config()] {
        std::os::unix::fs::chown(path, Some(entry.uid.as_raw()), Some(entry.gid.as_raw())).unwrap();
    }
    let mut node = if Uid::effective().is_root() { node.started_by(&words, &binary) } else { node };
    node.start();
    for (name, user) in [("own", &own), ("others", &other)] {
        let mut document = app_document(name, &server, user);
        document["metadata"]["labels"] = json!({"where": "elsewhere"});
        cluster.put(&document);
    }
    let alice = cluster.identity("alice", &["mcp-user"]);
    // The agent of the first process serves everything; this is about the humble one.
    let of_humble = |name: &str| {
        let status = cluster.app_status(name);
        status.into_iter().find(|server| server["hostname"] == "humble")
    };
    let told = wait::until("the refusal", wait::PATIENCE, || {
        let status = of_humble("others");
        let message = status.as_ref().and_then(|one| one.pointer("/last_error/message")?.as_str());
        message.map(str::to_owned).ok_or_else(|| format!("{status:?}\n{}", node.log()))
    });
    assert!(told.contains(&own) && told.contains(&other) && told.contains("root"), "{told}");
    wait::until("its own", wait::PATIENCE, || match of_humble("own") {
        Some(status) if status["state"] == "serving" => Ok(()),
        other => Err(format!("{other:?}")),
    });
    drop(connect(&cluster.way(&alice, "own")));
}

/// What the status says went wrong, when the app is not served at all.
#[track_caller]
fn failure(cluster: &Cluster, name: &str) -> String {
    wait::until("the app's status", wait::PATIENCE, || {
        let status = cluster.app_status(name);
        let one = status.first().ok_or("no status")?;
        let told = one.pointer("/last_error/message").and_then(Value::as_str);
        match told {
            Some(told) if one["state"] == "failed" => Ok(told.to_owned()),
            _ => Err(format!("{status:?}")),
        }
    })
}

/// The script where anybody may read and run it.
fn public_script(real: &Real, scratch: &Scratch) -> Argv {
    fs::set_permissions(scratch.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let folder = scratch.folder("public");
    let script: PathBuf = folder.join("whoami_server.sh");
    fs::copy(real.whoami_server(), &script).unwrap();
    for path in [folder.as_path(), &script] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
    }
    Argv::new(Path::new("/bin/sh")).arg(script)
}

fn facts(result: &Value) -> String {
    format!("{}\n", result.pointer("/content/0/text").and_then(Value::as_str).unwrap())
}

#[track_caller]
fn fact<'a>(facts: &'a str, name: &str) -> Vec<&'a str> {
    let line = facts.lines().find_map(|line| line.strip_prefix(name));
    line.unwrap_or_else(|| panic!("no {name} in {facts}")).split_whitespace().collect()
}

#[test]
fn selectors_decide_which_agent_serves_an_app() {
    let (real, mut cluster) = (Real::locate(), Cluster::apart());
    let server = real.logging_server(&cluster.scratch().join("asked.log"));
    let join = format!("  proxy_server: {}\n{}", cluster.proxy_addr(), cluster.join_params("app"));
    let only = "app_service:\n  enabled: yes\n  resources:\n  - labels:\n      env: [prod]\n";
    let _second = cluster.node("second", &join, only);
    cluster.app("logged", &server);
    let mut document = app_document("prod", &server, &own_user());
    document["metadata"]["labels"] = json!({"env": "prod"});
    cluster.put(&document);
    wait::until("both agents", wait::PATIENCE, || {
        let status = cluster.app_status("prod");
        let ready = status.iter().filter(|one| one["state"] == "serving").count();
        if ready == 2 { Ok(()) } else { Err(format!("{status:?}")) }
    });
    let hosts: Vec<Value> =
        cluster.app_status("logged").iter().map(|one| one["hostname"].clone()).collect();
    assert_eq!(hosts, ["agent"]);
    // With one of two agents gone, the other serves.
    let alice = cluster.identity("alice", &["mcp-user"]);
    let way = cluster.way(&alice, "prod");
    cluster.agent().kill();
    for _ in 0..4 {
        let mut peer = super::await_connection(&way);
        assert!(call(&mut peer, "echo").is_ok());
    }
    assert!(app_section("").contains("'*'"));
}
