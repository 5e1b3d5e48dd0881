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
    let mut replies = replies(demo, message, &roles);
    assert!(replies.len() < 2, "{replies:?}");
    replies.pop()
}

fn replies(demo: &mut Demo, message: &Value, roles: &[String]) -> Vec<Value> {
    let read = |reply: &Vec<u8>| {
        assert!(!reply.contains(&b'\n'));
        serde_json::from_slice(reply).unwrap()
    };
    demo.handle(message.to_string().as_bytes(), &context(roles)).iter().map(read).collect()
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
        assert!(result["capabilities"]["tools"].is_object());
        let done = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        assert_eq!(handle(&mut demo, &done), None);
        let list = handle(&mut demo, &request("tools/list", &json!({}))).unwrap();
        let names: Vec<&str> = list["result"]["tools"]
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| tool["name"].as_str().unwrap())
            .collect();
        assert_eq!(names, [COUNT, DEMO_INFO, GREET, SESSION_INFO, USER_INFO]);
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
    let mut session = shown(&call(SESSION_INFO));
    let decision = session["decision"].take().to_string();
    assert!(decision.contains("alice") && decision.contains(SESSION_INFO), "{decision}");
    assert_eq!(
        session,
        json!({
            "cluster": "example.com", "app_name": "demo", "description": "A demo", "transport": "stdio",
            "session": "s-1", "decision": null,
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
    assert_eq!(list["tools"].as_array().unwrap().len(), 5);
    assert_eq!((&list["cacheScope"], &list["resultType"]), (&json!("private"), &json!("complete")));
    let call = ask(modern("tools/call", json!({"name": USER_INFO})))["result"].clone();
    assert_eq!(call["structuredContent"]["name"], "alice");
    assert_eq!(call["resultType"], "complete");
    for gone in ["initialize", "ping", "logging/setLevel", "resources/subscribe"] {
        assert_eq!(ask(modern(gone, json!({"uri": "x://y"})))["error"]["code"], -32601, "{gone}");
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
            .first()
            .map(|reply| serde_json::from_slice(reply).unwrap())
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

#[test]
fn a_prompt_and_resources_in_both_eras() {
    let (mut demo, _) = initialized("2025-11-25");
    for era in [Era::Legacy, Era::Modern] {
        let mut ask = |method: &str, params: Value| {
            let message = match era {
                Era::Legacy => request(method, &params),
                Era::Modern => modern(method, params),
            };
            handle(&mut demo, &message).unwrap()
        };
        for (list, member) in [
            ("prompts/list", "prompts"),
            ("resources/list", "resources"),
            ("resources/templates/list", "resourceTemplates"),
        ] {
            let result = ask(list, json!({}))["result"].clone();
            assert!(!result[member].as_array().unwrap().is_empty(), "{list}");
            assert_eq!(result.get("ttlMs").is_some(), era == Era::Modern, "{list}");
        }
        let prompt =
            ask("prompts/get", json!({"name": BRIEFING, "arguments": {"audience": "an auditor"}}));
        let text = prompt["result"]["messages"][0]["content"]["text"].as_str().unwrap();
        assert!(text.contains("auditor") && text.contains("dev, ops"), "{text}");
        assert_eq!(ask("prompts/get", json!({"name": "x"}))["error"]["code"], -32602);

        let mut read = |uri: &str| ask("resources/read", json!({"uri": uri}));
        let text =
            |reply: &Value| reply["result"]["contents"][0]["text"].as_str().unwrap().to_owned();
        assert!(text(&read(ABOUT)).contains("Tessera"));
        assert!(text(&read(SESSION)).contains("alice"));
        assert!(text(&read("tessera://demo/roles/dev")).contains("\"has\":true"));
        assert!(text(&read("tessera://demo/roles/root")).contains("\"has\":false"));
        let missing = if era == Era::Modern { -32602 } else { -32002 };
        for uri in ["tessera://demo/roles/", "tessera://demo/roles/a/b", "x://y"] {
            let error = read(uri)["error"].clone();
            assert_eq!((&error["code"], &error["data"]["uri"]), (&json!(missing), &json!(uri)));
        }
        let complete = ask(
            "completion/complete",
            json!({"ref": {"type": "ref/resource", "uri": ROLE}, "argument": {"name": "role", "value": "o"}}),
        );
        assert_eq!(complete["result"]["completion"]["values"], json!(["ops"]));
        assert_eq!(ask("resources/subscribe", json!({"uri": ABOUT}))["error"]["code"], -32601);
    }
}

#[test]
fn progress_for_those_who_ask_for_it() {
    let roles = [];
    let call = |meta: Value| {
        let mut message = modern("tools/call", json!({"name": COUNT, "arguments": {"to": 2}}));
        message["params"]["_meta"]["progressToken"] = meta;
        replies(&mut Demo::new(), &message, &roles)
    };
    let said = call(json!("t"));
    assert_eq!(said.len(), 3);
    assert_eq!(said[0]["method"], "notifications/progress");
    assert_eq!(said[1]["params"]["progress"], 2);
    assert_eq!(said[1]["params"]["progressToken"], "t");
    assert_eq!(said[2]["result"]["content"][0]["text"], "1, 2");
    assert_eq!(call(Value::Null).len(), 1);
    for to in [json!(0), json!(11), json!("3"), json!(1.5)] {
        let message = modern("tools/call", json!({"name": COUNT, "arguments": {"to": to}}));
        assert_eq!(handle(&mut Demo::new(), &message).unwrap()["error"]["code"], -32602, "{to}");
    }
}

#[test]
fn a_modern_client_is_asked_by_the_result() {
    let mut demo = Demo::new();
    let mut call = |can: Value, told: Value| {
        let mut message = modern("tools/call", json!({"name": GREET, "inputResponses": told}));
        message["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"] = can;
        handle(&mut demo, &message).unwrap()
    };
    for can in [json!({}), json!({"elicitation": {"url": {}}}), json!({"elicitation": null})] {
        let error = call(can, json!({}))["error"].clone();
        assert_eq!(error["code"], -32021);
        assert_eq!(error["data"]["requiredCapabilities"], json!({"elicitation": {}}));
    }
    let can = json!({"elicitation": {}});
    let asks = call(can.clone(), json!({}))["result"].clone();
    assert_eq!(asks["resultType"], "input_required");
    assert_eq!(asks["inputRequests"]["name"]["method"], "elicitation/create");
    let told = json!({"name": {"action": "accept", "content": {"name": "Bo\u{0}"}}});
    let done = call(can.clone(), told)["result"].clone();
    assert_eq!(
        (&done["content"][0]["text"], &done["resultType"]),
        (&json!("Hello, Bo!"), &json!("complete"))
    );
    assert_eq!(call(can, json!({"name": {"action": "decline"}}))["result"]["isError"], false);
}

#[test]
fn a_client_of_a_session_is_asked_by_a_request() {
    let mut demo = Demo::new();
    let call = request("tools/call", &json!({"name": GREET}));
    let begin = |demo: &mut Demo, can: Value| {
        let params = json!({"protocolVersion": "2025-11-25", "capabilities": can});
        handle(demo, &request("initialize", &params)).unwrap();
    };
    begin(&mut demo, json!({}));
    assert_eq!(handle(&mut demo, &call).unwrap()["result"]["isError"], true);
    begin(&mut demo, json!({"elicitation": {}}));
    let question = handle(&mut demo, &call).unwrap();
    assert_eq!(question["method"], "elicitation/create");
    let told = |id: &Value| json!({"jsonrpc": "2.0", "id": id, "result": {"action": "accept", "content": {"name": "Bo"}}});
    assert_eq!(handle(&mut demo, &told(&json!(99))), None, "never asked");
    let done = handle(&mut demo, &told(&question["id"])).unwrap();
    assert_eq!(
        (&done["id"], &done["result"]["content"][0]["text"]),
        (&json!(1), &json!("Hello, Bo!"))
    );
    assert_eq!(handle(&mut demo, &told(&question["id"])), None, "answered already");
    // Nobody waits for the answer of a call that was cancelled.
    let question = handle(&mut demo, &call).unwrap();
    let cancel =
        json!({"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}});
    assert_eq!(handle(&mut demo, &cancel), None);
    assert_eq!(handle(&mut demo, &told(&question["id"])), None);
    // At most so many questions are open.
    for _ in 0..QUESTIONS {
        assert_eq!(handle(&mut demo, &call).unwrap()["method"], "elicitation/create");
    }
    assert_eq!(handle(&mut demo, &call).unwrap()["result"]["isError"], true);
}
