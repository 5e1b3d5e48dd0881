use super::super::testing::Play;
use super::super::{
    INTRODUCTION_BYTES, KEPT_BYTES, QUESTIONS, ROUNDS, SUBSCRIPTIONS, WAITING_MESSAGES,
};
use super::*;

/// Fills in what is the same in all scripts: `~` is the `_meta` that each request to the server has.
fn script(text: &str) -> String {
    text.replace('~', META)
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{},"roots":{"listChanged":true}}}"#;

const GREETING: &str = r#"
    c> {"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{"elicitation":{},"sampling":{},"roots":{"listChanged":true}},"clientInfo":{"name":"c","version":"1"}}}
    >s {"jsonrpc":"2.0","id":1,"method":"server/discover","params":{~}}
    s> {"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},"instructions":"be \u006bind","ttlMs":5,"cacheScope":"public","_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"2"}}}}
    >c {"jsonrpc":"2.0","id":0,"result":{"protocolVersion":"2025-06-18","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},"serverInfo":{"name":"s","version":"2"},"instructions":"be \u006bind"}}
"#;

fn greeted() -> Play<LegacyOverModern> {
    let mut play = Play::new(LegacyOverModern::new());
    play.run(&script(GREETING));
    play
}

fn play(text: &str) -> Play<LegacyOverModern> {
    let mut play = greeted();
    play.run(&script(text));
    play
}

#[test]
fn a_session_begins_goes_on_and_is_told_of_changes() {
    play(
        r#"
        c> {"jsonrpc":"2.0","method":"notifications/initialized"}
        >s {"jsonrpc":"2.0","id":3,"method":"subscriptions/listen","params":{~,"notifications":{"toolsListChanged":true}}}
        s> {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":3},"notifications":{"toolsListChanged":true}}}
        c> {"jsonrpc":"2.0","id":"a","method":"tools/list"}
        >s {"jsonrpc":"2.0","id":5,"method":"tools/list","params":{~}}
        s> {"jsonrpc":"2.0","id":5,"result":{"resultType":"complete","tools":[{"name":"t","inputSchema":{"type":"object"}, "outputSchema":{"type":"object"}},{"name":"u","outputSchema":{"type":"array"}}],"ttlMs":1,"cacheScope":"public","nextCursor":"n"}}
        >c {"jsonrpc":"2.0","id":"a","result":{"tools":[{"name":"t","inputSchema":{"type":"object"}, "outputSchema":{"type":"object"}},{"name":"u"}],"nextCursor":"n"}}
        s> {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":3}}}
        >c {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}
        c> {"jsonrpc":"2.0","id":1,"method":"ping"}
        >c {"jsonrpc":"2.0","id":1,"result":{}}
        # What was not asked for, or belongs to no subscription, does not pass.
        s> {"jsonrpc":"2.0","method":"notifications/prompts/list_changed","params":{}}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":3}}}
        s> {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":5}}}
        "#,
    );
}

#[test]
fn what_the_client_sends_early_waits_for_the_server() {
    let mut play = Play::new(LegacyOverModern::new());
    let mut lines = GREETING.trim().lines();
    let mut next = |n: usize| lines.by_ref().take(n).collect::<Vec<_>>().join("\n");
    play.run(&script(&next(2)));
    play.run(r#"c> {"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    play.run(
        r#"c> {"jsonrpc":"2.0","id":2,"method":"ping"}
                >c {"jsonrpc":"2.0","id":2,"result":{}}"#,
    );
    play.run(&script(&format!(
        "{}\n>s {}",
        next(2),
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/list","params":{~}}"#
    )));
}

#[test]
fn the_server_that_cannot_be_bridged_is_named() {
    for (answer, words) in [
        (
            r#""error":{"code":-32601,"message":"no such\nmethod"}"#,
            "the MCP server does not say what it can do: no suchmethod",
        ),
        (
            r#""result":{"supportedVersions":["2031-01-01"],"capabilities":{}}"#,
            "the MCP server does not speak revision 2026-07-28",
        ),
        (r#""result":7"#, "the MCP server does not speak revision 2026-07-28"),
    ] {
        let mut play = Play::new(LegacyOverModern::new());
        let begin: Vec<_> = GREETING.trim().lines().take(2).collect();
        play.run(&script(&begin.join("\n")));
        play.run(&format!(
            r#"c> {{"jsonrpc":"2.0","id":9,"method":"tools/list"}}
               s> {{"jsonrpc":"2.0","id":1,{answer}}}
               >c {{"jsonrpc":"2.0","id":0,"error":{{"code":-32603,"message":"{words}"}}}}
               >c {{"jsonrpc":"2.0","id":9,"error":{{"code":-32600,"message":"send \"initialize\" first"}}}}"#
        ));
        // Another try is another question.
        play.run(&script(&begin.join("\n").replace(r#""id":1,"#, r#""id":2,"#)));
        play.run(
            r#"@ 30s
               >c {"jsonrpc":"2.0","id":0,"error":{"code":-32603,"message":"the MCP server did not say what it can do in time"}}
               s> {"jsonrpc":"2.0","id":2,"result":{"supportedVersions":["2026-07-28"],"capabilities":{}}}"#,
        );
    }
}

#[test]
fn a_call_that_needs_input_asks_the_client_and_goes_on() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"_meta":{"progressToken":"p"},"requestState":"mine","inputResponses":{"x":1}}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{},"roots":{"listChanged":true}}}}}
        s> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}
        >c {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1}}
        s> {"jsonrpc":"2.0","id":3,"result":{"resultType":"input_required","inputRequests":{"q\u0031":{"method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object"}}},"q2":{"method":"roots/list"}},"requestState":"s\u0074"}}
        >c {"jsonrpc":"2.0","id":4,"method":"elicitation/create","params":{"message":"who?","requestedSchema":{"type":"object"}}}
        >c {"jsonrpc":"2.0","id":5,"method":"roots/list"}
        c> {"jsonrpc":"2.0","id":5,"result":{"roots":[]}}
        # Nobody answers twice, or what was not asked.
        c> {"jsonrpc":"2.0","id":5,"result":{"roots":[1]}}
        c> {"jsonrpc":"2.0","id":3,"result":{}}
        c> {"jsonrpc":"2.0","id":"4","result":{}}
        c> {"jsonrpc":"2.0","id":4,"result":{"action":"accept","content":{"who":"me"}}}
        >s {"jsonrpc":"2.0","id":6,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{},"roots":{"listChanged":true}}},"inputResponses":{"q\u0031":{"action":"accept","content":{"who":"me"}},"q2":{"roots":[]}},"requestState":"s\u0074"}}
        # The first request is over.
        s> {"jsonrpc":"2.0","id":3,"result":{"content":["stale"]}}
        s> {"jsonrpc":"2.0","id":6,"result":{"resultType":"complete","content":[],"structuredContent":[1]}}
        >c {"jsonrpc":"2.0","id":7,"result":{"content":[]}}
        s> {"jsonrpc":"2.0","id":6,"result":{"content":["again"]}}
        "#,
    );
}

