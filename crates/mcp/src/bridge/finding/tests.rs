use super::super::testing::{Play, Wax};
use super::*;

const META: &str = r#""_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}"#;
const DISCOVER: &str = r#"{"jsonrpc":"2.0","id":0,"method":"server/discover","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"tessera","version":"$version"},"io.modelcontextprotocol/clientCapabilities":{}}}}"#;
const MODERN: &str = r#"{"supportedVersions":["2026-07-28"],"capabilities":{}}"#;
const UNKNOWN: &str = r#""error":{"code":-32601,"message":"Method not found"}"#;

fn play(known: Known, text: &str) -> Play<Finding> {
    let mut play = Play::new(Finding::new(b"alice", Arc::new(Wax), known));
    play.run(
        &text.replace('~', META).replace('?', DISCOVER).replace('!', UNKNOWN).replace('^', MODERN),
    );
    play
}

#[test]
fn a_legacy_client_and_server_speak_with_each_other() {
    for known in [Known::Unknown, Known::Once(Era::Legacy)] {
        let play = play(
            known,
            r#"
            c> {"jsonrpc":"2.0","id":"p","method":"ping"}
            >s {"jsonrpc":"2.0","id":"p","method":"ping"}
            s> {"jsonrpc":"2.0","id":"p","result":{}}
            >c {"jsonrpc":"2.0","id":"p","result":{}}
            c> {"jsonrpc":"2.0", "id":1, "method":"initialize","params":{}}
            >s {"jsonrpc":"2.0", "id":1, "method":"initialize","params":{}}
            c> {"jsonrpc":"2.0","method":"notifications/initialized"}
            c> {"jsonrpc":"2.0","id":2,"method":"tools/list"}
            s> {"jsonrpc":"2.0","id":1,"method":"ping"}
            >c {"jsonrpc":"2.0","id":1,"method":"ping"}
            c> {"jsonrpc":"2.0","id":1,"result":{}}
            >s {"jsonrpc":"2.0","id":1,"result":{}}
            s> {"jsonrpc":"2.0", "id":1,"result":{"protocolVersion":"2024-11-05"}}
            >c {"jsonrpc":"2.0", "id":1,"result":{"protocolVersion":"2024-11-05"}}
            >s {"jsonrpc":"2.0","method":"notifications/initialized"}
            >s {"jsonrpc":"2.0","id":2,"method":"tools/list"}
            s> {"jsonrpc":"2.0","id":2,"result":{"tools" : []}}
            >c {"jsonrpc":"2.0","id":2,"result":{"tools" : []}}
            "#,
        );
        assert!(play.bridge.is_same() && play.bridge.era() == Some(Era::Legacy));
    }
}

#[test]
fn a_server_that_refuses_to_be_initialized_is_bridged_to() {
    let play = play(
        Known::Once(Era::Legacy),
        r#"
        c> {"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}
        >s {"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}
        c> {"jsonrpc":"2.0","id":2,"method":"tools/list"}
        s> {"jsonrpc":"2.0","id":1,!}
        >s {"jsonrpc":"2.0","id":1,"method":"server/discover","params":{~}}
        s> {"jsonrpc":"2.0","id":1,"result":^}
        >c {"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{},"serverInfo":{"name":"unnamed","version":"unknown"}}}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/list","params":{~}}
        "#,
    );
    assert_eq!(play.bridge.era(), Some(Era::Modern));
}

#[test]
fn a_server_that_is_no_longer_modern_is_initialized() {
    let text = r#"
        c> {"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}
        >s {"jsonrpc":"2.0","id":1,"method":"server/discover","params":{~}}
        c> {"jsonrpc":"2.0","id":2,"method":"tools/list"}
        s> {"jsonrpc":"2.0","id":1,!}"#;
    let passed = r#"
        >s {"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    let again = play(Known::Once(Era::Modern), &format!("{text}{passed}"));
    assert!(again.bridge.is_same());
    let refused = r#"
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the MCP server does not say what it can do: Method not found"}}
        >c {"jsonrpc":"2.0","id":2,"error":{"code":-32600,"message":"send \"initialize\" first"}}"#;
    play(Known::Pinned(Era::Modern), &format!("{text}{refused}"));
}

#[test]
fn a_server_is_asked_when_a_modern_client_comes() {
    let ask = r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}
        >s ?
        c> {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t",~}}
        s> {"jsonrpc":"2.0","method":"notifications/message","params":{}}"#;
    let modern = r#"
        s> {"jsonrpc":"2.0","id":0,"result":^}
        >s {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"t",~}}"#;
    let begin = r#"
        >s {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"unnamed","version":"unknown"}}}"#;
    let bridged = r#"
        s> {"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}
        >s {"jsonrpc":"2.0","method":"notifications/initialized"}
        >s {"jsonrpc":"2.0","id":2,"method":"tools/list"}
        >s {"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"t"}}"#;
    let same = play(Known::Unknown, &format!("{ask}{modern}"));
    assert!(same.bridge.is_same() && same.bridge.is_settled());
    for no in [
        r#"s> {"jsonrpc":"2.0","id":0,!}"#,
        r#"s> {"jsonrpc":"2.0","id":0,"result":{"supportedVersions":["2025-11-25"]}}"#,
        "@ 5s",
    ] {
        let other = play(Known::Unknown, &format!("{ask}\n{no}{begin}{bridged}"));
        assert_eq!(other.bridge.era(), Some(Era::Legacy), "{no}");
    }
    // It only took long to start.
    let late = play(Known::Unknown, &format!("{ask}\n@ 5s{begin}{modern}"));
    assert!(late.bridge.is_same() && late.bridge.era() == Some(Era::Modern));
}

#[test]
fn a_server_that_has_become_modern_is_spoken_to_directly() {
    let ask = r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}
        >s {"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"unnamed","version":"unknown"}}}
        s> {"jsonrpc":"2.0","id":1,!}"#;
    let direct = r#"
        >s {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}"#;
    let refused = r#"
        >c {"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"the MCP server opens no session: Method not found"}}"#;
    assert!(play(Known::Once(Era::Legacy), &format!("{ask}{direct}")).bridge.is_same());
    assert!(!play(Known::Pinned(Era::Legacy), &format!("{ask}{refused}")).bridge.is_same());
    let direct = r#"
        c> {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}
        >s {"jsonrpc":"2.0","id":1,"method":"tools/list","params":{~}}"#;
    for known in [Known::Once(Era::Modern), Known::Pinned(Era::Modern)] {
        assert!(play(known, direct).bridge.is_same());
    }
}
