//! What lets a user of the root into the leaf: issued to who is well, good there and nowhere else.

use std::time::Duration;

use api::wire::{VisitEvidence, VisitRequest};
use api::{Client, Error, ErrorKind};
use pki::{Certificate, PrivateKey, UserIdentity, VerifyError};
use resource::{Kind, Lock, LockTarget, User};

use super::friends;
use crate::cluster::{Cluster, refused, role_with};

/// A user of the root, and what the root's proxy asks for.
pub(super) struct Asker {
    pub(super) key: PrivateKey,
    pub(super) certificate: String,
    proxy: Client,
}

impl Asker {
    pub(super) async fn new(root: &Cluster, name: &str, roles: &[&str]) -> Self {
        let mut user = User::new(name, roles.iter().copied());
        user.spec.traits.insert("mcp_tools".to_owned(), vec!["own_*".to_owned()]);
        root.put(user).await;
        let key = PrivateKey::generate().unwrap();
        let public_key = key.public().to_pem();
        let request = api::wire::UserCertificateRequest { public_key, ttl_seconds: Some(3600) };
        let certificate = root.admin.sign_user(name, &request).await.unwrap().certificate;
        let proxy = root.host(&[pki::Service::Proxy]).await.client;
        Self { key, certificate, proxy }
    }

    pub(super) async fn visit(&self, app: Option<&str>) -> Result<VisitEvidence, Error> {
        self.show(&self.certificate, app).await
    }

    async fn show(&self, certificate: &str, app: Option<&str>) -> Result<VisitEvidence, Error> {
        let request = VisitRequest {
            certificate: certificate.to_owned(),
            app: app.map(str::to_owned),
            client_addr: Some("192.0.2.7:1234".to_owned()),
        };
        self.proxy.visit("leaf.test", &request).await
    }
}

pub(super) fn identity(evidence: &VisitEvidence) -> UserIdentity {
    let certificate = Certificate::from_pem(&evidence.certificate).unwrap();
    certificate.unverified_identity().unwrap().as_user().unwrap().clone()
}

fn dev() -> resource::Role {
    let mut role = role_with("dev", |allow| {
        allow.mcp.tools = Some(vec!["slack_*".to_owned(), "{{internal.mcp_tools}}".to_owned()]);
    });
    role.spec.deny.mcp.tools = Some(vec!["slack_delete_*".to_owned()]);
    role
}

#[tokio::test]
async fn a_visit_carries_what_the_root_knows_and_is_good_in_the_leaf_only() {
    let (root, leaf) = friends().await;
    root.put(dev()).await;
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let evidence = alice.visit(Some("github")).await.unwrap();
    let user = identity(&evidence);
    let visit = user.visit.clone().unwrap();
    assert_eq!((user.name.as_str(), user.cluster.as_str()), ("alice", "root.test"));
    let github = pki::BoundApp::Here("github".to_owned());
    assert_eq!((visit.cluster.as_str(), user.app.as_ref()), ("leaf.test", Some(&github)));
    assert_eq!(user.roles, ["dev"]);
    assert_eq!(visit.tools.allowed, ["slack_*", "own_*"]);
    assert_eq!(visit.tools.denied, ["slack_delete_*"]);
    assert_eq!(user.expires, evidence.valid_until);
    let certificate = Certificate::from_pem(&evidence.certificate).unwrap();
    assert_eq!(certificate.public_key().unwrap(), alice.key.public());

    let chain = [certificate.der().clone()];
    let now = root.clock.now();
    let there = leaf.auth.trust();
    assert_eq!(there.verify_foreign(&chain, now).unwrap().name(), "alice");
    assert!(matches!(there.verify(&chain, now), Err(VerifyError::UnknownAuthority)));
    // At home it is good for nothing,
    let home = root.auth.trust();
    assert!(matches!(home.verify(&chain, now), Err(VerifyError::VisitElsewhere { .. })));
    assert!(home.verify_foreign(&chain, now).is_err());
    // nor in a third cluster that trusts the same root,
    let third = Cluster::named("third.test").await;
    third.admin.create(&super::document(&root, "root.test").into()).await.unwrap();
    let elsewhere = third.auth.trust().verify_foreign(&chain, now);
    assert!(matches!(elsewhere, Err(VerifyError::VisitElsewhere { .. })));
    // and the user's own certificate is good for nothing in the leaf.
    let own = Certificate::from_pem(&alice.certificate).unwrap();
    let own = there.verify_foreign(&[own.der().clone()], now);
    assert!(matches!(own, Err(VerifyError::NoVisit { .. })));

    // The root records that it routed, once however often its proxy asks again.
    alice.visit(Some("github")).await.unwrap();
    let [record] = root.records_of("visit.create").await.try_into().unwrap();
    assert_eq!(
        (record["user"].as_str(), record["app_name"].as_str()),
        (Some("alice"), Some("github"))
    );
    assert_eq!(record["target_cluster"], "leaf.test");
    assert_eq!(record["addr.remote"], "192.0.2.7:1234");
    alice.visit(Some("other")).await.unwrap();
    assert_eq!(root.records_of("visit.create").await.len(), 2);
}

