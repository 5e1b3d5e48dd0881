//! Tokens of others as evidence: which are accepted, what comes of them, and every way to be refused.

mod elsewhere;

use api::wire::{AppTokenIdentity, AppTokenRequest};
use api::{Client, Error, ErrorKind};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use pki::{Certificate, JwkSet, JwtKey, PrivateKey, Service, UserIdentity};
use resource::{AppAuthConfig, Kind, Lock, LockTarget, User};
use serde_json::{Value, json};

use crate::cluster::{Cluster, app, parse, refused, role_with};

const ISSUER: &str = "https://idp.example.com";
const AUDIENCE: &str = "https://proxy.example.com";

/// A config for apps of `env: dev`, with what `jwt` says else.
pub(crate) fn config(name: &str, jwt: &Value) -> AppAuthConfig {
    let mut members =
        json!({"issuer": ISSUER, "audience": AUDIENCE, "jwks_url": "https://idp.example.com/jwks"});
    members.as_object_mut().unwrap().extend(jwt.as_object().unwrap().clone());
    parse(&json!({
        "kind": "app_auth_config", "version": "v1", "metadata": {"name": name},
        "spec": {"app_labels": {"env": "dev"}, "jwt": members},
    }))
}

/// A cluster that believes an issuer.
struct Office {
    cluster: Cluster,
    proxy: Client,
    key: JwtKey,
}

impl Office {
    async fn open() -> Self {
        Self::over(Cluster::start().await).await
    }

    async fn over(cluster: Cluster) -> Self {
        let key = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
        let keys = serde_json::to_string(&JwkSet::new(&[key.public()]).unwrap()).unwrap();
        cluster.put(config("idp", &json!({"jwks_url": null, "static_jwks": keys}))).await;
        cluster.put(app("files", &[("env", "dev")])).await;
        cluster.put(app("prod", &[("env", "prod")])).await;
        cluster.put(role_with("dev", |_allow| {})).await;
        let mut alice = User::new("alice@example.com", ["dev"]);
        alice.spec.traits.insert("team".to_owned(), vec!["red".to_owned()]);
        cluster.put(alice).await;
        let proxy = cluster.host(&[Service::Proxy]).await.client;
        Self { cluster, proxy, key }
    }

    fn claims(&self) -> Value {
        let now = self.cluster.clock.now().unix_timestamp();
        json!({"iss": ISSUER, "aud": AUDIENCE, "sub": "1", "email": "alice@example.com", "iat": now, "exp": now + 300})
    }

    fn sign(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = self.claims();
        change(&mut claims);
        self.key.sign(&claims).unwrap()
    }

    async fn show(&self, token: &str) -> Result<AppTokenIdentity, Error> {
        self.show_for("files", "authorization", &format!("Bearer {token}")).await
    }

    async fn show_for(
        &self,
        app: &str,
        header: &str,
        value: &str,
    ) -> Result<AppTokenIdentity, Error> {
        let request = AppTokenRequest {
            app: app.to_owned(),
            tokens: [(header.to_owned(), value.to_owned())].into(),
            client_addr: Some("192.0.2.1:4711".to_owned()),
            ..AppTokenRequest::default()
        };
        self.proxy.verify_app_token(&request).await
    }

    fn read(&self, identity: &AppTokenIdentity) -> UserIdentity {
        let certificate = Certificate::from_pem(&identity.certificate).unwrap();
        let trust = self.cluster.auth.trust();
        let identity =
            trust.verify(&[certificate.der().clone()], self.cluster.clock.now()).unwrap();
        identity.as_user().unwrap().clone()
    }
}

fn without(claim: &'static str) -> impl FnOnce(&mut Value) {
    move |claims| drop(claims.as_object_mut().unwrap().remove(claim))
}

