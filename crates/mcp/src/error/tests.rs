use serde_json::json;

use super::*;

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn exact_bytes() {
    assert_eq!(
        text(response(Some(&Id::Number(7)), code::INVALID_PARAMS, "no \"x\"", None)),
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-32602,"message":"no \"x\""}}"#
    );
    assert_eq!(
        text(response(
            Some(&Id::String("7".into())),
            code::INTERNAL_ERROR,
            "m",
            Some(json!({"a": 1}))
        )),
        r#"{"jsonrpc":"2.0","id":"7","error":{"code":-32603,"message":"m","data":{"a":1}}}"#
    );
    assert_eq!(
        text(response(None, code::PARSE_ERROR, "m", None)),
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"}}"#
    );
    assert_eq!(text(result(&Id::Number(1), json!({}))), r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!(
        text(notification("notifications/x", json!({"a": 1}))),
        r#"{"jsonrpc":"2.0","method":"notifications/x","params":{"a":1}}"#
    );
}
