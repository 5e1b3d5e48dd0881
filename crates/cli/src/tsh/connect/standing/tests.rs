use mcp::{Body, Limits, Message};

use super::*;

fn ask(standing: &mut Standing, id: i64, method: &str, params: &str) {
    let line =
        format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}");
    let Body::Request(request) = Message::parse(line.as_bytes(), &Limits::CLIENT).unwrap().body
    else {
        panic!("{line}");
    };
    standing.asked(&request);
}

fn renewed(standing: &Standing) -> Vec<String> {
    let mut lines: Vec<String> = standing
        .renew()
        .up
        .iter()
        .map(|(id, line)| {
            let line = String::from_utf8(line.to_vec()).unwrap();
            line.replace(&id.to_string(), "ID").trim_end().to_owned()
        })
        .collect();
    lines.sort();
    lines
}

#[test]
fn what_was_granted_holds_and_nothing_else() {
    let mut standing = Standing::default();
    ask(&mut standing, 1, "logging/setLevel", r#"{"level":"debug"}"#);
    ask(&mut standing, 2, "resources/subscribe", r#"{"uri":"a:1", "x": 1.0}"#);
    ask(&mut standing, 3, "resources/subscribe", r#"{"uri":"a:2"}"#);
    ask(&mut standing, 4, "resources/subscribe", r#"{"uri":"a:3"}"#);
    ask(&mut standing, 5, "tools/call", r#"{"name":"t"}"#);
    assert!(renewed(&standing).is_empty(), "nothing was answered yet");
    for (id, has_result) in [(1, true), (2, true), (3, false), (4, true), (5, true), (6, true)] {
        standing.answered(&Id::Number(id), has_result);
    }
    ask(&mut standing, 7, "resources/unsubscribe", r#"{"uri":"a:3"}"#);
    standing.answered(&Id::Number(7), true);
    assert_eq!(
        renewed(&standing),
        [
            r#"{"jsonrpc":"2.0","id":ID,"method":"logging/setLevel","params":{"level":"debug"}}"#,
            r#"{"jsonrpc":"2.0","id":ID,"method":"resources/subscribe","params":{"uri":"a:1", "x": 1.0}}"#,
        ]
    );
    let told = String::from_utf8(standing.renew().down).unwrap();
    assert_eq!(
        told,
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/resources/updated\",\"params\":{\"uri\":\"a:1\"}}\n"
    );
    ask(&mut standing, 8, "initialize", "{}");
    assert!(renewed(&standing).is_empty(), "the client itself begins anew");
}

#[test]
fn what_was_not_answered_is_the_clients_to_ask_again() {
    let mut standing = Standing::default();
    ask(&mut standing, 1, "resources/subscribe", r#"{"uri":"a:1"}"#);
    standing.lose();
    standing.answered(&Id::Number(1), true);
    assert!(renewed(&standing).is_empty());
}

#[test]
fn what_is_remembered_is_bounded() {
    let mut standing = Standing::default();
    for id in 0..=i64::try_from(SUBSCRIPTIONS).unwrap() {
        ask(&mut standing, id, "resources/subscribe", &format!("{{\"uri\":\"a:{id}\"}}"));
        standing.answered(&Id::Number(id), true);
    }
    assert_eq!(renewed(&standing).len(), SUBSCRIPTIONS);
    let long = format!("{{\"level\":\"{}\"}}", "x".repeat(PARAMS));
    ask(&mut standing, 1, "logging/setLevel", &long);
    standing.answered(&Id::Number(1), true);
    assert_eq!(renewed(&standing).len(), SUBSCRIPTIONS);
}