#[tokio::test]
async fn a_token_becomes_evidence_for_one_app_and_as_long_as_it_lives() {
    let office = Office::open().await;
    let issued = office.show(&office.sign(|_| {})).await.unwrap();
    let user = office.read(&issued);
    // Roles and traits are the user's here, whatever the token says.
    assert_eq!(
        (user.name.as_str(), user.roles.as_slice()),
        ("alice@example.com", &["dev".to_owned()][..])
    );
    assert_eq!(user.traits["team"], ["red"]);
    assert_eq!(user.app, Some(pki::BoundApp::Here("files".to_owned())));
    let now = office.cluster.clock.now();
    assert_eq!((issued.valid_until - now).whole_seconds(), 360, "its end, and the leeway");
    let long = office.sign(|claims| claims["exp"] = json!(now.unix_timestamp() + 86_400));
    let issued = office.show(&long).await.unwrap();
    assert_eq!((issued.valid_until - now).whole_minutes(), 31, "no longer than it may be old");
    // Another token of the same user goes on with what was begun.
    assert_eq!(office.read(&issued).login_id, user.login_id);

    let record = &office.cluster.records_of("app_auth_config.verify.success").await[0];
    assert_eq!(
        (&record["user"], &record["app_name"]),
        (&json!("alice@example.com"), &json!("files"))
    );
    assert_eq!(record["app_auth_config"], "idp");
    assert_eq!(record["addr.remote"], "192.0.2.1:4711");
    let everything = serde_json::to_string(&office.cluster.records().await).unwrap();
    let signature = long.rsplit('.').next().unwrap();
    assert!(!everything.contains(signature), "a token is in the audit log");
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_told_and_recorded() {
    let office = Office::open().await;
    let now = office.cluster.clock.now().unix_timestamp();
    let stranger = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
    let body = URL_SAFE_NO_PAD.encode(office.claims().to_string());
    let header = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let cases = [
        ("aud", office.sign(|claims| claims["aud"] = json!("https://other.example.com"))),
        ("aud", office.sign(|claims| claims["aud"] = json!([]))),
        ("iss", office.sign(|claims| claims["iss"] = json!("https://evil.example.com"))),
        ("iss", office.sign(|claims| claims["iss"] = json!("https://idp.example.com/"))),
        ("expired", office.sign(|claims| claims["exp"] = json!(now - 61))),
        ("30 minutes", office.sign(|claims| claims["iat"] = json!(now - 1_801))),
        ("not valid yet", office.sign(|claims| claims["iat"] = json!(now + 120))),
        ("not valid yet", office.sign(|claims| claims["nbf"] = json!(now + 120))),
        ("\"iat\"", office.sign(without("iat"))),
        ("\"exp\"", office.sign(without("exp"))),
        ("\"email\"", office.sign(without("email"))),
        ("\"email\"", office.sign(|claims| claims["email"] = json!(["alice@example.com"]))),
        ("does not publish", stranger.sign(&office.claims()).unwrap()),
        ("\"none\"", format!("{}.{body}.", header(json!({"alg": "none"})))),
        (
            "\"HS256\"",
            format!("{}.{body}.AAAA", header(json!({"alg": "HS256", "kid": office.key.id()}))),
        ),
        (
            "signature",
            format!("{}.{body}.AAAA", header(json!({"alg": "ES256", "kid": office.key.id()}))),
        ),
        ("no signed", "not a token".to_owned()),
    ];
    let count = cases.len();
    for (words, token) in cases {
        let error = refused(office.show(&token).await, ErrorKind::Unauthenticated);
        assert!(error.message().contains(words), "{words}: {error}");
    }
    // Who is not known learns nothing.
    for (cause, token) in [
        ("no such user", office.sign(|claims| claims["email"] = json!("mallory@example.com"))),
        ("not verified", office.sign(|claims| claims["email_verified"] = json!(false))),
    ] {
        let error = refused(office.show(&token).await, ErrorKind::Unauthenticated);
        assert_eq!(error.message(), "access denied");
        let records = office.cluster.records_of("app_auth_config.verify.failure").await;
        assert!(records.last().unwrap()["error"].as_str().unwrap().contains(cause));
    }
    let records = office.cluster.records_of("app_auth_config.verify.failure").await;
    assert_eq!(records.len(), count + 2);
    assert_eq!(records[0]["addr.remote"], "192.0.2.1:4711");
}

#[tokio::test]
async fn a_token_is_good_where_its_config_says() {
    let office = Office::open().await;
    let token = office.sign(|_| {});
    let bearer = format!("Bearer {token}");
    // Other apps, other headers, other schemes.
    let error = refused(
        office.show_for("prod", "authorization", &bearer).await,
        ErrorKind::Unauthenticated,
    );
    assert_eq!(error.message(), "access denied");
    refused(office.show_for("unknown", "authorization", &bearer).await, ErrorKind::Unauthenticated);
    refused(office.show_for("files", "x-token", &bearer).await, ErrorKind::Unauthenticated);
    refused(office.show_for("files", "authorization", &token).await, ErrorKind::Unauthenticated);
    refused(
        office.show_for("files", "authorization", "Basic YWxpY2U6eA==").await,
        ErrorKind::Unauthenticated,
    );
    office.show_for("files", "authorization", &format!("bearer  {token}")).await.unwrap();

    // A second issuer for the same apps, in another header, with another name for users.
    let other = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
    let keys = serde_json::to_string(&JwkSet::new(&[other.public()]).unwrap()).unwrap();
    let second = json!({
        "issuer": "https://ci.example.com", "jwks_url": null, "static_jwks": keys,
        "username_claim": "login", "authorization_header": "X-Ci-Token",
    });
    office.cluster.put(config("ci", &second)).await;
    let mut claims = office.claims();
    claims["iss"] = json!("https://ci.example.com");
    claims["login"] = json!("alice@example.com");
    let by_ci = other.sign(&claims).unwrap();
    office.show_for("files", "x-ci-token", &by_ci).await.unwrap();
    office.show_for("files", "x-ci-token", &format!("Bearer {by_ci}")).await.unwrap();
    refused(office.show(&by_ci).await, ErrorKind::Unauthenticated);
    // Neither issuer speaks for the other.
    claims["iss"] = json!(ISSUER);
    refused(office.show(&other.sign(&claims).unwrap()).await, ErrorKind::Unauthenticated);

    office.cluster.admin.delete(Kind::AppAuthConfig, "idp").await.unwrap();
    refused(office.show(&token).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn who_is_locked_or_gone_gets_nothing_and_the_evidence_opens_nothing_else() {
    let office = Office::open().await;
    let token = office.sign(|_| {});
    office.show(&token).await.unwrap();
    let target = LockTarget { user: Some("alice@example.com".to_owned()), ..LockTarget::default() };
    office.cluster.put(Lock::new("l", target, "")).await;
    assert_eq!(
        refused(office.show(&token).await, ErrorKind::Unauthenticated).message(),
        "access denied"
    );
    office.cluster.admin.delete(Kind::Lock, "l").await.unwrap();
    office.show(&token).await.unwrap();
    office.cluster.admin.delete(Kind::User, "alice@example.com").await.unwrap();
    refused(office.show(&token).await, ErrorKind::Unauthenticated);

    // Only proxies ask, and a broken config is not kept.
    let request = AppTokenRequest { app: "files".to_owned(), ..AppTokenRequest::default() };
    let agent = office.cluster.host(&[Service::App]).await.client;
    refused(agent.verify_app_token(&request).await, ErrorKind::Denied);
    refused(office.cluster.stranger().verify_app_token(&request).await, ErrorKind::Unauthenticated);
    let broken = config("broken", &json!({"jwks_url": null, "static_jwks": {"keys": []}}));
    refused(office.cluster.admin.create(&broken.into()).await, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn evidence_for_one_app_is_for_no_app_of_that_name_in_another_cluster() {
    let office = Office::open().await;
    office.cluster.put(resource::RemoteCluster::new("leaf.test")).await;
    let certificate = office.show(&office.sign(|_| {})).await.unwrap().certificate;
    let request = api::wire::VisitRequest {
        certificate,
        app: Some("files".to_owned()),
        client_addr: Some("192.0.2.1:4711".to_owned()),
    };
    let error = refused(office.proxy.visit("leaf.test", &request).await, ErrorKind::Denied);
    assert!(error.message().contains("one MCP server of this cluster only"), "{error}");
}
