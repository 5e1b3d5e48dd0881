use super::*;

fn renamed(text: &str) -> String {
    rewrite(text, &mut |place, raw| Some(format!("<{place:?} {}>", raw.as_str()))).unwrap()
}

#[test]
fn whatever_names_a_request_is_renamed_and_nothing_else_changes() {
    assert_eq!(
        renamed(
            r#"{ "id" : 1.0e0,"x":{"id":7},"params":{"name":"a","_meta":{"progressToken":"t","x":[1 ,2]},"arguments":{"_meta":{"progressToken":9}}} }"#
        ),
        r#"{ "id" : <Id 1.0e0>,"x":{"id":7},"params":{"name":"a","_meta":{"progressToken":<Token "t">,"x":[1 ,2]},"arguments":{"_meta":{"progressToken":9}}} }"#
    );
    assert_eq!(
        renamed(r#"{"method":"notifications/progress","params":{"progressToken":3,"progress":1}}"#),
        r#"{"method":"notifications/progress","params":{"progressToken":<Token 3>,"progress":1}}"#
    );
    assert_eq!(
        renamed(
            r#"{"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":4},"id":5},"id":6}"#
        ),
        r#"{"result":{"_meta":{"io.modelcontextprotocol/subscriptionId":<Subscription 4>},"id":5},"id":<Id 6>}"#
    );
    assert_eq!(
        renamed(r#"{"method":"notifications/cancelled","params":{"requestId":"r"}}"#),
        r#"{"method":"notifications/cancelled","params":{"requestId":<Cancelled "r">}}"#
    );
}

#[test]
fn what_needs_no_other_name_keeps_its_own() {
    let text = r#"{"id":1,"params":null,"result":[{"id":2}]}"#;
    assert_eq!(rewrite(text, &mut |_, _| None).unwrap(), text);
    assert!(rewrite("[]", &mut |_, _| None).is_err());
}