#[test]
fn a_question_without_an_answer_ends_the_call() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":7,"method":"prompts/get","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":3,"method":"prompts/get","params":{"name":"t",~}}
        s> {"jsonrpc":"2.0","id":3,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"sampling/createMessage","params":{"messages":[]}},"b":{"method":"roots/list","params":{}}}}}
        >c {"jsonrpc":"2.0","id":4,"method":"sampling/createMessage","params":{"messages":[]}}
        >c {"jsonrpc":"2.0","id":5,"method":"roots/list","params":{}}
        c> {"jsonrpc":"2.0","id":4,"error":{"code":-1,"message":"User rejected sampling request"}}
        >c {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5,"reason":"the call that needed it is over"}}
        >c {"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"the client did not give the input that the call needs: User rejected sampling request"}}
        c> {"jsonrpc":"2.0","id":5,"result":{"roots":[]}}
        "#,
    );
}

#[test]
fn what_a_server_may_not_ask_is_not_asked() {
    for (input, words) in [
        (
            r#""inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"url"}}}"#,
            r#"the MCP server needs input, but the client does not offer \"elicitation/create\""#,
        ),
        (
            r#""inputRequests":{"a":{"method":"tools/call","params":{}}}"#,
            r#"the MCP server asked the client for \"tools/call\""#,
        ),
        (r#""inputRequests":{"a":7}"#, r#"the MCP server asked the client for \"\""#),
        (r#""inputRequests":null"#, "the MCP server asked for input and did not say which"),
    ] {
        play(&format!(
            r#"
            c> {{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{{"name":"t"}}}}
            >s {{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{{"name":"t",~}}}}
            s> {{"jsonrpc":"2.0","id":3,"result":{{"resultType":"input_required",{input}}}}}
            >c {{"jsonrpc":"2.0","id":7,"error":{{"code":-32603,"message":"{words}"}}}}
            "#
        ));
    }
    play(
        r#"
        c> {"jsonrpc":"2.0","id":7,"method":"tools/list"}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/list","params":{~}}
        s> {"jsonrpc":"2.0","id":3,"result":{"resultType":"input_required","requestState":"s"}}
        >c {"jsonrpc":"2.0","id":7,"error":{"code":-32603,"message":"the MCP server asked for input where that cannot be had"}}
        c> {"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"t",~}}
        s> {"jsonrpc":"2.0","id":5,"result":{"resultType":"task"}}
        >c {"jsonrpc":"2.0","id":8,"error":{"code":-32603,"message":"the MCP server answered in a way that the client's revision does not have"}}
        "#,
    );
}

#[test]
fn questions_and_rounds_are_bounded() {
    let mut play = play(
        r#"
        c> {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t",~}}
        "#,
    );
    for round in 1..=u64::from(ROUNDS) {
        let asked = format!(
            r#"{{"jsonrpc":"2.0","id":{},"result":{{"resultType":"input_required","requestState":"s"}}}}"#,
            round + 2
        );
        assert!(play.bridge.server(asked.as_bytes(), play.now).to_server.is_empty());
        play.now = play.bridge.wake_at().unwrap();
        assert_eq!(play.bridge.wake(play.now).to_server.len(), 1);
    }
    assert!(play.now > Duration::from_secs(60), "it waits longer each time");
    let last = ROUNDS + 3;
    play.run(&format!(
        r#"s> {{"jsonrpc":"2.0","id":{last},"result":{{"resultType":"input_required","requestState":"s"}}}}
           >c {{"jsonrpc":"2.0","id":7,"error":{{"code":-32603,"message":"the MCP server asked for input more than 32 times"}}}}"#
    ));
    for (questions, asked) in [(QUESTIONS, QUESTIONS), (QUESTIONS + 1, 1)] {
        let mut play = greeted();
        drop(play.bridge.client(
            br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}"#,
            play.now,
        ));
        let inputs: Vec<_> =
            (0..questions).map(|n| format!(r#""{n}":{{"method":"roots/list"}}"#)).collect();
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":3,"result":{{"resultType":"input_required","inputRequests":{{{}}}}}}}"#,
            inputs.join(",")
        );
        assert_eq!(play.bridge.server(line.as_bytes(), play.now).to_client.len(), asked);
    }
}

#[test]
fn a_url_to_visit_has_the_id_that_legacy_clients_require() {
    let mut play = Play::new(LegacyOverModern::new());
    let url =
        |text: &str| script(text).replace(r#""elicitation":{}"#, r#""elicitation":{"url":{}}"#);
    play.run(&url(GREETING));
    play.run(&url(
        r#"
        c> {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t",~}}
        s> {"jsonrpc":"2.0","id":3,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"elicitation/create","params":{"mode":"url","url":"https://e.test"}}}}}
        >c {"jsonrpc":"2.0","id":4,"method":"elicitation/create","params":{"mode":"url","url":"https://e.test","elicitationId":"elicitation-4"}}
        "#,
    ));
}

#[test]
fn requests_are_taken_back() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t",~}}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x","reason":"bored","requestid":1}}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"y"}}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x","reason":"bored"}}
        >s {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3,"reason":"bored"}}
        s> {"jsonrpc":"2.0","id":3,"result":{"content":[]}}
        # While the client is asked, nothing is open at the server.
        c> {"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"t",~}}
        s> {"jsonrpc":"2.0","id":5,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}}
        >c {"jsonrpc":"2.0","id":6,"method":"roots/list"}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"x"}}
        >c {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":6,"reason":"the call that needed it is over"}}
        c> {"jsonrpc":"2.0","id":6,"result":{"roots":[]}}
        "#,
    );
}

