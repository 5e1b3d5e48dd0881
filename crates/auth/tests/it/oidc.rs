//! OpenID Connect against a provider that can lie: each lie is refused by a test that names it.

use std::net::SocketAddr;
use std::sync::Arc;

use api::wire::{SsoAnswer, SsoBegin, SsoFinish, SsoStart, UserCredentials};
use api::{Client, Error, ErrorKind};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use parking_lot::Mutex;
use pki::{JwkSet, JwtKey, PrivateKey, Service};
use resource::{GithubConnector, OidcConnector, Resource, SamlConnector};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};
use tokio::net::TcpListener;
use url::Url;

use crate::cluster::{Cluster, parse, refused, role_with};

const SECRET: &str = "a:secret & 50%";

pub(crate) fn connector(name: &str, issuer: &str) -> OidcConnector {
    with_spec(name, issuer, &json!({}))
}

fn with_spec(name: &str, issuer: &str, more: &Value) -> OidcConnector {
    let mut spec = json!({
        "issuer_url": issuer, "client_id": "gate way", "client_secret": SECRET,
        "redirect_url": "https://proxy.example.com/v1/webapi/oidc/callback",
        "claims_to_roles": [{"claim": "groups", "value": "eng", "roles": ["dev"]}],
    });
    spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    parse(&json!({"kind": "oidc", "version": "v3", "metadata": {"name": name}, "spec": spec}))
}

/// A provider that says what it is told to.
#[derive(Clone)]
pub(crate) struct Liar {
    state: Arc<Mutex<Lies>>,
    issuer: String,
}

pub(crate) struct Lies {
    key: JwtKey,
    /// What the key set holds.
    published: JwkSet,
    /// What is added to the claims, or taken away by null.
    pub(crate) claims: Map<String, Value>,
    pub(crate) userinfo: Value,
    metadata: Map<String, Value>,
    /// The ID token as it is, instead of a signed one.
    raw: Option<String>,
    nonce: String,
    now: i64,
    asked: Vec<(HeaderMap, String)>,
    keys_asked: usize,
}

impl Liar {
    async fn start(cluster: &Cluster) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let key = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
        let lies = Lies {
            published: JwkSet::new(&[key.public()]).unwrap(),
            key,
            claims: Map::new(),
            userinfo: json!({"sub": "u1", "groups": ["eng"]}),
            metadata: Map::new(),
            raw: None,
            nonce: String::new(),
            now: cluster.clock.now().unix_timestamp(),
            asked: Vec::new(),
            keys_asked: 0,
        };
        let liar = Self { state: Arc::new(Mutex::new(lies)), issuer: format!("http://{address}") };
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(metadata))
            .route("/jwks", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(liar.clone());
        cluster.tasks.spawn_until_cancelled("test.provider", async move {
            axum::serve(listener, router).await.unwrap();
        });
        liar
    }

    pub(crate) fn lie(&self, lie: impl FnOnce(&mut Lies)) {
        lie(&mut self.state.lock());
    }
}

async fn metadata(State(liar): State<Liar>) -> Json<Value> {
    let issuer = &liar.issuer;
    let mut told = json!({
        "issuer": issuer, "authorization_endpoint": format!("{issuer}/auth?tenant=1"),
        "token_endpoint": format!("{issuer}/token"), "jwks_uri": format!("{issuer}/jwks"),
        "userinfo_endpoint": format!("{issuer}/userinfo"),
    });
    told.as_object_mut().unwrap().extend(liar.state.lock().metadata.clone());
    Json(told)
}

async fn keys(State(liar): State<Liar>) -> Json<Value> {
    let mut lies = liar.state.lock();
    lies.keys_asked += 1;
    Json(serde_json::to_value(&lies.published).unwrap())
}

async fn token(State(liar): State<Liar>, headers: HeaderMap, body: String) -> Json<Value> {
    let mut lies = liar.state.lock();
    lies.asked.push((headers, body));
    let access = "an access token";
    let hash = Sha256::digest(access);
    let mut claims = json!({
        "iss": liar.issuer, "aud": "gate way", "sub": "u1", "iat": lies.now, "exp": lies.now + 300,
        "nonce": lies.nonce, "email": "alice@example.com", "at_hash": URL_SAFE_NO_PAD.encode(hash.split_at(16).0),
    });
    for (name, value) in &lies.claims {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => drop(claims.as_object_mut().unwrap().insert(name.clone(), value.clone())),
        }
    }
    let id_token = lies.raw.clone().unwrap_or_else(|| lies.key.sign(&claims).unwrap());
    Json(json!({"access_token": access, "token_type": "Bearer", "id_token": id_token}))
}

