//! Addresses, scopes and secrets as they are sent.

use serde_json::json;

use super::*;

#[test]
fn openid_is_asked_for_once_and_first() {
    let scopes =
        |list: &[&str]| scope(&list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>());
    assert_eq!(scopes(&[]), "openid email");
    assert_eq!(scopes(&["groups openid", "groups", "mcp"]), "openid groups mcp");
}

#[test]
fn secrets_are_sent_as_the_provider_takes_them() {
    let metadata = |methods: Value| -> Metadata {
        serde_json::from_value(json!({
            "issuer": "i", "authorization_endpoint": "a", "token_endpoint": "t", "jwks_uri": "k",
            "token_endpoint_auth_methods_supported": methods,
        }))
        .unwrap()
    };
    assert_eq!(offered(&metadata(json!([]))), ClientAuth::Basic);
    assert_eq!(
        offered(&metadata(json!(["client_secret_post", "client_secret_basic"]))),
        ClientAuth::Basic
    );
    assert_eq!(
        offered(&metadata(json!(["client_secret_post", "private_key_jwt"]))),
        ClientAuth::Post
    );
    let value = basic("gateway", &Secret::new("gateway-secret".to_owned())).unwrap();
    assert_eq!(value, format!("Basic {}", STANDARD.encode("gateway:gateway-secret")));
    assert!(value.is_sensitive());
}
