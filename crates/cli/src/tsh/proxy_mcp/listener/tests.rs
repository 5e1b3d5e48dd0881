use api::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use super::*;
use crate::tsh::fault::{Cause, Fault};
use crate::tsh::testing::{SOON, StandIn, Told};

const LIST: &str = r#"{"jsonrpc":"2.0","id":"list","method":"tools/list"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":"call","method":"tools/call","params":{"name":"t"}}"#;

/// A local proxy, and the cluster behind it.
struct Site {
    cluster: StandIn,
    told: Told,
    address: SocketAddr,
    tasks: Tasks,
}

impl Site {
    async fn new() -> Self {
        let cluster = StandIn::new();
        let (told, tasks) = (cluster.guide(), cluster.tasks.clone());
        let listener = Listener::bind(0, Diary::None).await.unwrap();
        let address = listener.address();
        let pool = Arc::new(Pool::new(Arc::new(told.clone()), tasks.clone(), Diary::None));
        let serving = tasks.clone();
        tasks.spawn_until_cancelled("test", async move {
            listener.serve(&pool, Guard::Owner, &serving).await;
        });
        Self { cluster, told, address, tasks }
    }

    fn post(&self, body: &str) -> Request<Body> {
        self.request("POST", body)
    }

    fn request(&self, method: &str, body: &str) -> Request<Body> {
        Request::builder()
            .method(method)
            .uri("/mcp")
            .header("host", self.address.to_string())
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream")
            .body(api::full(body.to_owned()))
            .unwrap()
    }

    /// Asks on a connection of its own.
    fn ask(&self, request: Request<Body>) -> impl Future<Output = Response<Incoming>> + use<> {
        let (address, tasks) = (self.address, self.tasks.clone());
        async move {
            let stream = TcpStream::connect(address).await.unwrap();
            let io = TokioIo::new(stream);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await.unwrap();
            tasks.spawn_until_cancelled("client", async move {
                _ = connection.await;
            });
            timeout(SOON, sender.send_request(request)).await.expect("an answer").unwrap()
        }
    }

    /// What a client is told that the cluster never hears of.
    async fn refused(&mut self, request: Request<Body>, status: u16) -> Value {
        let response = self.ask(request).await;
        assert_eq!(response.status(), status);
        let value = json_of(response).await;
        assert!(self.cluster.is_idle());
        value
    }
}

async fn json_of(response: Response<Incoming>) -> Value {
    let body = timeout(SOON, response.into_body().collect()).await.expect("an end").unwrap();
    serde_json::from_slice(&body.to_bytes()).unwrap()
}

async fn next_data(body: &mut Incoming) -> Bytes {
    let frame = timeout(SOON, body.frame()).await.expect("a frame").expect("more").unwrap();
    frame.into_data().unwrap()
}

#[tokio::test]
async fn requests_travel_with_what_the_protocol_needs_and_nothing_else() {
    let mut site = Site::new().await;
    let mut request = site.post(LIST);
    for (name, value) in [
        ("mcp-session-id", "host.1"),
        ("mcp-protocol-version", "2025-06-18"),
        ("authorization", "Bearer secret"),
        ("cookie", "secret"),
        ("tessera-evidence", "forged"),
        ("x-forwarded-user", "root"),
    ] {
        request.headers_mut().insert(name, value.parse().unwrap());
    }
    let answer = site.ask(request);
    let far = async {
        let exchange = site.cluster.next().await;
        assert_eq!(exchange.request.uri(), "https://cluster.test:3080/mcp/apps/everything");
        let headers = exchange.request.headers().clone();
        assert_eq!(headers["mcp-session-id"], "host.1");
        assert_eq!(headers["mcp-protocol-version"], "2025-06-18");
        assert_eq!(headers["accept"], "application/json, text/event-stream");
        for name in ["authorization", "cookie", "tessera-evidence", "x-forwarded-user", "origin"] {
            assert!(!headers.contains_key(name), "{name}");
        }
        let (body, mut writer) = exchange.stream("application/json");
        assert_eq!(body.collect().await.unwrap().to_bytes(), LIST);
        writer.send_data(Bytes::from_static(b"{\"n\": 1.0e5}")).await.unwrap();
    };
    let (answer, ()) = tokio::join!(answer, far);
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], "application/json");
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "{\"n\": 1.0e5}");
}

