//! What is taken away, and what is not.

use super::{
    Body, Headers, MAX_BODY_BYTES, MAX_HEADERS, MAX_TEXT_BYTES, Omitted, Query, ResourceName, Text,
    TokenName, Uri, is_secret_name,
};

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).unwrap()
}

fn headers(headers: &[(&str, &str)]) -> String {
    json(&Headers::new(headers.iter().map(|(name, value)| (*name, value.as_bytes()))))
}

#[test]
fn headers_lose_the_values_of_secrets() {
    let kept = headers(&[
        ("Authorization", "Bearer abc"),
        ("X-API-Key", "abc"),
        ("Cookie", "abc"),
        ("Proxy-Authorization", "abc"),
        ("X-Amz-Security-Token", "abc"),
        ("Content-Type", "application/json"),
        ("Accept", "a"),
        ("accept", "b"),
        ("Mcp-Session-Id", "1"),
    ]);
    assert_eq!(
        kept,
        concat!(
            r#"{"authorization":["<REDACTED>"],"x-api-key":["<REDACTED>"],"cookie":["<REDACTED>"],"#,
            r#""proxy-authorization":["<REDACTED>"],"x-amz-security-token":["<REDACTED>"],"#,
            r#""content-type":["application/json"],"accept":["a","b"],"mcp-session-id":["1"]}"#
        )
    );
}

#[test]
fn headers_of_our_own_are_left_out() {
    let kept =
        headers(&[("Tessera-Jwt-Assertion", "a"), ("teleport-jwt-assertion", "a"), ("a", "b")]);
    assert_eq!(kept, r#"{"a":["b"]}"#);
}

#[test]
fn headers_with_credentials_in_their_values_lose_those() {
    let kept = headers(&[("referer", "https://u:p@host/x"), ("x-odd", "Bearer abcdefgh12345678")]);
    assert_eq!(kept, r#"{"referer":["https://<REDACTED>@host/x"],"x-odd":["Bearer <REDACTED>"]}"#);
}

#[test]
fn headers_are_bounded() {
    let many: Vec<(String, String)> =
        (0..MAX_HEADERS + 1).map(|n| (format!("h{n}"), "v".into())).collect();
    let count = |n: usize| {
        let some = many.iter().take(n).map(|(k, v)| (k.as_str(), v.as_bytes()));
        json(&Headers::new(some))
    };
    assert!(!count(MAX_HEADERS).contains("OMITTED"));
    assert!(count(MAX_HEADERS + 1).ends_with(r#""<OMITTED>":["1"]}"#));
    let long = "x".repeat(MAX_TEXT_BYTES + 1);
    let kept = headers(&[("a", long.as_str()); 10]);
    assert!(kept.len() < 20_000 && kept.ends_with(r#""<OMITTED>":["3"]}"#), "{}", kept.len());
}

#[test]
fn uris_and_queries_lose_credentials() {
    let uri = |text| json(&Uri::new(text));
    assert_eq!(uri("mcp+stdio://"), r#""mcp+stdio://""#);
    assert_eq!(uri("mcp+http://u:p@h:1/mcp"), r#""mcp+http://<REDACTED>@h:1/mcp""#);
    assert_eq!(uri("https://u:p@ss@h/x@y"), r#""https://<REDACTED>@h/x@y""#);
    assert_eq!(uri("https://h/?a=1&api_key=k"), r#""https://h/?a=1&api_key=<REDACTED>""#);
    let query = |text| json(&Query::new(text));
    assert_eq!(query("a=1&b"), r#""a=1&b""#);
    assert_eq!(
        query("access_token=x&code=y&z=1"),
        r#""access_token=<REDACTED>&code=<REDACTED>&z=1""#
    );
    assert_eq!(query("%74oken=x"), r#""%74oken=<REDACTED>""#);
}

#[test]
fn text_loses_credentials_and_is_bounded() {
    let text = |text| Text::new(text).as_str().to_owned();
    assert_eq!(text("GET https://a:b@c/ failed"), "GET https://<REDACTED>@c/ failed");
    assert_eq!(text("sent bearer abcdefghij and more"), "sent bearer <REDACTED> and more");
    assert_eq!(text("Basic dXNlcjpwYXNzd29yZA=="), "Basic <REDACTED>");
    assert_eq!(text("two: x://a:b@c x://d:e@f"), "two: x://<REDACTED>@c x://<REDACTED>@f");
    assert_eq!(text("a bearer token is missing"), "a bearer token is missing");
    assert_eq!(text("mail a@example.com"), "mail a@example.com");
    assert_eq!(text("bell\u{7} esc\u{1b}\n"), "bell\u{FFFD} esc\u{FFFD}\n");
    let limit = "é".repeat(MAX_TEXT_BYTES / 2);
    assert_eq!(text(&limit), limit);
    assert_eq!(text(&format!("{limit}x")), format!("{limit}… ({} bytes)", MAX_TEXT_BYTES + 1));
}

#[test]
fn bodies_are_kept_when_they_are_short_json() {
    let body = |text: &str| json(&Body::new(text.as_bytes()));
    assert_eq!(body(r#"{"method":"x"}"#), r#""{\"method\":\"x\"}""#);
    assert_eq!(
        body(r#"{"a":[{"Password":"p","n":1}]}"#),
        r#""{\"a\":[{\"Password\":\"<REDACTED>\",\"n\":1}]}""#
    );
    let form = "user=a&password=b";
    assert_eq!(body(form), json(&Omitted::new(form.as_bytes())));
    let long = |n: usize| format!("\"{}\"", "x".repeat(n - 2));
    assert!(body(&long(MAX_BODY_BYTES)).starts_with('"'));
    assert!(body(&long(MAX_BODY_BYTES + 1)).starts_with(r#"{"bytes":4097,"sha256":""#));
    assert!(json(&Body::new(b"\xff")).starts_with(r#"{"bytes":1,"#));
}

#[test]
fn tokens_are_told_apart_and_not_told() {
    assert_eq!(json(&TokenName::new("abcdef0123456789")), r#""***6789""#);
    assert_eq!(json(&TokenName::new("abcdef012345678")), r#""***""#);
    assert_eq!(json(&ResourceName::new("token", "secret")), r#""***""#);
    assert_eq!(json(&ResourceName::new("role", "dev")), r#""dev""#);
}

#[test]
fn names_of_secrets() {
    for name in ["PASSWORD", "client_secret", "id-token", "ApiKey", "Set-Cookie"] {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["accept", "mcp-protocol-version", "host", "user-agent"] {
        assert!(!is_secret_name(name), "{name}");
    }
}
