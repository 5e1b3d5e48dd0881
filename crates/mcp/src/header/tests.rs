use proptest::prelude::*;

use super::*;
use crate::limits::Limits;
use crate::message::{Body, Message};

fn check(message: &str, version: &[&str], method: &[&str], name: &[&str]) -> Result<(), Reason> {
    let values = |values: &[&'static str]| -> Vec<&'static [u8]> {
        values.iter().map(|v| v.as_bytes()).collect()
    };
    let leak = |texts: &[&str]| -> Vec<&'static str> {
        texts.iter().map(|t| &*t.to_string().leak()).collect()
    };
    let (version, method, name) =
        (values(&leak(version)), values(&leak(method)), values(&leak(name)));
    let Body::Request(request) = Message::parse(message.as_bytes(), &Limits::CLIENT).unwrap().body
    else {
        panic!("{message}")
    };
    Headers { protocol_version: &version, method: &method, name: &name }
        .check(&request)
        .map_err(|refused| refused.reason)
}

fn call(name: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{name}","_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}}}}"#
    )
}

const V: &[&str] = &["2026-07-28"];

#[test]
fn headers_say_what_the_body_says() {
    let call = call("a");
    assert_eq!(check(&call, V, &["tools/call"], &["a"]), Ok(()));
    assert_eq!(check(&call, V, &["tools/call"], &["=?base64?YQ==?="]), Ok(()));
    for (version, method, name, header) in [
        (&["2025-11-25"][..], &["tools/call"][..], &["a"][..], "MCP-Protocol-Version"),
        (&[], &["tools/call"], &["a"], "MCP-Protocol-Version"),
        (&["2026-07-28", "2026-07-28"], &["tools/call"], &["a"], "MCP-Protocol-Version"),
        (V, &["tools/list"], &["a"], "Mcp-Method"),
        (V, &["Tools/Call"], &["a"], "Mcp-Method"),
        (V, &[], &["a"], "Mcp-Method"),
        (V, &["tools/call", "tools/list"], &["a"], "Mcp-Method"),
        (V, &["tools/call"], &["b"], "Mcp-Name"),
        (V, &["tools/call"], &["A"], "Mcp-Name"),
        (V, &["tools/call"], &[], "Mcp-Name"),
        (V, &["tools/call"], &["a", "b"], "Mcp-Name"),
        (V, &["tools/call"], &["=?base64?Yg==?="], "Mcp-Name"),
        (V, &["tools/call"], &["=?base64?!!?="], "Mcp-Name"),
        (V, &["tools/call"], &["é"], "Mcp-Name"),
    ] {
        assert_eq!(
            check(&call, version, method, name),
            Err(Reason::Header { header }),
            "{version:?} {method:?} {name:?}"
        );
    }
    assert_eq!(Reason::Header { header: "Mcp-Name" }.code(), crate::error::code::HEADER_MISMATCH);
}

#[test]
fn names_outside_ascii() {
    let value = encode("Hello, 世界").into_owned();
    assert_eq!(value, "=?base64?SGVsbG8sIOS4lueVjA==?=");
    assert_eq!(check(&call("Hello, 世界"), V, &["tools/call"], &[&value]), Ok(()));
    for (name, value) in [
        ("us-west1", "us-west1"),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
    ] {
        assert_eq!(encode(name), value);
        assert_eq!(decode(value.as_bytes()).unwrap(), name);
    }
    assert_eq!(decode(b"a\x00"), None);
    assert_eq!(decode(b"\xff"), None);
    assert_eq!(decode(b"=?base64?/w==?="), None);
}

#[test]
fn which_requests_need_a_name() {
    let meta = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}"#;
    let list = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{{{meta}}}}}"#);
    assert_eq!(check(&list, V, &["tools/list"], &[]), Ok(()));
    let read = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{{"uri":"x://a","name":"b",{meta}}}}}"#
    );
    assert_eq!(check(&read, V, &["resources/read"], &["x://a"]), Ok(()));
    assert_eq!(
        check(&read, V, &["resources/read"], &["b"]),
        Err(Reason::Header { header: "Mcp-Name" })
    );
    let bare = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#;
    assert_eq!(
        check(bare, V, &["tools/list"], &[]),
        Err(Reason::Header { header: "MCP-Protocol-Version" })
    );
}

proptest! {
    #[test]
    fn encoding_round_trips(name in any::<String>()) {
        let value = encode(&name);
        prop_assert!(value.bytes().all(|b| b == b'\t' || (b' '..=b'~').contains(&b)));
        let decoded = decode(value.as_bytes()).unwrap();
        prop_assert_eq!(decoded.as_ref(), name.as_str());
    }
}

#[test]
fn headers_of_a_request_are_those_it_needs() {
    let request = |text: &str| -> Vec<(&'static str, String)> {
        let Body::Request(request) = Message::parse(text.as_bytes(), &Limits::CLIENT).unwrap().body
        else {
            panic!("{text}")
        };
        of(&request)
    };
    let header = |name: &'static str, value: &str| (name, value.to_owned());
    assert_eq!(
        request(&call("世界")),
        [
            header(PROTOCOL_VERSION, "2026-07-28"),
            header(METHOD, "tools/call"),
            header(NAME, "=?base64?5LiW55WM?=")
        ]
    );
    assert_eq!(
        request(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"x"}}"#),
        [header(METHOD, "tools/list")]
    );
    assert_eq!(
        request(
            r#"{"jsonrpc":"2.0","id":1,"method":"resources/read","params":{"name":"x","uri":"a://b"}}"#
        ),
        [header(METHOD, "resources/read"), header(NAME, "a://b")]
    );
    assert_eq!(
        request(r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get","params":{"taskId":"t"}}"#),
        [header(METHOD, "tasks/get"), header(NAME, "t")]
    );
}