async fn userinfo(State(liar): State<Liar>, headers: HeaderMap, _uri: Uri) -> Json<Value> {
    assert_eq!(headers.get("authorization").unwrap(), "Bearer an access token");
    Json(liar.state.lock().userinfo.clone())
}

/// A cluster with such a provider.
pub(crate) struct Office {
    pub(crate) cluster: Cluster,
    pub(crate) proxy: Client,
    pub(crate) liar: Liar,
    key: PrivateKey,
}

const VERIFIER: &str = "what only tsh knows";

impl Office {
    pub(crate) async fn open(more: &Value) -> Self {
        let cluster = Cluster::start().await;
        let liar = Liar::start(&cluster).await;
        cluster.put(role_with("dev", |_allow| {})).await;
        cluster.put(with_spec("idp", &liar.issuer, more)).await;
        let proxy = cluster.host(&[Service::Proxy]).await.client;
        Self { cluster, proxy, liar, key: PrivateKey::generate().unwrap() }
    }

    async fn start(&self) -> Result<String, Error> {
        let started = self
            .proxy
            .start_sso(&SsoStart {
                connector: Some("idp".to_owned()),
                public_key: self.key.public().to_pem(),
                ttl_seconds: None,
                callback: "http://127.0.0.1:4711/here".to_owned(),
                challenge: URL_SAFE_NO_PAD.encode(Sha256::digest(VERIFIER)),
                client_addr: Some("192.0.2.1:1".to_owned()),
                proxy_addr: Some("proxy.example.com:443".to_owned()),
            })
            .await?;
        Ok(started.url.rsplit('/').next().unwrap().to_owned())
    }

    /// A browser at the provider: the query that it was sent with, and the answer that it would bring.
    async fn away(&self) -> Result<(Url, SsoAnswer), Error> {
        self.away_with(&self.start().await?).await
    }

    /// The same by this link.
    pub(crate) async fn away_with(&self, token: &str) -> Result<(Url, SsoAnswer), Error> {
        let begun = self.proxy.begin_sso(token, &SsoBegin::default()).await?;
        let url: Url = begun.location.parse().unwrap();
        let query = |name: &str| {
            let found = url.query_pairs().find(|(key, _)| key == name);
            found.map(|(_, value)| value.into_owned()).unwrap_or_default()
        };
        self.liar.lie(|lies| lies.nonce = query("nonce"));
        let answer = SsoAnswer {
            state: query("state"),
            saml_response: None,
            code: Some("a code".to_owned()),
            error: None,
            error_description: None,
            iss: None,
            binding: begun.binding,
            client_addr: None,
        };
        Ok((url, answer))
    }

    async fn finish(&self, answer: &SsoAnswer) -> Result<UserCredentials, Error> {
        let answered = self.proxy.answer_sso(answer).await?;
        let url: Url = answered.location.parse().unwrap();
        assert!(answered.location.starts_with("http://127.0.0.1:4711/here?code="));
        let code = url.query_pairs().next().unwrap().1.into_owned();
        self.proxy.finish_sso(&SsoFinish { code, verifier: VERIFIER.to_owned() }).await
    }

    pub(crate) async fn login(&self) -> Result<UserCredentials, Error> {
        let (_url, answer) = self.away().await?;
        self.finish(&answer).await
    }

    /// A login that fails because of what the provider says; gives what the audit log tells.
    async fn refused(&self, what: &str) -> String {
        let error = self.login().await.expect_err(what);
        assert!(
            matches!(error.kind(), ErrorKind::Denied | ErrorKind::Unavailable),
            "{what}: {error}"
        );
        let records = self.cluster.records_of("user.login").await;
        let last = records.last().unwrap_or_else(|| panic!("{what}: not recorded"));
        assert_eq!(last["success"], false, "{what}");
        last["detail"].as_str().unwrap_or_default().to_owned()
    }
}

