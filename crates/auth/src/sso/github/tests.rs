//! Which teams count, and which pages and tokens.

use http::HeaderValue;
use resource::Resource;
use serde_json::Value;

use super::*;

fn connector() -> GithubConnector {
    let document = json!({
        "kind": "github", "version": "v3", "metadata": {"name": "gh"},
        "spec": {"client_id": "c", "client_secret": "s", "teams_to_roles": [
            {"organization": "octo-org", "team": "eng", "roles": ["dev"]},
            {"organization": "octo-org", "team": "ops-*", "roles": ["ops"]},
            {"organization": "elsewhere", "team": "*", "roles": ["guest"]},
        ]},
    });
    Resource::from_json(document.to_string().as_bytes()).unwrap().try_into().unwrap()
}

fn said(teams: &Value) -> Statement {
    let person = Person { id: 7, login: "alice".to_owned(), name: None, email: None };
    let teams: Vec<Team> = serde_json::from_value(teams.clone()).unwrap();
    statement(&connector(), &person, &teams)
}

#[test]
fn teams_of_organizations_that_are_not_named_count_for_nothing() {
    let said = said(&json!([
        {"slug": "eng", "organization": {"login": "Octo-Org"}},
        {"slug": "ops-eu", "organization": {"login": "Octo-Org"}},
        {"slug": "admins", "organization": {"login": "founded-by-anybody"}},
    ]));
    assert_eq!(said.traits["github_teams"], ["eng", "ops-eu"]);
    assert_eq!(said.traits["github_orgs"], ["Octo-Org"]);
    assert_eq!(said.traits["logins"], ["alice"]);
    assert_eq!(said.attributes["octo-org"], ["eng", "ops-eu"]);
    assert_eq!(said.attributes.len(), 1);
    // Who tries the connector sees everything that was said.
    assert_eq!(said.claims["teams"]["founded-by-anybody"], json!(["admins"]));
    assert_eq!((said.subject.as_str(), said.username.as_deref()), ("7", Ok("alice")));
}

#[test]
fn another_page_is_told_by_its_link() {
    let has = |text: &'static str| {
        has_next(&[(LINK, HeaderValue::from_static(text))].into_iter().collect())
    };
    assert!(has(r#"<https://x/?page=1>; rel="prev", <https://x/?page=3>; rel="next""#));
    assert!(has("<https://x/?page=3>; rel=next"));
    assert!(!has(r#"<https://x/?page=1&rel=next>; rel="last""#));
    assert!(!has_next(&HeaderMap::new()));
}

#[test]
fn a_token_is_a_bearer_token_that_may_see_teams() {
    let token = |value: Value| access_token(serde_json::from_value(value).unwrap());
    for fine in ["read:org", "admin:org,user", "user, read:org", "repo write:org"] {
        token(json!({"access_token": "t", "token_type": "bearer", "scope": fine})).unwrap();
    }
    for bad in [
        json!({"access_token": "t", "token_type": "mac", "scope": "read:org"}),
        json!({"access_token": "t", "scope": "read:org"}),
        json!({"access_token": "t", "token_type": "bearer", "scope": ""}),
        json!({"access_token": "t", "token_type": "bearer", "scope": "user,read:organ"}),
        json!({"access_token": "", "token_type": "bearer", "scope": "read:org"}),
        json!({"token_type": "bearer", "scope": "read:org"}),
    ] {
        assert!(token(bad.clone()).is_err(), "{bad}");
    }
}
