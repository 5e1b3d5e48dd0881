use super::super::testing::{Play, Wax};
use super::super::{HELD, HELD_CALLS, QUESTIONS, SUBSCRIPTIONS, WAITING_MESSAGES};
use super::*;

mod session;

/// Fills in what is the same in all scripts: `~` is the `_meta` that each request of the client has, `^` the
/// one that each result for the client has.
fn script(text: &str) -> String {
    text.replace('~', META).replace('^', FROM)
}

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"c","version":"1"},"io.modelcontextprotocol/clientCapabilities":{"elicitation":{},"sampling":{},"roots":{}}}"#;

const FROM: &str = r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"s","version":"2"}}"#;

const OPENING: &str = r#"
    c> {"jsonrpc":"2.0","id":1,"method":"server/discover","params":{~}}
    >s {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"sampling":{},"roots":{}},"clientInfo":{"name":"c","version":"1"}}}
    s> {"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-03-26","capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{},"tasks":{}},"serverInfo":{"name":"s","version":"2"},"instructions":"be \u006bind"}}
    >s {"jsonrpc":"2.0","method":"notifications/initialized"}
    >c {"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","supportedVersions":["2026-07-28"],"capabilities":{"tools":{"listChanged":true},"resources":{"subscribe":true},"logging":{}},"instructions":"be \u006bind","ttlMs":0,"cacheScope":"private",^}}
"#;

fn new() -> Play<ModernOverLegacy> {
    Play::new(ModernOverLegacy::new(b"alice at app", Arc::new(Wax)))
}

fn opened() -> Play<ModernOverLegacy> {
    let mut play = new();
    play.run(&script(OPENING));
    play
}

fn play(text: &str) -> Play<ModernOverLegacy> {
    let mut play = opened();
    play.run(&script(text));
    play
}

