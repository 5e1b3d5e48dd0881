//! Messages are kept as they were sent, as far as they fit.

use serde_json::value::RawValue;

use super::{MAX_ID_BYTES, MAX_KEPT_MEMBERS, MAX_PARAMS_BYTES, Message};
use crate::redact::Omitted;

fn raw(text: &str) -> Box<RawValue> {
    RawValue::from_string(text.to_owned()).unwrap()
}

fn kept(id: Option<&str>, params: Option<&str>) -> String {
    let (id, params) = (id.map(raw), params.map(raw));
    serde_json::to_string(&Message::new("tools/call", id.as_deref(), params.as_deref())).unwrap()
}

fn omitted(text: &str) -> String {
    let omitted = serde_json::to_string(&Omitted::new(text.as_bytes())).unwrap();
    format!(r#"{{"tessera.omitted":{omitted}}}"#)
}

#[test]
fn every_spelling_survives() {
    let params =
        r#"{ "name":"a\u0062", "arguments":{"n":1.0e+2,"big":123456789012345678901,"a":1,"a":2}}"#;
    assert_eq!(
        kept(Some("1.50"), Some(params)),
        format!(r#"{{"jsonrpc":"2.0","method":"tools/call","id":1.50,"params":{params}}}"#)
    );
    assert_eq!(kept(None, None), r#"{"jsonrpc":"2.0","method":"tools/call"}"#);
}

#[test]
fn line_breaks_between_tokens_become_spaces() {
    let kept = kept(Some("\"x\""), Some("{\r\n\t\"a\": \"b\\n\"\n}"));
    assert!(kept.ends_with("\"params\":{  \t\"a\": \"b\\n\" }}"), "{kept}");
}

#[test]
fn long_parameters_keep_their_small_members() {
    let params = |size: usize| {
        let head = r#"{"name":"write_file","arguments":{"content":""#;
        let tail = r#""},"_meta":{"progressToken":7}}"#;
        format!("{head}{}{tail}", "x".repeat(size - head.len() - tail.len()))
    };
    let whole = params(MAX_PARAMS_BYTES);
    assert!(kept(None, Some(&whole)).contains(&whole));

    let long = params(MAX_PARAMS_BYTES + 1);
    let value: serde_json::Value = serde_json::from_str(&long).unwrap();
    let arguments = value["arguments"].to_string();
    let expected = format!(
        r#"{{"_meta":{{"progressToken":7}},"arguments":{},"name":"write_file"}}"#,
        omitted(&arguments)
    );
    assert!(kept(None, Some(&long)).contains(&expected), "{}", kept(None, Some(&long)));
}

#[test]
fn parameters_that_cannot_be_shortened_are_replaced() {
    let padding = "x".repeat(MAX_PARAMS_BYTES);
    let many: Vec<String> = (0..=MAX_KEPT_MEMBERS).map(|n| format!(r#""m{n}":0"#)).collect();
    for long in [
        format!(r#"["{padding}"]"#),
        format!(r#""{padding}""#),
        format!(r#"{{"{padding}":1}}"#),
        format!(r#"{{"a":1,"a":"{padding}"}}"#),
        format!(r#"{{{},"p":"{padding}"}}"#, many.join(",")),
    ] {
        let kept = kept(None, Some(&long));
        assert!(kept.ends_with(&format!(r#""params":{}}}"#, omitted(&long))), "{kept}");
    }
}

#[test]
fn identifiers_are_bounded() {
    let id = |size: usize| format!("\"{}\"", "x".repeat(size - 2));
    assert!(kept(Some(&id(MAX_ID_BYTES)), None).contains(&id(MAX_ID_BYTES)));
    let long = id(MAX_ID_BYTES + 1);
    assert!(kept(Some(&long), None).ends_with(&format!(r#""id":{}}}"#, omitted(&long))));
}

#[test]
fn what_cannot_be_read_is_told_by_its_size_and_digest() {
    let sent = b"{\"method\":\"a\",\"method\":\"b\"}";
    let kept = serde_json::to_string(&Message::unreadable(sent, Some(&raw("7")))).unwrap();
    let omitted = serde_json::to_string(&Omitted::new(sent)).unwrap();
    let params = format!(r#"{{"tessera.omitted":{omitted}}}"#);
    assert_eq!(kept, format!(r#"{{"jsonrpc":"2.0","method":"","id":7,"params":{params}}}"#));
}
