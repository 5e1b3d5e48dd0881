use super::*;
use crate::demo::{Demo, DemoContext};
use crate::header;

fn judge(answer: &str) -> Era {
    judge_discover(Some(answer.as_bytes()))
}

fn error(error: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"error":{error}}}"#)
}

#[test]
fn modern_servers() {
    for answer in [
        r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2026-07-28"],"capabilities":{},"resultType":"complete"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2030-01-01","2026-07-28","2025-11-25"]}}"#.to_owned(),
        error(r#"{"code":-32020,"message":"Header mismatch"}"#),
        error(r#"{"code":-32021,"message":"?","data":{"requiredCapabilities":{"roots":{}}}}"#),
        error(r#"{"code":-32022,"message":"?","data":{"supported":["2026-07-28"],"requested":"x"}}"#),
    ] {
        assert_eq!(judge(&answer), Era::Modern, "{answer}");
    }
}

/// What servers that were run answered.
#[test]
fn legacy_servers_as_they_are() {
    for answer in [
        // The TypeScript SDK, the Python SDK, server-everything over HTTP, dbhub over HTTP.
        error(r#"{"code":-32601,"message":"Method not found"}"#),
        error(r#"{"code":-32602,"message":"Invalid request parameters","data":""}"#),
        error(r#"{"code":-32000,"message":"Bad Request: Server not initialized"}"#),
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: Unsupported protocol version: 2026-07-28 (supported versions: 2025-11-25)"},"id":null}"#.to_owned(),
        // Go, stateful over HTTP: it knows the method and names what it spoke before.
        r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2025-11-25","2025-06-18","2025-03-26","2024-11-05"],"capabilities":{}}}"#.to_owned(),
        error(r#"{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2025-11-25"],"requested":"2026-07-28"}}"#),
        error(r#"{"code":-32022,"message":"Unsupported protocol version"}"#),
        // Nothing that is spoken here.
        r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":["2030-01-01"]}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"result":{}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"result":{"supportedVersions":"2026-07-28"}}"#.to_owned(),
        r#"{"jsonrpc":"2.0","id":1,"result":null}"#.to_owned(),
        // No answers.
        r#"{"jsonrpc":"2.0","id":1,"method":"server/discover"}"#.to_owned(),
        "<html>404 page not found</html>".to_owned(),
        String::new(),
    ] {
        assert_eq!(judge(&answer), Era::Legacy, "{answer}");
    }
    assert_eq!(judge_discover(None), Era::Legacy);
}

#[test]
fn refusals_of_initialize() {
    let refuses = |text: &str| is_modern_refusal(error(text).as_bytes());
    for text in [
        r#"{"code":-32601,"message":"Method not found"}"#,
        r#"{"code":-32022,"message":"Unsupported protocol version","data":{"supported":["2026-07-28"]}}"#,
        r#"{"code":-32020,"message":"missing header MCP-Protocol-Version"}"#,
        r#"{"code":-32602,"message":"missing _meta io.modelcontextprotocol/protocolVersion"}"#,
        r#"{"code":-32600,"message":"no","data":{"supported":["2026-07-28"]}}"#,
    ] {
        assert!(refuses(text), "{text}");
    }
    for text in [
        r#"{"code":-32602,"message":"Invalid request parameters"}"#,
        r#"{"code":-32603,"message":"out of memory"}"#,
        r#"{"code":-32000,"message":"Unauthorized"}"#,
        r#"{"code":"-32601","message":"?"}"#,
    ] {
        assert!(!refuses(text), "{text}");
    }
    assert!(!is_modern_refusal(br#"{"jsonrpc":"2.0","id":1,"result":{}}"#));
    assert!(!is_modern_refusal(b"404"));
}

#[test]
fn the_question_is_a_modern_request() {
    let question = discover(7);
    let Body::Request(request) = Message::parse(&question, &Limits::CLIENT).unwrap().body else {
        panic!("no request")
    };
    assert_eq!(crate::modern::check(&request), Ok(()));
    let header = |name: &'static str, value: &str| (name, value.to_owned());
    assert_eq!(
        header::of(&request),
        [header(header::PROTOCOL_VERSION, "2026-07-28"), header(header::METHOD, "server/discover")]
    );
    let context = DemoContext {
        user: "a",
        user_kind: "human",
        roles: &[],
        cluster: "c",
        app_name: "a",
        description: "",
        transport: "t",
        session: "s",
    };
    assert_eq!(
        judge_discover(Demo::new().handle(&question, &context).first().map(Vec::as_slice)),
        Era::Modern
    );
}
