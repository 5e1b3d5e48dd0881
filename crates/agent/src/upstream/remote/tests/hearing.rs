//! What servers say beside their answers, and what their lists teach.

use super::*;

#[tokio::test]
async fn what_a_server_logs_before_its_answer_is_heard_before_it() {
    let held = Arc::new(Mutex::new(None));
    let server = HttpServer::slow(move |seen| {
        let held = held.clone();
        async move {
            match (seen.method.as_str(), id_of_or_null(&seen)) {
                ("GET", _) => {
                    let (mut sender, answer) = stream();
                    let hello = r#"{"jsonrpc":"2.0","method":"notifications/hello"}"#;
                    sender.send_data(format!("data: {hello}\n\n").into()).await.unwrap();
                    *held.lock() = Some(sender);
                    answer
                }
                ("POST", id) if id == 3 => {
                    let mut sender = held.lock().take().unwrap();
                    let log = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
                    sender.send_data(format!("data: {log}\n\n").into()).await.unwrap();
                    *held.lock() = Some(sender);
                    json_answer(result(&id))
                }
                _ => legacy(&seen, |seen| json_answer(result(&id_of(seen)))),
            }
        }
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Legacy);
    talk.begin().await;
    assert_eq!(talk.hear().await["method"], "notifications/hello");
    let level = json!({"level": "debug"});
    talk.say(&json!({"jsonrpc": "2.0", "id": 2, "method": "logging/setLevel", "params": level}));
    assert_eq!(talk.hear().await["id"], 2);
    for _ in 0..3 {
        talk.say(&call(3, "log"));
        assert_eq!(talk.hear().await["method"], "notifications/message");
        assert_eq!(talk.hear().await["id"], 3);
    }
}

#[tokio::test]
async fn calls_repeat_in_headers_what_lists_of_tools_mark() {
    let schema = json!({"type": "object", "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"}, "text": {"type": "string"}}});
    let tools = json!([{"name": "echo", "inputSchema": schema}]);
    let server = HttpServer::new(move |seen| {
        let id = id_of(seen);
        json_answer(json!({"jsonrpc": "2.0", "id": id, "result": {"tools": tools}}).to_string())
    })
    .await;
    let mut talk = Talk::with(&server, Dialect::Modern);
    let mut list = modern(1, "");
    list["method"] = "tools/list".into();
    talk.say(&list);
    assert_eq!(talk.hear().await["id"], 1);
    let mut called = modern(2, "echo");
    called["params"]["arguments"] = json!({"region": "eu", "text": "x"});
    talk.say(&called);
    assert_eq!(talk.hear().await["id"], 2);
    let seen = server.seen();
    assert_eq!(header(&seen[1].headers, "mcp-param-region"), "eu");
    assert!(seen[1].headers.keys().all(|name| name != "mcp-param-text"));
}

fn id_of_or_null(seen: &Seen) -> Value {
    serde_json::from_slice::<Value>(&seen.body).unwrap_or_default()["id"].clone()
}