/// A call that the server has asked about: `$state` is what continues it.
const HELD_CALL: &str = r#"
    c> {"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"t","arguments":{"n":1.0},~}}
    >s {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","arguments":{"n":1.0}}}
    s> {"jsonrpc":"2.0","id":"e","method":"elicitation/create","params":{"message":"who\u003f","requestedSchema":{"type":"object"}}}
    >c {"jsonrpc":"2.0","id":"a","result":{"resultType":"input_required","inputRequests":{"input-3":{"method":"elicitation/create","params":{"message":"who\u003f","requestedSchema":{"type":"object"}}}},"requestState":"$state",^}}
"#;

fn held() -> Play<ModernOverLegacy> {
    play(HELD_CALL)
}

const BACK: &str = r#""inputResponses":{"input-3":{"action":"accept","content":{"who":"me"}}},"requestState":"$state""#;

#[test]
fn a_call_is_asked_about_and_goes_on() {
    let mut play = held();
    // Another client's request with the same id as the server's call, meanwhile.
    play.run(&script(&format!(
        r#"
        c> {{"jsonrpc":"2.0","id":2,"method":"tools/list","params":{{~}}}}
        >s {{"jsonrpc":"2.0","id":5,"method":"tools/list"}}
        s> {{"jsonrpc":"2.0","id":5,"result":{{"tools":[],"nextCursor":"n"}}}}
        >c {{"jsonrpc":"2.0","id":2,"result":{{"tools":[],"nextCursor":"n","resultType":"complete","ttlMs":0,"cacheScope":"private",^}}}}
        c> {{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{{"name":"t","arguments":{{"n":1.0}},{BACK},~}}}}
        >s {{"jsonrpc":"2.0","id":"e","result":{{"action":"accept","content":{{"who":"me"}}}}}}
        s> {{"jsonrpc":"2.0","id":2,"result":{{"content":[],"resultType":"input_required","_meta":{{"k":1}}}}}}
        >c {{"jsonrpc":"2.0","id":"b","result":{{"content":[],"resultType":"complete","_meta":{{"k":1,"io.modelcontextprotocol/serverInfo":{{"name":"s","version":"2"}}}}}}}}
        s> {{"jsonrpc":"2.0","id":2,"result":{{"content":["again"]}}}}
        s> {{"jsonrpc":"2.0","id":5,"result":{{"tools":["again"]}}}}
        # It is good for one time.
        c> {{"jsonrpc":"2.0","id":"c","method":"tools/call","params":{{"name":"t","arguments":{{"n":1.0}},{BACK},~}}}}
        >c {{"jsonrpc":"2.0","id":"c","error":{{"code":-32602,"message":"\"requestState\" was used already, or its call is over; send the request without it to begin again"}}}}
        "#
    )));
}

const FOREIGN: &str = r#"{"code":-32602,"message":"\"requestState\" is not one that was given for this request; send the request without it"}"#;

#[test]
fn a_state_is_of_no_use_for_anything_else() {
    let mut play = held();
    for request in [
        r#""method":"tools/call","params":{"name":"u","arguments":{"n":1.0}"#,
        r#""method":"tools/call","params":{"name":"t","arguments":{"n":2}"#,
        r#""method":"tools/call","params":{"name":"t""#,
        r#""method":"tools/call","params":{"name":"t","uri":"t","arguments":{"n":1.0}"#,
        r#""method":"prompts/get","params":{"name":"t","arguments":{"n":1.0}"#,
    ] {
        play.run(&script(&format!(
            r#"c> {{"jsonrpc":"2.0","id":"b",{request},{BACK},~}}}}
               >c {{"jsonrpc":"2.0","id":"b","error":{FOREIGN}}}"#
        )));
    }
    for state in [r#""""#, "7", "{}", r#""00.7""#, r#""x$state""#] {
        play.run(&script(&format!(
            r#"c> {{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{{"name":"t","arguments":{{"n":1.0}},"requestState":{state},~}}}}
               >c {{"jsonrpc":"2.0","id":"b","error":{FOREIGN}}}"#
        )));
    }
    // It is still good for what it was given for, however the name is escaped.
    play.run(&script(&format!(
        r#"c> {{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{{"name":"\u0074","arguments":{{"n":1.0}},{BACK},~}}}}
           >s {{"jsonrpc":"2.0","id":"e","result":{{"action":"accept","content":{{"who":"me"}}}}}}"#
    )));
}

#[test]
fn a_state_is_of_no_use_to_another_or_to_another_bridge() {
    let first = held();
    let state = first.name("$state");
    for about in [&b"bob at app"[..], b"alice at app"] {
        let mut other = Play::new(ModernOverLegacy::new(about, Arc::new(Wax)));
        other.run(&script(OPENING));
        other.run(&script(HELD_CALL));
        other.run(&script(&format!(
            r#"c> {{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{{"name":"t","arguments":{{"n":1.0}},{},~}}}}
               >c {{"jsonrpc":"2.0","id":"b","error":{FOREIGN}}}"#,
            BACK.replace("$state", &state)
        )));
    }
}

#[test]
fn held_calls_wait_as_long_as_the_owner_wants() {
    let mut play = opened();
    play.bridge.holding.time = Duration::from_secs(5);
    play.run(&script(HELD_CALL));
    assert_eq!(play.bridge.wake_at(), Some(Duration::from_secs(5)));
}

#[test]
fn held_calls_end_in_time() {
    let mut play = held();
    assert_eq!(play.bridge.wake_at(), Some(HELD));
    let back = format!(
        r#"c> {{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{{"name":"t","arguments":{{"n":1.0}},{BACK},~}}}}"#
    );
    play.run(&script(&format!(
        r#"
        @ 599s
        @ 1s
        >s {{"jsonrpc":"2.0","id":"e","error":{{"code":-32603,"message":"the client did not give the input in time"}}}}
        >s {{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":2,"reason":"the client did not give the input in time"}}}}
        {back}
        >c {{"jsonrpc":"2.0","id":"b","error":{{"code":-32602,"message":"\"requestState\" has expired; send the request without it to begin again"}}}}
        s> {{"jsonrpc":"2.0","id":2,"result":{{"content":["late"]}}}}
        "#
    )));
    assert_eq!(
        (play.bridge.kept, play.bridge.by_server.len(), play.bridge.wake_at()),
        (0, 0, None)
    );
}

#[test]
fn an_outcome_that_comes_while_a_call_is_held_waits_for_the_client() {
    let mut play = held();
    let back = format!(
        r#"c> {{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{{"name":"t","arguments":{{"n":1.0}},{BACK},~}}}}"#
    );
    play.run(&script(&format!(
        r#"
        s> {{"jsonrpc":"2.0","id":2,"result":{{"content":[{{"type":"text","text":"gave \u0075p"}}]}}}}
        s> {{"jsonrpc":"2.0","id":2,"result":{{"content":["again"]}}}}
        {back}
        >s {{"jsonrpc":"2.0","id":"e","result":{{"action":"accept","content":{{"who":"me"}}}}}}
        >c {{"jsonrpc":"2.0","id":"b","result":{{"content":[{{"type":"text","text":"gave \u0075p"}}],"resultType":"complete",^}}}}
        "#
    )));
    assert_eq!((play.bridge.kept, play.bridge.calls.len()), (0, 0));
}

#[test]
fn what_is_not_answered_is_asked_again_with_what_came_meanwhile() {
    let mut play = held();
    play.run(&script(
        r#"
        s> {"jsonrpc":"2.0","id":7,"method":"roots/list"}
        s> {"jsonrpc":"2.0","id":7,"method":"roots/list"}
        >s {"jsonrpc":"2.0","id":7,"error":{"code":-32600,"message":"the id is that of a request that is still open; use a new one"}}
        s> {"jsonrpc":"2.0","id":8,"method":"sampling/createMessage","params":{"messages":[]}}
        s> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":8}}
        c> {"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"inputResponses":{"input-5":7},"requestState":"$state",~}}
        >c {"jsonrpc":"2.0","id":"b","error":{"code":-32602,"message":"\"inputResponses\" must be an object of objects"}}
        c> {"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"inputResponses":{"input-5":{"roots":[]},"other":{}},"requestState":"$state",~}}
        >s {"jsonrpc":"2.0","id":7,"result":{"roots":[]}}
        >c {"jsonrpc":"2.0","id":"b","result":{"resultType":"input_required","inputRequests":{"input-3":{"method":"elicitation/create","params":{"message":"who\u003f","requestedSchema":{"type":"object"}}}},"requestState":"$next",^}}
        c> {"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"inputResponses":{"input-3":{"action":"decline"}},"requestState":"$next",~}}
        >s {"jsonrpc":"2.0","id":"e","result":{"action":"decline"}}
        "#,
    ));
}

#[test]
fn held_calls_and_questions_are_bounded() {
    for most in [HELD_CALLS, 1, 2] {
        held_calls_are_bounded_by(most);
    }
}

fn held_calls_are_bounded_by(most: usize) {
    let mut play = opened();
    play.bridge.holding.calls = most;
    let mut call = |n: usize| {
        let line = script(&format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/call","params":{{"name":"t",~}}}}"#
        ));
        let sent = play.bridge.client(line.as_bytes(), play.now);
        assert_eq!(sent.to_server.len(), 1);
        let line = format!(r#"{{"jsonrpc":"2.0","id":"q{n}","method":"roots/list"}}"#);
        let asked = play.bridge.server(line.as_bytes(), play.now);
        assert_eq!(asked.to_client.len(), 1);
        asked.to_server.len()
    };
    for n in 0..most {
        assert_eq!(call(n), 0);
    }
    assert_eq!(call(most), 2, "the oldest is given up");
    assert_eq!(play.bridge.calls.len(), most);
    assert!(!play.bridge.by_server.contains_key(&Id::String("q0".into())));
    for n in 0..QUESTIONS {
        let line = format!(r#"{{"jsonrpc":"2.0","id":{n},"method":"roots/list"}}"#);
        let refused = play.bridge.server(line.as_bytes(), play.now).to_server.len();
        assert_eq!(refused, usize::from(n == QUESTIONS - 1), "{n}");
    }
}

#[test]
fn the_server_is_answered_what_the_client_cannot_be_asked() {
    play(
        r#"
        s> {"jsonrpc":"2.0","id":1,"method":"ping"}
        >s {"jsonrpc":"2.0","id":1,"result":{}}
        s> {"jsonrpc":"2.0","id":1,"method":"elicitation/create"}
        >s {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no request of the client's is open that this could be for"}}
        s> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t"}}
        >s {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"\"tools/call\" is not known to the client"}}
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/list"}
        s> {"jsonrpc":"2.0","id":1,"method":"elicitation/create"}
        >s {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no request of the client's is open that this could be for"}}
        c> {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
        >s {"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"t"}}
        s> {"jsonrpc":"2.0","id":1,"method":"roots/list"}
        >s {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"the client does not offer \"roots/list\""}}
        "#,
    );
}

#[test]
fn roots_that_are_asked_for_early_are_brought_by_the_first_call() {
    play(
        r#"
        s> {"jsonrpc":"2.0","id":1,"method":"roots/list"}
        s> {"jsonrpc":"2.0","id":2,"method":"roots/list"}
        s> {"jsonrpc":"2.0","id":2,"method":"roots/list"}
        >s {"jsonrpc":"2.0","id":2,"error":{"code":-32600,"message":"the id is that of a request that is still open; use a new one"}}
        s> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}
        >s {"jsonrpc":"2.0","id":4,"method":"tools/list"}
        c> {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t",~}}
        >s {"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"t"}}
        >c {"jsonrpc":"2.0","id":2,"result":{"resultType":"input_required","inputRequests":{"input-6":{"method":"roots/list"}},"requestState":"$state",^}}
        s> {"jsonrpc":"2.0","id":5,"result":{"content":[]}}
        c> {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t","inputResponses":{"input-6":{"roots":[]}},"requestState":"$state",~}}
        >s {"jsonrpc":"2.0","id":1,"result":{"roots":[]}}
        >c {"jsonrpc":"2.0","id":3,"result":{"content":[],"resultType":"complete",^}}
        s> {"jsonrpc":"2.0","id":1,"method":"roots/list"}
        @ 50s
        >s {"jsonrpc":"2.0","id":1,"error":{"code":-32600,"message":"no request of the client's is open that this could be for"}}
        "#,
    );
}

#[test]
fn roots_are_asked_for_by_the_call_that_was_last_heard_of() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"x","_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":2}}}
        c> {"jsonrpc":"2.0","id":"y","method":"tools/call","params":{"name":"y","_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"y","_meta":{"progressToken":3}}}
        s> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"2","progress":1}}
        s> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":7,"progress":1}}
        s> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1.0}}
        >c {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p","progress":1.0}}
        s> {"jsonrpc":"2.0","id":1,"method":"roots/list"}
        >c {"jsonrpc":"2.0","id":"x","result":{"resultType":"input_required","inputRequests":{"input-7":{"method":"roots/list"}},"requestState":"$x",^}}
        s> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":2.0}}
        s> {"jsonrpc":"2.0","id":2,"method":"roots/list"}
        >c {"jsonrpc":"2.0","id":"y","result":{"resultType":"input_required","inputRequests":{"input-10":{"method":"roots/list"}},"requestState":"$y",^}}
        "#,
    );
}

#[test]
fn a_question_goes_to_no_other_call_than_its_own() {
    let two = r#"
        c> {"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"x",~}}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x"}}
        c> {"jsonrpc":"2.0","id":"y","method":"tools/call","params":{"name":"y",~}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"y"}}
    "#;
    let refused = r#"{"code":-32600,"message":"several calls of this client are open, and it cannot be told which of them this is for; ask while one is open"}"#;
    let nobody =
        r#"{"code":-32600,"message":"no request of the client's is open that this could be for"}"#;
    // Where it cannot be known, nobody is asked; not when one of the two is held either.
    play(&format!(
        r#"{two}
        s> {{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}}
        >s {{"jsonrpc":"2.0","id":1,"error":{refused}}}
        s> {{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage"}}
        >s {{"jsonrpc":"2.0","id":1,"error":{refused}}}
        s> {{"jsonrpc":"2.0","id":2,"result":{{"content":[]}}}}
        >c {{"jsonrpc":"2.0","id":"x","result":{{"content":[],"resultType":"complete",^}}}}
        s> {{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}}
        >c {{"jsonrpc":"2.0","id":"y","result":{{"resultType":"input_required","inputRequests":{{"input-6":{{"method":"elicitation/create"}}}},"requestState":"$y",^}}}}
        c> {{"jsonrpc":"2.0","id":"z","method":"tools/call","params":{{"name":"z",~}}}}
        >s {{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{{"name":"z"}}}}
        s> {{"jsonrpc":"2.0","id":4,"method":"elicitation/create"}}
        >s {{"jsonrpc":"2.0","id":4,"error":{refused}}}
        "#
    ));
    // Where each request has a stream, it is known: also of one that nobody can be asked about.
    play(&format!(
        r#"{two}
        c> {{"jsonrpc":"2.0","id":"l","method":"tools/list","params":{{~}}}}
        >s {{"jsonrpc":"2.0","id":4,"method":"tools/list"}}
        s2> {{"jsonrpc":"2.0","id":1,"method":"elicitation/create"}}
        >c {{"jsonrpc":"2.0","id":"x","result":{{"resultType":"input_required","inputRequests":{{"input-5":{{"method":"elicitation/create"}}}},"requestState":"$x",^}}}}
        s3> {{"jsonrpc":"2.0","id":2,"method":"sampling/createMessage"}}
        >c {{"jsonrpc":"2.0","id":"y","result":{{"resultType":"input_required","inputRequests":{{"input-7":{{"method":"sampling/createMessage"}}}},"requestState":"$y",^}}}}
        s4> {{"jsonrpc":"2.0","id":3,"method":"elicitation/create"}}
        >s {{"jsonrpc":"2.0","id":3,"error":{nobody}}}
        s9> {{"jsonrpc":"2.0","id":3,"method":"elicitation/create"}}
        >s {{"jsonrpc":"2.0","id":3,"error":{nobody}}}
        "#
    ));
}

#[test]
fn progress_that_comes_while_a_call_is_held_is_told_later() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"x","_meta":{"progressToken":"p","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"x","_meta":{"progressToken":2}}}
        s> {"jsonrpc":"2.0","id":1,"method":"roots/list"}
        >c {"jsonrpc":"2.0","id":"x","result":{"resultType":"input_required","inputRequests":{"input-3":{"method":"roots/list"}},"requestState":"$x",^}}
        s> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1.0}}
        s> {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":2}}
        c> {"jsonrpc":"2.0","id":"y","method":"tools/call","params":{"name":"x","inputResponses":{"input-3":{"roots":[]}},"requestState":"$x","_meta":{"progressToken":"q","io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{"roots":{}}}}}
        >c {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"q","progress":1.0}}
        >c {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"q","progress":2}}
        >s {"jsonrpc":"2.0","id":1,"result":{"roots":[]}}
        "#,
    );
}

#[test]
fn requests_are_taken_back() {
    let mut play = held();
    play.run(&script(
        r#"
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}
        c> {"jsonrpc":"2.0","id":"b","method":"tools/call","params":{"name":"t","arguments":{"n":1.0},"inputResponses":{},"requestState":"$state",~}}
        >c {"jsonrpc":"2.0","id":"b","result":{"resultType":"input_required","inputRequests":{"input-3":{"method":"elicitation/create","params":{"message":"who\u003f","requestedSchema":{"type":"object"}}}},"requestState":"$next",^}}
        c> {"jsonrpc":"2.0","id":"c","method":"tools/call","params":{"name":"t","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}
        >s {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"t"}}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"c","reason":"bored"}}
        >s {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"bored"}}
        s> {"jsonrpc":"2.0","id":7,"result":{"content":[]}}
        "#,
    ));
}

#[test]
fn requests_must_say_who_asks() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list"}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"\"_meta\" must have \"io.modelcontextprotocol/protocolVersion\" as the revision says"}}
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2025-11-25"}}}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32022,"message":"unsupported protocol version","data":{"supported":["2026-07-28"],"requested":"2025-11-25"}}}
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32602,"message":"\"_meta\" must have \"io.modelcontextprotocol/clientCapabilities\" as the revision says"}}
        c> {"jsonrpc":"2.0","id":1,"method":"ping","params":{~}}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"ping is not known in revision 2026-07-28"}}
        c> {"jsonrpc":"2.0","id":1,"method":"initialize","params":{~}}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"initialize is not known in revision 2026-07-28"}}
        c> {"jsonrpc":"2.0","id":1,"result":{}}
        "#,
    );
}

