//! People who sign in at GitHub: a stand-in of it, written in another language, that can misbehave.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{Browser, Github};

use super::{Office, done, finished, refused};
use crate::gateway::text;

impl Office<Github> {
    fn github(more: &Value) -> Self {
        let office = Self::open(Github::start);
        office.cluster.put(&office.provider.connector("gh", more));
        office
    }

    fn fault(&self, name: &str) {
        self.provider.change(&json!({"fault": name}));
    }
}

#[test]
fn a_team_decides_who_somebody_is_here() {
    let office = Office::github(&json!({"teams_to_roles": [
        {"organization": "Octo-Org", "team": "eng", "roles": ["developer"]},
        {"organization": "octo-org", "team": "^ops-(eu|us)$", "roles": ["region-$1"]},
    ]}));
    office.cluster.tools_role("region-eu", &["echo"]);
    office.cluster.app("everything", &office.real.everything());
    let said = done(&office.login("alice", &["--auth=gh"]));
    assert!(said.contains("alice"), "{said}");
    let tsh = office.cluster.tsh_at(&office.home("alice")).args(["mcp", "ls"]);
    let seen = done(&office.cluster.run(&tsh, ""));
    assert!(seen.contains("[echo]"), "{seen}");

    let user = office.cluster.get("user/alice");
    let origin = json!({"type": "github", "id": "gh", "identity": "1001"});
    assert_eq!(user.pointer("/spec/created_by/connector"), Some(&origin));
    assert_eq!(user.pointer("/spec/roles"), Some(&json!(["developer", "region-eu"])));
    // Anybody may found an organization with a team "admins".
    let traits = json!({"github_orgs": ["octo-org"], "github_teams": ["eng", "ops-eu"], "logins": ["alice"]});
    assert_eq!(user.pointer("/spec/traits"), Some(&traits));
    assert!(user.pointer("/metadata/expires").is_some());

    let record = office.cluster.await_audit("the login", &["--event=user.login"], |record| {
        record["code"] == "T1001I" && record["user"] == "alice"
    });
    assert_eq!((&record["method"], &record["connector"]), (&json!("github"), &json!("gh")));
    let mapping =
        json!({"role": "developer", "claim": "Octo-Org", "value": "eng", "pattern": "eng"});
    assert_eq!(record["mappings"][0], mapping);
    let record =
        office.cluster.await_audit("the connector", &["--event=github.created"], |record| {
            record["code"] == "T8000I"
        });
    assert_eq!(record["name"], "gh");

    // The cluster may prefer it, so that nobody has to name it.
    office.cluster.put(&json!({
        "kind": "cluster_auth_preference", "version": "v2", "metadata": {"name": "cluster-auth-preference"},
        "spec": {"type": "github"},
    }));
    let _said = done(&office.login("alice", &[]));
    // What leaves no team leaves no user.
    office.provider.change(&json!({"teams": {"alice": [["octo-org", "sales"]]}}));
    refused(&office.login("alice", &[]), &["nothing that it says of you gives you a role"]);
}

#[test]
fn pages_of_teams_are_read_to_their_end_and_only_where_they_are() {
    let office = Office::github(&json!({}));
    let mut teams: Vec<Value> = (0..205).map(|n| json!(["octo-org", format!("t{n}")])).collect();
    teams.push(json!(["octo-org", "eng"]));
    // The link to the next page names another host; the token goes to none but GitHub.
    office.provider.change(&json!({"fault": "elsewhere", "teams": {"alice": teams}}));
    let _said = done(&office.login("alice", &["--auth=gh"]));
    assert_eq!(office.provider.asked("/api/v3/user/teams"), 3);
}

#[test]
fn what_github_says_wrongly_is_refused_and_told() {
    let office = Office::github(&json!({}));
    let last = |words: &str| {
        office.cluster.await_audit(words, &["--event=user.login"], |record| {
            record["code"] == "T1001W"
                && record["detail"].as_str().is_some_and(|detail| detail.contains(words))
        })
    };
    let unusable = "cannot be used at the moment";
    let disbelieved = "is not accepted";
    for (fault, said, detail) in [
        ("reuse", disbelieved, "bad_verification_code"),
        ("denied", "did not sign you in", "access_denied"),
        ("type", disbelieved, "a token of another type: \"mac\""),
        ("scope", disbelieved, "did not grant read:org"),
        ("partial", disbelieved, "leaves out teams"),
        ("endless", disbelieved, "more than 1000 teams"),
        ("broken", unusable, "answers 500"),
        ("html", unusable, "not understood"),
        ("huge", unusable, "more than 1048576 bytes"),
        ("slow", unusable, "does not answer within 10 seconds"),
    ] {
        office.fault(fault);
        refused(&office.login("alice", &["--auth=gh"]), &[said]);
        let record = last(detail);
        assert_eq!(record["user"], "", "{fault}: {record}");
    }
    assert_eq!(office.provider.asked("/api/v3/user/teams"), 11, "partial, and pages without end");
    office.fault("none");
    // No team at all, none that fits, a secret that is not GitHub's.
    for name in ["eve", "bob"] {
        refused(&office.login(name, &["--auth=gh"]), &["gives you a role"]);
    }
    last("no entry of teams_to_roles of \"gh\" fits");
    office.cluster.put(&office.provider.connector("gh", &json!({"client_secret": "another"})));
    refused(&office.login("alice", &["--auth=gh"]), &[disbelieved]);
    last("incorrect_client_credentials");
    assert_eq!(office.cluster.tctl_json(&["get", "users", "--format=json"]), json!([]));
}

