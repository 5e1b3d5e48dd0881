//! Bytes that need not change do not change: exchanges with real servers are recorded without the
//! gateway, then a server that repeats the recorded bytes is spoken to through it, by the same
//! requests, with a role that lets everything be used.

mod framed;
mod streams;

use std::collections::HashMap;

use testkit::http::Call;
use testkit::scripted::Out;
use testkit::{Cluster, HttpServer, Real, Scripted};

/// One exchange: what was asked, and what came back.
#[derive(Debug, Clone)]
struct Exchange {
    lines: Vec<(String, String)>,
    body: String,
    status: u16,
    kind: String,
    answer: Vec<u8>,
}

/// A POST of a script: its header lines and its body.
pub(crate) type Asked<'a> = (Vec<(&'a str, &'a str)>, String);

/// Odd spellings on purpose: number formats, escapes, unknown members, any order.
pub(crate) fn legacy() -> Vec<Asked<'static>> {
    let bodies = [
        r#"{"jsonrpc":"2.0","id":"a-string","method":"ping"}"#,
        r#"{"id":2,"method":"tools/list","jsonrpc":"2.0", "params":{} }"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"test_simple_text","arguments":{},"x-odd":[1.0,1e2,12345678901234567890]}}"#,
        r#"{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{"name":"test_image_content"}}"#,
        r#"{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"test_error_handling","arguments":{"\u00fc":"\u2028 \/"}}}"#,
        r#"{"jsonrpc":"2.0","id":6,"method":"prompts/list"}"#,
        r#"{"jsonrpc":"2.0","id":7,"method":"resources/list"}"#,
        r#"{"jsonrpc":"2.0","id":8,"method":"resources/templates/list"}"#,
        r#"{"jsonrpc":"2.0","id":9,"method":"resources/read","params":{"uri":"test://static-text"}}"#,
        r#"{"jsonrpc":"2.0","id":10,"method":"no/such/method","params":{}}"#,
        r#"{"jsonrpc":"2.0","id":11,"method":"tools/call","params":{"name":"test_tool_with_progress","_meta":{"progressToken":"p-1"}}}"#,
        "{\n  \"jsonrpc\": \"2.0\",\r\n  \"id\": 12,\n  \"method\": \"ping\"\n}",
    ];
    bodies
        .into_iter()
        .map(|body| (vec![("mcp-protocol-version", "2025-06-18")], body.to_owned()))
        .collect()
}

fn modern() -> Vec<Asked<'static>> {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"elicitation":{}},"x-odd":1.0}"#;
    let asked = |method: &'static str, name: Option<&'static str>, params: &str| {
        let mut lines = vec![("mcp-protocol-version", "2026-07-28"), ("mcp-method", method)];
        lines.extend(name.map(|name| ("mcp-name", name)));
        let comma = if params.is_empty() { "" } else { "," };
        (
            lines,
            format!(
                r#"{{"jsonrpc":"2.0","id":7,"method":"{method}","params":{{{params}{comma}{meta}}}}}"#
            ),
        )
    };
    vec![
        asked("server/discover", None, ""),
        asked("tools/list", None, ""),
        asked(
            "tools/call",
            Some("test_simple_text"),
            r#""name":"test_simple_text","arguments":{}"#,
        ),
        asked("tools/call", Some("test_image_content"), r#""name":"test_image_content""#),
        asked(
            "tools/call",
            Some("test_input_required_result_elicitation"),
            r#""name":"test_input_required_result_elicitation""#,
        ),
        asked("prompts/list", None, ""),
        asked("resources/list", None, ""),
        asked("resources/read", Some("test://static-text"), r#""uri":"test://static-text""#),
        asked("resources/read", Some("test://no-such"), r#""uri":"test://no-such""#),
        asked("no/such/method", None, ""),
    ]
}

pub(crate) const HELLO: &str = r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"t","version":"1"}}}"#;

/// Speaks by a script to whatever is at this port and path.
#[track_caller]
fn converse(port: u16, path: &str, script: &[Asked<'_>], handshake: bool) -> Vec<Exchange> {
    let mut session = Vec::new();
    let mut exchanges = Vec::new();
    let mut ask = |lines: &[(&str, &str)], body: &str, session: &mut Vec<(String, String)>| {
        let held = session.clone();
        let held: Vec<_> =
            held.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let call = Call::post(path, body).headers(lines).headers(&held);
        let reply = call.send(port).unwrap();
        if let Some(id) = reply.header("mcp-session-id") {
            *session = vec![("mcp-session-id".to_owned(), id.to_owned())];
        }
        let kind = reply.header("content-type").unwrap_or_default().to_owned();
        let lines = lines.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        let status = reply.status;
        let answer = reply.whole().unwrap();
        exchanges.push(Exchange { lines, body: body.to_owned(), status, kind, answer });
    };
    if handshake {
        ask(&[], HELLO, &mut session);
    }
    for (lines, body) in script {
        ask(lines, body, &mut session);
    }
    exchanges
}

/// A server that gives to each body the answer that was recorded for it.
fn replay(recorded: &[Exchange]) -> Scripted {
    let answers: HashMap<Vec<u8>, Exchange> =
        recorded.iter().map(|one| (one.body.clone().into_bytes(), one.clone())).collect();
    Scripted::start(move |asked, out: &mut Out| {
        let Some(known) = answers.get(&asked.body) else {
            return out.answer("405 Not Known", &["content-type: text/plain"], &asked.body);
        };
        let status = format!("{} As Recorded", known.status);
        let kind = format!("content-type: {}", known.kind);
        out.answer(&status, &[&kind, "mcp-session-id: of-the-server"], &known.answer);
    })
}

#[track_caller]
fn same(script: &[Asked<'_>], era: &str) {
    let (real, cluster) = (Real::locate(), Cluster::single());
    let fixture: HttpServer = real.fixture();
    let handshake = era == "legacy";
    let recorded = converse(fixture.port(), "/mcp", script, handshake);
    let server = replay(&recorded);
    cluster.app_pinned("recorded", &server.uri("mcp+http", "/mcp"), era);
    let alice = cluster.identity("alice", &["mcp-user"]);
    let pipe = real.tls_pipe(&cluster, &alice);
    let seen = converse(pipe.port(), "/mcp/apps/recorded", script, handshake);
    for (direct, through) in recorded.iter().zip(&seen) {
        let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert_eq!(
            (through.status, &through.kind, shown(&through.answer)),
            (direct.status, &direct.kind, shown(&direct.answer)),
            "{}",
            direct.body
        );
    }
    // The server was sent what the client sent, and nothing else.
    let asked = server.asked();
    let posts = asked.iter().filter(|asked| asked.method == "POST");
    let bodies: Vec<_> =
        posts.map(|asked| String::from_utf8_lossy(&asked.body).into_owned()).collect();
    let sent: Vec<_> = seen.iter().map(|one| one.body.clone()).collect();
    assert_eq!(bodies, sent);
    for (asked, one) in asked.iter().filter(|asked| asked.method == "POST").zip(&recorded) {
        for (name, value) in &one.lines {
            assert_eq!(asked.header(name), Some(value.as_str()), "{name} of {}", one.body);
        }
    }
    assert!(recorded.iter().any(|one| one.status == 200), "nothing was answered directly");
}

#[test]
fn a_legacy_http_server_is_heard_to_the_byte() {
    same(&legacy(), "legacy");
}

#[test]
fn a_modern_http_server_is_heard_to_the_byte() {
    same(&modern(), "modern");
}