#[tokio::test]
async fn events_pass_one_by_one_over_one_connection() {
    let mut site = Site::new().await;
    let (one, two) = (site.ask(site.request("GET", "")), site.ask(site.post(CALL)));
    let far = async {
        let mut exchanges = (site.cluster.next().await, site.cluster.next().await);
        if exchanges.0.request.method() == "POST" {
            std::mem::swap(&mut exchanges.0, &mut exchanges.1);
        }
        (exchanges.0.stream("text/event-stream"), exchanges.1.stream("text/event-stream"))
    };
    let (one, two, far) = tokio::join!(one, two, far);
    let (mut one, mut two) = (one.into_body(), two.into_body());
    let ((_, mut first), (_, mut second)) = far;
    for turn in 0..3 {
        for writer in [&mut first, &mut second] {
            writer.send_data(format!("data: {turn}\n\n").into()).await.unwrap();
        }
        for body in [&mut one, &mut two] {
            assert_eq!(next_data(body).await, format!("data: {turn}\n\n"));
        }
    }
    // A client that vanishes ends its request, and no other.
    drop(one);
    timeout(SOON, async { while first.send_data(Bytes::from_static(b":\n\n")).await.is_ok() {} })
        .await
        .expect("the cluster learns of it");
    second.send_data(Bytes::from_static(b"data: still\n\n")).await.unwrap();
    assert_eq!(next_data(&mut two).await, "data: still\n\n");
}

#[tokio::test]
async fn pages_and_other_places_are_refused_in_words() {
    let mut site = Site::new().await;
    let mut foreign = site.post(LIST);
    foreign.headers_mut().insert("origin", "http://evil.example".parse().unwrap());
    let told = site.refused(foreign, 403).await;
    assert!(told["error"]["message"].as_str().unwrap().contains("other origins"));
    let mut rebound = site.post(LIST);
    rebound.headers_mut().insert("host", "evil.example".parse().unwrap());
    site.refused(rebound, 403).await;
    let mut form = site.post(LIST);
    form.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    site.refused(form, 415).await;
    let mut elsewhere = site.request("GET", "");
    *elsewhere.uri_mut() = "/.well-known/security.txt".parse().unwrap();
    site.refused(elsewhere, 404).await;
    site.refused(site.request("OPTIONS", ""), 405).await;
    let long = "x".repeat(mcp::limits::MESSAGE_BYTES + 1);
    site.refused(site.post(&long), 413).await;
}

#[tokio::test]
async fn what_the_cluster_cannot_be_asked_is_answered_in_words() {
    let mut site = Site::new().await;
    site.told.say(Err(Fault::new(Cause::Login, "the credentials of alice ended")));
    let told = site.refused(site.post(CALL), 200).await;
    assert_eq!((&told["id"], &told["error"]["code"]), (&json!("call"), &json!(-32603)));
    let message = told["error"]["message"].as_str().unwrap();
    assert!(message.contains("[MCP_TELEPORT_LOGIN_REQUIRED]") && message.contains("tsh login"));
    site.refused(site.request("GET", ""), 403).await;
    // Mended, but the cluster is gone.
    site.told.say(Ok(site.cluster.way(b"first")));
    site.cluster.stop();
    let told = site.refused(site.post(CALL), 200).await;
    assert!(told["error"]["message"].as_str().unwrap().contains("cannot reach"), "{told}");
    site.refused(site.request("DELETE", ""), 502).await;
    // Back, by itself.
    site.cluster.start();
    let answer = site.ask(site.post(CALL));
    let (answer, ()) = tokio::join!(answer, async {
        site.cluster.next().await.reply(200, "application/json", "{}");
    });
    assert_eq!(answer.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_certificate_that_is_not_accepted_is_no_question_to_the_client() {
    let mut site = Site::new().await;
    let answer = site.ask(site.post(LIST));
    let (answer, ()) = tokio::join!(answer, async {
        let body = r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"it has expired"}}"#;
        site.cluster.next().await.reply(401, "application/json", body);
    });
    assert_eq!(answer.status(), 200, "401 would start a sign-in that leads nowhere");
    let told = json_of(answer).await;
    assert_eq!(told["id"], "list");
    assert!(told["error"]["message"].as_str().unwrap().contains("it has expired"));
}

