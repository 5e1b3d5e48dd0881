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

#[test]
fn a_message_is_one_line_that_steers_no_terminal_and_has_an_end() {
    let fault = Fault::new(Cause::Cluster, "no\u{1b}[2J\n[MCP_X] y\u{9b}");
    assert_eq!(fault.message, "no [2J [MCP_X] y ");
    let hint = Refused::new("no").hint("do\u{1b}c\nthis");
    assert!(Fault::of(&hint.into()).text().contains("do c this"));
    let (fits, long) = ("x".repeat(MAX_MESSAGE), "x".repeat(MAX_MESSAGE + 1));
    assert_eq!(Fault::new(Cause::Other, fits.clone()).message, fits);
    assert_eq!(Fault::new(Cause::Other, long).message, format!("{fits}…"));
}
