//! How servers are started: where, with what, and for how long they may be silent.

use std::fs;
use std::time::Duration;

use resource::app::Given;
use resource::{McpSpec, Resource};
use serde_json::json;

use crate::cluster::Cluster;
use crate::processes::wait_until;

/// An app whose server is a script, changed as a test says.
fn script(cluster: &Cluster, text: &str, change: impl FnOnce(&mut McpSpec)) -> Resource {
    let mut app = cluster.app_of("script", json!({}), "sh", &["-c", text]);
    let Resource::App(inner) = &mut app else { panic!("no app: {app:?}") };
    change(inner.spec.mcp.as_mut().unwrap());
    app
}

async fn refused(cluster: &Cluster, app: Resource) -> (String, String) {
    cluster.put(app);
    cluster.settled().await;
    let mut client = cluster.connect("dev", "script").await;
    let refused = client.initialize().await;
    let words = refused["error"]["message"].as_str().unwrap().to_owned();
    let (reason, sentence) = client.end().await;
    assert_eq!(sentence, words);
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    (reason, words)
}

#[tokio::test]
async fn a_server_works_where_its_app_says_with_what_its_agent_keeps() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let place = tempfile::tempdir().unwrap();
    let key = place.path().join("key");
    fs::write(&key, "hunter2\n").unwrap();
    let here = place.path().canonicalize().unwrap();
    let text = "printf '%s %s %s' \"$(pwd)\" \"$KEY\" \"$OWN_PATH\" > said; cat > /dev/null";
    cluster.put(script(&cluster, text, |mcp| {
        mcp.cwd = here.display().to_string();
        mcp.env.insert("KEY".to_owned(), Given::File(key.display().to_string()));
        mcp.env.insert("OWN_PATH".to_owned(), Given::Env("PATH".to_owned()));
    }));
    cluster.settled().await;
    let mut client = cluster.connect("dev", "script").await;
    client.ask("initialize", json!({})).await;
    let said = || fs::read_to_string(here.join("said")).unwrap_or_default();
    let wanted = format!("{} hunter2 {}", here.display(), std::env::var("PATH").unwrap());
    wait_until("the server has said it", || said() == wanted).await;
    client.stop_reading();
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    let records = format!("{:?}", cluster.records.of("TMCP001I"));
    assert!(!records.contains("hunter2"), "{records}");
}

#[tokio::test]
async fn a_secret_that_is_not_there_starts_nothing() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let app = script(&cluster, "exec cat", |mcp| {
        mcp.env.insert("KEY".to_owned(), Given::File("/no/such/file".to_owned()));
    });
    let (reason, words) = refused(&cluster, app).await;
    assert_eq!(reason, "start-failed");
    assert!(words.contains("\"KEY\" (spec.mcp.env) cannot be set"), "{words}");
}

#[tokio::test]
async fn a_directory_that_cannot_be_entered_starts_nothing() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let app = script(&cluster, "exec cat", |mcp| mcp.cwd = "/no/such/directory".to_owned());
    let (reason, words) = refused(&cluster, app).await;
    assert_eq!(reason, "start-failed");
    assert!(words.contains("\"/no/such/directory\" (spec.mcp.cwd) cannot be entered"), "{words}");
}

#[tokio::test]
async fn a_server_that_says_nothing_is_ended() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let app = script(&cluster, "cat > /dev/null", |mcp| {
        mcp.start_timeout = Some(Duration::from_secs(1));
    });
    let (reason, words) = refused(&cluster, app).await;
    assert_eq!(reason, "start-failed");
    assert!(words.contains("said nothing within 1 seconds"), "{words}");
}
