//! Which documents make a client known, and where they are fetched from.

use std::net::IpAddr;

use serde_json::{Value, json};

use super::*;

const AT: &str = "https://client.example.com/oauth/client.json";

fn document(change: impl FnOnce(&mut Value)) -> Result<Document, String> {
    let mut document = json!({
        "client_id": AT,
        "client_name": "A client",
        "redirect_uris": ["http://127.0.0.1/cb", "cursor://anywhere/cb"],
        "token_endpoint_auth_method": "none",
        "grant_types": ["authorization_code", "refresh_token"],
    });
    change(&mut document);
    Document::read(AT, document.to_string().as_bytes())
}

#[test]
fn a_document_is_of_the_client_at_whose_address_it_is() {
    let read = document(|_| {}).unwrap();
    assert_eq!(read.redirects().len(), 1, "what answers are not sent to is left out");
    for (what, change) in [
        ("another client", json!({"client_id": "https://evil.example.com/client.json"})),
        ("no redirect URI", json!({"redirect_uris": ["javascript:alert(1)"]})),
        ("no redirect URI", json!({"redirect_uris": []})),
        ("private_key_jwt", json!({"token_endpoint_auth_method": "private_key_jwt"})),
        ("none", json!({"client_secret": "s"})),
        ("authorization_code", json!({"grant_types": ["client_credentials"]})),
    ] {
        let error = document(|document| {
            for (name, value) in change.as_object().unwrap() {
                document[name] = value.clone();
            }
        })
        .unwrap_err();
        assert!(error.contains(what), "{what}: {error}");
    }
    assert!(Document::read(AT, b"<html>").is_err());
    let padded = |bytes: usize| {
        let mut text = json!({"client_id": AT, "redirect_uris": ["http://127.0.0.1/"]}).to_string();
        text.push_str(&" ".repeat(bytes - text.len()));
        Document::read(AT, text.as_bytes())
    };
    assert!(padded(MAX_BYTES).is_ok());
    assert!(padded(MAX_BYTES + 1).is_err());
}

#[test]
fn a_client_is_known_by_an_address_as_it_is_written() {
    assert!(Address::read(AT, None).is_ok());
    assert!(Address::read("https://client.example.com:8443/c", None).is_err(), "another port");
    let local = ["localhost".to_owned()];
    let named = Address::read("https://localhost:8443/c", Some(&local)).unwrap();
    assert_eq!(named.host, "localhost:8443");
    for wrong in [
        "https://client.example.com",
        "https://client.example.com/",
        "http://client.example.com/c",
        "https://user@client.example.com/c",
        "https://client.example.com/c#f",
        "https://client.example.com/c?q",
        "https://Client.example.com/c",
        "https://client.example.com/a/../c",
        "https://client.example.com/./c",
        "https://client.example.com:443/c",
        " https://client.example.com/c",
        "https://client.example.com/c\n",
    ] {
        assert!(Address::read(wrong, None).is_err(), "{wrong}");
    }
    let named = ["Client.example.com".to_owned()];
    assert!(Address::read(AT, Some(&named)).unwrap().is_named);
    assert!(Address::read("https://other.example.com/c", Some(&named)).is_err());
    assert!(Address::read(AT, Some(&[])).is_err());
}

#[test]
fn strangers_have_nothing_fetched_from_inside() {
    let deny: Vec<Place> = INSIDE.iter().map(|place| place.parse().unwrap()).collect();
    let egress = Egress { allow: Vec::new(), deny };
    for inside in [
        "127.0.0.1",
        "127.1.2.3",
        "::1",
        "10.1.2.3",
        "172.20.0.1",
        "192.168.1.1",
        "100.64.0.1",
        "169.254.169.254",
        "fd00::1",
        "fe80::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "0.0.0.0",
        "64:ff9b::7f00:1",
        "64:ff9b:1::7f00:1",
        "2002:7f00:1::",
        "::7f00:1",
        "198.18.0.1",
        "250.0.0.1",
    ] {
        let address: IpAddr = inside.parse().unwrap();
        assert!(egress.check("client.example.com", address).is_err(), "{inside}");
    }
    assert!(egress.check("client.example.com", "93.184.216.34".parse().unwrap()).is_ok());
}

#[test]
fn documents_are_json() {
    assert!(is_json("application/json"));
    assert!(is_json("application/json; charset=utf-8"));
    assert!(is_json("application/client+json"));
    assert!(!is_json("text/html"));
    assert!(!is_json("text/json"));
}
