use std::sync::Arc;

use mcp::limits::Limits;
use policy::AppAccess;
use serde_json::{Value, json};

use super::{FromClient, FromServer, KnownTasks, Relay};
use crate::record::Recorder;
use crate::testing::{Records, access, recorder};

/// A conversation under a role.
struct Talk {
    relay: Relay,
    access: AppAccess,
    recorder: Recorder,
}

/// What became of a message.
#[derive(Debug, PartialEq)]
enum Fate {
    /// It passed, as this.
    Passed(String),
    /// Its sender was answered with this error code.
    Answered(i64, Value),
    Dropped,
}

impl Talk {
    fn new(allow: &Value) -> Self {
        let records = Arc::new(Records::default());
        Self {
            relay: Relay::new(KnownTasks::default()),
            access: access(allow),
            recorder: recorder(&records),
        }
    }

    fn client(&mut self, line: &str) -> Fate {
        let messages = self.relay.read(line.as_bytes(), &Limits::CLIENT).unwrap();
        assert_eq!(messages.len(), 1);
        match self.relay.client(&messages[0], &self.access, &self.recorder) {
            FromClient::Forward { .. } => Fate::Passed(messages[0].text.to_owned()),
            FromClient::Answer { answer, .. } => answered(&answer),
            FromClient::Drop => Fate::Dropped,
        }
    }

    fn server(&mut self, line: &str) -> Fate {
        let messages = self.relay.read(line.as_bytes(), &Limits::SERVER).unwrap();
        match self.relay.server(&messages[0], &self.access) {
            FromServer::Pass(bytes) | FromServer::Begun(bytes) => {
                Fate::Passed(String::from_utf8(bytes.into_owned()).unwrap())
            }
            FromServer::Answer(answer) => answered(&answer),
            FromServer::Drop => Fate::Dropped,
        }
    }

    /// What the record of a message says.
    fn recorded(&mut self, line: &str) -> Option<Value> {
        let messages = self.relay.read(line.as_bytes(), &Limits::CLIENT).unwrap();
        match self.relay.client(&messages[0], &self.access, &self.recorder) {
            FromClient::Forward { event, .. } | FromClient::Answer { event, .. } => {
                event.map(|event| serde_json::from_slice(event.line()).unwrap())
            }
            FromClient::Drop => None,
        }
    }
}

fn answered(bytes: &[u8]) -> Fate {
    let answer: Value = serde_json::from_slice(bytes).unwrap();
    Fate::Answered(answer["error"]["code"].as_i64().unwrap(), answer["id"].clone())
}

fn passed(line: &str) -> Fate {
    Fate::Passed(line.to_owned())
}

fn request(id: u32, method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#)
}

const TOOLS: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"read_file","x":1.50},{"name":"write_file"}],"nextCursor":"c"}}"#;

#[test]
fn an_allowed_call_passes_as_it_was_sent() {
    let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
    let call = r#" {"params":{"name":"read\u005ffile","arguments":{"n":1.0e2}}, "method":"tools/call","id":"a","jsonrpc":"2.0"}"#;
    assert_eq!(talk.client(call), passed(call));
    let answer = r#"{"jsonrpc":"2.0","id":"a","result":{"content":[],"unknown":-0.0}}"#;
    assert_eq!(talk.server(answer), passed(answer));
}

#[test]
fn a_denied_call_does_not_pass() {
    let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
    for params in [r#"{"name":"write_file"}"#, r#"{"name":"Read_file"}"#] {
        let fate = talk.client(&request(7, "tools/call", params));
        assert_eq!(fate, Fate::Answered(-32602, 7.into()), "{params}");
    }
    assert!(talk.relay.is_settled());
}

#[test]
fn a_call_without_a_readable_name_does_not_pass() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    for params in [
        "{}",
        r#"{"name":""}"#,
        r#"{"name":null}"#,
        r#"{"name":7}"#,
        r#"{"name":"a","Name":"b"}"#,
        r#"{"name":"a","na\u006de":"b"}"#,
    ] {
        let line = request(7, "tools/call", params);
        let refused = match talk.relay.read(line.as_bytes(), &Limits::CLIENT) {
            Ok(_) => talk.client(&line),
            Err(refused) => answered(&refused.response()),
        };
        assert_eq!(refused, Fate::Answered(-32600, 7.into()), "{params}");
    }
}