#[tokio::test]
async fn another_clusters_refusal_of_a_certificate_is_told_as_its_own() {
    let mut site = Site::new().await;
    let mut way = site.cluster.way(b"first");
    way.elsewhere = Some("leaf".to_owned());
    site.told.say(Ok(way));
    let answer = site.ask(site.post(LIST));
    let (answer, ()) = tokio::join!(answer, async {
        let body = r#"{"error":{"message":"\u001b[2Jrun x"}}"#;
        site.cluster.next().await.reply(401, "application/json", body);
    });
    let told = json_of(answer).await;
    let words = r#"[MCP_TELEPORT_LOGIN_REQUIRED] on the way to the cluster "leaf": " [2Jrun x""#;
    assert!(told["error"]["message"].as_str().unwrap().starts_with(words), "{told}");
}

#[tokio::test]
async fn statuses_of_the_cluster_pass() {
    let mut site = Site::new().await;
    for status in [202, 400, 403, 404, 405, 503] {
        let answer = site.ask(site.post(LIST));
        let (answer, ()) = tokio::join!(answer, async {
            site.cluster.next().await.reply(status, "application/json", "{\"so\":1}");
        });
        assert_eq!(answer.status(), status);
        assert_eq!(json_of(answer).await, json!({"so": 1}));
    }
}

