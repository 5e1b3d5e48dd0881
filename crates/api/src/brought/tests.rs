//! What clients may say to servers, and what never passes.

use super::*;

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap()
}

#[test]
fn only_what_is_addressed_to_the_server_is_brought() {
    let mut request = HeaderMap::new();
    request.append("authorization", value("Bearer for-the-gateway"));
    request.append("x-api-key", value("not addressed"));
    request.append("tessera-forward-x-api-key", value("one"));
    request.append("tessera-forward-x-api-key", value("two"));
    request.append("tessera-forward-authorization", value("Bearer for-the-server"));
    let brought = Brought::read(&request).unwrap();
    let seen: Vec<_> = brought.iter().map(|(name, value)| (name.as_str(), value)).collect();
    assert_eq!(
        seen,
        [
            ("x-api-key", &value("one")),
            ("x-api-key", &value("two")),
            ("authorization", &value("Bearer for-the-server")),
        ]
    );
    assert!(seen.iter().all(|(_, value)| value.is_sensitive()));
    assert!(!format!("{brought:?}").contains("for-the-server"));
    let mut again = HeaderMap::new();
    brought.write(&mut again);
    assert_eq!(Brought::read(&again).unwrap(), brought);
    assert!(Brought::read(&HeaderMap::new()).unwrap().is_empty());
}

#[test]
fn what_is_the_gateways_or_tells_who_asks_is_refused() {
    for name in [
        "host",
        "Cookie",
        "user-agent",
        "content-length",
        "Transfer-Encoding",
        "connection",
        "te",
        "mcp-session-id",
        "mcp-param-region",
        "last-event-id",
        "tessera-evidence",
        "tessera-client-addr",
        "tessera-jwt-assertion",
        "tessera-forward-x",
        "teleport-jwt-assertion",
        "x-tessera-a",
        "x-forwarded-for",
        "x-forwarded-user",
        "forwarded",
        "proxy-authorization",
        "x-real-ip",
        "remote-user",
        "x-remote-group",
        "impersonate-user",
        "x-auth-request-email",
        "x-goog-iap-jwt-assertion",
        "sec-fetch-site",
        "origin",
        "x_api_key",
        "remote_user",
        "x.y",
        "",
        "a b",
        "ü",
    ] {
        assert!(!admits(name), "{name}");
        let refused = Brought::default().add(name, value("hidden")).unwrap_err();
        assert_eq!(refused, Unfit::Name(name.to_owned()));
        assert!(!refused.to_string().contains("hidden"));
    }
    for name in ["authorization", "X-Api-Key", "private-token", "x-goog-api-key", "x-tenant"] {
        assert!(admits(name), "{name}");
    }
}

#[test]
fn lines_are_read_as_people_write_them() {
    let mut brought = Brought::default();
    brought.add_line("X-Api-Key:  a: b ").unwrap();
    let (name, value) = brought.iter().next().unwrap();
    assert_eq!((name.as_str(), value.to_str().unwrap()), ("x-api-key", "a: b"));
    assert_eq!(brought.add_line("no colon"), Err(None));
    let refused = brought.add_line("x-a: b\nx-c: d").unwrap_err().unwrap();
    assert_eq!(refused, Unfit::Value("x-a".to_owned()));
    assert!(!refused.to_string().contains("x-c"));
}

#[test]
fn what_tells_requests_apart_says_nothing_of_who_asks() {
    let mut brought = Brought::default();
    for name in ["x-request-id", "x-b3-spanid", "x-datadog-trace-id", "authorization", "x-tenant"] {
        brought.add(name, value("v")).unwrap();
    }
    let standing: Vec<_> = brought.standing().map(|(name, _)| name.as_str()).collect();
    assert_eq!(standing, ["authorization", "x-tenant"]);
}

#[test]
fn there_are_bounds() {
    let mut brought = Brought::default();
    for number in 0..BROUGHT_HEADERS {
        brought.add(&format!("x-{number}"), value("v")).unwrap();
    }
    assert_eq!(brought.add("x-more", value("v")), Err(Unfit::TooMuch));
    let mut brought = Brought::default();
    let most = "v".repeat(BROUGHT_BYTES - "x-a".len());
    brought.clone().add("x-a", value(&most)).unwrap();
    assert_eq!(brought.add("x-a", value(&format!("{most}v"))), Err(Unfit::TooMuch));
}