#[test]
fn ids_are_not_mixed() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t",~}}
        c> {"jsonrpc":"2.0","id":"1","method":"tools/call","params":{"name":"u"}}
        >s {"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"u",~}}
        c> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"v"}}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"the id is that of a request that is still open; use a new one"}}
        s> {"jsonrpc":"2.0","id":1,"result":{"content":[1]}}
        s> {"jsonrpc":"2.0","id":"3","result":{"content":[1]}}
        s> {"jsonrpc":"2.0","id":-3,"result":{"content":[1]}}
        s> {"jsonrpc":"2.0","id":4,"method":"roots/list"}
        s> {"jsonrpc":"2.0","id":5,"error":{"code":-32021,"message":"no","data":{"x":1.0}}}
        >c {"jsonrpc":"2.0","id":"1","error":{"code":-32021,"message":"no","data":{"x":1.0}}}
        s> {"jsonrpc":"2.0","id":3,"result":{"content":[1]},"extra":{"a":{}}, "method":"x"}
        s> {"jsonrpc":"2.0","id":3,"result":{"content":[1]}}
        >c {"jsonrpc":"2.0","id":1,"result":{"content":[1]}}
        "#,
    );
}

#[test]
fn the_log_level_is_said_in_each_request() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"loud"}}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"\"level\" must be one of the levels of the protocol, such as \"info\""}}
        c> {"jsonrpc":"2.0","id":1,"method":"logging/setLevel","params":{"level":"info"}}
        >c {"jsonrpc":"2.0","id":1,"result":{}}
        c> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"x","k":[1]}}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","k":[1],"io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{},"roots":{"listChanged":true}},"io.modelcontextprotocol/logLevel":"info"}}}
        s> {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}
        >c {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":1}}
        "#,
    );
}

