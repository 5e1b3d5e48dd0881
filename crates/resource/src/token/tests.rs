//! Join tokens, whose names are secrets.

#![expect(clippy::needless_pass_by_value, reason = "documents in these tests are literals")]

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

const NAME: &str = "0123456789abcdef0123456789abcdef";

fn token(name: &str, spec: Value) -> Result<Token, Vec<String>> {
    let document =
        json!({"kind": "token", "version": "v2", "metadata": {"name": name}, "spec": spec});
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| Token::try_from(resource).expect("a token"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn services_are_named_in_any_case() {
    let token =
        token(NAME, json!({"roles": ["App", "Proxy", "Node"], "join_method": "token"})).unwrap();
    assert_eq!(
        token.spec.roles,
        [JoinRole::App, JoinRole::Proxy, JoinRole::Other("node".to_owned())]
    );
    assert_eq!(tests::token(NAME, json!({"roles": ["app"]})).unwrap().spec.join_method, "token");
}

#[test]
fn mistakes_are_named() {
    let cases = [
        (json!({}), "spec.roles: missing"),
        (
            json!({"roles": []}),
            "spec.roles: a token needs at least one service that may join with it",
        ),
        (
            json!({"roles": ["apps"]}),
            "spec.roles[0]: unknown service \"apps\" (expected one of app, proxy, auth)",
        ),
        (
            json!({"roles": ["app"], "join_method": "iam"}),
            "spec.join_method: the join method \"iam\" is not supported (the only one is \"token\")",
        ),
    ];
    for (spec, message) in cases {
        assert_eq!(token(NAME, spec), Err(vec![message.to_owned()]));
    }
}

#[test]
fn the_name_is_masked_unless_asked_for() {
    let token = Token::new(NAME, [JoinRole::App]);
    assert_eq!(token.masked_name(), format!("{}89abcdef", "*".repeat(24)));
    let redacted = token.to_json(Secrets::Redact).to_string();
    assert!(!redacted.contains(NAME) && redacted.contains("****89abcdef"), "{redacted}");
    assert!(token.to_json(Secrets::Include).to_string().contains(NAME));
    let shown = format!("{token:?} {:?}", Resource::from(token.clone()));
    assert!(!shown.contains(NAME), "{shown}");
    for (name, masked) in [("", ""), ("abc", "***"), ("abcd", "***d")] {
        assert_eq!(Token::new(name, []).masked_name(), masked);
    }
    let long = Token::new("x".repeat(100), []);
    assert_eq!(long.masked_name(), format!("{}{}", "*".repeat(92), "x".repeat(8)));
}

#[test]
fn a_masked_token_is_listed_and_never_created() {
    let masked = Token::new(NAME, [JoinRole::App]).to_json(Secrets::Redact);
    let Ok(Resource::Token(read)) = Resource::from_node(&Node::from_json(&masked)) else {
        panic!("an answer with a masked token can be read");
    };
    assert!(read.is_masked());
    let source = crate::Source::new("token.json", &masked.to_string());
    let refused = crate::parse_documents(&source).unwrap_err();
    assert!(refused.problems()[0].message.contains("the token's name is masked"), "{refused}");
}
