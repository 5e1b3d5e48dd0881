use super::*;
use crate::limits::Limits;
use crate::message::{Body, Message};

fn release(asked: Asked, era: Era, result: &str) -> Result<String, Reason> {
    let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
    let Body::Response(response) = Message::parse(text.as_bytes(), &Limits::SERVER).unwrap().body
    else {
        panic!("{text}")
    };
    let filtered = response
        .release(asked, era, &mut |_, name| name == "a")
        .map_err(|refused| refused.reason)?;
    let text = std::str::from_utf8(filtered.bytes()).unwrap();
    let result = text.strip_prefix(r#"{"jsonrpc":"2.0","id":1,"result":"#).unwrap();
    Ok(result.strip_suffix('}').unwrap().to_owned())
}

#[test]
fn results_pass_as_they_are() {
    for result in [
        r#"{"content":[{"type":"text","text":"\u00e9 1.10"}],"isError":false,"dup":1,"dup":2}"#,
        "null",
        "[1, 2]",
        "12345678901234567890123",
        r#"{"cacheScope":"public","ttlMs":99999999}"#,
        r#"{"capabilities":{"tools":{}},"protocolVersion":"2025-06-18"}"#,
    ] {
        for asked in [Asked::Other, Asked::Initialize] {
            for era in [Era::Legacy, Era::Modern] {
                assert_eq!(release(asked, era, result).as_deref(), Ok(result));
            }
        }
    }
}

#[test]
fn a_list_under_the_id_of_another_request_is_filtered_all_the_same() {
    let result = r#"{"tools":[{"name":"a"},{"name":"b"}]}"#;
    for asked in [Asked::Other, Asked::Initialize, Asked::Read, Asked::Discover] {
        assert_eq!(
            release(asked, Era::Legacy, result).as_deref(),
            Ok(r#"{"tools":[{"name":"a"}]}"#)
        );
    }
    let prompts = Asked::List(ListKind::Prompts);
    assert_eq!(
        release(prompts, Era::Legacy, result),
        Err(Reason::NoList { kind: ListKind::Prompts })
    );
}

#[test]
fn an_answer_for_one_identity_is_private_and_short_lived() {
    let list = Asked::List(ListKind::Tools);
    for (sent, expected) in [
        (r#"{"tools":[],"cacheScope":"public"}"#, r#"{"tools":[],"cacheScope":"private"}"#),
        (
            r#"{"cacheScope": "\u0070ublic" ,"tools":[]}"#,
            r#"{"cacheScope": "private" ,"tools":[]}"#,
        ),
        (r#"{"tools":[],"cacheScope":null}"#, r#"{"tools":[],"cacheScope":"private"}"#),
        (r#"{"cacheScope":"private","tools":[]}"#, r#"{"cacheScope":"private","tools":[]}"#),
        (r#"{"tools":[]}"#, r#"{"cacheScope":"private","tools":[]}"#),
        (
            r#"{ "resultType":"complete","ttlMs":300000,"tools":[{"name":"b"}],"cacheScope":"public"}"#,
            r#"{ "resultType":"complete","ttlMs":1000,"tools":[],"cacheScope":"private"}"#,
        ),
        (
            r#"{"ttlMs":1001,"cacheScope":"private","tools":[]}"#,
            r#"{"ttlMs":1000,"cacheScope":"private","tools":[]}"#,
        ),
    ] {
        assert_eq!(release(list, Era::Modern, sent).as_deref(), Ok(expected), "{sent}");
    }
    for (ttl, bound) in [
        ("0", "0"),
        ("1000", "1000"),
        ("1001", "1000"),
        ("-5", "0"),
        ("1e9", "0"),
        ("1.5", "0"),
        ("\"9\"", "0"),
        ("99999999999999999999", "0"),
        ("null", "0"),
    ] {
        let sent = format!(r#"{{"contents":[],"cacheScope":"private","ttlMs":{ttl}}}"#);
        let expected = format!(r#"{{"contents":[],"cacheScope":"private","ttlMs":{bound}}}"#);
        assert_eq!(release(Asked::Read, Era::Modern, &sent), Ok(expected), "{ttl}");
    }
    for asked in [Asked::Read, Asked::Discover] {
        assert_eq!(release(asked, Era::Modern, "{}").as_deref(), Ok(r#"{"cacheScope":"private"}"#));
        // In the legacy era nobody reads the member, so none is added.
        assert_eq!(release(asked, Era::Legacy, "{}").as_deref(), Ok("{}"));
        let input = r#"{"resultType":"input_required","requestState":"x"}"#;
        assert_eq!(release(asked, Era::Modern, input).as_deref(), Ok(input));
        let twice = r#"{"cacheScope":"private","cacheScope":"public"}"#;
        assert_eq!(release(asked, Era::Modern, twice), Err(Reason::UnclearAnswer));
        let confusable = r#"{"cacheScope":"private","CacheScope":"public"}"#;
        assert_eq!(release(asked, Era::Modern, confusable), Err(Reason::UnclearAnswer));
    }
    assert_eq!(
        release(list, Era::Legacy, r#"{"tools":[],"cacheScope":"public"}"#).as_deref(),
        Ok(r#"{"tools":[],"cacheScope":"private"}"#)
    );
}

#[test]
fn what_is_read_of_a_result() {
    let text =
        br#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","nextCursor":"c"}}"#;
    let Body::Response(response) = Message::parse(text, &Limits::SERVER).unwrap().body else {
        panic!()
    };
    let crate::Outcome::Result(answer) = &response.outcome else { panic!() };
    assert_eq!(answer.result_type().unwrap().as_str(), "\"input_required\"");
    assert_eq!(answer.next_cursor().unwrap().as_str(), "\"c\"");
    assert_eq!(answer.raw().as_str(), r#"{"resultType":"input_required","nextCursor":"c"}"#);
}

#[test]
fn tasks_are_listed_where_they_were_asked_for() {
    let result = r#"{"tasks":[{"taskId":"a","status":"working"},{"taskId":"b"},{"Taskid":"a"},7]}"#;
    assert_eq!(
        release(Asked::List(ListKind::Tasks), Era::Legacy, result).as_deref(),
        Ok(r#"{"tasks":[{"taskId":"a","status":"working"}]}"#)
    );
    for asked in [Asked::Other, Asked::List(ListKind::Tools)] {
        let with_tools = result.replace("{\"tasks", "{\"tools\":[],\"tasks");
        assert_eq!(release(asked, Era::Legacy, &with_tools).as_deref(), Ok(&*with_tools));
    }
    assert!(release(Asked::List(ListKind::Tasks), Era::Legacy, "{}").is_err());
}

#[test]
fn the_task_that_a_call_became() {
    let created = |result: &str| {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        let message = Message::parse(text.as_bytes(), &Limits::SERVER).unwrap();
        let Body::Response(crate::Response { outcome: crate::Outcome::Result(answer), .. }) =
            message.body
        else {
            panic!("{text}")
        };
        answer.created_task().map(Cow::into_owned)
    };
    let id = Some("t\u{e9}".to_owned());
    assert_eq!(created(r#"{"task":{"taskId":"t\u00e9","status":"working"}}"#), id);
    assert_eq!(created(r#"{"resultType":"task","taskId":"t\u00e9","status":"working"}"#), id);
    for none in [
        "{}",
        "7",
        r#"{"taskId":"t"}"#,
        r#"{"resultType":"complete","taskId":"t"}"#,
        r#"{"task":"t"}"#,
        r#"{"task":{}}"#,
        r#"{"task":{"taskId":"t","taskid":"u"}}"#,
        r#"{"task":{"taskId":"t","taskId":"u"}}"#,
        r#"{"task":{"taskId":7}}"#,
    ] {
        assert_eq!(created(none), None, "{none}");
    }
}