#[test]
fn a_list_shows_what_can_be_called_and_nothing_else_changes() {
    let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
    talk.client(&request(1, "tools/list", "{}"));
    let filtered = TOOLS.replace(r#",{"name":"write_file"}"#, "");
    assert_eq!(talk.server(TOOLS), passed(&filtered));
}

#[test]
fn with_no_tool_allowed_the_list_is_empty() {
    let mut talk = Talk::new(&json!({}));
    talk.client(&request(1, "tools/list", "{}"));
    let Fate::Passed(text) = talk.server(TOOLS) else { panic!("withheld") };
    let answer: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(answer["result"]["tools"], json!([]));
    assert_eq!(answer["result"]["nextCursor"], "c");
}

#[test]
fn an_answer_that_nobody_asked_for_does_not_pass() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    assert_eq!(talk.server(TOOLS), Fate::Dropped);
    talk.client(&request(1, "tools/list", "{}"));
    assert_eq!(talk.server(TOOLS), passed(TOOLS));
    assert_eq!(talk.server(TOOLS), Fate::Dropped, "answered already");
    talk.client(&request(1, "tools/list", "{}"));
    assert_eq!(talk.server(&TOOLS.replace(r#""id":1"#, r#""id":"1""#)), Fate::Dropped);
    let nobody = r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"?"}}"#;
    assert_eq!(talk.server(nobody), Fate::Dropped);
}

#[test]
fn a_list_does_not_pass_under_another_requests_id() {
    let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
    talk.client(&request(1, "ping", "{}"));
    let Fate::Passed(text) = talk.server(TOOLS) else { panic!("withheld") };
    assert!(!text.contains("write_file"), "{text}");
}

#[test]
fn a_list_that_cannot_be_read_is_an_error() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    talk.client(&request(1, "tools/list", "{}"));
    let Fate::Passed(text) = talk.server(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":7}}"#) else {
        panic!("withheld")
    };
    assert!(text.contains("-32603"), "{text}");
}

#[test]
fn errors_of_the_server_pass() {
    let mut talk = Talk::new(&json!({}));
    talk.client(&request(1, "tools/list", "{}"));
    let error = r#"{"jsonrpc":"2.0","id":1,"error":{"code":-1,"message":"no","data":{}}}"#;
    assert_eq!(talk.server(error), passed(error));
}

#[test]
fn prompts_resources_and_completion_are_governed_too() {
    let allow = json!({"tools": [], "prompts": ["ask_*"], "resources": ["file:///pub/*"]});
    let mut talk = Talk::new(&allow);
    let denied = Fate::Answered(-32602, 1.into());
    for (method, bad) in [
        ("prompts/get", r#"{"name":"other"}"#),
        ("resources/read", r#"{"uri":"file:///etc/passwd"}"#),
        ("resources/subscribe", r#"{"uri":"file:///etc/passwd"}"#),
        ("completion/complete", r#"{"ref":{"type":"ref/prompt","name":"other"}}"#),
        ("completion/complete", r#"{"ref":{"type":"ref/resource","uri":"file:///{x}"}}"#),
        ("subscriptions/listen", r#"{"notifications":{"resourceSubscriptions":["file:///a"]}}"#),
    ] {
        assert_eq!(talk.client(&request(1, method, bad)), denied, "{method} {bad}");
    }
    for (id, method, good) in [
        (1, "prompts/get", r#"{"name":"ask_me"}"#),
        (2, "resources/read", r#"{"uri":"file:///pub/a"}"#),
        (3, "completion/complete", r#"{"ref":{"type":"ref/prompt","name":"ask_me"}}"#),
    ] {
        let line = request(id, method, good);
        assert_eq!(talk.client(&line), passed(&line), "{method}");
    }
}

#[test]
fn what_is_told_of_resources_is_for_those_who_may_use_them() {
    let mut talk = Talk::new(&json!({"resources": ["file:///pub/*"]}));
    let told = |uri: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"uri":"{uri}"}}}}"#
        )
    };
    assert_eq!(talk.server(&told("file:///pub/a")), passed(&told("file:///pub/a")));
    assert_eq!(talk.server(&told("file:///secret")), Fate::Dropped);
}

#[test]
fn the_server_may_ask_and_only_its_questions_are_answered() {
    let mut talk = Talk::new(&json!({}));
    let question = request(1, "sampling/createMessage", "{}");
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"role":"assistant"}}"#;
    assert_eq!(talk.client(answer), Fate::Dropped, "not asked yet");
    assert_eq!(talk.server(&question), passed(&question));
    assert_eq!(talk.client(answer), passed(answer));
    assert_eq!(talk.client(answer), Fate::Dropped, "answered already");
}

#[test]
fn servers_ask_nothing_in_the_modern_era() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    let meta = r#"{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"},"name":"x"}"#;
    let call = request(1, "tools/call", meta);
    assert_eq!(talk.client(&call), passed(&call));
    let question = request(7, "elicitation/create", "{}");
    assert_eq!(talk.server(&question), Fate::Dropped);
    // A client that finds no such server begins anew in the other era.
    let hello = request(2, "initialize", r#"{"protocolVersion":"2025-06-18"}"#);
    assert_eq!(talk.client(&hello), passed(&hello));
    assert_eq!(talk.server(&question), passed(&question));
}

#[test]
fn one_id_is_not_open_twice() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    talk.client(&request(1, "tools/list", "{}"));
    let again = talk.client(&request(1, "ping", "{}"));
    assert_eq!(again, Fate::Answered(-32600, 1.into()));
    assert_eq!(talk.server(TOOLS), passed(TOOLS));
}

