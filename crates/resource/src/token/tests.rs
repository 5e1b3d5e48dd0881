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
    let token = tests::token(NAME, json!({"roles": ["app"]})).unwrap();
    assert_eq!(token.spec.join_method, JoinMethod::Token);
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
            "spec.roles[0]: unknown service \"apps\" (expected one of app, proxy, bot, auth, trusted_cluster)",
        ),
        (
            json!({"roles": ["app"], "join_method": "iam"}),
            "spec.join_method: the join method \"iam\" is not supported (expected one of \
             token, github, gitlab, kubernetes)",
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

fn by(method: &str, section: Value) -> Result<Token, Vec<String>> {
    token("ci", json!({"roles": ["App"], "join_method": method, method: section}))
}

#[test]
fn documented_join_methods_are_read_and_printed_back() {
    let sections = [
        (
            "github",
            json!({"allow": [
                {"repository": "octo/app", "environment": "production", "ref": "refs/heads/main"},
                {"repository_owner": "octo", "actor": "cat", "workflow": "CI", "ref_type": "branch"},
                {"sub": "repo:octo/app:ref:refs/heads/main"},
            ]}),
            Some("https://token.actions.githubusercontent.com"),
        ),
        (
            "github",
            json!({"enterprise_slug": "octo-inc", "allow": [{"repository": "octo/app"}]}),
            Some("https://token.actions.githubusercontent.com/octo-inc"),
        ),
        (
            "github",
            json!({
                "enterprise_server_host": "ghes.example.com", "static_jwks": "{\"keys\": []}",
                "allow": [{"repository": "octo/app"}],
            }),
            Some("https://ghes.example.com/_services/token"),
        ),
        (
            "gitlab",
            json!({"allow": [{"project_path": "octo/*", "ref_protected": true, "user_id": "7"}]}),
            Some("https://gitlab.com"),
        ),
        (
            "gitlab",
            json!({"domain": "git.example.com:8443", "allow": [{"namespace_path": "octo"}]}),
            Some("https://git.example.com:8443"),
        ),
        (
            "kubernetes",
            json!({
                "type": "static_jwks", "static_jwks": {"jwks": "{\"keys\": []}"},
                "allow": [{"service_account": "mcp:agent"}],
            }),
            None,
        ),
        (
            "kubernetes",
            json!({"type": "in_cluster", "allow": [{"service_account": "mcp:agent"}]}),
            None,
        ),
        (
            "kubernetes",
            json!({
                "type": "oidc", "oidc": {"issuer": "https://oidc.example.com/id/7"},
                "allow": [{"service_account": "mcp:agent"}],
            }),
            Some("https://oidc.example.com/id/7"),
        ),
    ];
    for (method, section, issuer) in sections {
        let token = by(method, section.clone()).unwrap();
        let JoinMethod::Workload(workload) = &token.spec.join_method else { panic!("{method}") };
        assert_eq!(workload.platform.issuer().as_deref(), issuer);
        // Such a name is no secret, so it is shown, and may be written as it was shown.
        assert_eq!(token.masked_name(), "ci");
        let printed = token.to_json(Secrets::Redact);
        assert_eq!(printed["spec"][method], section);
        assert_eq!(printed["spec"]["join_method"], method);
        let again = Resource::from_node(&Node::from_json(&printed)).unwrap();
        assert_eq!(again.to_json(Secrets::Redact), printed);
    }
}

#[track_caller]
fn is_refused(method: &str, section: Value, message: &str) {
    let problems = by(method, section.clone()).unwrap_err();
    assert!(problems.iter().any(|problem| problem.contains(message)), "{section}: {problems:?}");
}

#[test]
fn what_would_let_in_anybody_or_nobody_is_refused_with_its_place() {
    is_refused("github", json!({}), "spec.github.allow: missing");
    is_refused("github", json!({"allow": []}), "spec.github.allow: is empty: nobody could join");
    let anybody = "allow[0]: the rule lets in workloads of anybody";
    is_refused("github", json!({"allow": [{}]}), anybody);
    is_refused("github", json!({"allow": [{"environment": "prod", "actor": "me"}]}), anybody);
    is_refused("gitlab", json!({"allow": [{"project_path": "*"}]}), anybody);
    is_refused("gitlab", json!({"allow": [{"project_path": "**?", "ref": "main"}]}), anybody);
    let empty = json!({"allow": [{"repository": ""}]});
    is_refused("github", empty, "spec.github.allow[0].repository: is empty");
    let unknown = json!({"allow": [{"repo": "octo/app"}]});
    is_refused("github", unknown, "spec.github.allow[0].repo: unknown field");
    for pattern in ["*/*", "**/*?", "*:*"] {
        is_refused("gitlab", json!({"allow": [{"project_path": pattern}]}), anybody);
    }
    is_refused("gitlab", json!({"allow": [{"sub": "project_path:*"}]}), anybody);
    is_refused("gitlab", json!({"allow": [{"sub": "project_path:*/*:*"}]}), anybody);
    let flag = json!({"allow": [{"project_path": "a/b", "ref_protected": "maybe"}]});
    is_refused("gitlab", flag, "ref_protected");

    let allow = json!([{"repository": "a/b"}]);
    let other = json!({"roles": ["app"], "join_method": "token", "github": {"allow": allow}});
    let problems = token(NAME, other).unwrap_err();
    assert!(problems[0].contains("spec.github: this is for join_method: github"), "{problems:?}");
    let none = token("ci", json!({"roles": ["app"], "join_method": "gitlab"})).unwrap_err();
    assert!(none[0].contains("spec.gitlab: missing"), "{none:?}");
}

#[test]
fn what_names_no_issuer_is_refused() {
    let github = |more: Value| {
        let mut section = json!({"allow": [{"repository": "a/b"}]});
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        section
    };
    is_refused("github", github(json!({"domain": "x"})), "spec.github.domain: unknown");
    for host in ["https://a", "a/b", "u@a"] {
        is_refused("github", github(json!({"enterprise_server_host": host})), "is no host");
    }
    is_refused("github", github(json!({"enterprise_slug": "../x"})), "a slug has");
    let both = json!({"enterprise_slug": "x", "enterprise_server_host": "a.example"});
    is_refused("github", github(both), "exclude each other");

    let kubernetes = |more: Value| {
        let mut section = json!({"allow": [{"service_account": "a:b"}]});
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        section
    };
    for more in [json!({}), json!({"type": "in_cluster"})] {
        let token = by("kubernetes", kubernetes(more)).unwrap();
        let JoinMethod::Workload(join) = &token.spec.join_method else { panic!("{token:?}") };
        assert_eq!(
            (&join.platform, join.static_jwks.as_deref()),
            (&Platform::KubernetesInCluster, None)
        );
    }
    let keys = json!({"static_jwks": {"jwks": "{}"}});
    is_refused("kubernetes", kubernetes(keys), "static_jwks: the token is of type: in_cluster");
    let issuer = json!({"type": "in_cluster", "oidc": {"issuer": "https://a.example"}});
    is_refused("kubernetes", kubernetes(issuer), "oidc: the token is of type: in_cluster");
    is_refused("kubernetes", kubernetes(json!({"type": "elsewhere"})), "spec.kubernetes.type");
    is_refused("kubernetes", json!({"type": "in_cluster"}), "spec.kubernetes.allow: missing");
    is_refused("kubernetes", kubernetes(json!({"type": "static_jwks"})), "static_jwks: missing");
    is_refused("kubernetes", kubernetes(json!({"type": "oidc"})), "spec.kubernetes.oidc: missing");
    let clear = json!({"type": "oidc", "oidc": {"issuer": "http://a.example"}});
    is_refused("kubernetes", kubernetes(clear), "https://");
    let account = json!({
        "type": "oidc", "oidc": {"issuer": "https://a.example"}, "allow": [{"service_account": "b"}],
    });
    is_refused("kubernetes", account, "namespace:name");
}

#[test]
fn rules_are_bounded() {
    let rules = |count: usize| json!({"allow": vec![json!({"repository": "a/b"}); count]});
    assert!(by("github", rules(MAX_RULES)).is_ok());
    let problems = by("github", rules(MAX_RULES + 1)).unwrap_err();
    assert!(problems[0].contains("101 rules, and 100 are allowed"), "{problems:?}");
    let long = |length: usize| json!({"allow": [{"repository": "x".repeat(length)}]});
    assert!(by("github", long(1024)).is_ok());
    assert!(by("github", long(1025)).unwrap_err()[0].contains("1024 are allowed"));
}

#[test]
fn uses_are_counted_within_bounds_and_where_they_mean_something() {
    let with = |roles: &str, uses: Value| {
        let mut spec = json!({"roles": [roles], "uses": uses});
        if roles == "bot" {
            spec["bot_name"] = json!("ci");
        }
        token(NAME, spec)
    };
    assert_eq!(token(NAME, json!({"roles": ["app"]})).unwrap().uses_left(), None);
    for uses in [1, MAX_USES] {
        assert_eq!(with("app", json!(uses)).unwrap().uses_left(), Some(uses));
    }
    assert_eq!(with("trusted_cluster", json!(1)).unwrap().spec.uses, Some(1));
    assert_eq!(with("bot", json!(1)).unwrap().spec.uses, Some(1));
    for wrong in [json!(0), json!(MAX_USES + 1)] {
        let refused = with("app", wrong).unwrap_err();
        assert!(
            refused[0].starts_with("spec.uses: a token is good for 1 to 10000 uses"),
            "{refused:?}"
        );
    }
    for wrong in [json!(-1), json!("many"), json!(1.5)] {
        assert!(with("app", wrong).is_err());
    }
    let refused = with("bot", json!(2)).unwrap_err();
    assert!(refused[0].starts_with("spec.uses: a secret that lets a bot in"), "{refused:?}");
    let github = json!({"allow": [{"repository": "octo/app"}]});
    let spec = json!({
        "roles": ["bot"], "bot_name": "ci", "join_method": "github", "github": github, "uses": 1,
    });
    assert!(token("ci", spec.clone()).unwrap_err()[0].contains("joins again"));
    let mut of_hosts = spec;
    of_hosts["roles"] = json!(["app"]);
    of_hosts["bot_name"] = json!("");
    assert_eq!(token("ci", of_hosts).unwrap().spec.uses, Some(1));
}

#[test]
fn what_became_of_a_token_survives_and_is_not_the_document() {
    let mut token = Token::new(NAME, [JoinRole::App]);
    token.spec.uses = Some(3);
    token.status = TokenStatus { id: "4f2c1b9e00000001".to_owned(), used: 4 };
    assert_eq!(token.uses_left(), Some(0), "never less than none");
    assert_eq!(token.public_name(), Some("4f2c1b9e00000001"));
    let read = Resource::from_node(&Node::from_json(&token.to_json(Secrets::Include))).ok();
    let mut read = read.expect("it reads what it writes");
    assert_eq!(read, token.into());
    read.clear_status();
    assert_eq!(Token::try_from(read).expect("a token").status, TokenStatus::default());
    assert_eq!(Token::new(NAME, []).public_name(), None);
}