#[test]
fn a_url_to_visit_is_input_that_is_needed() {
    let meta = |offers: &str| {
        format!(
            r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{offers}}}"#
        )
    };
    let (url, none) = (meta(r#"{"elicitation":{"url":{}}}"#), meta("{}"));
    play(&format!(
        r#"
        c> {{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t",{url}}}}}
        >s {{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"t"}}}}
        s> {{"jsonrpc":"2.0","id":2,"error":{{"code":-32042,"message":"go","data":{{"elicitations":[{{"mode":"url","elicitationId":"i","url":"https://e.test","message":"m"}}]}}}}}}
        >c {{"jsonrpc":"2.0","id":1,"result":{{"resultType":"input_required","inputRequests":{{"input-1":{{"method":"elicitation/create","params":{{"mode":"url","url":"https://e.test","message":"m"}}}}}},"requestState":"$state",^}}}}
        c> {{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"t","inputResponses":{{"input-1":{{"action":"cancel"}}}},"requestState":"$state",{url}}}}}
        >c {{"jsonrpc":"2.0","id":2,"error":{{"code":-32602,"message":"what the MCP server needs for this was declined"}}}}
        c> {{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"t","inputResponses":{{"input-1":{{"action":"accept"}}}},"requestState":"$state",{url}}}}}
        >s {{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{{"name":"t"}}}}
        c> {{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{{"name":"t",{none}}}}}
        >s {{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{{"name":"t"}}}}
        s> {{"jsonrpc":"2.0","id":5,"error":{{"code":-32042,"message":"go","data":{{"elicitations":[{{"mode":"url","url":"https://e.test"}}]}}}}}}
        >c {{"jsonrpc":"2.0","id":3,"error":{{"code":-32021,"message":"the client does not offer \"elicitation/create\"","data":{{"requiredCapabilities":{{"elicitation":{{"url":{{}}}}}}}}}}}}
        "#
    ));
}