#[test]
fn resources_are_watched_one_by_one() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"a:b"}}
        >s {"jsonrpc":"2.0","id":3,"method":"subscriptions/listen","params":{~,"notifications":{"resourceSubscriptions":["a:b"]}}}
        c> {"jsonrpc":"2.0","id":2,"method":"resources/subscribe","params":{"uri":"a:c"}}
        >s {"jsonrpc":"2.0","id":5,"method":"subscriptions/listen","params":{~,"notifications":{"resourceSubscriptions":["a:c"]}}}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":3}}}
        s> {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":3},"notifications":{"resourceSubscriptions":["a:b"]}}}
        >c {"jsonrpc":"2.0","id":1,"result":{}}
        s> {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":5},"notifications":{}}}
        >c {"jsonrpc":"2.0","id":2,"error":{"code":-32602,"message":"the MCP server does not tell of changes of this resource"}}
        >s {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5,"reason":"nobody listens any more"}}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":3,"k":1}}}
        >c {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"k":1}}}
        # The server ends it: it is opened again, and something may have been missed.
        s> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}
        @ 1s
        >s {"jsonrpc":"2.0","id":6,"method":"subscriptions/listen","params":{~,"notifications":{"resourceSubscriptions":["a:b"]}}}
        s> {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":6},"notifications":{"resourceSubscriptions":["a:b"]}}}
        >c {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b"}}
        c> {"jsonrpc":"2.0","id":3,"method":"resources/unsubscribe","params":{"uri":"a:b"}}
        >s {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":6,"reason":"nobody listens any more"}}
        >c {"jsonrpc":"2.0","id":3,"result":{}}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"a:b","_meta":{"io.modelcontextprotocol/subscriptionId":6}}}
        # Refused, and taken back.
        c> {"jsonrpc":"2.0","id":4,"method":"resources/subscribe","params":{"uri":"a:d"}}
        >s {"jsonrpc":"2.0","id":8,"method":"subscriptions/listen","params":{~,"notifications":{"resourceSubscriptions":["a:d"]}}}
        s> {"jsonrpc":"2.0","id":8,"error":{"code":-32601,"message":"no"}}
        >c {"jsonrpc":"2.0","id":4,"error":{"code":-32602,"message":"the MCP server does not tell of changes of this resource: no"}}
        c> {"jsonrpc":"2.0","id":5,"method":"resources/subscribe","params":{"uri":"a:d"}}
        >s {"jsonrpc":"2.0","id":10,"method":"subscriptions/listen","params":{~,"notifications":{"resourceSubscriptions":["a:d"]}}}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":5}}
        >s {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":10,"reason":"nobody listens any more"}}
        "#,
    );
}

