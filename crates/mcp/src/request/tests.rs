use super::*;
use crate::limits::Limits;
use crate::message::{Body, Message};
use crate::refused::SubjectFault;

fn ask(method: &str, params: &str) -> Result<String, Reason> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":"q","method":"{method}","params":{params}}}"#);
    let message =
        Message::parse(text.as_bytes(), &Limits::SERVER).map_err(|refused| refused.reason)?;
    let Body::Request(request) = message.body else { panic!("no request: {text}") };
    let ask = request.ask().map_err(|refused| {
        assert_eq!(refused.id, Some(Id::String("q".into())));
        refused.reason
    })?;
    Ok(match ask {
        Ask::Initialize => "initialize".to_owned(),
        Ask::Discover => "discover".to_owned(),
        Ask::List(kind) => format!("list {kind}"),
        Ask::Tool(call) => {
            format!("tool {} {}", call.name, call.arguments.map_or("-", Raw::as_str))
        }
        Ask::Prompt(get) => {
            format!("prompt {} {}", get.name, get.arguments.map_or("-", Raw::as_str))
        }
        Ask::Resource(resource) => format!("{:?} {}", resource.verb, resource.uri),
        Ask::Complete(Reference::Prompt(name)) => format!("complete prompt {name}"),
        Ask::Complete(Reference::Resource(uri)) => format!("complete resource {uri}"),
        Ask::Listen(listen) => {
            format!("listen {}", [listen.resources, listen.tasks].concat().join(" "))
        }
        Ask::Task(id) => format!("task {id}"),
        Ask::Unknown(family) => format!("unknown {family:?}"),
        Ask::Ungoverned => "ungoverned".to_owned(),
    })
}

