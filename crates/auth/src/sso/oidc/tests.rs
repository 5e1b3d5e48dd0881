//! Addresses, scopes and secrets as they are sent.

use resource::Resource;
use serde_json::json;

use super::*;

fn connector(redirect: &Value) -> OidcConnector {
    let document = json!({
        "kind": "oidc", "version": "v3", "metadata": {"name": "idp"},
        "spec": {
            "issuer_url": "https://idp", "client_id": "c", "client_secret": "s", "redirect_url": redirect,
            "claims_to_roles": [{"claim": "g", "value": "v", "roles": ["r"]}],
        },
    });
    Resource::from_json(document.to_string().as_bytes()).unwrap().try_into().unwrap()
}

#[test]
fn people_come_back_to_the_proxy_that_they_left() {
    let (a, b) = (
        format!("https://a.example{CALLBACK_PATH}"),
        format!("https://b.example:8443{CALLBACK_PATH}"),
    );
    let both = connector(&json!([a, b]));
    assert_eq!(redirect_uri(&both, Some("b.example:8443")).unwrap(), b);
    assert_eq!(redirect_uri(&both, Some("a.example:443")).unwrap(), a);
    assert_eq!(redirect_uri(&both, Some("c.example:443")).unwrap(), a);
    assert_eq!(redirect_uri(&both, None).unwrap(), a);
    let none = connector(&json!(null));
    assert_eq!(redirect_uri(&none, Some("a.example:443")).unwrap(), a);
    assert_eq!(redirect_uri(&none, Some("b.example:8443")).unwrap(), b);
    assert!(redirect_uri(&none, None).is_err());
}

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

#[test]
fn words_of_others_are_short_and_of_one_line() {
    assert_eq!(short("a\r\nb\u{1b}[0m"), "a  b [0m");
    assert_eq!(short(&"x".repeat(MAX_WORDS + 1)).len(), MAX_WORDS);
}
