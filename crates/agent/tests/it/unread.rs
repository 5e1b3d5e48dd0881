//! Servers that leave unread what they are sent: they keep up neither their clients for ever, nor others.

use std::time::Duration;

use agent::Limits;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::client::TestClient;
use crate::cluster::Cluster;
use crate::http_server::HttpServer;
use crate::passing::{legacy, message, open_stream, register};
use crate::processes::wait_until;
use crate::web::{Web, modern};

/// What a script of a server does with the first message, and says to the next.
const HELLO: &str = r#"
answer() { id=$(printf %s "$1" | sed 's/.*"id":\("[^"]*"\|[0-9]*\).*/\1/'); shift; printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$1"; }
read -r hello
answer "$hello" '{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"s","version":"1"}}'
"#;

/// More than a pipe holds and than may wait.
const MUCH: usize = 2 << 20;

async fn serve(cluster: &Cluster, script: &str) {
    let mut app = cluster.app_of("up", json!({}), "sh", &["-c", &format!("{HELLO}{script}")]);
    let resource::Resource::App(inner) = &mut app else { panic!("no app: {app:?}") };
    // So that the first message is `initialize`, whoever asks.
    inner.spec.mcp.as_mut().unwrap().protocol = Some(resource::app::Protocol::Legacy);
    cluster.put(app);
    cluster.settled().await;
}

async fn connect(cluster: &Cluster) -> TestClient {
    let mut client = cluster.connect("dev", "up").await;
    assert!(client.initialize().await["result"].is_object());
    client
}

fn call(size: usize) -> Value {
    json!({"name": "echo", "arguments": {"text": "x".repeat(size)}})
}

#[tokio::test]
async fn a_server_that_dies_while_much_is_written_to_it_is_answered_for() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    for (script, reason) in [
        // It ends; it reads no more and goes on; it closes both ends and goes on.
        ("head -c 1000 > /dev/null; exit 3", "server-ended"),
        ("head -c 1000 > /dev/null; exec < /dev/null; sleep 600", "server-ended"),
        ("head -c 1000 > /dev/null; exec < /dev/null > /dev/null; sleep 600", "server-ended"),
    ] {
        serve(&cluster, script).await;
        let mut client = connect(&cluster).await;
        let id = client.ask("tools/call", call(MUCH)).await;
        let answer = client.read().await.unwrap();
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(id), &json!(-32603)));
        assert_eq!(client.end().await.0, reason, "{script}");
        wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
    }
}

#[tokio::test]
async fn a_server_that_does_one_thing_at_a_time_gets_rid_of_what_it_says() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    // Its first answer is longer than a pipe, and it reads the next message when that was taken.
    let script = r#"
        read -r first
        printf '{"jsonrpc":"2.0","id":2,"result":{"text":"'; head -c 1000000 /dev/zero | tr '\0' x; echo '"}}'
        head -n 1 > /dev/null
        echo '{"jsonrpc":"2.0","id":3,"result":{}}'
        cat > /dev/null
    "#;
    serve(&cluster, script).await;
    let mut client = connect(&cluster).await;
    client.ask("tools/call", call(1)).await;
    client.ask("tools/call", call(MUCH)).await;
    for id in [2, 3] {
        let answer = client.read().await.unwrap();
        assert_eq!(answer["id"], id);
        assert!(answer["result"].is_object());
    }
}

/// Reads no more than the greeting.
const DEAF: &str = "exec sleep 600";

#[tokio::test]
async fn a_server_that_reads_nothing_is_ended_in_time() {
    let limits = Limits { read_timeout: Duration::from_secs(1), ..Limits::default() };
    let cluster = Cluster::within(limits, &[("dev", json!(["*"]))]).await;
    serve(&cluster, DEAF).await;
    let told = |answer: &Value| {
        assert_eq!(answer["error"]["code"], -32603, "{answer}");
        let words = answer["error"]["message"].as_str().unwrap();
        assert!(words.contains("has read nothing of what it is sent for 1 seconds"), "{words}");
    };
    let mut lines = connect(&cluster).await;
    for _ in 0..3 {
        lines.ask("tools/call", call(MUCH / 8)).await;
    }
    // What was read of them is answered for, two with room for no third; of the rest `tsh` tells its client by the
    // reason.
    let mut answered = Vec::new();
    while let Some(answer) = lines.read().await {
        told(&answer);
        answered.extend(answer["id"].as_u64());
    }
    answered.sort_unstable();
    assert!([&[2_u64][..], &[2, 3]].contains(&answered.as_slice()), "{answered:?}");
    assert_eq!(lines.end().await.0, "server-ended");
    let sessions = Web::begin(&cluster, "dev", "up").await;
    let first = sessions.ask(2, "tools/call", call(MUCH));
    let (first, second) = tokio::join!(first, sessions.ask(3, "tools/call", call(MUCH)));
    told(&first.json().await);
    told(&second.json().await);
    assert_eq!(sessions.call(4, "echo").await.status, 404, "the client begins another");
    wait_until("nothing is left", || cluster.mark.alive().is_empty()).await;
}

