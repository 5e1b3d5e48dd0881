use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::limits::{ADDED_BYTES, BATCH_MESSAGES, MESSAGE_BYTES};

fn parse(text: &str) -> Result<Body<'_>, Refused> {
    Message::parse(text.as_bytes(), &Limits::CLIENT).map(|message| message.body)
}

fn reason(text: &str) -> Reason {
    parse(text).unwrap_err().reason
}

fn repeated(key: &str) -> Reason {
    Reason::RepeatedKey { key: key.to_owned() }
}

#[test]
fn requests_in_any_order_of_members() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"}}"#,
        r#"{"params":{"name":"a"},"method":"tools/call","id":1,"jsonrpc":"2.0"}"#,
        " {\n \"id\" : 1 , \"vendor\":{\"x\":[1]},\"jsonrpc\":\"2.0\",\"method\":\"tools\\/call\",\"params\": {\"name\":\"a\"} }\r\n",
    ] {
        let Ok(Body::Request(request)) = parse(text) else { panic!("{text}") };
        assert_eq!(request.id, Id::Number(1));
        assert_eq!(request.method, Method::ToolsCall);
        assert_eq!(request.params.name().unwrap().as_str(), "\"a\"");
    }
}

#[test]
fn notifications_and_responses_of_both_sides() {
    let Ok(Body::Notification(notification)) =
        parse(r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#)
    else {
        panic!()
    };
    assert_eq!(notification.method.as_str(), "notifications/initialized");
    assert!(notification.params.raw().is_none());

    let Ok(Body::Response(response)) =
        parse(r#"{"jsonrpc":"2.0","id":"e1","result":{"action":"accept","content":{"a":1}}}"#)
    else {
        panic!()
    };
    assert_eq!(response.id, Some(Id::String("e1".into())));
    let Outcome::Result(answer) = response.outcome else { panic!() };
    assert_eq!(answer.raw().as_str(), r#"{"action":"accept","content":{"a":1}}"#);

    for text in [
        r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}}"#,
        r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"x"}}"#,
    ] {
        let Ok(Body::Response(response)) = parse(text) else { panic!("{text}") };
        assert_eq!(response.id, None);
        assert!(matches!(response.outcome, Outcome::Error(_)));
    }

    // What servers ask of clients.
    for method in ["sampling/createMessage", "elicitation/create", "roots/list", "ping"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":0,"method":"{method}"}}"#);
        assert!(matches!(parse(&text), Ok(Body::Request(_))));
    }
}

#[test]
fn keys_of_the_message_must_not_mean_two_things() {
    for (text, key) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","Method":"tools/call"}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":1,"METHOD":"tools/call","method":"ping"}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/call"}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method\u0000":"tools/call"}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"," method":"tools/call"}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":1,"Id":2,"method":"ping"}"#, "id"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a"},"Params":{"name":"b"}}"#,
            "params",
        ),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"param\u{17f}\":{}}", "params"),
        (r#"{"jsonrpc":"2.0","JSONRPC":"1.0","id":1,"method":"ping"}"#, "jsonrpc"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"Result":{}}"#, "result"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"Error":{}}"#, "error"),
    ] {
        for limits in [Limits::CLIENT, Limits::SERVER] {
            let refused = Message::parse(text.as_bytes(), &limits).unwrap_err();
            assert_eq!(refused.reason, Reason::ConfusableKey { key }, "{text}");
        }
    }
    for (text, key) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}"#, "method"),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, "id"),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{},"params":{}}"#, "params"),
        (r#"{"jsonrpc":"2.0","jsonrpc":"2.0","id":1,"method":"ping"}"#, "jsonrpc"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"result":{}}"#, "result"),
        (r#"{"jsonrpc":"2.0","id":1,"error":{},"error":{}}"#, "error"),
    ] {
        for limits in [Limits::CLIENT, Limits::SERVER] {
            let refused = Message::parse(text.as_bytes(), &limits).unwrap_err();
            assert_eq!(refused.reason, repeated(key), "{text}");
        }
    }
}

