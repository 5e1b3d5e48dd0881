//! Labels that commands tell, and decisions by them: whoever could be shut out is, until they are told.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use resource::{Kind, Resource};
use serde_json::{Value, json};

use crate::client::TestClient;
use crate::cluster::{Cluster, document};
use crate::processes::wait_until;

const SOON: Duration = Duration::from_secs(3);

/// A role for all apps but those of which the phase is this.
fn role_but(name: &str, phase: &str) -> Resource {
    let allow = json!({"app_labels": {"*": "*"}, "mcp": {"tools": ["*"]}});
    let deny = json!({"app_labels": {"phase": phase}});
    document("role", "v8", name, json!({"spec": {"allow": allow, "deny": deny}}))
}

/// A cluster whose user `dev` may use every app that is not frozen, and `admin` every one.
async fn cluster() -> Cluster {
    let everything = || json!(["*"]);
    let cluster = Cluster::start(&[("dev", everything()), ("admin", everything())]).await;
    cluster.put(role_but("dev", "frozen"));
    cluster.settled().await;
    cluster
}

/// An app whose phase a command tells.
fn phased(cluster: &Cluster, name: &str, command: &[&str]) -> Resource {
    let Resource::App(app) = cluster.app(name, json!({"env": "dev"})) else { panic!("an app") };
    let mut app = app.to_json();
    app["spec"]["dynamic_labels"] = json!({"phase": {"command": command, "period": "1s"}});
    Resource::from_json(app.to_string().as_bytes()).unwrap()
}

fn phase_file(cluster: &Cluster) -> PathBuf {
    cluster.log_path("phase")
}

fn told_by(file: &Path) -> [&str; 2] {
    ["cat", file.to_str().unwrap()]
}

/// The answer to the first message; nothing where the connection ends without one.
async fn hello(client: &mut TestClient) -> Option<Value> {
    let params = json!({
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "tester", "version": "7"},
    });
    client.ask("initialize", params).await;
    client.read().await
}

/// Whether a client is not let in.
async fn is_turned_away(cluster: &Cluster, user: &str, app: &str) -> bool {
    let answer = hello(&mut cluster.connect(user, app).await).await;
    answer.is_none_or(|answer| answer["error"].is_object())
}