#[tokio::test]
async fn a_login_goes_by_the_book() {
    let office = Office::open(&json!({
        "scope": ["email groups", "openid"], "prompt": "login", "acr_values": "gold silver", "max_age": "1h",
    }))
    .await;
    let now = office.cluster.clock.now().unix_timestamp();
    office.liar.lie(|lies| {
        lies.claims = json!({"acr": "silver", "auth_time": now - 3_000, "groups": ["other"]})
            .as_object()
            .unwrap()
            .clone();
    });
    let (url, answer) = office.away().await.unwrap();
    let query: Map<String, Value> = url
        .query_pairs()
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    for (name, value) in [
        ("tenant", "1"),
        ("response_type", "code"),
        ("client_id", "gate way"),
        ("scope", "openid email groups"),
        ("redirect_uri", "https://proxy.example.com/v1/webapi/oidc/callback"),
        ("code_challenge_method", "S256"),
        ("prompt", "login"),
        ("acr_values", "gold silver"),
        ("max_age", "3600"),
    ] {
        assert_eq!(query[name], value);
    }
    // What is signed counts before what is not: "other" gives no role.
    refused(office.finish(&answer).await, ErrorKind::Denied);
    office.liar.lie(|lies| drop(lies.claims.remove("groups")));
    let (url, answer) = office.away().await.unwrap();
    let credentials = office.finish(&answer).await.unwrap();
    assert_eq!(
        (credentials.user.as_str(), credentials.roles),
        ("alice@example.com", vec!["dev".to_owned()])
    );
    assert_eq!(credentials.traits["groups"], ["eng"]);

    let (headers, form) = office.liar.state.lock().asked.pop().unwrap();
    let form: Map<String, Value> = url::form_urlencoded::parse(form.as_bytes())
        .map(|(name, value)| (name.into_owned(), value.into_owned().into()))
        .collect();
    assert_eq!(
        (&form["grant_type"], &form["code"]),
        (&json!("authorization_code"), &json!("a code"))
    );
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(form["code_verifier"].as_str().unwrap()));
    assert!(url.query_pairs().any(|(name, value)| name == "code_challenge" && value == challenge));
    // RFC 6749, section 2.3.1: form-encoded, both halves.
    let basic = base64::engine::general_purpose::STANDARD.encode("gate+way:a%3Asecret+%26+50%25");
    assert_eq!(headers["authorization"], format!("Basic {basic}"));
    assert!(!form.contains_key("client_secret"));
}