#[test]
fn a_client_repeats_no_key_anywhere() {
    for (text, key) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            "name",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"p":[{"q":1,"\u0071":2}]}}}"#,
            "q",
        ),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping","vendor":{"x":1,"x":1}}"#, "x"),
        (r#"{"jsonrpc":"2.0","id":1,"result":{"action":"accept","action":"decline"}}"#, "action"),
        (r#"{"x":1,"jsonrpc":"2.0","id":1,"method":"ping","x":1}"#, "x"),
    ] {
        assert_eq!(reason(text), repeated(key), "{text}");
    }
    // The same key in different objects is no repetition.
    assert!(
        parse(
            r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"id":{"id":[{"id":1},{"id":1}]}}}"#
        )
        .is_ok()
    );
    // A server's results are not ours to judge.
    let text = br#"{"jsonrpc":"2.0","id":1,"result":{"content":[],"content":[]}}"#;
    assert!(Message::parse(text, &Limits::SERVER).is_ok());
}

#[test]
fn a_message_is_one_of_three_things() {
    for text in [
        r#"{"jsonrpc":"2.0","id":1}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#,
        r#"{"jsonrpc":"2.0","id":1,"result":{},"params":{}}"#,
        r#"{"jsonrpc":"2.0","id":1,"error":"text"}"#,
        r#"{"jsonrpc":"2.0","params":{}}"#,
    ] {
        assert_eq!(reason(text), Reason::Shape, "{text}");
    }
    for text in [
        r#"{"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
        r#"{"jsonrpc":2.0,"id":1,"method":"ping"}"#,
        r#"{"jsonrpc":null,"id":1,"method":"ping"}"#,
        "{}",
    ] {
        assert_eq!(reason(text), Reason::Version, "{text}");
    }
    for text in ["1", "null", "\"x\"", "true"] {
        assert_eq!(reason(text), Reason::NotAnObject, "{text}");
    }
    assert_eq!(reason(r#"{"jsonrpc":"2.0","id":1,"method":"x","params":[]}"#), Reason::Params);
}

#[test]
fn ids_that_readers_disagree_about() {
    for id in ["null", "1.0", "1e2", "-0", "9007199254740993", "{}", "[]", "true"] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list"}}"#);
        assert_eq!(reason(&text), Reason::Id, "{text}");
        let text = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{}}}}"#);
        assert_eq!(reason(&text), Reason::Id, "{text}");
    }
    assert_eq!(reason(r#"{"jsonrpc":"2.0","result":{}}"#), Reason::Id);
}

#[test]
fn a_governed_request_without_an_id_is_no_notification() {
    let text = r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"denied"}}"#;
    assert_eq!(reason(text), Reason::RequestWithoutId { method: "tools/call" });
}