#[tokio::test]
async fn a_list_is_asked_for_again_and_a_call_is_not() {
    let mut site = Site::new().await;
    for (body, again) in [(LIST, true), (CALL, false)] {
        let answer = site.ask(site.post(body));
        let (answer, ()) = tokio::join!(answer, async {
            drop(site.cluster.next().await);
            if again {
                site.cluster.next().await.reply(200, "application/json", r#"{"id":"list"}"#);
            }
        });
        let told = json_of(answer).await;
        if again {
            assert_eq!(told, json!({"id": "list"}));
        } else {
            let message = told["error"]["message"].as_str().unwrap();
            assert!(message.contains("is not known"), "{message}");
        }
        assert!(site.cluster.is_idle());
    }
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_with_an_answer() {
    let mut site = Site::new().await;
    for (sent, words) in
        [("data: {}\n\n", true), ("id: 1\ndata: {}\n\n", false), ("data: {", false)]
    {
        let answer = site.ask(site.post(CALL));
        let far = async {
            let (_body, mut writer) = site.cluster.next().await.stream("text/event-stream");
            writer.send_data(Bytes::from(sent)).await.unwrap();
            writer
        };
        let (answer, writer) = tokio::join!(answer, far);
        let mut body = answer.into_body();
        assert_eq!(next_data(&mut body).await, sent);
        writer.abort("gone".into());
        let rest = timeout(SOON, body.collect()).await.expect("an end");
        if words {
            let rest = rest.unwrap().to_bytes();
            let data = rest.strip_prefix(b"data: ").or(rest.strip_prefix(b"data:")).unwrap();
            let told: Value = serde_json::from_slice(data).unwrap();
            assert_eq!(told["id"], "call");
            assert!(told["error"]["message"].as_str().unwrap().contains("not known"));
        } else {
            assert!(rest.is_err(), "a resumable stream, or half an event, is left as it is");
        }
    }
}

#[tokio::test]
async fn whoever_signs_in_is_who_asks_from_then_on() {
    let mut site = Site::new().await;
    let open = site.ask(site.request("GET", ""));
    let (open, (_, mut writer)) =
        tokio::join!(open, async { site.cluster.next().await.stream("text/event-stream") });
    let mut open = open.into_body();
    site.told.say(Ok(site.cluster.way(b"second")));
    // The new certificate has a connection of its own.
    let until = tokio::time::Instant::now() + SOON;
    while site.cluster.connections() < 2 {
        assert!(tokio::time::Instant::now() < until, "it was not noticed");
        let answer = site.ask(site.post(LIST));
        let (answer, ()) = tokio::join!(answer, async {
            site.cluster.next().await.reply(200, "application/json", "{}");
        });
        assert_eq!(answer.status(), 200);
    }
    // What is under way goes on where it is.
    writer.send_data(Bytes::from_static(b"data: on\n\n")).await.unwrap();
    assert_eq!(next_data(&mut open).await, "data: on\n\n");
}

#[tokio::test]
async fn many_streams_share_connections_and_none_waits() {
    let mut site = Site::new().await;
    let mut held = Vec::new();
    for _ in 0..120 {
        let answer = site.ask(site.request("GET", ""));
        let (answer, far) =
            tokio::join!(answer, async { site.cluster.next().await.stream("text/event-stream") });
        held.push((answer, far));
    }
    assert_eq!(site.cluster.connections(), 2);
}

#[tokio::test]
async fn a_port_that_is_taken_is_said() {
    let first = Listener::bind(0, Diary::None).await.unwrap();
    let port = first.address().port();
    let error = Listener::bind(port, Diary::None).await.unwrap_err();
    let refused = error.downcast_ref::<Refused>().unwrap();
    assert!(refused.message.contains(&format!("127.0.0.1:{port}")), "{refused}");
    drop(first);
    // Nor may another program be what `localhost` means.
    let Ok(squatter) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)).await else { return };
    let port = squatter.local_addr().unwrap().port();
    let error = Listener::bind(port, Diary::None).await.unwrap_err();
    assert!(error.to_string().contains("[::1]"), "{error}");
}

#[tokio::test]
async fn both_loopbacks_are_served() {
    let mut site = Site::new().await;
    let v6 = SocketAddr::from((Ipv6Addr::LOCALHOST, site.address.port()));
    let Ok(mut stream) = TcpStream::connect(v6).await else { return };
    let head = format!(
        "POST / HTTP/1.1\r\nhost: {v6}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        LIST.len()
    );
    stream.write_all(format!("{head}{LIST}").as_bytes()).await.unwrap();
    site.cluster.next().await.reply(200, "application/json", "{}");
    let mut told = String::new();
    timeout(SOON, stream.read_to_string(&mut told)).await.expect("an end").unwrap();
    assert!(told.starts_with("HTTP/1.1 200") && told.ends_with("{}"), "{told}");
}

/// Nothing is buffered without bound for a client that does not read, and nobody else waits for it.
#[tokio::test]
async fn a_client_that_does_not_read_holds_up_its_own_stream_only() {
    let mut site = Site::new().await;
    let slow = site.ask(site.request("GET", ""));
    let (slow, (_, mut writer)) =
        tokio::join!(slow, async { site.cluster.next().await.stream("text/event-stream") });
    let chunk = Bytes::from(vec![b'x'; 64 << 10]);
    let flood = async {
        for sent in 0..10_000 {
            if timeout(Duration::from_millis(300), writer.send_data(chunk.clone())).await.is_err() {
                return sent;
            }
        }
        10_000
    };
    let held = flood.await;
    assert!(held < 1_000, "{held} chunks were taken for a client that reads none");
    let answer = site.ask(site.post(LIST));
    let (answer, ()) = tokio::join!(answer, async {
        site.cluster.next().await.reply(200, "application/json", "{}");
    });
    assert_eq!(answer.status(), 200);
    drop(slow);
}
