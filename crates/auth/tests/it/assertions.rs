//! Statements of who a user is, for upstreams: who gets one, for whom, and what it says.

use std::collections::BTreeMap;
use std::time::Duration;

use api::wire::{Assertion, AssertionRequest};
use api::{Error, ErrorKind, Write};
use pki::jwt::{Expected, JwtError};
use pki::{CaKind, CertificateAuthority, JwkSet, PrivateKey, Service, UserIdentity, UserKind};
use resource::proxy::ProxySpec;
use resource::{App, AppServer, Kind, Lock, LockTarget, Proxy, User};
use serde_json::{Value, json};

use crate::cluster::{Cluster, Host, NAME, labels, parse, refused, role_with};

pub(crate) const URI: &str = "mcp+https://files.internal/mcp";
const DAY: Duration = Duration::from_secs(86_400);

pub(crate) fn files(name: &str, uri: &str) -> App {
    parse(&json!({
        "kind": "app",
        "version": "v3",
        "metadata": { "name": name, "labels": { "env": "dev" } },
        "spec": { "uri": uri },
    }))
}

fn trimmed(to: &str) -> App {
    parse(&json!({
        "kind": "app",
        "version": "v3",
        "metadata": { "name": "files", "labels": { "env": "dev" } },
        "spec": { "uri": URI, "rewrite": { "jwt_claims": to } },
    }))
}

/// Alice, who may use apps of the environment dev, an agent, and an app that it serves.
struct Scene {
    cluster: Cluster,
    agent: Host,
    /// Alice's certificate.
    certificate: String,
}

impl Scene {
    async fn new() -> Self {
        let cluster = Cluster::start().await;
        cluster
            .put(role_with("dev", |allow| allow.app_labels = Some(labels(&[("env", "dev")]))))
            .await;
        let mut alice = User::new("alice", ["dev"]);
        alice.spec.traits = BTreeMap::from([("team".to_owned(), vec!["a".to_owned()])]);
        cluster.put(alice).await;
        let certificate = certificate(&cluster, "alice").await;
        let agent = cluster.host(&[Service::App]).await;
        let scene = Self { cluster, agent, certificate };
        scene.cluster.put(files("files", URI)).await;
        scene.serve(&scene.agent, files("files", URI)).await;
        scene
    }

    async fn serve(&self, agent: &Host, app: App) {
        let record = AppServer::new(&agent.id, "host", "1.0", app);
        agent.client.put(&record.into(), Write::Upsert).await.unwrap();
    }

    fn request(&self) -> AssertionRequest {
        AssertionRequest {
            app: "files".to_owned(),
            uri: URI.to_owned(),
            certificate: self.certificate.clone(),
            client_addr: Some("192.0.2.7:4711".to_owned()),
        }
    }

    async fn ask(&self, request: AssertionRequest) -> Result<Assertion, Error> {
        self.agent.client.sign_assertion(&request).await
    }

    /// What a verifier that expects this issuer reads.
    fn read(&self, token: &str, issuer: &str, audience: &str) -> Result<Value, JwtError> {
        let keys = JwkSet::new(&[self.cluster.auth.jwt_key().public()]).unwrap();
        keys.verify(token, &Expected { issuer, audience, now: self.cluster.clock.now() })
    }
}

async fn certificate(cluster: &Cluster, user: &str) -> String {
    let public_key = PrivateKey::generate().unwrap().public().to_pem();
    let request = api::wire::UserCertificateRequest { public_key, ttl_seconds: None };
    cluster.admin.sign_user(user, &request).await.unwrap().certificate
}

#[tokio::test]
async fn an_agent_gets_a_statement_of_who_uses_its_app() {
    let scene = Scene::new().await;
    let signed = scene.ask(scene.request()).await.unwrap();
    let claims = scene.read(&signed.jwt, NAME, URI).unwrap();
    let now = scene.cluster.clock.now().unix_timestamp();
    assert_eq!(
        claims,
        json!({
            "iss": NAME,
            "sub": "alice",
            "username": "alice",
            "aud": [URI],
            "iat": now - 30,
            "nbf": now - 30,
            "exp": now + 570,
            "jti": claims["jti"],
            "roles": ["dev"],
            "traits": { "team": ["a"] },
        })
    );
    assert_eq!(signed.valid_from.unix_timestamp(), now - 30);
    assert_eq!(signed.valid_until.unix_timestamp(), now + 570);
    assert!(signed.id_token.is_none(), "the cluster has no public address yet");

    let [record] = &scene.cluster.records_of("assertion.create").await[..] else { panic!() };
    assert_eq!(record["user"], "alice");
    assert_eq!(record["app_name"], "files");
    assert_eq!(record["app_uri"], URI);
    assert_eq!(record["server_id"], scene.agent.id.as_str());
    assert_eq!(record["token_ids"], json!([claims["jti"]]));
    assert_eq!(record["jwt_claims"], "roles-and-traits");
    assert_eq!(record["addr.remote"], "192.0.2.7:4711");
    assert!(!record.to_string().contains(&signed.jwt));
}

