use super::*;

#[test]
fn a_text_says_what_happened_and_what_to_do() {
    let text = Fault::new(Cause::Network, "cannot reach p:3080: refused").text();
    assert_eq!(
        text,
        "[MCP_NETWORK_UNAVAILABLE] cannot reach p:3080: refused. Check the network, or wait a moment, \
         then just try again: the client need not be restarted."
    );
}

#[test]
fn hints_come_along_and_kinds_become_causes() {
    let refused = Refused::new("not signed in").hint("tsh login --proxy=p --user=NAME");
    let fault = Fault::of(&refused.into()).caused_by(Cause::Login);
    assert!(
        fault
            .text()
            .starts_with("[MCP_TELEPORT_LOGIN_REQUIRED] not signed in. tsh login --proxy=p")
    );
    assert!(!fault.temporary);
    let down = Fault::of(&api::Error::unavailable("cannot reach p").into());
    assert_eq!((down.cause, down.temporary), (Cause::Network, true));
    let foreign = Fault::of(&api::Error::new(ErrorKind::Unauthenticated, "no").into());
    assert_eq!((foreign.cause, foreign.temporary), (Cause::Login, false));
    let twice = Fault::of(&anyhow::Error::from(foreign.clone()));
    assert_eq!(twice, foreign);
    assert_eq!(foreign.data(), json!({"reason": "MCP_TELEPORT_LOGIN_REQUIRED", "error": "no"}));
}
