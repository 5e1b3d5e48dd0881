//! Connectors.

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn connector(change: impl FnOnce(&mut Value)) -> Result<OidcConnector, Vec<String>> {
    let mut document = json!({
        "kind": "oidc", "version": "v3", "metadata": {"name": "idp"},
        "spec": {
            "issuer_url": "https://idp.example.com", "client_id": "gateway", "client_secret": "hunter2",
            "redirect_url": "https://proxy.example.com/v1/webapi/oidc/callback",
            "claims_to_roles": [{"claim": "groups", "value": "eng", "roles": ["dev"]}],
        },
    });
    change(&mut document);
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| OidcConnector::try_from(resource).expect("a connector"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

fn spec(field: &str, value: Value) -> Result<OidcConnector, Vec<String>> {
    connector(|document| document["spec"][field] = value)
}

#[test]
fn what_is_printed_is_read_again() {
    let read = connector(|document| {
        let more = json!({
            "redirect_url": ["https://a.example.com/v1/webapi/oidc/callback",
                             "https://b.example.com:8443/v1/webapi/oidc/callback"],
            "scope": ["email", "groups"], "username_claim": "preferred_username", "acr_values": "gold",
            "prompt": "login", "max_age": "1h", "display": "Our provider",
            "allow_unverified_email": true, "token_endpoint_auth_method": "client_secret_post",
            "provider": "okta", "pkce_mode": "enabled",
        });
        for (name, value) in more.as_object().unwrap() {
            document["spec"][name] = value.clone();
        }
    })
    .unwrap();
    let printed = serde_json::to_vec(&read.to_json(Secrets::Include)).unwrap();
    assert_eq!(Resource::from_json(&printed).unwrap(), Resource::Oidc(read.clone()));
    let hidden = read.to_json(Secrets::Redact).to_string();
    assert!(!hidden.contains("hunter2") && hidden.contains(MASK), "{hidden}");
    assert!(!format!("{read:?}").contains("hunter2"));
}

#[test]
fn mistakes_are_told() {
    let refused = |field: &str, value: Value, words: &str| {
        let problems = spec(field, value).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(words)), "{field}: {problems:?}");
    };
    refused("issuer_url", json!("http://idp.example.com"), "https://");
    refused("issuer_url", json!("ftp://127.0.0.1"), "https://");
    refused("issuer_url", json!("https://u:p@idp.example.com"), "no user");
    refused("issuer_url", json!(null), "missing");
    refused("client_secret", json!(""), "is empty");
    refused("claims_to_roles", json!([]), "nobody could ever sign in");
    refused(
        "claims_to_roles",
        json!([{"claim": "g", "value": "v", "roles": []}]),
        "at least one role",
    );
    refused("claims_to_roles", json!([{"claim": "g", "value": "", "roles": ["r"]}]), "is empty");
    refused("redirect_url", json!("https://evil.example.com/elsewhere"), "takes people back");
    refused(
        "redirect_url",
        json!("http://proxy.example.com/v1/webapi/oidc/callback"),
        "takes people back",
    );
    refused("token_endpoint_auth_method", json!("none"), "client authentication");
    refused("google_service_account_uri", json!("file:///key"), "not supported");
    refused("claim_to_roles", json!([]), "unknown field");
    spec("issuer_url", json!("http://127.0.0.1:14010")).unwrap();
    spec("issuer_url", json!("http://[::1]:14010/realm")).unwrap();
    spec("issuer_url", json!("http://10.0.0.1")).unwrap_err();
}