#[tokio::test]
async fn who_is_not_well_at_home_does_not_go_anywhere() {
    let (root, _leaf) = friends().await;
    root.put(dev()).await;
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let outcome = async || alice.visit(None).await.map(|evidence| identity(&evidence).name);
    let denied = async |words: &str| {
        let error = refused(outcome().await, ErrorKind::Denied);
        assert!(error.message().contains(words), "{words}: {error}");
    };
    assert_eq!(outcome().await.unwrap(), "alice");
    let lock = |target| Lock::new("the-lock", target, "");
    for target in [
        LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() },
        LockTarget { role: Some("dev".to_owned()), ..LockTarget::default() },
    ] {
        root.put(lock(target)).await;
        denied("locked").await;
        root.admin.delete(Kind::Lock, "the-lock").await.unwrap();
    }
    let mut pinning = dev();
    pinning.spec.options.pin_source_ip = Some(true);
    root.put(pinning).await;
    denied("bound to your address").await;
    root.put(dev()).await;
    assert_eq!(outcome().await.unwrap(), "alice");
    root.admin.delete(Kind::User, "alice").await.unwrap();
    denied("does not exist any more").await;
    root.put(User::new("alice", ["dev"])).await;
    root.clock.advance(Duration::from_secs(3600));
    denied("expired").await;
}

#[tokio::test]
async fn what_a_role_says_now_counts_and_what_cannot_be_told_is_refused() {
    let (root, _leaf) = friends().await;
    root.put(dev()).await;
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let mut wider = dev();
    wider.spec.deny.mcp.tools = None;
    root.put(wider).await;
    let tools = identity(&alice.visit(None).await.unwrap()).visit.unwrap().tools;
    assert_eq!(tools.denied, [""; 0]);
    let mut many = dev();
    many.spec.allow.mcp.tools = Some((0..501).map(|at| format!("t{at}")).collect());
    root.put(many).await;
    let error = refused(alice.visit(None).await, ErrorKind::Denied);
    assert!(error.message().contains("501 patterns"), "{error}");
}

#[tokio::test]
async fn nobody_but_a_proxy_asks_and_only_with_users_of_its_own() {
    let (root, leaf) = friends().await;
    root.put(dev()).await;
    leaf.put(dev()).await;
    let alice = Asker::new(&root, "alice", &["dev"]).await;
    let request =
        || VisitRequest { certificate: alice.certificate.clone(), app: None, client_addr: None };
    let user = root.certified("alice", None).await;
    refused(user.visit("leaf.test", &request()).await, ErrorKind::Denied);
    let agent = root.host(&[pki::Service::App]).await.client;
    refused(agent.visit("leaf.test", &request()).await, ErrorKind::Denied);
    refused(root.stranger().visit("leaf.test", &request()).await, ErrorKind::Unauthenticated);
    for nowhere in ["nowhere.test", "root.test"] {
        refused(alice.proxy.visit(nowhere, &request()).await, ErrorKind::NotFound);
    }
    // Of another cluster, though its services are known; a visit of a visit; no certificate; a service's.
    let bob = Asker::new(&leaf, "bob", &["dev"]).await;
    let visiting = alice.visit(None).await.unwrap().certificate;
    let (_, host) = root.host_credentials(&[pki::Service::App]).await;
    let host = Certificate::from_der(host.chain()[0].clone()).unwrap().to_pem();
    for (shown, words) in [
        (bob.certificate.as_str(), "was not issued by an authority"),
        (visiting.as_str(), "is for a visit to cluster"),
        (host.as_str(), "is not a user's"),
    ] {
        let error = refused(alice.show(shown, None).await, ErrorKind::Denied);
        assert!(error.message().contains(words), "{words}: {error}");
    }
    refused(alice.show("nothing", None).await, ErrorKind::InvalidArgument);
}

#[tokio::test]
async fn that_locks_must_be_up_to_date_is_told_with_the_visit() {
    let (root, _leaf) = friends().await;
    root.put(dev()).await;
    let asker = Asker::new(&root, "alice", &["dev"]).await;
    assert!(!asker.visit(Some("files")).await.unwrap().strict);
    let mut role = dev();
    role.spec.options.lock = Some(resource::LockMode::Strict);
    root.put(role).await;
    assert!(asker.visit(Some("files")).await.unwrap().strict);
}
