//! The session itself, and what the server tells unasked.

use super::*;

#[test]
fn messages_pass_while_somebody_wants_them() {
    let meta = |level: &str| {
        format!(
            r#""_meta":{{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{{}},"io.modelcontextprotocol/logLevel":"{level}"}}"#
        )
    };
    let (info, error, loud) = (meta("info"), meta("error"), meta("loud"));
    play(&format!(
        r#"
        s> {{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"emergency","data":1}}}}
        c> {{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"t",{error}}}}}
        >s {{"jsonrpc":"2.0","id":3,"method":"logging/setLevel","params":{{"level":"error"}}}}
        >s {{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"t"}}}}
        s> {{"jsonrpc":"2.0","id":3,"result":{{}}}}
        c> {{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"t",{info}}}}}
        >s {{"jsonrpc":"2.0","id":5,"method":"logging/setLevel","params":{{"level":"info"}}}}
        >s {{"jsonrpc":"2.0","id":4,"method":"tools/call","params":{{"name":"t"}}}}
        s> {{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":1.0}}}}
        >c {{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":1.0}}}}
        s> {{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"debug","data":1}}}}
        s> {{"jsonrpc":"2.0","id":4,"error":{{"code":-32002,"message":"no"}}}}
        >c {{"jsonrpc":"2.0","id":2,"error":{{"code":-32602,"message":"no"}}}}
        s> {{"jsonrpc":"2.0","method":"notifications/message","params":{{"level":"info","data":1}}}}
        c> {{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{{"name":"t",{loud}}}}}
        >c {{"jsonrpc":"2.0","id":2,"error":{{"code":-32602,"message":"\"_meta\" must have \"io.modelcontextprotocol/logLevel\" as the revision says"}}}}
        s> {{"jsonrpc":"2.0","id":2,"error":{{"code":-32022,"message":"no","data":1.0}}}}
        >c {{"jsonrpc":"2.0","id":1,"error":{{"code":-32603,"message":"no","data":1.0}}}}
        "#
    ));
}