#[test]
fn encodings_that_readers_disagree_about() {
    let plain = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
    let with_mark = [b"\xEF\xBB\xBF".as_slice(), plain].concat();
    let refused = Message::parse(&with_mark, &Limits::CLIENT).unwrap_err();
    assert_eq!(refused.reason, Reason::ByteOrderMark);
    for bad in [b"\xff".as_slice(), b"\xc0\xaf", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc3"] {
        let text =
            [br#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":""#.as_slice(), bad, br#""}}"#]
                .concat();
        let refused = Message::parse(&text, &Limits::CLIENT).unwrap_err();
        assert_eq!(refused.reason, Reason::NotUtf8 { offset: 52 });
    }
    let utf16: Vec<u8> = plain.iter().flat_map(|byte| [*byte, 0]).collect();
    assert!(Message::parse(&utf16, &Limits::CLIENT).is_err());
    assert!(matches!(
        reason(r#"{"jsonrpc":"2.0","id":1,"method":"ping"} {}"#),
        Reason::Syntax { .. }
    ));
    assert!(matches!(
        reason("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\0ng\"}"),
        Reason::Syntax { .. }
    ));
}

#[test]
fn length_at_the_limit_and_one_past_it() {
    let text = |length: usize| {
        let head = r#"{"jsonrpc":"2.0","id":1,"method":"x","params":{"a":""#;
        let tail = "\"}}";
        format!("{head}{}{tail}", "a".repeat(length - head.len() - tail.len()))
    };
    for limits in [Limits::CLIENT, Limits::SERVER, Limits { bytes: 100, ..Limits::CLIENT }] {
        assert!(Message::parse(text(limits.bytes).as_bytes(), &limits).is_ok());
        let refused = Message::parse(text(limits.bytes + 1).as_bytes(), &limits).unwrap_err();
        assert_eq!(refused.reason, Reason::TooLong { limit: limits.bytes });
    }
    assert_eq!(Limits::CLIENT.bytes, MESSAGE_BYTES + ADDED_BYTES);
}

#[test]
fn a_refusal_is_answered_under_a_clear_id_only() {
    for (text, id) in [
        // The id stands behind what was wrong.
        (
            r#"{"method":"tools/call","params":{"name":"a","name":"b"},"jsonrpc":"2.0","id":7}"#,
            Some("7"),
        ),
        (r#"{"jsonrpc":"2.0","id":"x","method":"TOOLS/CALL"}"#, Some("\"x\"")),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"ID":2,"method":"ping"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping""#, None),
        (r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#, None),
        // No request: nobody waits for an answer under this id.
        (r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#, None),
        (r#"{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a"}}"#, None),
    ] {
        let refused = parse(text).unwrap_err();
        assert_eq!(refused.id.as_ref().map(ToString::to_string).as_deref(), id, "{text}");
        let answer: Value = serde_json::from_slice(&refused.response()).unwrap();
        assert_eq!(answer.get("id").map(ToString::to_string).as_deref(), id, "{text}");
        assert_eq!(answer["error"]["code"], refused.reason.code());
    }
}

#[test]
fn refusals_in_words() {
    for (text, code, words) in [
        ("{", -32700, "message not forwarded: the message is not JSON at byte 1"),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}"#,
            -32600,
            "message not forwarded: the key \"name\" appears twice in one object; send each key once",
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"Method":"x"}"#,
            -32600,
            "message not forwarded: a key could be taken for \"method\"; spell it exactly so, or leave it out",
        ),
        (
            "[]",
            -32600,
            "message not forwarded: batches are not accepted; send one message at a time",
        ),
    ] {
        let refused = parse(text).unwrap_err();
        assert_eq!(refused.reason.code(), code, "{text}");
        assert_eq!(refused.to_string(), words, "{text}");
    }
}

#[test]
fn batches() {
    let one = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
    assert_eq!(reason(&format!("[{one}]")), Reason::Batch);
    let batch = |text: &str| {
        Message::parse_batch(text.as_bytes(), &Limits::CLIENT)
            .map(|messages| messages.len())
            .map_err(|refused| refused.reason)
    };
    assert_eq!(batch(one), Ok(1));
    assert_eq!(batch(&format!(" [ {one} ,\n{one}] ")), Ok(2));
    let many = |count: usize| format!("[{}]", vec![one; count].join(","));
    assert_eq!(batch(&many(BATCH_MESSAGES)), Ok(BATCH_MESSAGES));
    assert_eq!(batch(&many(BATCH_MESSAGES + 1)), Err(Reason::BatchSize { limit: BATCH_MESSAGES }));
    assert_eq!(batch("[]"), Err(Reason::BatchSize { limit: BATCH_MESSAGES }));
    assert_eq!(batch(&format!("[[{one}]]")), Err(Reason::Batch));
    assert_eq!(batch("[1]"), Err(Reason::NotAnObject));
    assert_eq!(
        batch(
            r#"[{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","name":"b"}}]"#
        ),
        Err(repeated("name"))
    );
    assert!(batch(&format!("[{one}")).is_err() && batch(&format!("[{one}]x")).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        for limits in [Limits::CLIENT, Limits::SERVER] {
            drop(Message::parse(&bytes, &limits).map(drop));
            drop(Message::parse_batch(&bytes, &limits).map(drop));
        }
    }

    #[test]
    fn no_message_makes_it_panic(
        params in crate::json::tests::any_value(),
        method in "(tools/call|prompts/get|resources/read|completion/complete|subscriptions/listen|x)",
        cut in any::<prop::sample::Index>(),
    ) {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        if let Ok(Message { body: Body::Request(request), .. }) = Message::parse(text.as_bytes(), &Limits::CLIENT) {
            drop(request.ask().map(drop));
            drop(request.params.meta().map(drop));
        }
        let cut = cut.index(text.len());
        prop_assert!(Message::parse(&text.as_bytes()[..cut], &Limits::CLIENT).is_err());
    }
}
