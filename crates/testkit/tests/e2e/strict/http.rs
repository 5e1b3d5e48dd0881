//! Over HTTP: what clients send. The servers are those of [`super::Fooled`], spoken to as they are
//! known to speak, so that each message passes or does not pass as it is.

use std::path::PathBuf;

use serde_json::Value;
use testkit::http::Call;
use testkit::{Cluster, HttpServer, Real};

use super::attacks::{self, Attack};
use super::{Fooled, Reader, await_refusals};

const MODERN: &str = "2026-07-28";
const LEGACY: &str = "2025-06-18";
pub(super) const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

/// A cluster with an app for each reader, and the way of somebody who may use `echo`.
struct Site {
    cluster: Cluster,
    alice: PathBuf,
    servers: Vec<(Reader, Fooled, HttpServer)>,
    pipe: HttpServer,
}

impl Site {
    #[track_caller]
    fn new(era: &str) -> Self {
        let (real, cluster) = (Real::locate(), Cluster::single());
        cluster.tools_role("echoer", &["echo"]);
        let alice = cluster.identity("alice", &["echoer"]);
        let server = |reader: Reader| {
            let fooled = Fooled::new(&real, reader, cluster.scratch().path());
            let http = HttpServer::telling("/mcp", &fooled.argv.clone().arg("http"));
            cluster.app_pinned(reader.name(), &http.uri("mcp+http"), era);
            (reader, fooled, http)
        };
        let servers = Reader::ALL.into_iter().map(server).collect();
        let pipe = real.tls_pipe(&cluster, &alice);
        Self { cluster, alice, servers, pipe }
    }

    fn path(reader: Reader) -> String {
        format!("/mcp/apps/{}", reader.name())
    }

    /// The header lines of a session of the legacy era.
    #[track_caller]
    fn session(&self, reader: Reader, port: u16) -> Vec<(String, String)> {
        let hello = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"protocolVersion":"{LEGACY}","capabilities":{{}},"clientInfo":{{"name":"t","version":"1"}}}}}}"#
        );
        let reply = Call::post(&Self::path(reader), hello).send(port).unwrap();
        let session = reply.header("mcp-session-id").map(str::to_owned);
        let answer = String::from_utf8(reply.whole().unwrap()).unwrap();
        assert!(answer.contains("fooled"), "{answer}");
        let version = ("mcp-protocol-version".to_owned(), LEGACY.to_owned());
        let session = session.map(|id| ("mcp-session-id".to_owned(), id));
        [version].into_iter().chain(session).collect()
    }
}

/// The error of an answer, and whether it has a result.
fn judged(body: &[u8]) -> (Option<i64>, bool) {
    let text = String::from_utf8_lossy(body);
    let json = text.lines().find_map(|line| line.strip_prefix("data: ")).unwrap_or(&text);
    let answer: Value = serde_json::from_str(json).unwrap_or_default();
    let code = answer.pointer("/error/code").and_then(Value::as_i64);
    (code, answer.get("result").is_some())
}

/// Attacks that only HTTP can carry, besides those of any transport.
fn all() -> Vec<Attack> {
    let wipe = r#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"wipe"}}"#;
    let wide = wipe.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut attacks = attacks::all();
    let fools: &[Reader] = &[Reader::Python];
    attacks.push(Attack { name: "UTF-16", bytes: wide, fools, code: Some(-32700) });
    attacks
}