async fn until_let_in(cluster: &Cluster, user: &str, app: &str) -> TestClient {
    let deadline = tokio::time::Instant::now() + SOON;
    loop {
        let mut client = cluster.connect(user, app).await;
        let answer = hello(&mut client).await;
        if answer.as_ref().is_some_and(|answer| answer["result"].is_object()) {
            return client;
        }
        assert!(tokio::time::Instant::now() < deadline, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Waits for the end of a connection, whatever else comes.
async fn cut(client: &mut TestClient) -> (String, String) {
    tokio::time::timeout(SOON, client.end()).await.expect("the end in time")
}

#[tokio::test]
async fn a_label_that_changes_ends_connections_and_lets_in_again() {
    let cluster = cluster().await;
    let file = phase_file(&cluster);
    fs::write(&file, "open\n").unwrap();
    let runs = cluster.log_path("runs");
    let script = format!("echo >> {}; cat {}", runs.display(), file.display());
    cluster.put(phased(&cluster, "files", &["sh", "-c", &script]));
    let (mut dev, mut admin) = (
        until_let_in(&cluster, "dev", "files").await,
        until_let_in(&cluster, "admin", "files").await,
    );
    fs::write(&file, "frozen\n").unwrap();
    let (reason, _sentence) = cut(&mut dev).await;
    assert_eq!(reason, "access-denied");
    assert!(is_turned_away(&cluster, "dev", "files").await);
    assert!(admin.call("echo").await["result"].is_object());
    // Its command fails: what it said last holds.
    fs::remove_file(&file).unwrap();
    let runs = || fs::read(&runs).unwrap().len();
    let before = runs();
    // The next run finds no file; when the one after it begins, what came of it is known.
    wait_until("it failed", || runs() >= before + 2).await;
    assert!(is_turned_away(&cluster, "dev", "files").await);
    fs::write(&file, "open").unwrap();
    drop(until_let_in(&cluster, "dev", "files").await);
}

#[tokio::test]
async fn who_could_be_shut_out_is_until_the_label_is_told() {
    let cluster = cluster().await;
    let file = phase_file(&cluster);
    cluster.put(phased(&cluster, "files", &told_by(&file)));
    cluster.settled().await;
    drop(until_let_in(&cluster, "admin", "files").await);
    assert!(is_turned_away(&cluster, "dev", "files").await, "the command has told nothing yet");
    fs::write(&file, "open").unwrap();
    let mut client = until_let_in(&cluster, "dev", "files").await;
    // Told otherwise from now on, by a command that says nothing: the old word does not count.
    cluster.put(phased(&cluster, "files", &["false"]));
    let (reason, _sentence) = cut(&mut client).await;
    assert_eq!(reason, "access-denied");
}

#[tokio::test]
async fn what_commands_say_is_bounded_and_is_a_line() {
    let cluster = cluster().await;
    let long = |bytes: usize| format!("import sys; sys.stdout.write('x' * {bytes})");
    let at_most = ["python3", "-c", &long(1024)].map(str::to_owned);
    let too_long = ["python3", "-c", &long(1025)].map(str::to_owned);
    let lines = ["printf", "a\\nb"].map(str::to_owned);
    let bytes = ["printf", "\\377"].map(str::to_owned);
    let shell = ["echo $HOME"].map(str::to_owned);
    for (name, command, is_told) in [
        ("longest", &at_most[..], true),
        ("longer", &too_long[..], false),
        ("lines", &lines[..], false),
        ("bytes", &bytes[..], false),
        ("shell", &shell[..], false),
    ] {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        cluster.put(phased(&cluster, name, &words));
        cluster.settled().await;
        if is_told {
            drop(until_let_in(&cluster, "dev", name).await);
        } else {
            drop(until_let_in(&cluster, "admin", name).await);
            tokio::time::sleep(Duration::from_millis(500)).await;
            assert!(is_turned_away(&cluster, "dev", name).await, "{name}");
        }
    }
}

#[tokio::test]
async fn a_command_ends_with_its_app() {
    let cluster = cluster().await;
    let mark = format!("0.{}", uuid::Uuid::new_v4().as_u128());
    let command = format!("import time; time.sleep(1000 + {mark})");
    cluster.put(phased(&cluster, "slow", &["python3", "-c", &command]));
    wait_until("the command runs", || !with_argument(&mark).is_empty()).await;
    cluster.delete(Kind::App, "slow");
    wait_until("nothing is left of it", || with_argument(&mark).is_empty()).await;
}

#[tokio::test]
async fn labels_that_commands_tell_bring_no_app_here() {
    let selector = resource::LabelSelector::from_pairs([("phase", "*")]);
    let cluster = Cluster::start_with(&[("dev", json!(["*"]))], &[selector]).await;
    cluster.put(phased(&cluster, "told", &["echo", "open"]));
    let Resource::App(mut app) = cluster.app("written", json!({"phase": "open"})) else {
        panic!("an app")
    };
    app.metadata.description = "to wait for".to_owned();
    cluster.put(Resource::App(app));
    cluster.until_status("written", 401).await;
    assert_eq!(cluster.status("told", "").await, 503);
}

/// The processes with this among their arguments.
fn with_argument(mark: &str) -> Vec<String> {
    let arguments = |entry: fs::DirEntry| {
        let bytes = fs::read(entry.path().join("cmdline")).ok()?;
        Some(String::from_utf8_lossy(&bytes).into_owned())
    };
    let all = fs::read_dir("/proc").unwrap().filter_map(|entry| arguments(entry.ok()?));
    all.filter(|line| line.contains(mark)).collect()
}