#[test]
fn what_is_asked_for() {
    for (method, params, expected) in [
        ("initialize", r#"{"protocolVersion":"2025-06-18"}"#, "initialize"),
        ("server/discover", "{}", "discover"),
        ("tools/list", r#"{"cursor":"c"}"#, "list tools"),
        ("tools/list", "null", "list tools"),
        ("prompts/list", "{}", "list prompts"),
        ("resources/list", "{}", "list resources"),
        ("resources/templates/list", "{}", "list resource templates"),
        ("tools/call", r#"{"name":"a","arguments":{"x":1.10}}"#, r#"tool a {"x":1.10}"#),
        ("tools/call", r#"{"vendor":1,"name":"\u0061b"}"#, "tool ab -"),
        ("prompts/get", r#"{"name":"p","arguments":{}}"#, "prompt p {}"),
        ("resources/read", r#"{"uri":"x://y"}"#, "Read x://y"),
        ("resources/subscribe", r#"{"uri":"x://y"}"#, "Subscribe x://y"),
        ("resources/unsubscribe", r#"{"uri":"x://y"}"#, "Unsubscribe x://y"),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","name":"p","title":"P"}}"#,
            "complete prompt p",
        ),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/resource","uri":"x://{a}"}}"#,
            "complete resource x://{a}",
        ),
        ("subscriptions/listen", r#"{"notifications":{"toolsListChanged":true}}"#, "listen "),
        (
            "subscriptions/listen",
            r#"{"notifications":{"resourceSubscriptions":["x://a", "x://b"]}}"#,
            "listen x://a x://b",
        ),
        (
            "subscriptions/listen",
            r#"{"notifications":{"resourceSubscriptions":["x://a"],"taskIds":["t"]}}"#,
            "listen x://a t",
        ),
        ("tasks/get", r#"{"taskId":"t"}"#, "task t"),
        ("tasks/result", r#"{"taskId":"t"}"#, "task t"),
        ("tasks/update", r#"{"taskId":"t","inputResponses":{}}"#, "task t"),
        ("tasks/cancel", r#"{"taskId":"t"}"#, "task t"),
        ("tasks/list", "{}", "list tasks"),
        ("tools/execute", "{}", "unknown Tools"),
        ("Prompts.render", "{}", "unknown Prompts"),
        ("resources/write", "{}", "unknown Resources"),
        ("completion/x", "{}", "unknown Completion"),
        ("tasks/steal", "{}", "unknown Tasks"),
        ("toolsmith/list", "{}", "ungoverned"),
        ("ping", "{}", "ungoverned"),
        ("sampling/createMessage", r#"{"messages":[],"Name":1}"#, "ungoverned"),
    ] {
        assert_eq!(ask(method, params).as_deref(), Ok(expected), "{method} {params}");
    }
}

#[test]
fn a_subject_must_be_there() {
    let missing = |key| Err(Reason::Subject { key, fault: SubjectFault::Missing });
    for params in ["{}", "null", r#"{"name":""}"#, r#"{"name":null}"#, r#"{"uri":"x"}"#] {
        assert_eq!(ask("tools/call", params), missing("name"), "{params}");
        assert_eq!(ask("prompts/get", params), missing("name"), "{params}");
    }
    for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
        assert_eq!(ask(method, r#"{"name":"x"}"#), missing("uri"));
    }
    assert_eq!(
        ask("tools/call", r#"{"name":{"a":1}}"#),
        Err(Reason::Subject { key: "name", fault: SubjectFault::NotText })
    );
}

#[test]
fn governed_params_must_not_mean_two_things() {
    for (method, params, key) in [
        ("tools/call", r#"{"name":"allowed","Name":"denied"}"#, "name"),
        ("tools/call", r#"{"Name":"denied","name":"allowed"}"#, "name"),
        ("tools/call", r#"{"name":"allowed","n\u0061me":"denied"}"#, "name"),
        ("tools/call", r#"{"name":"allowed","name\u0000":"denied"}"#, "name"),
        ("tools/call", r#"{"name":"allowed","ARGUMENTS":{}}"#, "arguments"),
        ("prompts/get", r#"{"name":"allowed","NAME":"denied"}"#, "name"),
        ("resources/read", r#"{"uri":"x://a","URI":"x://b"}"#, "uri"),
        ("resources/subscribe", "{\"uri\":\"x://a\",\"ur\u{131}\":\"x://b\"}", "uri"),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"p"},"Ref":{}}"#, "ref"),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"p","Name":"q"}}"#, "name"),
        (
            "completion/complete",
            r#"{"ref":{"type":"ref/prompt","Type":"ref/resource","name":"p"}}"#,
            "type",
        ),
        (
            "subscriptions/listen",
            r#"{"notifications":{"ResourceSubscriptions":["x://a"]}}"#,
            "resourceSubscriptions",
        ),
        ("tools/list", r#"{"Cursor":"c"}"#, "cursor"),
        ("initialize", r#"{"ProtocolVersion":"2024-11-05"}"#, "protocolVersion"),
    ] {
        assert_eq!(ask(method, params), Err(Reason::ConfusableKey { key }), "{method} {params}");
    }
    for (method, params, key) in [
        ("tools/call", r#"{"name":"allowed","name":"denied"}"#, "name"),
        ("tools/call", r#"{"name":"a","arguments":{},"arguments":{}}"#, "arguments"),
        ("resources/read", r#"{"uri":"x://a","uri":"x://b"}"#, "uri"),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"p","name":"q"}}"#, "name"),
    ] {
        let reason = Reason::RepeatedKey { key: key.to_owned() };
        assert_eq!(ask(method, params), Err(reason), "{method} {params}");
    }
}

#[test]
fn references_must_be_of_one_sort() {
    for reference in [
        "1",
        "null",
        "[]",
        "{}",
        r#"{"type":"ref/prompt"}"#,
        r#"{"name":"p"}"#,
        r#"{"type":"ref/tool","name":"p"}"#,
        r#"{"type":"ref/prompt","uri":"x://a"}"#,
        r#"{"type":"ref/prompt","name":"p","uri":"x://a"}"#,
        r#"{"type":"REF/PROMPT","name":"p"}"#,
    ] {
        let asked = ask("completion/complete", &format!(r#"{{"ref":{reference}}}"#));
        assert!(matches!(asked, Err(Reason::Member { key: "ref", .. })), "{reference}: {asked:?}");
    }
}

#[test]
fn listen_at_the_limit_and_one_past_it() {
    let params = |count: usize| {
        let uris = vec!["\"x://a\""; count].join(",");
        format!(r#"{{"notifications":{{"resourceSubscriptions":[{uris}]}}}}"#)
    };
    assert!(ask("subscriptions/listen", &params(LISTEN_URIS)).is_ok());
    assert!(matches!(
        ask("subscriptions/listen", &params(LISTEN_URIS + 1)),
        Err(Reason::Member { key: "notifications", .. })
    ));
    for bad in
        ["{}", r#"{"notifications":[]}"#, r#"{"notifications":{"resourceSubscriptions":"x://a"}}"#]
    {
        assert!(ask("subscriptions/listen", bad).is_err(), "{bad}");
    }
    assert!(
        ask("subscriptions/listen", r#"{"notifications":{"resourceSubscriptions":[1]}}"#).is_err()
    );
}

#[test]
fn notifications_that_name_something() {
    let read = |params: &str| {
        let text = format!(r#"{{"jsonrpc":"2.0","method":"notifications/x","params":{params}}}"#);
        let message = Message::parse(text.as_bytes(), &Limits::SERVER).unwrap();
        let Body::Notification(notification) = message.body else { panic!("no notification") };
        (
            uri(&notification.params).map(Cow::into_owned),
            cancelled(&notification.params).map(|id| id.to_static()),
        )
    };
    assert_eq!(read(r#"{"uri":"x://a"}"#).0.unwrap(), "x://a");
    assert_eq!(read(r#"{"requestId":5}"#).1, Ok(Id::Number(5)));
    assert!(read("{}").0.is_err() && read("{}").1.is_err());
    assert_eq!(
        read(r#"{"requestId":5,"RequestId":6}"#).1,
        Err(Reason::ConfusableKey { key: "requestId" })
    );
}
