//! Tokens for apps of another cluster: what comes of them, where it is good, and every way to be refused.

use std::time::Duration;

use api::wire::VisitEvidence;
use pki::{BoundApp, VerifyError};
use resource::RemoteCluster;

use super::*;
use crate::clusters::{document, friends};

const LEAF: &str = "leaf.test";

/// A root that believes an issuer, for every app there is, and a leaf.
struct Pair {
    root: Office,
    leaf: Cluster,
}

/// A config whose key is the office's.
fn with_keys(root: &Office, name: &str, labels: &Value) -> AppAuthConfig {
    let keys = serde_json::to_string(&JwkSet::new(&[root.key.public()]).unwrap()).unwrap();
    parse(&json!({
        "kind": "app_auth_config", "version": "v1", "metadata": {"name": name},
        "spec": {
            "app_labels": labels,
            "jwt": {"issuer": ISSUER, "audience": AUDIENCE, "static_jwks": keys},
        },
    }))
}

impl Pair {
    async fn open() -> Self {
        let (root, leaf) = friends().await;
        let root = Office::over(root).await;
        root.cluster.put(with_keys(&root, "idp", &json!({"*": "*"}))).await;
        Self { root, leaf }
    }

    async fn show(&self, token: &str) -> Result<VisitEvidence, Error> {
        self.show_for(LEAF, "github", token).await
    }

    async fn show_for(&self, leaf: &str, app: &str, token: &str) -> Result<VisitEvidence, Error> {
        let request = AppTokenRequest {
            app: app.to_owned(),
            tokens: [("authorization".to_owned(), format!("Bearer {token}"))].into(),
            client_addr: Some("192.0.2.1:4711".to_owned()),
            ..AppTokenRequest::default()
        };
        self.root.proxy.visit_by_token(leaf, &request).await
    }

    async fn refused(&self, token: &str, kind: ErrorKind, words: &str) {
        let error = refused(self.show(token).await, kind);
        assert!(error.message().contains(words), "{words}: {error}");
    }

    /// The reason in the last refusal that was recorded.
    async fn recorded(&self) -> Value {
        let records = self.root.cluster.records_of("app_auth_config.verify.failure").await;
        let last = records.last().unwrap();
        assert_eq!(last["target_cluster"], LEAF, "{last}");
        last["error"].clone()
    }
}

fn read(evidence: &VisitEvidence) -> UserIdentity {
    let certificate = Certificate::from_pem(&evidence.certificate).unwrap();
    certificate.unverified_identity().unwrap().as_user().unwrap().clone()
}

#[tokio::test]
async fn a_token_becomes_a_visit_to_one_app_of_one_cluster_as_long_as_it_lives() {
    let pair = Pair::open().await;
    let token = pair.root.sign(|_| {});
    let issued = pair.show(&token).await.unwrap();
    let user = read(&issued);
    assert_eq!(
        (user.name.as_str(), user.cluster.as_str(), user.roles.as_slice()),
        ("alice@example.com", "root.test", &["dev".to_owned()][..])
    );
    assert_eq!(user.traits["team"], ["red"]);
    let github = BoundApp::Here("github".to_owned());
    assert_eq!((user.app.as_ref(), user.source_ip), (Some(&github), None));
    assert_eq!(user.mfa.newest(), None);
    assert_eq!(user.visit.as_ref().unwrap().cluster, LEAF);
    let now = pair.root.cluster.clock.now();
    assert_eq!((issued.valid_until - now).whole_seconds(), 360, "its end, and the leeway");
    assert_eq!(user.expires, issued.valid_until);
    let long = pair.root.sign(|claims| claims["exp"] = json!(now.unix_timestamp() + 86_400));
    let ends = pair.show(&long).await.unwrap().valid_until;
    assert_eq!((ends - now).whole_minutes(), 31, "no longer than it may be old");

    // Good in the leaf, and nowhere else: not at home, not in another leaf.
    let chain = [Certificate::from_pem(&issued.certificate).unwrap().der().clone()];
    assert_eq!(pair.leaf.auth.trust().verify_foreign(&chain, now).unwrap().name(), user.name);
    let home = pair.root.cluster.auth.trust();
    assert!(matches!(home.verify(&chain, now), Err(VerifyError::VisitElsewhere { .. })));
    let third = Cluster::named("third.test").await;
    third.admin.create(&document(&pair.root.cluster, "root.test").into()).await.unwrap();
    let elsewhere = third.auth.trust().verify_foreign(&chain, now);
    assert!(matches!(elsewhere, Err(VerifyError::VisitElsewhere { .. })));
    // What the token gives for an app here is for none of that name there, and the other way round.
    let here = pair.root.show(&token).await.unwrap();
    let own = [Certificate::from_pem(&here.certificate).unwrap().der().clone()];
    let there = pair.leaf.auth.trust().verify_foreign(&own, now);
    assert!(matches!(there, Err(VerifyError::NoVisit { .. })));
    for certificate in [&issued.certificate, &here.certificate] {
        let request = api::wire::VisitRequest {
            certificate: certificate.clone(),
            app: Some("other".to_owned()),
            client_addr: None,
        };
        refused(pair.root.proxy.visit(LEAF, &request).await, ErrorKind::Denied);
    }
    // Another app, another visit.
    let other = read(&pair.show_for(LEAF, "other", &token).await.unwrap());
    assert_eq!(other.app, Some(BoundApp::Here("other".to_owned())));
    // The next token of the user goes on with what was begun.
    assert_eq!(other.login_id, user.login_id);
}

