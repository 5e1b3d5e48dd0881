//! Connectors.

use serde_json::json;

use super::*;
use crate::node::Node;
use crate::resource::Resource;

fn spec(field: &str, value: Value) -> Result<GithubConnector, Vec<String>> {
    let mut document = json!({
        "kind": "github", "version": "v3", "metadata": {"name": "github"},
        "spec": {
            "client_id": "gateway", "client_secret": "hunter2",
            "teams_to_roles": [{"organization": "octo-org", "team": "eng", "roles": ["dev"]}],
        },
    });
    document["spec"][field] = value;
    Resource::from_node(&Node::from_json(&document))
        .map(|resource| GithubConnector::try_from(resource).expect("a connector"))
        .map_err(|problems| problems.list.iter().map(ToString::to_string).collect())
}

#[test]
fn what_is_printed_is_read_again() {
    let url = "https://proxy.example.com/v1/webapi/github/callback";
    let mut read = spec("redirect_url", json!(url)).unwrap();
    read.spec.display = "Our GitHub".to_owned();
    read.spec.endpoint_url = "https://github.example.com/".to_owned();
    let printed = serde_json::to_vec(&read.to_json(Secrets::Include)).unwrap();
    assert_eq!(Resource::from_json(&printed).unwrap(), Resource::Github(read.clone()));
    let hidden = read.to_json(Secrets::Redact).to_string();
    assert!(!hidden.contains("hunter2") && hidden.contains(MASK), "{hidden}");
    assert!(!format!("{read:?}").contains("hunter2"));
}

#[test]
fn the_api_is_where_the_site_is() {
    let api = |field: &str, value: &str| spec(field, json!(value)).unwrap().spec.api();
    assert_eq!(api("display", ""), "https://api.github.com");
    assert_eq!(api("endpoint_url", "https://github.com/"), "https://api.github.com");
    assert_eq!(api("endpoint_url", "https://git.example.com/"), "https://git.example.com/api/v3");
    assert_eq!(api("api_endpoint_url", "https://api.example.com/x/"), "https://api.example.com/x");
}

#[test]
fn mistakes_are_told() {
    let refused = |field: &str, value: Value, words: &str| {
        let problems = spec(field, value).unwrap_err();
        assert!(problems.iter().any(|problem| problem.contains(words)), "{field}: {problems:?}");
    };
    let entry = |roles: Value| json!([{"organization": "o", "team": "t", "roles": roles}]);
    refused("client_secret", json!(""), "is empty");
    refused("client_id", json!(null), "missing");
    refused("teams_to_roles", json!([]), "organization, team and roles");
    refused("teams_to_roles", entry(json!([])), "at least one role");
    refused("teams_to_logins", json!([]), "not supported");
    refused("endpoint_url", json!("http://git.example.com"), "https://");
    refused("endpoint_url", json!("https://git.example.com/?a=b"), "query");
    refused("api_endpoint_url", json!("https://u:p@git.example.com"), "no user");
    refused(
        "redirect_url",
        json!("https://p.example.com/v1/webapi/oidc/callback"),
        "github/callback",
    );
    refused("team_to_roles", json!([]), "unknown field");
    spec("endpoint_url", json!("http://127.0.0.1:1")).unwrap();
}