#[test]
fn a_cancelled_request_is_not_waited_for() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    talk.client(&request(1, "tools/list", "{}"));
    let cancel = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#;
    assert_eq!(talk.client(cancel), passed(cancel));
    assert!(talk.relay.is_settled());
    let unclear = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1,"requestid":2}}"#;
    assert_eq!(talk.client(unclear), Fate::Dropped);
}

#[test]
fn batches_pass_only_where_the_revision_has_them() {
    let mut talk = Talk::new(&json!({"tools": ["a"]}));
    let both =
        format!("[{},{}]", request(8, "ping", "{}"), request(9, "tools/call", r#"{"name":"b"}"#));
    assert!(talk.relay.read(both.as_bytes(), &Limits::CLIENT).is_err());
    let begin = |talk: &mut Talk, revision: &str| {
        talk.client(&request(1, "initialize", "{}"));
        talk.server(&format!(
            r#"{{"jsonrpc":"2.0","id":1,"result":{{"protocolVersion":"{revision}"}}}}"#
        ));
    };
    begin(&mut talk, "2025-06-18");
    assert!(talk.relay.read(both.as_bytes(), &Limits::CLIENT).is_err());
    begin(&mut talk, "2025-03-26");
    let messages = talk.relay.read(both.as_bytes(), &Limits::CLIENT).unwrap();
    let fates: Vec<bool> = messages
        .iter()
        .map(|message| {
            let fate = talk.relay.client(message, &talk.access, &talk.recorder);
            matches!(fate, FromClient::Forward { .. })
        })
        .collect();
    assert_eq!(fates, [true, false], "each is decided by itself");
}

#[test]
fn the_handshake_is_read() {
    let mut talk = Talk::new(&json!({}));
    talk.client(&request(1, "initialize", r#"{"clientInfo":{"name":"c","version":"1"}}"#));
    talk.server(
        r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","serverInfo":{"name":"s","version":"2"}}}"#,
    );
    let handshake = talk.relay.handshake();
    assert_eq!(handshake.client.as_deref(), Some("c/1"));
    assert_eq!(handshake.server.as_deref(), Some("s/2"));
    assert_eq!(handshake.revision.as_deref(), Some("2025-11-25"));
}

#[test]
fn calls_are_recorded_with_their_arguments() {
    let mut talk = Talk::new(&json!({"tools": ["a"]}));
    let call = |id, name| {
        request(id, "tools/call", &format!(r#"{{"name":"{name}","arguments":{{"n":1.50}}}}"#))
    };
    let record = talk.recorded(&call(1, "a")).unwrap();
    assert_eq!(record["code"], "TMCP003I");
    assert_eq!((&record["user"], &record["app_name"]), (&json!("alice"), &json!("files")));
    assert_eq!(record["message"]["params"]["name"], "a");
    assert!(record.to_string().contains("1.5"));
    let record = talk.recorded(&call(2, "b")).unwrap();
    assert_eq!((&record["code"], &record["success"]), (&json!("TMCP003E"), &json!(false)));
}

#[test]
fn of_lists_and_pings_only_refusals_are_recorded() {
    let mut talk = Talk::new(&json!({}));
    assert!(talk.recorded(&request(1, "tools/list", "{}")).is_none());
    assert!(talk.recorded(&request(2, "ping", "{}")).is_none());
    assert!(talk.recorded(&request(2, "ping", "{}")).is_some(), "the id is in use");
    assert!(talk.recorded(&request(3, "logging/setLevel", "{}")).is_some());
}

#[test]
fn who_may_not_connect_any_more_passes_nothing() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    let traits = std::collections::BTreeMap::new();
    let nothing = policy::RoleSet::compile(&[], policy::User::new("alice", &traits));
    talk.access = nothing.access(policy::AppRef::new("files", &resource::Labels::new()));
    assert_eq!(talk.client(&request(1, "ping", "{}")), Fate::Answered(-32602, 1.into()));
    let told = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    assert_eq!(talk.client(told), Fate::Dropped);
}

/// Each of these was answered by a server of the TypeScript SDK with `demo://r/secret`.
#[test]
fn another_spelling_of_a_denied_resource_is_denied() {
    let secret = "demo://r/secret";
    let spellings =
        ["DEMO://r/secret", "demo://r/./secret", "demo://r/%2e/secret", " demo://r/secret "];
    // Every spelling is allowed but the one that the server reads.
    let mut talk = Talk::new(&json!({"resources": ["^[^d].*$", "demo://r/.*", "demo://r/%*"]}));
    for (id, uri) in spellings.into_iter().chain([secret]).enumerate() {
        let id = u32::try_from(id).unwrap();
        let params = json!({ "uri": uri }).to_string();
        let refused = Fate::Answered(-32602, id.into());
        assert_eq!(talk.client(&request(id, "resources/read", &params)), refused, "{uri}");
        assert_eq!(talk.client(&request(id, "resources/subscribe", &params)), refused, "{uri}");
    }
    // One that resolves to what is not allowed is hidden as well.
    let mut talk = Talk::new(&json!({"resources": ["demo://*/*/*"]}));
    let denied = request(1, "resources/read", r#"{"uri":"demo://r/./secret"}"#);
    assert_eq!(talk.client(&denied), Fate::Answered(-32602, 1.into()));
    let list = request(1, "resources/list", "{}");
    assert_eq!(talk.client(&list), passed(&list));
    let answer = r#"{"jsonrpc":"2.0","id":1,"result":{"resources":[{"uri":"demo://r/./secret"},{"uri":"demo://r/a/b"}]}}"#;
    let shown = r#"{"jsonrpc":"2.0","id":1,"result":{"resources":[{"uri":"demo://r/a/b"}]}}"#;
    assert_eq!(talk.server(answer), passed(shown));
}

#[test]
fn an_answer_that_cannot_be_read_is_answered_for() {
    let mut talk = Talk::new(&json!({"tools": ["*"]}));
    let lines: [&[u8]; 4] = [
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"text\":\"caf\xe9\"}}",
        br#"{"jsonrpc":"2.0","id":1,"result":{},"error":null}"#,
        br#"{"id":1,"result":{}}"#,
        br#"{"jsonrpc":"2.0","id":1,"error":"broken"}"#,
    ];
    for line in lines {
        talk.client(&request(1, "tools/call", r#"{"name":"a"}"#));
        let refused = talk.relay.read(line, &Limits::SERVER).unwrap_err();
        let answer = talk.relay.unreadable(line, &refused).unwrap();
        assert_eq!(answered(&answer), Fate::Answered(-32603, 1.into()));
        assert_eq!(talk.relay.unreadable(line, &refused), None, "nobody waits any more");
    }
    talk.client(&request(1, "tools/call", r#"{"name":"a"}"#));
    for line in
        [r#"{"id":1,"method":"x""#, r#"{"id":1,"method":"x"}"#, r#"{"id":1,"ID":2}"#, "id 1"]
    {
        let refused = talk.relay.read(line.as_bytes(), &Limits::SERVER).unwrap_err();
        assert_eq!(talk.relay.unreadable(line.as_bytes(), &refused), None, "{line}");
    }
}

#[test]
fn a_method_that_is_not_known_is_for_those_who_may_use_everything_of_its_kind() {
    let mut some = Talk::new(&json!({"tools": ["read_*"], "prompts": ["*"], "resources": []}));
    let mut all = Talk::new(&json!({"tools": ["x", "*"]}));
    let mut patterns = Talk::new(&json!({"tools": ["^.*$"]}));
    let refused = Fate::Answered(-32601, 1.into());
    for method in ["tools/execute", "Tools.run", "tasks/steal", "resources/write", "completion/all"]
    {
        assert_eq!(some.client(&request(1, method, "{}")), refused, "{method}");
    }
    assert_eq!(patterns.client(&request(1, "tools/execute", "{}")), refused);
    for (id, method) in [(1, "prompts/render"), (2, "vendor/tools"), (3, "logging/setLevel")] {
        let line = request(id, method, "{}");
        assert_eq!(some.client(&line), passed(&line), "{method}");
    }
    for (id, method) in [(1, "tools/execute"), (2, "tasks/steal"), (3, "resources/write")] {
        let line = request(id, method, "{}");
        assert_eq!(all.client(&line), passed(&line), "{method}");
    }
}

/// A call that became the task `t`.
fn with_task(talk: &mut Talk, tool: &str) {
    let params = format!(r#"{{"name":"{tool}","task":{{"ttl":1}}}}"#);
    assert!(matches!(talk.client(&request(1, "tools/call", &params)), Fate::Passed(_)));
    let made = r#"{"jsonrpc":"2.0","id":1,"result":{"task":{"taskId":"t","status":"working"}}}"#;
    assert_eq!(talk.server(made), passed(made));
}

#[test]
fn a_task_follows_the_decision_about_its_tool() {
    let denied = Fate::Answered(-32602, 2.into());
    for method in ["tasks/get", "tasks/result", "tasks/update", "tasks/cancel"] {
        let ask = request(2, method, r#"{"taskId":"t"}"#);
        let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
        assert_eq!(talk.client(&ask), denied, "{method} of a task that was never made");
        with_task(&mut talk, "read_file");
        assert_eq!(talk.client(&ask), passed(&ask), "{method}");
        let result = r#"{"jsonrpc":"2.0","id":2,"result":{"content":[]}}"#;
        assert_eq!(talk.server(result), passed(result), "{method}");
        // The roles change before the next question.
        talk.access = access(&json!({"tools": ["write_*"]}));
        assert_eq!(talk.client(&ask), denied, "{method} after a deny");
    }
    // The roles change while the server makes its client wait.
    let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
    with_task(&mut talk, "read_file");
    talk.client(&request(2, "tasks/result", r#"{"taskId":"t"}"#));
    talk.access = access(&json!({"tools": ["write_*"]}));
    let Fate::Passed(text) = talk.server(r#"{"jsonrpc":"2.0","id":2,"result":{"secret":1}}"#)
    else {
        panic!("nobody is told")
    };
    assert!(text.contains("-32602") && !text.contains("secret"), "{text}");
}

#[test]
fn tasks_of_the_modern_era_too() {
    let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
    let params = r#"{"name":"read_file","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"extensions":{"io.modelcontextprotocol/tasks":{}}}}}"#;
    talk.client(&request(1, "tools/call", params));
    let made = r#"{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","taskId":"t","status":"working"}}"#;
    assert_eq!(talk.server(made), passed(made));
    let get = request(2, "tasks/get", r#"{"taskId":"t"}"#);
    assert_eq!(talk.client(&get), passed(&get));
    let listen = |id: u32, task: &str| {
        request(
            id,
            "subscriptions/listen",
            &format!(r#"{{"notifications":{{"taskIds":["{task}"]}}}}"#),
        )
    };
    assert_eq!(talk.client(&listen(3, "t")), passed(&listen(3, "t")));
    assert_eq!(talk.client(&listen(4, "u")), Fate::Answered(-32602, 4.into()));
    for method in ["notifications/tasks", "notifications/tasks/status"] {
        let told = |task: &str| {
            format!(
                r#"{{"jsonrpc":"2.0","method":"{method}","params":{{"taskId":"{task}","result":{{}}}}}}"#
            )
        };
        assert_eq!(talk.server(&told("t")), passed(&told("t")));
        assert_eq!(talk.server(&told("u")), Fate::Dropped);
    }
}

#[test]
fn a_list_of_tasks_shows_those_that_may_be_asked_for() {
    let list = r#"{"jsonrpc":"2.0","id":2,"result":{"tasks":[{"taskId":"t"},{"taskId":"other"}],"nextCursor":"c"}}"#;
    let mut talk = Talk::new(&json!({"tools": ["read_*"]}));
    with_task(&mut talk, "read_file");
    talk.client(&request(2, "tasks/list", "{}"));
    assert_eq!(talk.server(list), passed(&list.replace(r#",{"taskId":"other"}"#, "")));
    let mut all = Talk::new(&json!({"tools": ["*"]}));
    all.client(&request(2, "tasks/list", "{}"));
    assert_eq!(all.server(list), passed(list));
}
