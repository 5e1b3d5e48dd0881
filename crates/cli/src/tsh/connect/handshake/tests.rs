use super::*;

const ASK: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{}}"#;
const READY: &[u8] = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

fn answer(name: &str, version: &str, revision: &str) -> Vec<u8> {
    serde_json::json!({"jsonrpc": "2.0", "id": 1, "result": {
        "protocolVersion": revision, "serverInfo": {"name": name, "version": version},
        "instructions": format!("started at {}", rand::random::<u32>()),
    }})
    .to_string()
    .into_bytes()
}

fn done() -> Handshake {
    let mut handshake = Handshake::default();
    handshake.asked(Id::Number(1), ASK);
    handshake.answered(&Id::Number(1), &answer("s", "1", "2025-06-18"), true);
    handshake
}

#[test]
fn what_was_agreed_is_said_again() {
    let mut handshake = done();
    assert!(handshake.replay().unwrap().initialized.is_none(), "the client will say it itself");
    handshake.initialized(READY);
    let replay = handshake.replay().unwrap();
    assert_eq!(replay.initialize, whole(ASK));
    assert_eq!(replay.initialized, Some(whole(READY)));
    assert!(replay.is_answer(Some(&Id::Number(1))));
    assert!(!replay.is_answer(Some(&Id::Number(2))) && !replay.is_answer(None));
}

#[test]
fn nothing_is_said_again_that_was_not_agreed() {
    let mut handshake = Handshake::default();
    assert!(handshake.replay().is_none());
    handshake.initialized(READY);
    assert!(handshake.replay().is_none());
    handshake.asked(Id::Number(1), ASK);
    assert!(handshake.replay().is_none(), "the request itself is still under way");
    handshake.answered(&Id::Number(7), &answer("s", "1", "2025-06-18"), true);
    assert!(handshake.replay().is_none());
    handshake.answered(&Id::Number(1), b"{}", false);
    assert!(handshake.replay().is_none());
    let mut again = done();
    again.asked(Id::Number(9), ASK);
    assert!(again.replay().is_none());
}

#[test]
fn another_server_is_noticed() {
    let replay = done().replay().unwrap();
    assert_eq!(replay.check(&answer("s", "1", "2025-06-18")), Ok(()));
    for (name, version, revision) in
        [("t", "1", "2025-06-18"), ("s", "2", "2025-06-18"), ("s", "1", "2025-03-26")]
    {
        let fault = replay.check(&answer(name, version, revision)).unwrap_err();
        assert_eq!(fault.cause, Cause::ServerChanged, "{fault}");
        assert!(fault.text().contains("Restart the client"));
    }
    let error = br#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"no such program"}}"#;
    let fault = replay.check(error).unwrap_err();
    assert_eq!(fault.cause, Cause::Upstream);
    assert!(fault.message.contains("no such program"));
}
