use super::*;

fn ask(id: &str, method: &str, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"{method}\",\"params\":{params}}}\n")
}

fn tell(method: &str, params: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"method\":\"{method}\",\"params\":{params}}}\n")
}

fn answer(id: &str) -> String {
    format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{}}}}\n")
}

fn down(talk: &mut Conversation, text: &str) -> String {
    let passed = talk.down(&Bytes::copy_from_slice(text.as_bytes()), true);
    String::from_utf8(passed.to_vec()).unwrap()
}

fn again(talk: &mut Conversation) -> String {
    String::from_utf8(talk.lose(true).again.to_vec()).unwrap()
}

#[test]
fn what_was_answered_or_cancelled_is_not_waited_for() {
    let mut talk = Conversation::default();
    for id in ["1", "2", "\"three\""] {
        talk.sent(ask(id, "tools/call", "{}").as_bytes());
    }
    talk.sent(tell(name::CANCELLED, "{\"requestId\":1}").as_bytes());
    assert_eq!(down(&mut talk, &answer("2")), answer("2"));
    assert!(!talk.is_settled());
    assert_eq!(talk.lose(true).unanswered, [Id::String("three".into())]);
    assert!(talk.is_settled());
    assert_eq!(talk.lose(true), Lost::default());
}

#[test]
fn only_what_changes_nothing_is_sent_again_in_its_order() {
    let mut talk = Conversation::default();
    let kept = [
        ask("9", "resources/read", "{\"uri\":\"a:b\"}"),
        ask("1", "tools/list", "{}"),
        ask("5", "ping", "{}"),
        ask("7", "completion/complete", "{}"),
    ];
    talk.sent(kept.concat().as_bytes());
    for (id, method, params) in [
        ("20", "tools/call", "{}"),
        ("21", "prompts/get", "{}"),
        ("22", "tasks/cancel", "{}"),
        ("23", "resources/read", "{\"uri\":\"a:b\",\"requestState\":\"once\"}"),
        ("24", "resources/read", "{\"uri\":\"a:b\",\"inputResponses\":{}}"),
    ] {
        talk.sent(ask(id, method, params).as_bytes());
    }
    let long = format!("{{\"uri\":\"{}\"}}", "x".repeat(KEPT_LINE));
    talk.sent(ask("25", "resources/read", &long).as_bytes());
    let lost = talk.lose(true);
    assert_eq!(lost.again, kept.concat().as_bytes());
    assert_eq!(lost.unanswered, (20..=25).map(Id::Number).collect::<Vec<_>>());
    // Nor is anything when there will be no other connection.
    talk.sent(kept.concat().as_bytes());
    assert_eq!(talk.lose(false).again, b"".as_slice());
}

#[test]
fn what_is_kept_is_bounded_and_comes_free() {
    let mut talk = Conversation::default();
    let params = format!("{{\"uri\":\"a:{}\"}}", "x".repeat(KEPT_LINE - 200));
    let fits = KEPT_BYTES / KEPT_LINE;
    for id in 0..2 * fits {
        talk.sent(ask(&id.to_string(), "resources/read", &params).as_bytes());
    }
    assert!(talk.kept <= KEPT_BYTES);
    assert!(talk.in_flight.values().filter(|request| request.line.is_some()).count() >= fits);
    for id in 0..2 * fits {
        down(&mut talk, &answer(&id.to_string()));
    }
    assert_eq!(talk.kept, 0);
    assert!(talk.is_settled());
}

