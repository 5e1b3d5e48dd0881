use serde_json::Value;

use super::*;
use crate::limits::Limits;

fn post(body: &str, version: &str, method: &str) -> Result<(), Value> {
    let message = Message::parse(body.as_bytes(), &Limits::CLIENT).unwrap();
    let headers = Headers {
        protocol_version: &[version.as_bytes()],
        method: &[method.as_bytes()],
        name: &[],
    };
    check_post(&message, &headers)
        .map_err(|refused| serde_json::from_slice(&refused.response()).unwrap())
}

fn request(meta: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":7,"method":"tools/list","params":{{"_meta":{meta}}}}}"#)
}

const META: &str = r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;

#[test]
fn a_request_says_what_it_speaks_and_what_its_client_can_do() {
    assert_eq!(post(&request(META), "2026-07-28", "tools/list"), Ok(()));
    for meta in [
        "null",
        "{}",
        "7",
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#,
        r#"{"io.modelcontextprotocol/protocolVersion":7,"io.modelcontextprotocol/clientCapabilities":{}}"#,
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":[]}"#,
        r#"{"io.modelcontextprotocol/clientCapabilities":{}}"#,
    ] {
        let error = post(&request(meta), "2026-07-28", "tools/list").unwrap_err();
        assert_eq!(
            (&error["error"]["code"], &error["id"]),
            (&(-32602).into(), &7.into()),
            "{meta}"
        );
    }
    let bare = r#"{"jsonrpc":"2.0","id":7,"method":"tools/list"}"#;
    assert_eq!(post(bare, "2026-07-28", "tools/list").unwrap_err()["error"]["code"], -32602);
}

#[test]
fn headers_then_the_revision() {
    let unknown = request(&META.replace("2026-07-28", "1900-01-01"));
    let error = post(&unknown, "2026-07-28", "tools/list").unwrap_err();
    assert_eq!(error["error"]["code"], -32020);
    assert_eq!(error["error"].get("data"), None);
    let error = post(&unknown, "1900-01-01", "tools/list").unwrap_err();
    assert_eq!(error["error"]["code"], -32022);
    assert_eq!(error["error"]["data"]["requested"], "1900-01-01");
    assert_eq!(error["error"]["data"]["supported"][0], "2026-07-28");
    // One that began with a handshake is not spoken so.
    let legacy = request(&META.replace("2026-07-28", "2025-11-25"));
    assert_eq!(post(&legacy, "2025-11-25", "tools/list").unwrap_err()["error"]["code"], -32022);
    assert_eq!(
        post(&request(META), "2026-07-28", "tools/call").unwrap_err()["error"]["code"],
        -32020
    );
}

#[test]
fn requests_of_former_revisions_are_unknown() {
    for method in FORMER {
        let text = request(META).replace("tools/list", method);
        let error = post(&text, "2026-07-28", method).unwrap_err();
        assert_eq!(error["error"]["code"], -32601, "{method}: {error}");
    }
}

#[test]
fn nothing_but_requests_and_notifications() {
    let note = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(post(note, "2026-07-28", "notifications/cancelled"), Ok(()));
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    let error = post(answer, "2026-07-28", "").unwrap_err();
    assert_eq!(error["error"]["code"], -32600);
    assert_eq!(error.get("id"), None, "the id is one of another's");
}

#[test]
fn on_a_stream_there_are_no_headers() {
    let text = request(META);
    let Body::Request(request) = Message::parse(text.as_bytes(), &Limits::CLIENT).unwrap().body
    else {
        panic!("no request")
    };
    assert_eq!(check(&request), Ok(()));
}
