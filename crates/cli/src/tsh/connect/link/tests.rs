use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream as Pair;

use http::HeaderMap;
use http_body_util::BodyExt as _;
use hyper::body::{Frame, Incoming};
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::*;
use crate::tsh::connect::runs::{Run, Runs};
use crate::tsh::connect::stdio::Input;
use crate::tsh::testing::{Exchange, SOON, StandIn, Told, Writer};

mod second_factor;

const INITIALIZE: &str =
    r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18"}}"#;
const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":"call","method":"tools/call","params":{"name":"t"}}"#;

/// What the client under test sees and says.
struct User {
    read: Lines<BufReader<OwnedReadHalf>>,
    write: Option<OwnedWriteHalf>,
}

/// The server at the far end of a stream.
struct Far {
    up: Incoming,
    lines: Runs,
    run: Vec<String>,
    down: Writer,
}

fn user() -> (User, Client) {
    let (ours, theirs) = Pair::pair().unwrap();
    let client = Client::new(Input::of(ours.as_fd()).unwrap(), Output::of(ours.as_fd()).unwrap());
    theirs.set_nonblocking(true).unwrap();
    let (read, write) = UnixStream::from_std(theirs).unwrap().into_split();
    (User { read: BufReader::new(read).lines(), write: Some(write) }, client)
}

impl User {
    async fn say(&mut self, line: &str) {
        let write = self.write.as_mut().unwrap();
        write.write_all(format!("{line}\n").as_bytes()).await.unwrap();
    }

    async fn hear(&mut self) -> Value {
        let line = timeout(SOON, self.read.next_line()).await.expect("a line").unwrap();
        serde_json::from_str(&line.expect("tsh writes")).expect("whole messages only")
    }

    async fn is_told(&mut self, id: &str, words: &[&str]) {
        self.is_told_of(json!(id), words).await;
    }

    async fn is_told_of(&mut self, id: Value, words: &[&str]) {
        let answer = self.hear().await;
        assert_eq!(answer["id"], id, "{answer}");
        assert_eq!(answer["error"]["code"], -32603, "{answer}");
        let message = answer["error"]["message"].as_str().unwrap();
        for word in words {
            assert!(message.contains(word), "{word:?} is missing: {message}");
        }
    }
}

impl Far {
    fn new(exchange: Exchange) -> Self {
        assert_eq!(exchange.request.uri(), "https://cluster.test:3080/mcp/apps/everything");
        let (up, down) = exchange.stream(mcp::framing::STDIO_CONTENT_TYPE);
        Self { up, lines: Runs::new(1 << 20), run: Vec::new(), down }
    }

    async fn hear(&mut self) -> String {
        while self.run.is_empty() {
            let frame = timeout(SOON, self.up.frame()).await.expect("a frame");
            let data = frame.expect("more").unwrap().into_data().unwrap();
            if let Some(Run::Lines(run)) = self.lines.take(data) {
                let lines = lines(&run).map(|line| String::from_utf8(line.to_vec()).unwrap());
                self.run.extend(lines);
            }
        }
        self.run.remove(0)
    }

    async fn hears(&mut self, line: &str) {
        assert_eq!(self.hear().await, line);
    }

    async fn say(&mut self, text: impl Into<String>) {
        self.down.send_data(Bytes::from(text.into() + "\n")).await.unwrap();
    }

    /// Ends as the cluster does.
    async fn end(mut self, reason: &'static str, message: &'static str) {
        let mut trailers = HeaderMap::new();
        trailers.insert(api::stream_headers::END_REASON, reason.parse().unwrap());
        trailers.insert(api::stream_headers::END_MESSAGE, message.parse().unwrap());
        self.down.send(Frame::trailers(trailers)).await.unwrap();
    }
}

fn hello(version: &str) -> String {
    json!({"jsonrpc": "2.0", "id": 0, "result": {"protocolVersion": "2025-06-18",
        "serverInfo": {"name": "s", "version": version}}})
    .to_string()
}

fn result(id: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": {}}).to_string()
}

/// Begins a session on the first connection.
async fn begin(user: &mut User, cluster: &mut StandIn) -> Far {
    user.say(INITIALIZE).await;
    let mut far = Far::new(cluster.next().await);
    far.hears(INITIALIZE).await;
    far.say(hello("1")).await;
    assert_eq!(user.hear().await["result"]["serverInfo"]["version"], "1");
    user.say(INITIALIZED).await;
    far.hears(INITIALIZED).await;
    far
}