#[test]
fn nothing_that_could_fool_a_legacy_http_server_reaches_it() {
    let site = Site::new("legacy");
    for (reader, fooled, _) in &site.servers {
        let session = site.session(*reader, site.pipe.port());
        let lines: Vec<_> = session.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let post = |body: &[u8]| Call::post(&Site::path(*reader), body).headers(&lines);
        let mut refused = 0;
        for attack in all() {
            let reply = post(&attack.bytes).send(site.pipe.port()).unwrap();
            let status = reply.status;
            let body = reply.whole().unwrap();
            let (code, _) = judged(&body);
            let shown = String::from_utf8_lossy(&body);
            assert_eq!(code, attack.code, "{reader:?}, {}: {status} {shown}", attack.name);
            assert!(!fooled.wiped(), "{reader:?}, {}:\n{}", attack.name, fooled.log());
            refused += usize::from(attack.code.is_some());
        }
        let echo = br#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"echo"}}"#;
        let body = post(echo).send(site.pipe.port()).unwrap().whole().unwrap();
        assert!(judged(&body).1, "{}", String::from_utf8_lossy(&body));
        assert!(fooled.log().contains("did tools/call echo"), "{}", fooled.log());
        await_refusals(&site.cluster, reader.name(), refused);
    }
}

/// The same message as one of the modern era.
fn modern(bytes: &[u8]) -> Vec<u8> {
    let Some(at) = testkit::http::find(bytes, br#""params":{"#) else { return bytes.to_vec() };
    let (head, tail) = bytes.split_at(at + br#""params":{"#.len());
    [head, META.as_bytes(), b",", tail].concat()
}

#[test]
fn nothing_that_could_fool_a_modern_http_server_reaches_it() {
    let site = Site::new("modern");
    let lines =
        [("mcp-protocol-version", MODERN), ("mcp-method", "tools/call"), ("mcp-name", "echo")];
    for (reader, fooled, _) in &site.servers {
        let post = |body: &[u8]| Call::post(&Site::path(*reader), body).headers(&lines);
        let mut refused = 0;
        for attack in all() {
            let reply = post(&modern(&attack.bytes)).send(site.pipe.port()).unwrap();
            let status = reply.status;
            let body = reply.whole().unwrap();
            let (code, result) = judged(&body);
            let shown = String::from_utf8_lossy(&body);
            assert!(
                !result && (code.is_some() || status == 202),
                "{reader:?}, {}: {status} {shown}",
                attack.name
            );
            assert!(!fooled.wiped(), "{reader:?}, {}:\n{}", attack.name, fooled.log());
            refused += 1;
        }
        let echo = format!(
            r#"{{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{{{META},"name":"echo"}}}}"#
        );
        let body = post(echo.as_bytes()).send(site.pipe.port()).unwrap().whole().unwrap();
        assert!(judged(&body).1, "{}", String::from_utf8_lossy(&body));
        assert!(fooled.log().contains("did tools/call echo"), "{}", fooled.log());
        await_refusals(&site.cluster, reader.name(), refused);
    }
}

#[test]
fn headers_that_say_otherwise_than_the_body_reach_no_server() {
    let site = Site::new("modern");
    let [_, (reader, fooled, _), _] = site.servers.as_slice() else { panic!("three servers") };
    let echo = format!(
        r#"{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{{META},"name":"echo"}}}}"#
    );
    let version = ("mcp-protocol-version", MODERN);
    let method = ("mcp-method", "tools/call");
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("another name", &[version, method, ("mcp-name", "wipe")]),
        ("another name, encoded", &[version, method, ("mcp-name", "=?base64?d2lwZQ==?=")]),
        ("two names", &[version, method, ("mcp-name", "echo"), ("mcp-name", "wipe")]),
        ("two names in one", &[version, method, ("mcp-name", "echo, wipe")]),
        ("a name in other case", &[version, method, ("mcp-name", "Echo")]),
        ("no name", &[version, method]),
        ("another method", &[version, ("mcp-method", "tools/list"), ("mcp-name", "echo")]),
        ("two methods", &[version, method, ("mcp-method", "ping"), ("mcp-name", "echo")]),
        ("no method", &[version, ("mcp-name", "echo")]),
        (
            "two revisions",
            &[version, ("mcp-protocol-version", LEGACY), method, ("mcp-name", "echo")],
        ),
    ];
    for (name, lines) in cases {
        let call = Call::post(&Site::path(*reader), echo.as_bytes()).headers(lines);
        let reply = call.send(site.pipe.port()).unwrap();
        let seen = reply.status;
        let body = String::from_utf8_lossy(&reply.whole().unwrap()).into_owned();
        assert_eq!(seen, 400, "{name}: {body}");
        let code = judged(body.as_bytes()).0;
        assert!(matches!(code, Some(-32020 | -32600)), "{name}: {body}");
        assert_eq!(fooled.log(), "", "{name}");
    }
    await_refusals(&site.cluster, reader.name(), cases.len());
}

#[test]
fn what_clients_say_of_themselves_and_foreign_pages_reach_no_server() {
    let site = Site::new("legacy");
    let [(reader, fooled, _), ..] = site.servers.as_slice() else { panic!("three servers") };
    let session = site.session(*reader, site.pipe.port());
    let lines: Vec<_> = session.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let echo = br#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"echo"}}"#;
    let post = || Call::post(&Site::path(*reader), echo.as_slice()).headers(&lines);
    // Secrets of the client, and what only the gateway may say.
    let call = post().headers(&[
        ("authorization", "Bearer of-the-client"),
        ("cookie", "of-the-client=1"),
        ("x-forwarded-for", "of-the-client"),
        ("tessera-jwt-assertion", "of-the-client"),
        ("teleport-jwt-assertion", "of-the-client"),
        ("x-anything", "of-the-client"),
    ]);
    let body = call.send(site.pipe.port()).unwrap().whole().unwrap();
    assert!(judged(&body).1, "{}", String::from_utf8_lossy(&body));
    assert!(!fooled.log().contains("of-the-client"), "{}", fooled.log());
    fooled.forget();
    let refused = [
        ("a page of another origin", 403, post().header("origin", "https://evil.example")),
        ("a page of no origin", 403, post().header("origin", "null")),
        ("a compressed body", 415, post().header("content-encoding", "gzip")),
        (
            "a character set",
            415,
            post()
                .without("content-type")
                .header("content-type", "application/json; charset=utf-16"),
        ),
        ("a form", 415, post().without("content-type").header("content-type", "text/plain")),
        ("two sessions", 400, post().headers(&lines)),
    ];
    for (name, status, call) in refused {
        let reply = call.send(site.pipe.port()).unwrap();
        let seen = reply.status;
        let body = String::from_utf8_lossy(&reply.whole().unwrap()).into_owned();
        assert_eq!(seen, status, "{name}: {body}");
        assert_eq!(fooled.log(), "", "{name}");
    }
}

#[test]
fn a_session_is_nobody_elses() {
    let site = Site::new("legacy");
    let [(reader, fooled, _), ..] = site.servers.as_slice() else { panic!("three servers") };
    let bob = site.cluster.identity("bob", &["echoer"]);
    let real = Real::locate();
    let others = real.tls_pipe(&site.cluster, &bob);
    let session = site.session(*reader, site.pipe.port());
    let lines: Vec<_> = session.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    assert!(lines.iter().any(|(name, _)| *name == "mcp-session-id"), "{lines:?}");
    fooled.forget();
    let echo = br#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"echo"}}"#;
    let post = |reader: Reader| Call::post(&Site::path(reader), echo.as_slice()).headers(&lines);
    let theirs = [
        ("a call", post(*reader)),
        (
            "a stream",
            Call::new("GET", &Site::path(*reader))
                .headers(&lines)
                .header("accept", "text/event-stream"),
        ),
        ("an end", Call::new("DELETE", &Site::path(*reader)).headers(&lines)),
    ];
    for (name, call) in theirs {
        let reply = call.send(others.port()).unwrap();
        let seen = reply.status;
        let body = String::from_utf8_lossy(&reply.whole().unwrap()).into_owned();
        assert_eq!(seen, 404, "{name}: {body}");
        assert_eq!(fooled.log(), "", "{name}");
    }
    // Nor is it a session of another app.
    assert_eq!(post(Reader::Node).send(site.pipe.port()).unwrap().status, 404);
    // It goes on for whom it is.
    let body = post(*reader).send(site.pipe.port()).unwrap().whole().unwrap();
    assert!(judged(&body).1, "{}", String::from_utf8_lossy(&body));
    drop(site.alice);
}