#[test]
fn subscriptions_and_what_waits_are_bounded() {
    let mut play = greeted();
    let ask = |play: &mut Play<LegacyOverModern>, n: usize| {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"resources/subscribe","params":{{"uri":"a:{n}"}}}}"#
        );
        play.bridge.client(line.as_bytes(), play.now)
    };
    for n in 0..SUBSCRIPTIONS {
        assert_eq!(ask(&mut play, n).to_server.len(), 1);
    }
    let over = ask(&mut play, SUBSCRIPTIONS);
    assert!(over.to_server.is_empty() && over.to_client.len() == 1);

    let mut play = Play::new(LegacyOverModern::new());
    play.run(&script(&GREETING.trim().lines().take(2).collect::<Vec<_>>().join("\n")));
    for n in 0..=WAITING_MESSAGES {
        let line = format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/list"}}"#);
        let refused = play.bridge.client(line.as_bytes(), play.now).to_client.len();
        assert_eq!(refused, usize::from(n == WAITING_MESSAGES));
    }
    assert_eq!(play.bridge.waiting.len(), WAITING_MESSAGES);
}

#[test]
fn what_is_kept_of_calls_is_bounded_and_let_go() {
    let mut play = play(
        r#"
        c> {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t",~}}
        s> {"jsonrpc":"2.0","id":3,"result":{"resultType":"input_required","inputRequests":{"a":{"method":"roots/list"}}}}
        >c {"jsonrpc":"2.0","id":4,"method":"roots/list"}
        "#,
    );
    let before = play.bridge.kept;
    play.bridge.kept = KEPT_BYTES - 4;
    let refused = play.bridge.client(br#"{"jsonrpc":"2.0","id":4,"result":{"r":1}}"#, play.now);
    assert!(refused.to_server.is_empty() && refused.to_client.len() == 1);
    assert!(before > 0 && play.bridge.kept == KEPT_BYTES - 4 - before);
    assert!(play.bridge.calls.is_empty() && play.bridge.questions.is_empty());
}

#[test]
fn a_long_introduction_is_refused() {
    for (length, sent) in [(INTRODUCTION_BYTES, 1), (INTRODUCTION_BYTES + 1, 0)] {
        let mut bridge = LegacyOverModern::new();
        let padding = "x".repeat(length - r#"{"x":""}"#.len());
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{{"capabilities":{{"x":"{padding}"}}}}}}"#
        );
        assert_eq!(bridge.client(line.as_bytes(), Duration::ZERO).to_server.len(), sent);
    }
}

#[test]
fn a_server_that_ends_subscriptions_soon_is_asked_ever_more_rarely() {
    let mut play = greeted();
    let watch =
        br#"{"jsonrpc":"2.0","id":1,"method":"resources/subscribe","params":{"uri":"a:b"}}"#;
    let mut sent = play.bridge.client(watch, play.now).to_server;
    let mut pauses = Vec::new();
    for (id, lasts) in (3..).zip([0, 0, 0, 60]) {
        assert!(String::from_utf8(sent.remove(0)).unwrap().contains(&format!(r#""id":{id},"#)));
        let acknowledged = format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":{id}}},"notifications":{{"resourceSubscriptions":["a:b"]}}}}}}"#
        );
        assert_eq!(play.bridge.server(acknowledged.as_bytes(), play.now).to_client.len(), 1);
        play.now += Duration::from_secs(lasts);
        let ended =
            format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"resultType":"complete"}}}}"#);
        drop(play.bridge.server(ended.as_bytes(), play.now));
        let at = play.bridge.wake_at().unwrap();
        pauses.push((at - play.now).as_millis());
        play.now = at;
        sent = play.bridge.wake(at).to_server;
    }
    assert_eq!(pauses, [250, 500, 1_000, 250]);
}