#[test]
fn the_cluster_speaking_for_a_server_that_is_gone_is_not_an_answer() {
    let mut talk = Conversation::default();
    let error = |id: &str, data: &str| {
        format!(
            "{{\"jsonrpc\":\"2.0\",\"id\":{id},\"error\":{{\"code\":-32603,\"message\":\"m\",\"data\":{data}}}}}\n"
        )
    };
    let gone = "{\"end\":\"draining\"}";
    talk.sent(ask("1", "tools/list", "{}").as_bytes());
    talk.sent(ask("2", "tools/call", "{}").as_bytes());
    talk.sent(ask("3", "tools/list", "{}").as_bytes());
    let all = [error("1", gone), error("2", gone), error("3", "{\"end\":\"locked\"}")].concat();
    assert_eq!(
        down(&mut talk, &all),
        [error("2", gone), error("3", "{\"end\":\"locked\"}")].concat()
    );
    assert_eq!(again(&mut talk), ask("1", "tools/list", "{}"));
    // Without another connection it is the answer.
    talk.sent(ask("1", "tools/list", "{}").as_bytes());
    let passed = talk.down(&Bytes::from(error("1", gone)), false);
    assert_eq!(passed, error("1", gone).as_bytes());
    assert!(talk.is_settled());
}

#[test]
fn answers_to_a_server_that_is_gone_reach_no_other() {
    let mut talk = Conversation::default();
    down(&mut talk, &[ask("0", "roots/list", "{}"), ask("1", "ping", "{}")].concat());
    talk.sent(answer("1").as_bytes());
    assert_eq!(talk.lose(true).withdrawn, [Id::Number(0)]);
    let run = Bytes::from([answer("5"), answer("0"), ask("6", "ping", "{}")].concat());
    assert_eq!(talk.up(&run), [answer("5"), ask("6", "ping", "{}")].concat().as_bytes());
    // That was the late answer. From now on the id is anybody's.
    let asked = ask("0", "roots/list", "{}");
    assert_eq!(down(&mut talk, &asked), asked);
    assert_eq!(talk.up(&run), run);
}

#[test]
fn the_answer_to_one_question_is_not_the_answer_to_another() {
    let mut talk = Conversation::default();
    down(&mut talk, &ask("0", "elicitation/create", r#"{"message":"Delete all?"}"#));
    talk.lose(true);
    // Another server asks something else under the same id, while the client still thinks.
    let shown = down(&mut talk, &ask("0", "elicitation/create", r#"{"n": 1.0e5}"#));
    let request: Value = serde_json::from_str(&shown).unwrap();
    assert!(
        shown.ends_with("\"method\":\"elicitation/create\",\"params\":{\"n\": 1.0e5}}\n"),
        "{shown}"
    );
    assert_ne!(request["id"], 0);
    let yes =
        |id: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"result\":{{\"yes\": 1.0}}}}\n");
    let late = Bytes::from(yes("0"));
    assert_eq!(talk.up(&late), b"".as_slice());
    let answer = Bytes::from(yes(&request["id"].to_string()));
    let sent = talk.up(&answer);
    assert_eq!(sent, yes("0").as_bytes(), "under the id that the server knows");
    assert!(talk.lose(true).withdrawn.is_empty(), "it was answered");
    let again = talk.up(&answer);
    assert_eq!(again, answer, "once; then it is a stranger's, for the cluster to drop");
}

#[test]
fn bytes_pass_as_they_are() {
    let mut talk = Conversation::default();
    let odd = "no message\r\n\n[]\n{\"jsonrpc\":\"2.0\",  \"id\":77,\"result\":{\"n\":1.0e5}}\n";
    assert_eq!(down(&mut talk, odd), odd);
    assert_eq!(talk.up(&Bytes::from(odd)), odd.as_bytes());
    let batch = format!("[{},{}]\n", ask("1", "ping", "{}").trim(), ask("2", "ping", "{}").trim());
    talk.sent(batch.as_bytes());
    let lost = talk.lose(true);
    assert_eq!(lost.unanswered, [Id::Number(1), Id::Number(2)], "batches are not sent again");
}

#[test]
fn offline_what_is_for_nobody_is_dropped() {
    let run = [
        answer("1"),
        tell(name::CANCELLED, "{\"requestId\":1}"),
        tell(name::PROGRESS, "{}"),
        tell(name::ROOTS_CHANGED, "{}"),
        ask("2", "tools/call", "{}"),
        "no message\n".to_owned(),
    ];
    let kept = Conversation::offline(&Bytes::from(run.concat()));
    assert_eq!(kept, run[3..].concat().as_bytes());
}
