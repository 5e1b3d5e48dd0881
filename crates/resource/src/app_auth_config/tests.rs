//! Whose tokens are accepted.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn config(labels: Value, jwt: Value) -> Result<AppAuthConfig, Vec<String>> {
    let document = json!({
        "kind": "app_auth_config", "version": "v1", "metadata": {"name": "idp"},
        "spec": {"app_labels": labels, "jwt": jwt},
    });
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| AppAuthConfig::try_from(resource).expect("a config"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

fn jwt(field: &str, value: Value) -> Result<AppAuthConfig, Vec<String>> {
    let mut jwt = json!({
        "issuer": "https://idp.example.com", "audience": "https://proxy.example.com",
        "jwks_url": "https://idp.example.com/jwks",
    });
    jwt[field] = value;
    config(json!({"*": "*"}), jwt)
}

#[test]
fn both_forms_of_labels_are_read_and_what_is_printed_is_read_again() {
    let rest = json!({"issuer": "i", "audience": "a", "static_jwks": {"keys": []}});
    let list = config(
        json!([{"name": "env", "values": ["dev", "test"]}, {"name": "*", "values": ["*"]}]),
        rest.clone(),
    );
    let map = config(json!({"env": ["dev", "test"], "*": "*"}), rest).unwrap();
    assert_eq!(list.unwrap(), map);
    assert_eq!(
        (map.spec.jwt.username_claim.as_str(), map.spec.jwt.header.as_str()),
        ("email", "authorization")
    );
    assert_eq!(map.spec.jwt.keys, JwtKeys::Static("{\"keys\":[]}".to_owned()));
    let printed = serde_json::to_vec(&map.to_json()).unwrap();
    assert_eq!(Resource::from_json(&printed).unwrap(), Resource::AppAuthConfig(map));
}

#[test]
fn mistakes_are_told() {
    let refused = |outcome: Result<AppAuthConfig, Vec<String>>, words: &str| {
        let problems = outcome.unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(words)), "{words}: {problems:?}");
    };
    refused(jwt("issuer", json!("")), "is empty");
    refused(jwt("audience", json!(null)), "missing");
    refused(jwt("static_jwks", json!("{}")), "one place where the keys are");
    refused(jwt("jwks_url", json!(null)), "one place where the keys are");
    refused(jwt("jwks_url", json!("http://idp.example.com/jwks")), "https://");
    refused(jwt("authorization_header", json!("Mcp-Session-Id")), "means something else");
    refused(jwt("authorization_header", json!("Tessera-Evidence")), "means something else");
    refused(jwt("authorization_header", json!("a b")), "not the name of a header");
    refused(jwt("leeway", json!(1)), "unknown field");
    refused(
        config(json!({}), json!({"issuer": "i", "audience": "a", "jwks_url": "https://x"})),
        "no labels",
    );
    assert_eq!(
        jwt("authorization_header", json!("X-Api-Token")).unwrap().spec.jwt.header,
        "x-api-token"
    );
}
