//! Messages: what Tessera reads is what another reader reads.

use mcp::{Asked, Body, Limits, Message, Outcome};
use serde_json::Value;

pub(crate) fn run(input: &str) {
    let bytes = input.as_bytes();
    let client = read(input, &Limits::CLIENT);
    let server = read(input, &Limits::SERVER);
    assert!(server || !client, "read from a client and not from a server");
    if let Ok(messages) = Message::parse_batch(bytes, &Limits::CLIENT) {
        assert!(!messages.is_empty(), "a batch of nothing");
        assert!(messages.len() == 1 || !client, "a message and a batch");
    }
    let mut lines = mcp::framing::LineReader::new(1024);
    for piece in bytes.chunks(7) {
        lines.push(piece);
        while let Some(line) = lines.next_line() {
            assert!(line.map_or(0, |line| line.len()) <= 1024, "a line past its bound");
        }
    }
    let rest = lines.finish();
    assert!(rest.is_ok() || !bytes.is_empty(), "nothing is not an unfinished line");
}

/// Whether it was read.
fn read(input: &str, limits: &Limits) -> bool {
    let message = match Message::parse(input.as_bytes(), limits) {
        Ok(message) => message,
        Err(refused) => {
            let answer = serde_json::from_slice::<Value>(&refused.response());
            assert!(answer.is_ok(), "a refusal that is not JSON: {refused:?}");
            return false;
        }
    };
    let other: Value = match serde_json::from_str(input) {
        Ok(other) => other,
        Err(error) => {
            // It refuses two things that JSON does not, and that pass where they mean nothing to us.
            let error = error.to_string();
            let known = ["number out of range", "surrogate", "unexpected end of hex escape"];
            assert!(known.iter().any(|known| error.contains(known)), "read by us alone: {error}");
            return true;
        }
    };
    let text = |key: &str| other.get(key).and_then(Value::as_str);
    assert_eq!(text("jsonrpc"), Some("2.0"), "another version");
    match message.body {
        Body::Request(request) => {
            assert_eq!(text("method"), Some(request.method.as_str()), "another method");
            assert_eq!(other.get("id"), Some(&request.id.to_json()), "another id");
            if let Ok(ask) = request.ask() {
                asked(&ask, other.get("params").unwrap_or(&Value::Null));
            }
        }
        Body::Notification(notification) => {
            assert_eq!(text("method"), Some(notification.method.as_str()), "another method");
            assert_eq!(other.get("id"), None, "a notification with an id");
        }
        Body::Response(response) => {
            assert_eq!(text("method"), None, "an answer with a method");
            let result = matches!(response.outcome, Outcome::Result(_));
            assert_eq!(other.get("result").is_some(), result, "another outcome");
            for era in [mcp::Era::Legacy, mcp::Era::Modern] {
                drop(response.release(Asked::Other, era, &mut |_, _| false));
            }
        }
    }
    true
}

/// What is asked for is what another reader reads.
fn asked(ask: &mcp::Ask<'_>, params: &Value) {
    let text = |key: &str| params.get(key).and_then(Value::as_str);
    match ask {
        mcp::Ask::Tool(call) => assert_eq!(text("name"), Some(&*call.name), "another tool"),
        mcp::Ask::Prompt(get) => assert_eq!(text("name"), Some(&*get.name), "another prompt"),
        mcp::Ask::Resource(used) => assert_eq!(text("uri"), Some(&*used.uri), "another resource"),
        _ => {}
    }
}