#[tokio::test]
async fn an_id_token_names_the_public_address_as_its_issuer() {
    let scene = Scene::new().await;
    let proxy = scene.cluster.host(&[Service::Proxy]).await;
    let record = Proxy::new(ProxySpec {
        host_id: proxy.id.clone(),
        public_addr: "mcp.example.test:443".to_owned(),
        ..ProxySpec::default()
    });
    proxy.client.put(&record.into(), Write::Upsert).await.unwrap();
    let signed = scene.ask(scene.request()).await.unwrap();
    let id_token = signed.id_token.unwrap();
    let claims = scene.read(&id_token, "https://mcp.example.test", URI).unwrap();
    assert_eq!(claims["sub"], "alice");
    assert_eq!(claims["preferred_username"], "alice");
    assert_eq!(claims["aud"], URI);
    assert_eq!(claims["auth_time"], scene.cluster.clock.now().unix_timestamp());
    assert_eq!(claims["roles"], json!(["dev"]));
    let other = scene.read(&signed.jwt, NAME, URI).unwrap();
    assert_ne!(claims["jti"], other["jti"]);
    // Neither passes for the other.
    assert!(scene.read(&id_token, NAME, URI).is_err());
    assert!(scene.read(&signed.jwt, "https://mcp.example.test", URI).is_err());
}

#[tokio::test]
async fn the_app_says_how_much_is_told() {
    let scene = Scene::new().await;
    for (extent, roles, traits) in [
        ("none", false, false),
        ("roles", true, false),
        ("traits", false, true),
        ("roles-and-traits", true, true),
    ] {
        scene.cluster.put(trimmed(extent)).await;
        let signed = scene.ask(scene.request()).await.unwrap();
        let claims = scene.read(&signed.jwt, NAME, URI).unwrap();
        assert_eq!(claims.get("roles").is_some(), roles, "{extent}");
        assert_eq!(claims.get("traits").is_some(), traits, "{extent}");
        assert_eq!(claims["sub"], "alice");
    }
}

#[tokio::test]
async fn a_statement_does_not_outlive_the_certificate() {
    let scene = Scene::new().await;
    // Certificates of this cluster last for twelve hours.
    scene.cluster.clock.advance(DAY / 2 - Duration::from_secs(60));
    scene.serve(&scene.agent, files("files", URI)).await;
    let signed = scene.ask(scene.request()).await.unwrap();
    assert_eq!(signed.valid_until, scene.cluster.clock.now() + Duration::from_secs(60));
    scene.cluster.clock.advance(Duration::from_secs(60));
    let error = refused(scene.ask(scene.request()).await, ErrorKind::Denied);
    assert!(error.message().contains("expired"), "{error}");
}

#[tokio::test]
async fn nobody_but_an_agent_is_given_one() {
    let scene = Scene::new().await;
    let cluster = &scene.cluster;
    let proxy = cluster.host(&[Service::Proxy]).await;
    scene.serve(&scene.agent, files("files", URI)).await;
    for (caller, kind) in [
        (cluster.certified("alice", None).await, ErrorKind::Denied),
        (cluster.stranger(), ErrorKind::Unauthenticated),
        (cluster.admin.clone(), ErrorKind::Denied),
        (proxy.client, ErrorKind::Denied),
    ] {
        refused(caller.sign_assertion(&scene.request()).await, kind);
    }
    assert!(cluster.records_of("assertion.create").await.is_empty());
}

#[tokio::test]
async fn an_agent_is_given_one_only_for_what_it_serves() {
    let scene = Scene::new().await;
    let other = scene.cluster.host(&[Service::App]).await;
    let error = refused(other.client.sign_assertion(&scene.request()).await, ErrorKind::Denied);
    assert!(error.message().contains("no record that it serves"), "{error}");
    let denied = scene.cluster.records_of("access.denied").await;
    assert_eq!(denied.last().unwrap()["user"], other.id.as_str());

    // An app of its own that says it were somebody else's server.
    scene.serve(&other, files("mine", URI)).await;
    let request = AssertionRequest { app: "mine".to_owned(), ..scene.request() };
    let error = refused(other.client.sign_assertion(&request).await, ErrorKind::Denied);
    assert!(error.message().contains("registered for another app"), "{error}");
    // Registered under the name, and served with another address than it is registered with.
    let elsewhere = "mcp+https://elsewhere.internal/mcp".to_owned();
    let request = AssertionRequest { uri: elsewhere, ..scene.request() };
    refused(scene.ask(request).await, ErrorKind::Conflict);
    // A name that leads to another agent's record.
    let name = format!("../{}/files", scene.agent.id);
    let request = AssertionRequest { app: name, ..scene.request() };
    refused(other.client.sign_assertion(&request).await, ErrorKind::Denied);
}