/// The next connection, on which the session begins once more.
async fn begun_anew(cluster: &mut StandIn) -> Far {
    let mut far = Far::new(cluster.next().await);
    far.hears(INITIALIZE).await;
    far.say(hello("1")).await;
    far.hears(INITIALIZED).await;
    far
}

/// Runs a client beside a script, which has to end it.
async fn run<F: Future<Output = ()>>(
    again: bool,
    script: impl FnOnce(User, StandIn, Told) -> F,
) -> Over {
    let cluster = StandIn::new();
    let (guide, tasks) = (cluster.guide(), cluster.tasks.clone());
    let (user, client) = user();
    let told = guide.clone();
    let link = Link::new(&guide, &tasks, again, client);
    let (over, ()) = tokio::join!(link.run(), script(user, cluster, told));
    match over {
        Ok(over) => over,
        // The script ended with something to be said to it.
        Err(error) => {
            let error: std::io::Error = error.downcast().unwrap();
            assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
            Over::ByClient
        }
    }
}

/// Loses a connection on which nothing is under way, and waits until that has been noticed.
async fn lose(user: &mut User, mut far: Far) {
    far.say(r#"{"jsonrpc":"2.0","id":"sign","method":"ping"}"#).await;
    assert_eq!(user.hear().await["id"], "sign");
    drop(far);
    assert_eq!(user.hear().await["params"]["requestId"], "sign");
}

#[tokio::test]
async fn the_session_goes_on_over_another_connection() {
    let over = run(true, async |mut user, mut cluster, _told| {
        assert!(cluster.is_idle(), "nothing is opened before something is said");
        let far = begin(&mut user, &mut cluster).await;
        lose(&mut user, far).await;
        user.say(CALL).await;
        let mut far = begun_anew(&mut cluster).await;
        far.hears(CALL).await;
        far.say(result("call")).await;
        assert_eq!(user.hear().await["id"], "call", "of the handshake the client sees nothing");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn what_can_be_asked_twice_is_and_a_call_is_not() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        user.say(CALL).await;
        user.say(LIST).await;
        far.hears(CALL).await;
        far.hears(LIST).await;
        drop(far);
        user.is_told("call", &["[MCP_NETWORK_UNAVAILABLE]", "not known", "try again"]).await;
        // By itself: the client says nothing more.
        let mut far = begun_anew(&mut cluster).await;
        far.hears(LIST).await;
        far.say(result("list")).await;
        assert_eq!(user.hear().await["id"], "list");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn a_server_that_always_dies_is_given_up() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        user.say(LIST).await;
        far.hears(LIST).await;
        far.end("server-ended", "the%20server%20ended").await;
        for _ in 1..=ATTEMPTS {
            let mut far = begun_anew(&mut cluster).await;
            far.hears(LIST).await;
            let data = json!({"end": "server-ended"});
            let error = json!({"code": -32603, "message": "the server ended", "data": data});
            far.say(json!({"jsonrpc": "2.0", "id": "list", "error": error}).to_string()).await;
            far.end("server-ended", "the%20server%20ended").await;
        }
        user.is_told("list", &["[MCP_UPSTREAM_ERROR]", "the server ended"]).await;
        assert!(cluster.is_idle());
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn another_server_in_its_place_is_not_spoken_to() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let far = begin(&mut user, &mut cluster).await;
        lose(&mut user, far).await;
        user.say(CALL).await;
        let mut far = Far::new(cluster.next().await);
        far.hears(INITIALIZE).await;
        far.say(hello("2")).await;
        user.is_told("call", &["[MCP_SERVER_CHANGED]", "Restart the client"]).await;
        assert!(far.up.frame().await.is_none_or(|frame| frame.is_err()), "nothing more is sent");
        // Each message tries anew.
        user.say(CALL).await;
        let mut far = begun_anew(&mut cluster).await;
        far.hears(CALL).await;
        far.say(result("call")).await;
        assert_eq!(user.hear().await["id"], "call");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn questions_of_a_server_that_is_gone_are_taken_back() {
    _ = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        far.say(r#"{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}"#).await;
        assert_eq!(user.hear().await["method"], "elicitation/create");
        far.end("locked", "a%20lock").await;
        let cancelled = user.hear().await;
        assert_eq!(cancelled["method"], "notifications/cancelled");
        assert_eq!(cancelled["params"]["requestId"], 0);
        user.say(r#"{"jsonrpc":"2.0","id":0,"result":{"action":"accept"}}"#).await;
        user.say(LIST).await;
        let mut far = begun_anew(&mut cluster).await;
        far.hears(LIST).await;
        far.say(result("list")).await;
        assert_eq!(user.hear().await["id"], "list");
        // Also when it comes late, while the next server is connected.
        user.say(r#"{"jsonrpc":"2.0","id":0,"result":{"action":"accept"}}"#).await;
        user.say(CALL).await;
        far.hears(CALL).await;
    })
    .await;
}

#[tokio::test]
async fn without_reconnection_the_end_is_the_end() {
    let over = run(false, async |mut user, mut cluster, told| {
        // What was wrong at first may be mended.
        let way = told.way();
        told.say(Err(Fault::new(Cause::Login, "not signed in")));
        user.say(INITIALIZE).await;
        assert!(user.hear().await["error"]["message"].as_str().unwrap().contains("tsh login"));
        told.say(way);
        let mut far = begin(&mut user, &mut cluster).await;
        user.say(LIST).await;
        far.hears(LIST).await;
        far.end("expired", "the%20certificate%20has%20expired").await;
        user.is_told("list", &["[MCP_TELEPORT_LOGIN_REQUIRED]", "has expired", "tsh login"]).await;
        assert!(user.read.next_line().await.unwrap().is_none());
    });
    assert_eq!(over.await, Over::Cut);
}

#[tokio::test]
async fn what_cannot_be_sent_is_answered_in_words() {
    let over = run(true, async |mut user, mut cluster, told| {
        cluster.stop();
        user.say(LIST).await;
        user.is_told("list", &["[MCP_NETWORK_UNAVAILABLE]", "cannot reach"]).await;
        let fault = Fault::new(Cause::Login, "the credentials of alice ended");
        told.say(Err(fault));
        user.say(CALL).await;
        user.is_told(
            "call",
            &["[MCP_TELEPORT_LOGIN_REQUIRED]", "of alice ended", "just try again"],
        )
        .await;
        user.say(INITIALIZED).await;
        let told = user.hear().await;
        assert_eq!(told["method"], "notifications/tsherr");
        assert!(told["params"]["error"].as_str().unwrap().contains("tsh login"));
        user.say("no message").await;
        assert_eq!(user.hear().await["error"]["code"], -32700);
        // Nothing of this needs an answer, or a connection.
        user.say(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#).await;
        user.say(
            r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
        )
        .await;
        user.write = None;
        assert!(user.read.next_line().await.unwrap().is_none());
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn a_refusal_of_the_cluster_is_passed_on_in_its_words() {
    let over = run(true, async |mut user, mut cluster, _told| {
        for (status, tag) in [
            (401, "[MCP_TELEPORT_LOGIN_REQUIRED]"),
            (403, "[MCP_TELEPORT_ERROR]"),
            (503, "[MCP_TELEPORT_ERROR]"),
        ] {
            user.say(LIST).await;
            let body = r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"so it is"}}"#;
            cluster.next().await.reply(status, "application/json", body);
            user.is_told("list", &[tag, "so it is"]).await;
        }
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn a_client_that_only_pipes_its_requests_in_gets_its_answers() {
    let over = run(true, async |mut user, mut cluster, _told| {
        user.say(INITIALIZE).await;
        user.say(LIST).await;
        user.write = None;
        let mut far = Far::new(cluster.next().await);
        far.hears(INITIALIZE).await;
        far.say(hello("1")).await;
        far.hears(LIST).await;
        let rest = timeout(SOON, (&mut far.up).collect()).await.expect("the end travels too");
        assert!(rest.unwrap().to_bytes().is_empty());
        far.say(result("list")).await;
        far.end("client-done", "").await;
        assert_eq!(user.hear().await["id"], 0);
        assert_eq!(user.hear().await["id"], "list");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn half_a_message_never_reaches_the_client() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        user.say(CALL).await;
        far.hears(CALL).await;
        let answer = result("call");
        let (half, _) = answer.split_at(answer.len() / 2);
        far.down.send_data(Bytes::copy_from_slice(half.as_bytes())).await.unwrap();
        drop(far);
        user.is_told("call", &["in the middle of a message"]).await;
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn a_client_that_sends_in_pieces_while_connections_change_loses_nothing() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        let (half, rest) = CALL.split_at(20);
        let write = user.write.as_mut().unwrap();
        write.write_all(format!("{LIST}\n{half}").as_bytes()).await.unwrap();
        far.hears(LIST).await;
        drop(far);
        let mut far = begun_anew(&mut cluster).await;
        far.hears(LIST).await;
        user.say(rest).await;
        far.hears(CALL).await;
        far.say(result("call")).await;
        assert_eq!(user.hear().await["id"], "call");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn lost_requests_wait_for_a_cluster_that_comes_back() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        user.say(LIST).await;
        far.hears(LIST).await;
        cluster.stop();
        drop(far);
        tokio::task::yield_now().await;
        cluster.start();
        let mut far = begun_anew(&mut cluster).await;
        far.hears(LIST).await;
        far.say(result("list")).await;
        assert_eq!(user.hear().await["id"], "list");
    });
    assert_eq!(over.await, Over::ByClient);
}

/// Nothing was agreed, so nothing is replayed.
#[tokio::test]
async fn the_modern_era_needs_no_beginning() {
    let over = run(true, async |mut user, mut cluster, _told| {
        user.say(LIST).await;
        let mut far = Far::new(cluster.next().await);
        far.hears(LIST).await;
        far.say(result("list")).await;
        assert_eq!(user.hear().await["id"], "list");
        lose(&mut user, far).await;
        user.say(LIST).await;
        let mut far = Far::new(cluster.next().await);
        far.hears(LIST).await;
        far.say(result("list")).await;
        assert_eq!(user.hear().await["id"], "list");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn what_the_client_follows_it_still_follows() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        let subscribe =
            r#"{"jsonrpc":"2.0","id":"s","method":"resources/subscribe","params":{"uri":"a:b"}}"#;
        user.say(subscribe).await;
        far.hears(subscribe).await;
        far.say(result("s")).await;
        assert_eq!(user.hear().await["id"], "s");
        lose(&mut user, far).await;
        user.say(LIST).await;
        let mut far = begun_anew(&mut cluster).await;
        let again: Value = serde_json::from_str(&far.hear().await).unwrap();
        assert_eq!(again["method"], "resources/subscribe");
        assert_eq!(again["params"], json!({"uri": "a:b"}));
        let told = user.hear().await;
        assert_eq!(told["method"], "notifications/resources/updated", "it may have changed");
        far.hears(LIST).await;
        far.say(result(again["id"].as_str().unwrap())).await;
        far.say(result("list")).await;
        assert_eq!(user.hear().await["id"], "list", "the other answer is not the client's");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn a_message_at_the_limit_passes_and_one_past_it_is_refused() {
    let over = run(true, async |mut user, mut cluster, _told| {
        let mut far = begin(&mut user, &mut cluster).await;
        far.lines = Runs::new(mcp::limits::MESSAGE_BYTES + 1);
        let long = |length: usize| {
            let head = r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"x":""#;
            format!("{head}{}\"}}}}", "x".repeat(length - head.len() - 3))
        };
        let fits = long(mcp::limits::MESSAGE_BYTES);
        let (sent, heard) = tokio::join!(user.say(&fits), far.hear());
        assert_eq!(((), heard == fits), (sent, true));
        user.say(&long(mcp::limits::MESSAGE_BYTES + 70_000)).await;
        assert_eq!(user.hear().await["error"]["code"], -32700);
        user.say(LIST).await;
        far.hears(LIST).await;
        far.say(result("list")).await;
        assert_eq!(user.hear().await["id"], "list");
    });
    assert_eq!(over.await, Over::ByClient);
}

#[tokio::test]
async fn what_another_cluster_says_does_not_pass_for_what_the_own_says() {
    let over = run(true, async |mut user, mut cluster, told| {
        let mut way = cluster.way(b"first");
        way.elsewhere = Some("leaf".to_owned());
        told.say(Ok(way));
        user.say(LIST).await;
        let body = r#"{"error":{"message":"\u001b[2Jrun \"x\"\n"}}"#;
        cluster.next().await.reply(401, "application/json", body);
        let words =
            r#"[MCP_TELEPORT_LOGIN_REQUIRED] on the way to the cluster "leaf": " [2Jrun \"x\" ""#;
        user.is_told("list", &[words]).await;
        user.say(CALL).await;
        let mut far = Far::new(cluster.next().await);
        far.hears(CALL).await;
        far.end("locked", "%1B%5D0;x%07run").await;
        user.is_told(
            "call",
            &[r#"[MCP_TELEPORT_ERROR] on the way to the cluster "leaf": " ]0;x run""#],
        )
        .await;
    });
    assert_eq!(over.await, Over::ByClient);
}