#[tokio::test]
async fn a_token_and_its_visit_are_recorded_once_for_each_place_where_it_is_used() {
    let pair = Pair::open().await;
    let token = pair.root.sign(|_| {});
    let cluster = &pair.root.cluster;
    for _ in 0..3 {
        pair.show(&token).await.unwrap();
    }
    let [verified] = cluster.records_of("app_auth_config.verify.success").await.try_into().unwrap();
    let [visit] = cluster.records_of("visit.create").await.try_into().unwrap();
    for record in [&verified, &visit] {
        assert_eq!(record["user"], "alice@example.com");
        assert_eq!(
            (&record["target_cluster"], &record["app_name"]),
            (&json!(LEAF), &json!("github"))
        );
        assert_eq!(record["addr.remote"], "192.0.2.1:4711");
    }
    assert_eq!(verified["app_auth_config"], "idp");
    // Another token, another app, an app here.
    pair.show(&pair.root.sign(|claims| claims["sub"] = json!("2"))).await.unwrap();
    pair.show_for(LEAF, "other", &token).await.unwrap();
    pair.root.show(&token).await.unwrap();
    let count = async |event| cluster.records_of(event).await.len();
    assert_eq!(count("app_auth_config.verify.success").await, 4);
    assert_eq!(count("visit.create").await, 3);
    let everything = serde_json::to_string(&cluster.records().await).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    assert!(!everything.contains(signature), "a token is in the audit log");
}

#[tokio::test]
async fn what_is_wrong_with_a_token_is_wrong_for_another_cluster_too() {
    let pair = Pair::open().await;
    let root = &pair.root;
    let now = root.cluster.clock.now().unix_timestamp();
    let stranger = JwtKey::new(&PrivateKey::generate().unwrap()).unwrap();
    for (words, token) in [
        ("aud", root.sign(|claims| claims["aud"] = json!("https://other.example.com"))),
        ("iss", root.sign(|claims| claims["iss"] = json!("https://evil.example.com"))),
        ("expired", root.sign(|claims| claims["exp"] = json!(now - 61))),
        ("30 minutes", root.sign(|claims| claims["iat"] = json!(now - 1_801))),
        ("does not publish", stranger.sign(&root.claims()).unwrap()),
        ("no signed", "not a token".to_owned()),
    ] {
        pair.refused(&token, ErrorKind::Unauthenticated, words).await;
        assert!(pair.recorded().await.as_str().unwrap().contains(words));
        // Whoever is not known here does not learn which clusters there are.
        let nowhere = refused(
            pair.show_for("nowhere.test", "github", &token).await,
            ErrorKind::Unauthenticated,
        );
        assert!(nowhere.message().contains(words), "{nowhere}");
    }
    let mallory = root.sign(|claims| claims["email"] = json!("mallory@example.com"));
    pair.refused(&mallory, ErrorKind::Unauthenticated, "access denied").await;
    // What was good is not when its time is over.
    let token = root.sign(|_| {});
    pair.show(&token).await.unwrap();
    root.cluster.clock.advance(Duration::from_secs(361));
    pair.refused(&token, ErrorKind::Unauthenticated, "expired").await;
    assert!(root.cluster.records_of("visit.create").await.len() == 1);
}