#[tokio::test]
async fn an_app_of_an_agents_own_and_one_it_falls_back_to_have_their_own_address() {
    let scene = Scene::new().await;
    let own = "mcp+http://127.0.0.1:8080/mcp";
    scene.serve(&scene.agent, files("own", own)).await;
    let mine = AssertionRequest { app: "own".to_owned(), uri: own.to_owned(), ..scene.request() };
    let signed = scene.ask(mine).await.unwrap();
    assert!(scene.read(&signed.jwt, NAME, own).is_ok());

    // Registered anew, and the agent still serves it as it was.
    scene.cluster.put(files("files", "mcp+https://broken.internal/mcp")).await;
    let signed = scene.ask(scene.request()).await.unwrap();
    assert!(scene.read(&signed.jwt, NAME, URI).is_ok());
}

#[tokio::test]
async fn an_app_that_is_not_reached_over_http_has_none() {
    let scene = Scene::new().await;
    let app = crate::cluster::app("local", &[("env", "dev")]);
    scene.serve(&scene.agent, app.clone()).await;
    let (app, uri) = ("local".to_owned(), app.spec.uri);
    let request = AssertionRequest { app, uri, ..scene.request() };
    refused(scene.ask(request).await, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn a_user_who_may_not_use_the_app_is_not_vouched_for() {
    let scene = Scene::new().await;
    let cluster = &scene.cluster;
    cluster.put(role_with("nothing", |_allow| {})).await;
    cluster.put(User::new("bob", ["nothing"])).await;
    let certificate = certificate(cluster, "bob").await;
    let request = AssertionRequest { certificate, ..scene.request() };
    refused(scene.ask(request).await, ErrorKind::Denied);

    let locks = [
        LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() },
        LockTarget { app: Some("files".to_owned()), ..LockTarget::default() },
        LockTarget { role: Some("dev".to_owned()), ..LockTarget::default() },
        LockTarget { server_id: Some(scene.agent.id.clone()), ..LockTarget::default() },
    ];
    for target in locks {
        cluster.put(Lock::new("the-lock", target.clone(), "")).await;
        refused(scene.ask(scene.request()).await, ErrorKind::Denied);
        cluster.admin.delete(Kind::Lock, "the-lock").await.unwrap();
        assert!(scene.ask(scene.request()).await.is_ok(), "{target:?}");
    }
    // The app moves out of alice's reach.
    let mut app = files("files", URI);
    app.metadata.labels.insert("env".to_owned(), "prod".to_owned());
    cluster.put(app).await;
    refused(scene.ask(scene.request()).await, ErrorKind::Denied);
    cluster.put(files("files", URI)).await;
    cluster.admin.delete(Kind::User, "alice").await.unwrap();
    let error = refused(scene.ask(scene.request()).await, ErrorKind::Denied);
    assert!(error.message().contains("does not exist"), "{error}");
}

#[tokio::test]
async fn evidence_that_proves_nothing_is_refused() {
    let scene = Scene::new().await;
    let now = scene.cluster.clock.now();
    let key = PrivateKey::generate().unwrap();
    let mut alice = UserIdentity {
        name: "alice".to_owned(),
        kind: UserKind::Human,
        roles: vec!["dev".to_owned()],
        traits: BTreeMap::new(),
        cluster: NAME.to_owned(),
        login_id: "login".to_owned(),
        mfa: pki::SecondFactors::default(),
        source_ip: None,
        app: None,
        visit: None,
        bot_instance_id: None,
        oauth_grant: None,
        join_token: None,
        issued: now,
        expires: now + DAY,
    };
    let forger = CertificateAuthority::generate(CaKind::User, NAME, now, DAY).unwrap();
    let forged = forger.issue_user(&key.public(), &alice).unwrap().to_pem();
    alice.roles.clear();
    let service = scene.cluster.host(&[Service::Proxy]).await;
    let renewal = api::wire::RenewRequest { public_key: key.public().to_pem(), names: Vec::new() };
    let service = service.client.renew(&renewal).await.unwrap().certificate;
    for certificate in [forged, service] {
        let request = AssertionRequest { certificate, ..scene.request() };
        refused(scene.ask(request).await, ErrorKind::Denied);
    }
    for certificate in ["", "alice", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
    {
        let request = AssertionRequest { certificate: certificate.to_owned(), ..scene.request() };
        refused(scene.ask(request).await, ErrorKind::InvalidArgument);
    }
    assert!(scene.cluster.records_of("assertion.create").await.is_empty());
}