#[test]
fn a_login_at_github_belongs_to_one_browser_and_happens_once() {
    let office = Office::github(&json!({}));
    let browser = Browser::new(&office.real);
    // Another state than the one that was sent.
    office.fault("state");
    let (tsh, link) = office.begin(&office.home("alice"), &["--auth=gh"]);
    let fields = json!({"login": "alice", "password": "alice"});
    let seen = browser.walk(&link, &json!({"fields": fields}));
    assert_eq!(seen["status"], 403, "{seen}");
    drop(tsh);
    office.fault("none");

    let (mut tsh, link) = office.begin(&office.home("alice"), &["--auth=gh"]);
    let callback = format!("https://{}/v1/webapi/github/callback", office.cluster.proxy_addr());
    let away = browser.walk(&link, &json!({"fields": fields, "stop": callback}));
    let back = away["url"].as_str().unwrap();
    assert_eq!(browser.walk(back, &json!({}))["status"], 403, "a stranger's browser");
    let there = browser.walk(back, &json!({"jar": away["jar"]}));
    assert!(there["text"].as_str().unwrap().contains("Back to the terminal"), "{there}");
    assert!(finished(&mut tsh).status.success());
    assert_eq!(browser.walk(back, &json!({"jar": away["jar"]}))["status"], 404, "a code once");
    assert_eq!(office.provider.asked("/login/oauth/access_token"), 1);
}

#[test]
fn a_connector_to_github_is_tried_before_it_is_written() {
    let office = Office::github(&json!({}));
    office.cluster.admin(&["rm", "github/gh"]);
    let secret =
        office.cluster.scratch().write(Path::new("secret"), office.provider.client_secret());
    let endpoint = format!("--endpoint-url={}", office.provider.url());
    let words = [
        "sso",
        "configure",
        "github",
        "--name=gh",
        &endpoint,
        "--id=gateway",
        "--secret-file",
        text(&secret),
        "--teams-to-roles=octo-org,eng,developer",
        "--teams-to-roles=octo-org,ops-*,of-$1",
    ];
    let document = office.cluster.admin(&words);
    office.try_in_vain(
        &document,
        &[
            "Connector: gh (github)",
            "login: \"alice\"",
            "\"founded-by-anybody\":[\"admins\"]",
            "{{external.github_teams}} = eng, ops-eu",
            "developer: octo-org has \"eng\", which fits \"eng\"",
            "of-eu  [does not exist]",
            "would be refused",
        ],
    );
    assert_eq!(office.cluster.tctl_json(&["get", "users,github", "--format=json"]), json!([]));

    office.cluster.admin_with(&["create", "-"], &document);
    office.cluster.tools_role("of-eu", &["echo"]);
    let _said = done(&office.login("alice", &["--auth=gh"]));
    let shown = office.cluster.admin(&["get", "github/gh"]);
    assert!(!shown.contains("50%") && shown.contains("********"), "{shown}");
    // What is masked is kept, and goes to no other server.
    office.cluster.admin_with(&["create", "-f", "-"], &shown);
    let _said = done(&office.login("alice", &["--auth=gh"]));
    let elsewhere = shown.replace(&office.provider.url(), "https://evil.example.com");
    refused(&office.cluster.tctl_with(&["create", "-f", "-"], &elsewhere), &["masked"]);
    // One name for two connectors says nothing.
    let same = json!({
        "kind": "oidc", "version": "v3", "metadata": {"name": "gh"},
        "spec": {"issuer_url": "https://idp.example.com", "client_id": "c", "client_secret": "s",
                 "claims_to_roles": [{"claim": "g", "value": "v", "roles": ["developer"]}]},
    });
    office.cluster.put(&same);
    let tsh =
        office.cluster.tsh_at(&office.home("x")).args(["login", "--browser=none", "--auth=gh"]);
    let pin = format!("--ca-pin={}", office.cluster.ca_pin());
    let tsh = tsh.args(["--proxy", office.cluster.proxy_addr(), &pin]);
    refused(&office.cluster.run(&tsh, ""), &["several authentication connectors", "github/gh"]);
    let _said = done(&office.login("alice", &["--auth=github/gh"]));
}