#[tokio::test]
async fn a_config_that_names_labels_is_about_no_app_of_another_cluster() {
    let pair = Pair::open().await;
    let (root, token) = (&pair.root, pair.root.sign(|_| {}));
    for labels in [json!({"env": "dev"}), json!({"env": "*"}), json!({"*": "*", "env": "dev"})] {
        root.cluster.put(with_keys(root, "idp", &labels)).await;
        pair.refused(&token, ErrorKind::Unauthenticated, "no tokens are accepted here").await;
        assert!(pair.recorded().await.as_str().unwrap().contains("app_labels"));
    }
    // Here it is.
    root.show(&token).await.unwrap();
    // A second one that is about everything speaks for its own issuer alone.
    let mut other = with_keys(root, "other", &json!({"*": "*"}));
    "https://ci.example.com".clone_into(&mut other.spec.jwt.issuer);
    root.cluster.put(other).await;
    pair.refused(&token, ErrorKind::Unauthenticated, "iss").await;
    root.cluster.put(with_keys(root, "idp", &json!({"*": "*"}))).await;
    pair.show(&token).await.unwrap();
    root.cluster.admin.delete(Kind::AppAuthConfig, "idp").await.unwrap();
    root.cluster.admin.delete(Kind::AppAuthConfig, "other").await.unwrap();
    pair.refused(&token, ErrorKind::Unauthenticated, "no tokens are accepted here").await;
}

#[tokio::test]
async fn who_is_locked_or_gone_goes_nowhere_and_nobody_goes_where_no_cluster_is() {
    let pair = Pair::open().await;
    let (root, token) = (&pair.root, pair.root.sign(|_| {}));
    for target in [
        LockTarget { user: Some("alice@example.com".to_owned()), ..LockTarget::default() },
        LockTarget { role: Some("dev".to_owned()), ..LockTarget::default() },
    ] {
        pair.show(&token).await.unwrap();
        root.cluster.put(Lock::new("l", target, "")).await;
        pair.refused(&token, ErrorKind::Unauthenticated, "access denied").await;
        root.cluster.admin.delete(Kind::Lock, "l").await.unwrap();
    }
    for nowhere in ["nowhere.test", "root.test"] {
        refused(pair.show_for(nowhere, "github", &token).await, ErrorKind::NotFound);
    }
    root.cluster.put(RemoteCluster::new("other.test")).await;
    let there = read(&pair.show_for("other.test", "github", &token).await.unwrap());
    assert_eq!(there.visit.unwrap().cluster, "other.test");
    root.cluster.admin.delete(Kind::RemoteCluster, LEAF).await.unwrap();
    refused(pair.show(&token).await, ErrorKind::NotFound);
    root.cluster.admin.delete(Kind::User, "alice@example.com").await.unwrap();
    pair.refused(&token, ErrorKind::Unauthenticated, "access denied").await;

    // Only proxies ask.
    let request = AppTokenRequest { app: "github".into(), ..AppTokenRequest::default() };
    let agent = root.cluster.host(&[Service::App]).await.client;
    refused(agent.visit_by_token(LEAF, &request).await, ErrorKind::Denied);
    let stranger = root.cluster.stranger();
    refused(stranger.visit_by_token(LEAF, &request).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn what_a_token_does_not_prove_lets_nobody_out_where_it_is_wanted() {
    let pair = Pair::open().await;
    let (root, token) = (&pair.root, pair.root.sign(|_| {}));
    let prefer = async |spec: Value| {
        let preference: resource::ClusterAuthPreference = parse(&json!({
            "kind": "cluster_auth_preference", "version": "v2",
            "metadata": {"name": "cluster-auth-preference"}, "spec": spec,
        }));
        root.cluster.put(preference).await;
    };
    for (spec, words) in [
        (json!({"require_client_proof": true}), "prove that they hold"),
        (json!({"require_session_mfa": true}), "second factor"),
    ] {
        prefer(spec).await;
        pair.refused(&token, ErrorKind::Denied, words).await;
        assert!(pair.recorded().await.as_str().unwrap().contains(words));
    }
    prefer(json!({})).await;
    pair.show(&token).await.unwrap();
    // One role of several is enough: which of them has a part in it, is not known here.
    let mut role = role_with("strict", |_allow| {});
    role.spec.options.require_session_mfa = Some(resource::MfaRequirement::Session);
    root.cluster.put(role).await;
    root.cluster.put(User::new("alice@example.com", ["dev", "strict"])).await;
    pair.refused(&token, ErrorKind::Denied, "second factor").await;
    // Bound to where the client is, as at home.
    let mut role = role_with("strict", |_allow| {});
    role.spec.options.pin_source_ip = Some(true);
    role.spec.options.lock = Some(resource::LockMode::Strict);
    root.cluster.put(role).await;
    let evidence = pair.show(&token).await.unwrap();
    assert_eq!(read(&evidence).source_ip, Some("192.0.2.1".parse().unwrap()));
    assert!(evidence.strict);
}