#[test]
fn changes_are_told_to_those_who_asked() {
    play(
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"promptsListChanged":true},~}}
        >c {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1},"notifications":{"toolsListChanged":true}}}
        c> {"jsonrpc":"2.0","id":"1","method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["f:///d","f:///e","f:///d"]},~}}
        >s {"jsonrpc":"2.0","id":4,"method":"resources/subscribe","params":{"uri":"f:///d"}}
        >s {"jsonrpc":"2.0","id":5,"method":"resources/subscribe","params":{"uri":"f:///e"}}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"f:///d"}}
        s> {"jsonrpc":"2.0","id":5,"error":{"code":-32002,"message":"no"}}
        c> {"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["f:///d"]},~}}
        s> {"jsonrpc":"2.0","id":4,"result":{}}
        >c {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"1"},"notifications":{"resourceSubscriptions":["f:///d"]}}}
        >c {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":2},"notifications":{"resourceSubscriptions":["f:///d"]}}}
        s> {"jsonrpc":"2.0","method":"notifications/tools/list_changed"}
        >c {"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":1}}}
        s> {"jsonrpc":"2.0","method":"notifications/prompts/list_changed"}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"f:///d/x","_meta":{"io.modelcontextprotocol/subscriptionId":9,"k":1}}}
        >c {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"f:///d/x","_meta":{"io.modelcontextprotocol/subscriptionId":"1","k":1}}}
        >c {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"f:///d/x","_meta":{"io.modelcontextprotocol/subscriptionId":2,"k":1}}}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"f:///dx"}}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":2}}
        c> {"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"1"}}
        >s {"jsonrpc":"2.0","id":7,"method":"resources/unsubscribe","params":{"uri":"f:///d"}}
        s> {"jsonrpc":"2.0","id":7,"result":{}}
        s> {"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"f:///d"}}
        # A server that does not answer keeps nobody waiting for ever.
        c> {"jsonrpc":"2.0","id":2,"method":"subscriptions/listen","params":{"notifications":{"resourceSubscriptions":["a:b"]},~}}
        >s {"jsonrpc":"2.0","id":9,"method":"resources/subscribe","params":{"uri":"a:b"}}
        @ 30s
        >c {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":2},"notifications":{"resourceSubscriptions":["a:b"]}}}
        "#,
    );
}

#[test]
fn a_lost_session_is_opened_again() {
    let mut play = held();
    play.run(&script(
        r#"
        c> {"jsonrpc":"2.0","id":"l","method":"subscriptions/listen","params":{"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b"]},~}}
        >s {"jsonrpc":"2.0","id":6,"method":"resources/subscribe","params":{"uri":"a:b"}}
        s> {"jsonrpc":"2.0","id":6,"result":{}}
        >c {"jsonrpc":"2.0","method":"notifications/subscriptions/acknowledged","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"l"},"notifications":{"toolsListChanged":true,"resourceSubscriptions":["a:b"]}}}
        c> {"jsonrpc":"2.0","id":"x","method":"tools/call","params":{"name":"x",~}}
        >s {"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"x"}}
        c> {"jsonrpc":"2.0","id":"y","method":"tools/call","params":{"name":"y",~}}
        >s {"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"y"}}
        "#,
    ));
    let unsent = vec![
        br#"{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{"name":"y"}}"#.to_vec(),
        br#"{"jsonrpc":"2.0","id":99,"method":"tools/call","params":{"name":"z"}}"#.to_vec(),
        br#"{"jsonrpc":"2.0","id":"e","result":{}}"#.to_vec(),
    ];
    let effects = play.bridge.reopen(unsent, play.now).unwrap();
    play.note(effects);
    let back = format!(
        r#"c> {{"jsonrpc":"2.0","id":"b","method":"tools/call","params":{{"name":"t","arguments":{{"n":1.0}},{BACK},~}}}}"#
    );
    play.run(&script(&format!(
        r#"
        >c {{"jsonrpc":"2.0","id":"x","error":{{"code":-32603,"message":"the MCP server has lost its session; what was called may have been done, look before you call again"}}}}
        >s {{"jsonrpc":"2.0","id":9,"method":"initialize","params":{{"protocolVersion":"2025-11-25","capabilities":{{"elicitation":{{}},"sampling":{{}},"roots":{{}}}},"clientInfo":{{"name":"c","version":"1"}}}}}}
        s> {{"jsonrpc":"2.0","id":7,"result":{{"content":["late"]}}}}
        s> {{"jsonrpc":"2.0","id":9,"result":{{"protocolVersion":"2025-11-25","capabilities":{{"tools":{{"listChanged":true}},"resources":{{"subscribe":true}}}},"serverInfo":{{"name":"s","version":"2"}}}}}}
        >s {{"jsonrpc":"2.0","method":"notifications/initialized"}}
        >s {{"jsonrpc":"2.0","id":10,"method":"resources/subscribe","params":{{"uri":"a:b"}}}}
        >s {{"jsonrpc":"2.0","id":8,"method":"tools/call","params":{{"name":"y"}}}}
        >c {{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":"l"}}}}}}
        >c {{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{"_meta":{{"io.modelcontextprotocol/subscriptionId":"l"}},"uri":"a:b"}}}}
        s> {{"jsonrpc":"2.0","id":8,"result":{{"content":[]}}}}
        >c {{"jsonrpc":"2.0","id":"y","result":{{"content":[],"resultType":"complete",^}}}}
        {back}
        >c {{"jsonrpc":"2.0","id":"b","error":{{"code":-32602,"message":"\"requestState\" was used already, or its call is over; send the request without it to begin again"}}}}
        "#
    )));
    assert!(new().bridge.reopen(Vec::new(), Duration::ZERO).is_none(), "there was none to lose");
}

#[test]
fn a_client_that_could_begin_a_session_is_told_so() {
    let mut play = new();
    play.bridge.set_beside_sessions(true);
    play.run(&script(&OPENING.replace(
        r#""supportedVersions":["2026-07-28"]"#,
        r#""supportedVersions":["2026-07-28","2025-03-26"]"#,
    )));
}

#[test]
fn a_server_that_opens_no_session_is_named_and_tried_again() {
    let begin = r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"t",~}}
        >s {"jsonrpc":"2.0","id":#,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{"elicitation":{},"sampling":{},"roots":{}},"clientInfo":{"name":"c","version":"1"}}}
        c> {"jsonrpc":"2.0","id":2,"method":"tools/list","params":{~}}"#;
    let mut play = new();
    for (id, answer, words) in [
        (
            "1",
            r#"s> {"jsonrpc":"2.0","id":1,"error":{"code":-32000,"message":"no"}}"#,
            "the MCP server opens no session: no",
        ),
        (
            "2",
            r#"s> {"jsonrpc":"2.0","id":2,"result":{"protocolVersion":"2026-07-28"}}"#,
            r#"the MCP server speaks revision \"2026-07-28\", which is not known here"#,
        ),
        (
            "3",
            r#"s> {"jsonrpc":"2.0","id":3,"result":7}"#,
            r#"the MCP server speaks revision \"\", which is not known here"#,
        ),
        ("4", "@ 30s", "the MCP server did not open a session in time"),
    ] {
        play.run(&script(&begin.replace('#', id)));
        play.run(&format!(
            r#"{answer}
               >c {{"jsonrpc":"2.0","id":1,"error":{{"code":-32603,"message":"{words}"}}}}
               >c {{"jsonrpc":"2.0","id":2,"error":{{"code":-32603,"message":"{words}"}}}}"#
        ));
    }
}
