use super::*;

fn list(tools: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{tools}],"ttlMs":0}}}}"#)
}

fn marked(name: &str, header: &str) -> String {
    format!(
        r#"{{"name":"{name}","inputSchema":{{"type":"object","properties":{{"a":{{"type":"string","x-mcp-header":"{header}"}}}}}}}}"#
    )
}

fn headers(learned: &Learned, tool: &str) -> Vec<(String, String)> {
    let call = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"{tool}","arguments":{{"a":"x y"}}}}}}"#
    );
    let message = Message::parse(call.as_bytes(), &Limits::CLIENT).unwrap();
    let Body::Request(request) = message.body else { panic!("{call}") };
    learned.headers(&request)
}

#[test]
fn calls_of_tools_that_were_listed_so() {
    let mut learned = Learned::default();
    assert_eq!(headers(&learned, "a"), []);
    let plain = r#"{"name":"plain","inputSchema":{"type":"object"}}"#;
    learned
        .learn(list(&[&marked("a", "Region"), plain, "7", &marked("b", "B")].join(",")).as_bytes());
    assert_eq!(headers(&learned, "a"), [("mcp-param-Region".to_owned(), "x y".to_owned())]);
    assert_eq!(headers(&learned, "b").len(), 1);
    assert_eq!(headers(&learned, "plain"), []);
    // A later list says otherwise.
    learned.learn(list(&plain.replace("plain", "a")).as_bytes());
    assert_eq!(headers(&learned, "a"), []);
    learned.learn(list(&marked("b", "not a name")).as_bytes());
    assert_eq!(headers(&learned, "b"), []);
}

#[test]
fn what_is_no_list_teaches_nothing() {
    let mut learned = Learned::default();
    let tool = marked("a", "A");
    for message in [
        format!(r#"{{"jsonrpc":"2.0","method":"x","params":{{"tools":[{tool}]}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"content":{{"tools":[{tool}]}}}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":{tool}}}}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":[{tool}]}}"#),
        format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{tool}],"Tools":[]}}}}"#),
        list(&tool.replace("\"name\"", "\"Name\":1,\"name\"")),
        "x-mcp-header".to_owned(),
    ] {
        learned.learn(message.as_bytes());
        assert_eq!(headers(&learned, "a"), [], "{message}");
    }
}

#[test]
fn so_many_tools_and_no_more() {
    let mut learned = Learned::default();
    let tools: Vec<String> = (0..=LEARNED_TOOLS).map(|n| marked(&format!("t{n}"), "A")).collect();
    learned.learn(list(&tools.join(",")).as_bytes());
    assert_eq!(learned.0.len(), LEARNED_TOOLS);
    assert_eq!(headers(&learned, "t0").len(), 1);
}
