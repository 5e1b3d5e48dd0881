use super::*;

#[test]
fn random_tokens_are_128_bits_and_differ() {
    let (one, other) = (random(), random());
    assert_eq!(one.len(), 32);
    assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
    assert_ne!(one, other);
}

#[test]
fn services_that_join_otherwise_are_refused() {
    assert_eq!(parse_service("app"), Ok(JoinRole::App));
    assert_eq!(parse_service("Proxy"), Ok(JoinRole::Proxy));
    for text in ["auth", "node", "ap"] {
        assert!(parse_service(text).is_err(), "{text}");
    }
}

#[test]
fn a_new_token_is_told_whole() {
    let mut token = Token::new("0123456789abcdef", [JoinRole::App]);
    token.metadata.expires = Some(time::macros::datetime!(2026-03-01 12:00:00 UTC));
    assert_eq!(
        value(&token).to_string(),
        r#"{"token":"0123456789abcdef","roles":["app"],"expires":"2026-03-01T12:00:00Z"}"#
    );
    token.spec.uses = Some(1);
    assert_eq!(value(&token)["uses"], 1);
}