#[tokio::test]
async fn a_server_that_reads_slowly_is_waited_for() {
    let limits = Limits { read_timeout: Duration::from_secs(1), ..Limits::default() };
    let cluster = Cluster::within(limits, &[("dev", json!(["*"]))]).await;
    let script = r#"
        for _ in 1 2 3 4 5 6; do sleep 0.4; head -c 100000 > /dev/null; done
        head -n 1 > /dev/null
        echo '{"jsonrpc":"2.0","id":2,"result":{}}'
        cat > /dev/null
    "#;
    serve(&cluster, script).await;
    let mut client = connect(&cluster).await;
    let begun = Instant::now();
    assert!(client.answer("tools/call", call(MUCH)).await["result"].is_object());
    assert!(begun.elapsed() > 2 * limits.read_timeout, "it took longer than the limit");
}

#[tokio::test]
async fn a_session_whose_server_reads_nothing_keeps_up_no_other_client_of_its_user() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let place = tempfile::tempdir().unwrap();
    let [first, read] = ["first", "read"].map(|name| place.path().join(name));
    let script = format!(
        r#"
        mkdir {} && {{ head -c 100000 > /dev/null; mkdir {}; exec sleep 600; }}
        while read -r line; do
            case "$line" in *'"id":'*) answer "$line" '{{"content":[]}}' ;; esac
        done
    "#,
        first.display(),
        read.display()
    );
    serve(&cluster, &script).await;
    let web = Web::new(&cluster, "dev", "up");
    let big = async |id: u64| {
        let web = web.modern("tools/call", Some("echo"));
        web.post(&modern(json!(id), "tools/call", call(MUCH)).to_string()).await.json().await
    };
    let others = async {
        // The first is on its way to the server, one of these is in the session and finds no room.
        wait_until("the server has begun to read", || read.exists()).await;
        let answer = tokio::select! {
            answer = big(2) => answer,
            answer = big(3) => answer,
        };
        assert!(answer["result"].is_object(), "{answer}");
        // Now that it is known, nobody waits.
        let begun = Instant::now();
        let answer = web.modern_call(json!(4), "echo").await.json().await;
        assert!(answer["result"].is_object(), "{answer}");
        assert!(begun.elapsed() < Duration::from_secs(5));
    };
    tokio::select! {
        answer = big(1) => panic!("{answer}"),
        () = others => {}
    }
}

#[tokio::test]
async fn a_server_that_asks_and_takes_no_answers_is_answered_by_so_many_requests_at_a_time() {
    let cluster = Cluster::start(&[("dev", json!(["*"]))]).await;
    let server = HttpServer::slow(|seen| async move {
        let said = message(&seen);
        match said["method"].as_str() {
            // All but the first ask under a name that is taken, and we say so.
            Some("tools/call") => {
                let question = r#"{"jsonrpc":"2.0","id":5,"method":"roots/list"}"#;
                open_stream(&format!("data: {question}\n\n").repeat(200))
            }
            None => std::future::pending().await,
            Some(_) => legacy(&seen),
        }
    })
    .await;
    register(&cluster, "asks", &server).await;
    let sessions = Web::begin(&cluster, "dev", "asks").await;
    let mut reply = sessions.call(7, "echo").await;
    assert_eq!(reply.event().await.unwrap().1["method"], "roots/list");
    let (_, answer) = reply.event().await.unwrap();
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(7), &json!(-32603)));
    let words = answer["error"]["message"].as_str().unwrap();
    assert!(words.contains("asks faster than it takes the answers"), "{words}");
    assert!(reply.event().await.is_none(), "once");
    let told = || server.seen().iter().filter(|seen| message(seen)["error"].is_object()).count();
    wait_until("it was told as often as may be", || told() == 64).await;
}