#[tokio::test]
async fn what_an_id_token_must_say_it_must_say() {
    let office = Office::open(&json!({})).await;
    let now = office.cluster.clock.now().unix_timestamp();
    office.login().await.unwrap();
    for (what, lie, words) in [
        ("another audience", json!({"aud": "somebody else"}), "\"aud\""),
        ("an empty audience", json!({"aud": []}), "\"aud\""),
        ("no audience", json!({"aud": null}), "\"aud\""),
        ("several, and not for whom", json!({"aud": ["gate way", "other"]}), "for several"),
        ("for another client first", json!({"aud": ["gate way", "other"], "azp": "other"}), "azp"),
        ("another azp", json!({"azp": "other"}), "azp"),
        ("another issuer", json!({"iss": "https://evil.example.com"}), "\"iss\""),
        ("the issuer with a slash", json!({"iss": format!("{}/", office.liar.issuer)}), "\"iss\""),
        ("another nonce", json!({"nonce": "replayed"}), "nonce"),
        ("no nonce", json!({"nonce": null}), "nonce"),
        ("expired", json!({"exp": now - 61}), "expired"),
        ("no end", json!({"exp": null}), "\"exp\""),
        ("from the future", json!({"iat": now + 120}), "not valid yet"),
        ("another access token", json!({"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}), "access token"),
        ("a hash that is no text", json!({"at_hash": 7}), "access token"),
        ("nobody", json!({"sub": null}), "somebody else"),
        ("no name", json!({"email": null}), "\"email\""),
        ("several names", json!({"email": ["a@x", "b@x"]}), "several values"),
        ("an unverified address", json!({"email_verified": false}), "not verified"),
        ("an unverified address, as text", json!({"email_verified": "false"}), "not verified"),
        ("a name that nobody can have", json!({"email": "a/b"}), ""),
    ] {
        office.liar.lie(|lies| lies.claims = lie.as_object().unwrap().clone());
        let detail = office.refused(what).await;
        assert!(detail.contains(words), "{what}: {detail}");
    }
    for claims in [
        json!({"aud": ["other", "gate way"], "azp": "gate way"}),
        json!({"exp": now - 30}),
        json!({"at_hash": null}),
    ] {
        office.liar.lie(|lies| lies.claims = claims.as_object().unwrap().clone());
        office
            .login()
            .await
            .unwrap_or_else(|error| panic!("{claims}: {error}: {:?}", error.cause()));
    }
}

#[tokio::test]
async fn a_signature_is_by_a_key_that_is_published() {
    let office = Office::open(&json!({})).await;
    office.login().await.unwrap();
    let claims = json!({"iss": office.liar.issuer, "aud": "gate way", "sub": "u1", "email": "root@example.com"});
    let body = URL_SAFE_NO_PAD.encode(claims.to_string());
    for (alg, signature) in [("none", ""), ("HS256", "AAAA"), ("ES256", "AAAA")] {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": alg}).to_string());
        office.liar.lie(|lies| lies.raw = Some(format!("{header}.{body}.{signature}")));
        office.refused(alg).await;
    }
    office.liar.lie(|lies| lies.raw = None);
    let stranger = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
    let genuine = office.liar.state.lock().key.clone();
    office.liar.lie(|lies| lies.key = stranger.clone());
    let asked = office.liar.state.lock().keys_asked;
    assert!(office.refused("a stranger's key").await.contains("does not publish"));
    office.refused("a stranger's key again").await;
    // It is asked for again, and not as often as somebody makes it be.
    assert!(office.liar.state.lock().keys_asked <= asked + 1);
    office.liar.lie(|lies| lies.key = genuine);
    office.login().await.unwrap();
}

#[tokio::test]
async fn keys_may_change() {
    let office = Office::open(&json!({})).await;
    office.login().await.unwrap();
    tokio::time::pause();
    tokio::time::advance(std::time::Duration::from_secs(11)).await;
    tokio::time::resume();
    let next = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
    office.liar.lie(|lies| {
        lies.published = JwkSet::new(&[next.public()]).unwrap();
        lies.key = next;
    });
    office.login().await.unwrap();
}

#[tokio::test]
async fn what_else_a_provider_says_is_looked_at() {
    let office = Office::open(&json!({"acr_values": "gold", "max_age": "1h"})).await;
    let now = office.cluster.clock.now().unix_timestamp();
    let say =
        |claims: Value| office.liar.lie(|lies| lies.claims = claims.as_object().unwrap().clone());
    say(json!({"acr": "gold", "auth_time": now - 3_700}));
    assert!(office.refused("too long ago").await.contains("max_age"));
    say(json!({"acr": "gold"}));
    assert!(office.refused("nobody knows when").await.contains("auth_time"));
    say(json!({"acr": "bronze", "auth_time": now}));
    assert!(office.refused("too weak").await.contains("acr"));
    say(json!({"acr": "gold", "auth_time": now}));
    office.login().await.unwrap();

    office.liar.lie(|lies| lies.userinfo = json!({"sub": "u2", "groups": ["eng"]}));
    assert!(office.refused("somebody else's information").await.contains("somebody else"));
    office.liar.lie(|lies| lies.userinfo = json!(["no object"]));
    assert!(office.refused("no object").await.contains("JSON object"));
    office.liar.lie(|lies| lies.userinfo = json!({"sub": "u1"}));
    assert!(office.refused("no groups").await.contains("claims_to_roles"));

    // The answer itself (RFC 9207).
    let (_url, answer) = office.away().await.unwrap();
    let other = SsoAnswer { iss: Some("https://evil.example.com".to_owned()), ..answer };
    refused(office.finish(&other).await, ErrorKind::Denied);
    let (_url, answer) = office.away().await.unwrap();
    refused(office.finish(&SsoAnswer { code: None, ..answer }).await, ErrorKind::Denied);
    let (_url, answer) = office.away().await.unwrap();
    let said_no = SsoAnswer { code: None, error: Some("access_denied".to_owned()), ..answer };
    assert!(
        refused(office.finish(&said_no).await, ErrorKind::Denied)
            .message()
            .contains("access_denied")
    );
}

#[tokio::test]
async fn a_provider_is_who_it_says_or_nobody() {
    for (name, value) in [
        ("issuer", json!("https://evil.example.com")),
        ("token_endpoint", json!("http://evil.example.com/token")),
        ("jwks_uri", json!("ftp://127.0.0.1/keys")),
        ("authorization_endpoint", json!("javascript:alert(1)")),
    ] {
        let office = Office::open(&json!({})).await;
        office.liar.lie(|lies| drop(lies.metadata.insert(name.to_owned(), value)));
        let error = refused(office.away().await.map(drop), ErrorKind::Unavailable);
        assert!(error.message().contains("identity provider"), "{name}: {error}");
    }
}

#[tokio::test]
async fn no_connector_has_a_name_that_means_local_users() {
    let office = Office::open(&json!({})).await;
    let issuer = office.liar.issuer.clone();
    for name in ["local", "passwordless"] {
        for kind in ["oidc", "saml", "github"] {
            let document: Resource = match kind {
                "oidc" => connector(name, &issuer).into(),
                "saml" => parse::<SamlConnector>(&json!({
                    "kind": kind, "version": "v2", "metadata": {"name": name},
                    "spec": {
                        "acs": "https://proxy.example.com/v1/webapi/saml/acs",
                        "entity_descriptor_url": "https://idp.example.com/metadata",
                        "attributes_to_roles": [{"name": "groups", "value": "eng", "roles": ["dev"]}],
                    },
                }))
                .into(),
                _ => parse::<GithubConnector>(&json!({
                    "kind": kind, "version": "v3", "metadata": {"name": name},
                    "spec": {
                        "client_id": "a", "client_secret": "b",
                        "teams_to_roles": [{"organization": "o", "team": "t", "roles": ["dev"]}],
                    },
                }))
                .into(),
            };
            let error = office.cluster.admin.create(&document).await.map(drop);
            let error = refused(error, ErrorKind::InvalidArgument);
            assert!(error.message().contains("means local users"), "{kind}/{name}: {error}");
        }
    }
}

#[tokio::test]
async fn each_step_happens_once_and_in_time() {
    let office = Office::open(&json!({})).await;
    let token = office.start().await.unwrap();
    office.proxy.begin_sso(&token, &SsoBegin::default()).await.unwrap();
    refused(office.proxy.begin_sso(&token, &SsoBegin::default()).await, ErrorKind::NotFound);
    let (_url, answer) = office.away().await.unwrap();
    let elsewhere = SsoAnswer {
        state: answer.state.clone(),
        binding: "another browser".to_owned(),
        saml_response: None,
        code: None,
        error: None,
        error_description: None,
        iss: None,
        client_addr: None,
    };
    refused(office.proxy.answer_sso(&elsewhere).await, ErrorKind::Denied);
    let answered = office.proxy.answer_sso(&answer).await.unwrap();
    refused(office.proxy.answer_sso(&answer).await, ErrorKind::NotFound);
    let code = answered.location.split_once("code=").unwrap().1.to_owned();
    let guess = SsoFinish { code: code.clone(), verifier: "a guess".to_owned() };
    refused(office.proxy.finish_sso(&guess).await, ErrorKind::Denied);
    // Names of one step are of no use for another.
    refused(office.proxy.begin_sso(&code, &SsoBegin::default()).await, ErrorKind::NotFound);
    let right = SsoFinish { code: code.clone(), verifier: VERIFIER.to_owned() };
    office.proxy.finish_sso(&right).await.unwrap();
    refused(office.proxy.finish_sso(&right).await, ErrorKind::NotFound);

    let token = office.start().await.unwrap();
    office.cluster.clock.advance(std::time::Duration::from_secs(301));
    refused(office.proxy.begin_sso(&token, &SsoBegin::default()).await, ErrorKind::NotFound);
    let (_url, answer) = office.away().await.unwrap();
    let answered = office.proxy.answer_sso(&answer).await.unwrap();
    let code = answered.location.split_once("code=").unwrap().1.to_owned();
    office.cluster.clock.advance(std::time::Duration::from_secs(61));
    refused(
        office.proxy.finish_sso(&SsoFinish { code, verifier: VERIFIER.to_owned() }).await,
        ErrorKind::NotFound,
    );
}
