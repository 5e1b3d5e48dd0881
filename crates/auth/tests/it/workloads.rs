//! Joining by what a platform signs: who is let in, and every way not to be.

use api::wire::{JoinRequest, ServiceCredentials};
use api::{Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::{JwkSet, JwtKey, PrivateKey};
use resource::{Kind, Secrets, Token};
use serde_json::{Value, json};

use crate::cluster::{Cluster, NAME, credentials, parse, refused};

const GITHUB: &str = "https://token.actions.githubusercontent.com";

/// A cluster, and the key of a platform that it believes.
struct Platform {
    cluster: Cluster,
    key: JwtKey,
}

/// A join token for agents.
fn token(name: &str, method: &str, section: &Value) -> Token {
    parse(&json!({
        "kind": "token", "version": "v2", "metadata": {"name": name},
        "spec": {"roles": ["App"], "join_method": method, method: section},
    }))
}

fn without(claim: &'static str) -> impl FnOnce(&mut Value) {
    move |claims| drop(claims.as_object_mut().unwrap().remove(claim))
}

impl Platform {
    async fn start() -> Self {
        let cluster = Cluster::start().await;
        let key = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
        let platform = Self { cluster, key };
        let allow = json!([
            {"repository": "octo/app", "environment": "production"},
            {"repository_owner": "octo", "ref": "refs/heads/main"},
        ]);
        let section = json!({"static_jwks": platform.keys(), "allow": allow});
        platform.cluster.put(token("ci", "github", &section)).await;
        platform
    }

    fn keys(&self) -> String {
        serde_json::to_string(&JwkSet::new(&[self.key.public()]).unwrap()).unwrap()
    }

    fn claims(&self) -> Value {
        let now = self.cluster.clock.now().unix_timestamp();
        json!({
            "iss": GITHUB, "aud": NAME, "iat": now, "nbf": now - 300, "exp": now + 300,
            "jti": rand::random::<u64>().to_string(), "sub": "repo:octo/app:environment:production",
            "repository": "octo/app", "repository_owner": "octo", "environment": "production",
            "ref": "refs/heads/dev", "run_id": "77",
        })
    }

    fn sign(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.key.sign(&claims).unwrap()
    }

    async fn join(&self, id_token: &str) -> Result<ServiceCredentials, Error> {
        self.join_by("ci", Some(id_token), "app").await.0
    }

    async fn join_by(
        &self,
        token: &str,
        id_token: Option<&str>,
        service: &str,
    ) -> (Result<ServiceCredentials, Error>, PrivateKey) {
        let key = PrivateKey::generate().unwrap();
        let request = JoinRequest {
            token: token.to_owned(),
            id_token: id_token.map(str::to_owned),
            node_name: "runner".to_owned(),
            services: vec![service.to_owned()],
            public_key: key.public().to_pem(),
            names: Vec::new(),
        };
        (self.cluster.stranger().join(&request).await, key)
    }
}

#[tokio::test]
async fn a_workflow_joins_by_what_github_signs_of_it() {
    let platform = Platform::start().await;
    let id_token = platform.sign(|_| {});
    let (joined, key) = platform.join_by("ci", Some(&id_token), "app").await;
    let joined = joined.unwrap();
    let client = platform.cluster.client(Some(credentials(&joined.certificate, &key)));
    assert_eq!(client.who_am_i().await.unwrap().roles, ["app"]);
    // The second rule, of which everything must fit as well.
    let main = platform.sign(|claims| {
        claims["environment"] = json!("staging");
        claims["ref"] = json!("refs/heads/main");
    });
    platform.join(&main).await.unwrap();

    let records = platform.cluster.records_of("instance.join").await;
    let record = &records[0];
    assert_eq!((&record["method"], &record["token_name"]), (&json!("github"), &json!("ci")));
    assert_eq!(record["workload"]["repository"], "octo/app");
    assert_eq!(record["workload"]["run_id"], "77");
    assert_eq!(record["workload"]["iss"], GITHUB);
    let everything = serde_json::to_string(&platform.cluster.records().await).unwrap();
    let signature = id_token.rsplit('.').next().unwrap();
    assert!(!everything.contains(signature), "a token is in the audit log");
}

#[tokio::test]
async fn a_signed_token_is_good_for_one_join() {
    let platform = Platform::start().await;
    let id_token = platform.sign(|_| {});
    // Asking for too much, or with a key that is none, uses nothing up.
    refused(platform.join_by("ci", Some(&id_token), "proxy").await.0, ErrorKind::Denied);
    platform.join(&id_token).await.unwrap();
    let error = refused(platform.join(&id_token).await, ErrorKind::Unauthenticated);
    assert!(error.message().contains("used before"), "{error}");
    // The same name in another token changes nothing.
    let jti = |claims: &mut Value| claims["jti"] = json!("1");
    platform.join(&platform.sign(jti)).await.unwrap();
    refused(platform.join(&platform.sign(jti)).await, ErrorKind::Unauthenticated);
    let none =
        refused(platform.join(&platform.sign(without("jti"))).await, ErrorKind::Unauthenticated);
    assert!(none.message().contains("jti"), "{none}");
    // Of two at once, one joins.
    let id_token = platform.sign(|_| {});
    let (first, second) = tokio::join!(platform.join(&id_token), platform.join(&id_token));
    assert!(first.is_ok() != second.is_ok());
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_told_and_recorded() {
    let platform = Platform::start().await;
    let now = platform.cluster.clock.now().unix_timestamp();
    let stranger = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
    let body = URL_SAFE_NO_PAD.encode(platform.claims().to_string());
    let header = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let cases = [
        ("\"aud\"", platform.sign(|claims| claims["aud"] = json!("other.test"))),
        ("\"aud\"", platform.sign(|claims| claims["aud"] = json!([]))),
        ("\"aud\"", platform.sign(without("aud"))),
        ("\"iss\"", platform.sign(|claims| claims["iss"] = json!("https://evil.example.com"))),
        ("\"iss\"", platform.sign(|claims| claims["iss"] = json!(format!("{GITHUB}/octo-inc")))),
        ("\"iss\"", platform.sign(|claims| claims["iss"] = json!(format!("{GITHUB}/")))),
        ("no signed", platform.sign(without("iss"))),
        ("expired", platform.sign(|claims| claims["exp"] = json!(now - 61))),
        ("10 minutes", platform.sign(|claims| claims["iat"] = json!(now - 601))),
        ("not valid yet", platform.sign(|claims| claims["iat"] = json!(now + 120))),
        ("not valid yet", platform.sign(|claims| claims["nbf"] = json!(now + 120))),
        ("\"iat\"", platform.sign(without("iat"))),
        ("\"exp\"", platform.sign(without("exp"))),
        ("does not publish", stranger.sign(&platform.claims()).unwrap()),
        ("\"none\"", format!("{}.{body}.", header(json!({"alg": "none"})))),
        (
            "\"HS256\"",
            format!("{}.{body}.AAAA", header(json!({"alg": "HS256", "kid": platform.key.id()}))),
        ),
        (
            "signature",
            format!("{}.{body}.AAAA", header(json!({"alg": "ES256", "kid": platform.key.id()}))),
        ),
        ("no signed", "not a token".to_owned()),
        ("no signed", "x".repeat(50_000)),
    ];
    let count = cases.len();
    for (words, id_token) in cases {
        let error = refused(platform.join(&id_token).await, ErrorKind::Unauthenticated);
        assert!(error.message().contains(words), "{words}: {error}");
    }
    let records = platform.cluster.records_of("instance.join").await;
    assert_eq!(records.len(), count);
    assert!(
        records.iter().all(|record| record["success"] == false && record["method"] == "github")
    );
}

#[tokio::test]
async fn what_nearly_fits_a_rule_does_not_and_the_rules_are_not_told() {
    let platform = Platform::start().await;
    let lookalikes = [
        ("repository", json!("evil/app")),
        ("repository", json!("octo/app2")),
        ("repository", json!("octo/app/")),
        ("repository", json!("octo/App")),
        ("repository", json!("my-octo/app")),
        ("repository", json!("octo/app\u{200b}")),
        ("repository", json!(["octo/app"])),
        ("repository", json!(null)),
        ("environment", json!("production2")),
        ("environment", json!("*")),
    ];
    for (claim, value) in lookalikes {
        let id_token = platform.sign(|claims| {
            claims["repository_owner"] = json!("evil");
            claims[claim] = value.clone();
        });
        let error = refused(platform.join(&id_token).await, ErrorKind::Denied);
        let said = error.message();
        assert!(said.contains(&format!("rule 1 wants another {claim}")), "{value}: {said}");
        assert!(said.contains("rule 2 wants another repository_owner"), "{said}");
        assert!(!said.contains("octo") && !said.contains("main"), "{said}");
        let record = platform.cluster.records_of("instance.join").await.pop().unwrap();
        let cause = record["error"].as_str().unwrap();
        assert!(cause.contains("\"octo\""), "{cause}");
        assert_eq!(record["workload"]["repository_owner"], "evil");
    }
}

#[tokio::test]
async fn a_name_alone_opens_nothing_and_a_secret_wants_no_proof() {
    let platform = Platform::start().await;
    let error = refused(platform.join_by("ci", None, "app").await.0, ErrorKind::Unauthenticated);
    assert!(error.message().contains("join method github"), "{error}");
    let id_token = platform.sign(|_| {});
    platform.cluster.put(Token::new("0123456789abcdef", [resource::JoinRole::App])).await;
    let other = platform.join_by("0123456789abcdef", Some(&id_token), "app").await.0;
    refused(other, ErrorKind::Denied);
    refused(platform.join_by("cj", Some(&id_token), "app").await.0, ErrorKind::Unauthenticated);
    refused(platform.join_by("ci", Some(&id_token), "auth").await.0, ErrorKind::Denied);

    // Such a name is shown to who may not read secrets, and never becomes a secret.
    let shown = platform.cluster.admin.get(Kind::Token, "ci", Secrets::Redact).await.unwrap();
    assert_eq!(shown.name(), "ci");
    let secret = Token::new("ci", [resource::JoinRole::App]);
    let error = platform.cluster.admin.put(&secret.into(), api::Write::Update).await;
    let error = refused(error, ErrorKind::InvalidArgument);
    assert!(error.message().contains("no secret so far"), "{error}");

    let mut brief = token(
        "brief",
        "github",
        &json!({
            "static_jwks": platform.keys(), "allow": [{"repository": "octo/app"}],
        }),
    );
    let clock = &platform.cluster.clock;
    brief.metadata.expires = Some(clock.now() + time::Duration::minutes(5));
    platform.cluster.put(brief).await;
    let by = |name: &'static str| {
        let id_token = platform.sign(|_| {});
        let platform = &platform;
        async move { platform.join_by(name, Some(&id_token), "app").await.0 }
    };
    by("brief").await.unwrap();
    clock.advance(std::time::Duration::from_secs(300));
    refused(by("brief").await, ErrorKind::Unauthenticated);
    by("ci").await.unwrap();
    platform.cluster.admin.delete(Kind::Token, "ci").await.unwrap();
    refused(by("ci").await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn jobs_of_gitlab_join_by_patterns() {
    let platform = Platform::start().await;
    let section = json!({
        "domain": "git.example.com", "static_jwks": platform.keys(),
        "allow": [{"project_path": "octo/*", "ref_protected": true, "user_id": "7"}],
    });
    platform.cluster.put(token("gl", "gitlab", &section)).await;
    let job = |change: fn(&mut Value)| {
        let id_token = platform.sign(|claims| {
            claims["iss"] = json!("https://git.example.com");
            claims["project_path"] = json!("octo/tools/app");
            claims["ref_protected"] = json!("true");
            claims["user_id"] = json!("7");
            change(claims);
        });
        let platform = &platform;
        async move { platform.join_by("gl", Some(&id_token), "app").await.0 }
    };
    job(|_| {}).await.unwrap();
    // A job has one token for as long as it runs.
    job(|claims| claims["jti"] = json!("1")).await.unwrap();
    job(|claims| claims["jti"] = json!("1")).await.unwrap();
    refused(job(|claims| claims["project_path"] = json!("octo-evil/app")).await, ErrorKind::Denied);
    refused(job(|claims| claims["project_path"] = json!("my/octo/app")).await, ErrorKind::Denied);
    refused(job(|claims| claims["ref_protected"] = json!("false")).await, ErrorKind::Denied);
    refused(job(|claims| claims["user_id"] = json!("77")).await, ErrorKind::Denied);
    refused(
        job(|claims| claims["iss"] = json!("https://gitlab.com")).await,
        ErrorKind::Unauthenticated,
    );
    // Another platform's token is of another platform, though the key be the same.
    let workflow = platform.sign(|_| {});
    refused(platform.join_by("gl", Some(&workflow), "app").await.0, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn pods_join_by_their_service_accounts() {
    let platform = Platform::start().await;
    let allow = json!([{"service_account": "mcp:agent"}]);
    let section =
        json!({"type": "static_jwks", "static_jwks": {"jwks": platform.keys()}, "allow": allow});
    platform.cluster.put(token("k8s", "kubernetes", &section)).await;
    let pod = |change: fn(&mut Value)| {
        let id_token = platform.sign(|claims| {
            claims["iss"] = json!("https://kubernetes.default.svc.cluster.local");
            claims["sub"] = json!("system:serviceaccount:mcp:agent");
            claims["kubernetes.io"] =
                json!({"namespace": "mcp", "pod": {"name": "agent-0", "uid": "1"}});
            change(claims);
        });
        let platform = &platform;
        async move { platform.join_by("k8s", Some(&id_token), "app").await.0 }
    };
    pod(|_| {}).await.unwrap();
    pod(|claims| claims["jti"] = json!("1")).await.unwrap();
    pod(|claims| claims["jti"] = json!("1")).await.unwrap();
    for other in ["mcp:agent2", "other:agent", "mcp:agent:x"] {
        let id_token = platform.sign(|claims| {
            claims["sub"] = json!(format!("system:serviceaccount:{other}"));
            claims["kubernetes.io"] = json!({"pod": {"name": "agent-0"}});
        });
        refused(platform.join_by("k8s", Some(&id_token), "app").await.0, ErrorKind::Denied);
    }
    let unbound = refused(pod(without_pod).await, ErrorKind::Unauthenticated);
    assert!(unbound.message().contains("not bound to a pod"), "{unbound}");
    let long = pod(|claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 1_801)).await;
    let long = refused(long, ErrorKind::Unauthenticated);
    assert!(long.message().contains("longer than 30 minutes"), "{long}");
    pod(|claims| claims["exp"] = json!(claims["iat"].as_i64().unwrap() + 1_800)).await.unwrap();
}

fn without_pod(claims: &mut Value) {
    claims["kubernetes.io"] = json!({"namespace": "mcp", "serviceaccount": {"name": "agent"}});
}

#[tokio::test]
async fn keys_that_cannot_be_had_let_nobody_in() {
    let platform = Platform::start().await;
    let section = json!({
        "type": "oidc", "oidc": {"issuer": "http://127.0.0.1:1"}, "allow": [{"service_account": "a:b"}],
    });
    platform.cluster.put(token("k8s", "kubernetes", &section)).await;
    let id_token = platform.sign(|claims| {
        claims["iss"] = json!("http://127.0.0.1:1");
        claims["sub"] = json!("system:serviceaccount:a:b");
    });
    refused(platform.join_by("k8s", Some(&id_token), "app").await.0, ErrorKind::Unavailable);
    let record = platform.cluster.records_of("instance.join").await.pop().unwrap();
    assert!(record["error"].as_str().unwrap().contains("127.0.0.1:1"), "{record}");
    // Nobody is asked for the keys of somebody else.
    let other = platform.sign(|_| {});
    refused(platform.join_by("k8s", Some(&other), "app").await.0, ErrorKind::Unauthenticated);

    let broken = json!({"static_jwks": "{\"keys\": []}", "allow": [{"repository": "a/b"}]});
    let broken = platform.cluster.admin.create(&token("broken", "github", &broken).into()).await;
    let error = refused(broken, ErrorKind::InvalidArgument);
    assert!(error.message().contains("spec.github.static_jwks"), "{error}");
}
