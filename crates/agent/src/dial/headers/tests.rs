//! What travels of a client's headers, and what apps set.

use std::collections::BTreeMap;

use super::*;
use crate::testing::identity;

fn header(name: &str, value: &str) -> Header {
    Header { name: name.to_owned(), value: Given::Here(value.to_owned()) }
}

fn alice() -> UserIdentity {
    let traits = BTreeMap::from([
        ("team".to_owned(), vec!["red".to_owned(), "blue".to_owned()]),
        ("jwt".to_owned(), vec!["forged".to_owned()]),
        ("bad".to_owned(), vec!["a\r\nb".to_owned()]),
    ]);
    UserIdentity { traits, ..identity("alice", &["r"]) }
}

async fn set(rules: &[Header], tokens: &Tokens) -> Result<HeaderMap, DialError> {
    let mut headers = HeaderMap::new();
    headers.insert("x-team", "client's".parse().unwrap());
    let rewriting = Rewriting::new(rules).map_err(|reason| DialError::Request { reason })?;
    rewriting.apply(&mut headers, Some(&alice()), tokens).await?;
    Ok(headers)
}

fn values(headers: &HeaderMap, name: &str) -> Vec<String> {
    headers.get_all(name).iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

#[test]
fn only_what_servers_understand_travels() {
    let mut client = HeaderMap::new();
    for name in [
        "accept",
        "content-type",
        "mcp-session-id",
        "mcp-param-x",
        "last-event-id",
        "traceparent",
        "authorization",
        "cookie",
        "host",
        "x-forwarded-for",
        "tessera-evidence",
        "connection",
        "accept-encoding",
        "content-length",
        "transfer-encoding",
        "forwarded",
        "origin",
        "teleport-jwt-assertion",
        "user-agent",
    ] {
        client.append(HeaderName::from_static(name), "x".parse().unwrap());
    }
    let headers = carried(&client);
    let names: Vec<&str> = headers.keys().map(HeaderName::as_str).collect();
    assert_eq!(
        names,
        [
            "accept",
            "content-type",
            "mcp-session-id",
            "mcp-param-x",
            "last-event-id",
            "traceparent",
            "accept-encoding",
            "user-agent"
        ]
    );
    assert_eq!(headers["accept-encoding"], "identity");
    assert_ne!(headers["user-agent"], "x");
}

#[tokio::test]
async fn templates_are_filled_in_for_the_user() {
    let rules = [
        header("X-Team", "team-{{external.team}}"),
        header("Authorization", "Bearer {{internal.jwt}}"),
        header("X-Id", "{{internal.id_token}}"),
        header("X-Plain", "a"),
        header("X-Plain", "b"),
        header("X-Absent", "{{external.absent}}"),
    ];
    let headers = set(&rules, &Tokens::signed("signed", "oidc")).await.unwrap();
    assert_eq!(values(&headers, "x-team"), ["team-red", "team-blue"]);
    assert_eq!(values(&headers, "authorization"), ["Bearer signed"]);
    assert_eq!(values(&headers, "x-id"), ["oidc"]);
    assert_eq!(values(&headers, "x-plain"), ["a", "b"]);
    assert!(headers.get("x-absent").is_none());
    assert!(headers["authorization"].is_sensitive());
    assert_eq!(values(&headers, "tessera-jwt-assertion"), ["signed"]);
}

#[tokio::test]
async fn a_trait_is_never_taken_for_a_token() {
    for template in ["{{internal.jwt}}", "{{external.jwt}}"] {
        let refused = set(&[header("X-Token", template)], &Tokens::default()).await;
        assert!(matches!(refused, Err(DialError::Request { .. })), "{refused:?}");
    }
}

#[tokio::test]
async fn what_cannot_be_a_value_is_refused() {
    let refused =
        set(&[header("X-Bad", "{{external.bad}}")], &Tokens::default()).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the request to the MCP server cannot be made: the header \"x-bad\" cannot be set: \
         its value has control characters"
    );
}

#[tokio::test]
async fn values_come_from_files() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, "Bearer {{not a template}}\n").unwrap();
    let value = Given::File(path.display().to_string());
    let rule = Header { name: "authorization".to_owned(), value };
    let headers = set(std::slice::from_ref(&rule), &Tokens::default()).await.unwrap();
    assert_eq!(values(&headers, "authorization"), ["Bearer {{not a template}}"]);
    std::fs::remove_file(&path).unwrap();
    let refused = set(&[rule], &Tokens::default()).await.unwrap_err().to_string();
    assert!(refused.contains("cannot read"), "{refused}");
}

#[test]
fn what_is_the_gateways_own_cannot_be_set() {
    for name in ["mcp-session-id", "Content-Length", "X-Forwarded-For", "Tessera-Jwt-Assertion"] {
        let error = Rewriting::new(&[header(name, "x")]).unwrap_err();
        assert!(error.contains("the gateway's own"), "{error}");
    }
    let error = Rewriting::new(&[header("x", "{{external.")]).unwrap_err();
    assert!(error.contains("template"), "{error}");
}