#[test]
fn batches_are_read_from_servers_that_have_them() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t",~}}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}}
        s> [{"jsonrpc":"2.0","id":9,"method":"ping"},{"jsonrpc":"2.0","id":2,"result":{"content":[]}}]
        >s {"jsonrpc":"2.0","id":9,"result":{}}
        >c {"jsonrpc":"2.0","id":1,"result":{"content":[],"resultType":"complete",^}}
        "#,
    );
}

#[test]
fn subscriptions_and_what_waits_are_bounded() {
    let mut play = opened();
    for n in 0..=SUBSCRIPTIONS {
        let line = script(&format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"subscriptions/listen","params":{{"notifications":{{"resourceSubscriptions":["a:{n}"]}},~}}}}"#
        ));
        let refused = play.bridge.client(line.as_bytes(), play.now).to_client.len();
        assert_eq!(refused, usize::from(n == SUBSCRIPTIONS));
    }
    let mut play = new();
    for n in 0..=WAITING_MESSAGES {
        let line = script(&format!(
            r#"{{"jsonrpc":"2.0","id":{n},"method":"tools/list","params":{{~}}}}"#
        ));
        let refused = play.bridge.client(line.as_bytes(), play.now).to_client.len();
        assert_eq!(refused, usize::from(n == WAITING_MESSAGES));
    }
}

#[test]
fn an_answer_that_cannot_be_read_is_an_error_for_who_waits() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t",~}}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t"}}
        s> {"jsonrpc":"1.0","id":2,"result":{}}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the MCP server's answer cannot be passed on: \"jsonrpc\" must be \"2.0\""}}
        c> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t",~}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t"}}
        s> {"jsonrpc":"2.0","id":3,"result":[]}
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the MCP server's answer cannot be passed on: it is no object"}}
        s> banner
        s> {}
        "#,
    );
}
