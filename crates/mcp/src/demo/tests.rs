use serde_json::{Value, json};

use super::*;

fn context(roles: &[String]) -> DemoContext<'_> {
    DemoContext {
        user: "alice",
        user_kind: "human",
        roles,
        cluster: "example.com",
        app_name: "demo",
        description: "A demo",
        transport: "stdio",
        session: "s-1",
    }
}

fn handle(demo: &mut Demo, message: &Value) -> Option<Value> {
    let roles = ["dev".to_owned(), "ops".to_owned()];
    let reply = demo.handle(message.to_string().as_bytes(), &context(&roles))?;
    assert!(!reply.contains(&b'\n'));
    Some(serde_json::from_slice(&reply).unwrap())
}

fn request(method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
}

fn modern(method: &str, mut params: Value) -> Value {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    request(method, &params)
}

fn initialized(version: &str) -> (Demo, Value) {
    let mut demo = Demo::new();
    let reply =
        handle(&mut demo, &request("initialize", &json!({"protocolVersion": version}))).unwrap();
    (demo, reply["result"].clone())
}

#[test]
fn every_legacy_revision_is_agreed_on() {
    for revision in Revision::ALL.into_iter().filter(|revision| revision.era() == Era::Legacy) {
        let (mut demo, result) = initialized(revision.as_str());
        assert_eq!(result["protocolVersion"], revision.as_str());
        assert_eq!(result["serverInfo"]["name"], SERVER_NAME);
        assert_eq!(result["capabilities"], json!({"tools": {}}));
        let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(handle(&mut demo, &done), None);
        let list = handle(&mut demo, &request("tools/list", &json!({}))).unwrap();
        let names: Vec<&str> = list["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, [DEMO_INFO, SESSION_INFO, USER_INFO]);
        assert_eq!(list["result"].get("resultType"), None);
        assert_eq!(handle(&mut demo, &request("ping", &json!({}))).unwrap()["result"], json!({}));
    }
    for version in ["2026-07-28", "1999-01-01", ""] {
        assert_eq!(initialized(version).1["protocolVersion"], "2025-11-25");
    }
}

#[test]
fn tools_show_who_calls_and_how() {
    let (mut demo, _) = initialized("2025-06-18");
    let mut call =
        |name: &str| handle(&mut demo, &request("tools/call", &json!({"name": name}))).unwrap();
    let shown = |reply: &Value| -> Value {
        let text = reply["result"]["content"][0]["text"].as_str().unwrap();
        let shown: Value = serde_json::from_str(text).unwrap();
        assert_eq!(reply["result"]["structuredContent"], shown);
        shown
    };
    assert_eq!(
        shown(&call(USER_INFO)),
        json!({"name": "alice", "user_kind": "human", "roles": ["dev", "ops"]})
    );
    assert_eq!(
        shown(&call(SESSION_INFO)),
        json!({
            "cluster": "example.com", "app_name": "demo", "description": "A demo", "transport": "stdio",
            "session": "s-1",
        })
    );
    assert!(call(DEMO_INFO)["result"]["content"][0]["text"].as_str().unwrap().contains("Tessera"));
    assert_eq!(call("other")["error"]["code"], -32602);
    assert_eq!(call("")["error"]["code"], -32600);
}

#[test]
fn the_modern_era() {
    let mut demo = Demo::new();
    let mut ask = |message: Value| handle(&mut demo, &message).unwrap();
    let found = ask(modern("server/discover", json!({})))["result"].clone();
    assert_eq!(found["resultType"], "complete");
    assert_eq!(found["supportedVersions"][0], "2026-07-28");
    assert_eq!(found["_meta"]["io.modelcontextprotocol/serverInfo"]["name"], SERVER_NAME);
    assert_eq!(found["cacheScope"], "private");
    let list = ask(modern("tools/list", json!({})))["result"].clone();
    assert_eq!(list["tools"].as_array().unwrap().len(), 3);
    assert_eq!((&list["cacheScope"], &list["resultType"]), (&json!("private"), &json!("complete")));
    let call = ask(modern("tools/call", json!({"name": USER_INFO})))["result"].clone();
    assert_eq!(call["structuredContent"]["name"], "alice");
    assert_eq!(call["resultType"], "complete");
    for gone in ["initialize", "ping", "logging/setLevel", "resources/subscribe"] {
        assert_eq!(ask(modern(gone, json!({})))["error"]["code"], -32601, "{gone}");
    }
    let mut old = modern("tools/list", json!({}));
    old["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2030-01-01");
    let error = ask(old)["error"].clone();
    assert_eq!(error["code"], -32022);
    assert_eq!(error["data"]["requested"], "2030-01-01");
    assert_eq!(error["data"]["supported"][0], "2026-07-28");
    let mut bare = modern("tools/list", json!({}));
    bare["params"]["_meta"]
        .as_object_mut()
        .unwrap()
        .remove("io.modelcontextprotocol/clientCapabilities");
    assert_eq!(ask(bare)["error"]["code"], -32602);
}

#[test]
fn what_is_not_understood() {
    let mut demo = Demo::new();
    let roles = [];
    let mut raw = |text: &str| -> Option<Value> {
        demo.handle(text.as_bytes(), &context(&roles))
            .map(|reply| serde_json::from_slice(&reply).unwrap())
    };
    assert_eq!(raw("{").unwrap()["error"]["code"], -32700);
    assert_eq!(raw("[]").unwrap()["error"]["code"], -32600);
    assert_eq!(raw(r#"{"jsonrpc":"2.0","id":1,"method":"x/y"}"#).unwrap()["error"]["code"], -32601);
    assert_eq!(raw(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#), None);
    assert_eq!(
        raw(r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#),
        None
    );
}

#[test]
fn batches_where_the_revision_has_them() {
    let ping = |id: u8| json!({"jsonrpc": "2.0", "id": id, "method": "ping"});
    let note = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
    let (mut demo, _) = initialized("2025-03-26");
    let replies = handle(&mut demo, &json!([ping(1), note, ping(2)])).unwrap();
    assert_eq!(
        replies.as_array().unwrap().iter().map(|reply| reply["id"].clone()).collect::<Vec<_>>(),
        [1, 2]
    );
    assert_eq!(handle(&mut demo, &json!([note])), None);
    let (mut demo, _) = initialized("2025-06-18");
    assert_eq!(handle(&mut demo, &json!([ping(1)])).unwrap()["error"]["code"], -32600);
}
