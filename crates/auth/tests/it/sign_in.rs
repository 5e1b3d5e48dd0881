//! Signing in with a password and a one-time code.

use std::time::Duration;

use api::wire::{InviteAnswer, InvitePurpose, InviteRequest, SignInRequest, UserCredentials};
use api::{Client, Error, ErrorKind, Write};
use pki::{PrivateKey, Service};
use resource::{Kind, Lock, LockTarget, Resource, User};
use totp_rs::{Builder, Secret};

use crate::cluster::{Cluster, credentials, parse, refused, role_with};

pub(crate) const PASSWORD: &str = "an unlikely sentence";

/// A person with an authenticator.
pub(crate) struct Person {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) secret: String,
    pub(crate) proxy: Client,
    key: PrivateKey,
}

// === impl Person ===

impl Person {
    /// Makes a user and lets the person set a password and a second factor, a minute ago.
    pub(crate) async fn invite(cluster: &Cluster, name: &str, roles: &[&str]) -> Self {
        cluster.put(User::new(name, roles.iter().copied())).await;
        let proxy = cluster.host(&[Service::Proxy]).await.client;
        let request = InviteRequest { purpose: InvitePurpose::Invite, ttl_seconds: None };
        let invite = cluster.admin.create_invite(name, &request).await.unwrap();
        let person = Self {
            name: name.to_owned(),
            password: PASSWORD.to_owned(),
            secret: proxy.read_invite(&invite.token).await.unwrap().totp.unwrap().secret,
            proxy,
            key: PrivateKey::generate().unwrap(),
        };
        let answer = InviteAnswer {
            password: Some(PASSWORD.to_owned()),
            totp: Some(person.code(cluster)),
            ..InviteAnswer::default()
        };
        person.proxy.answer_invite(&invite.token, &answer).await.unwrap();
        cluster.clock.advance(Duration::from_secs(60));
        person
    }

    pub(crate) fn code(&self, cluster: &Cluster) -> String {
        code(&self.secret, cluster)
    }

    fn request(&self, password: &str, code: Option<String>) -> SignInRequest {
        SignInRequest {
            user: self.name.clone(),
            password: password.to_owned(),
            totp: code,
            public_key: self.key.public().to_pem(),
            ttl_seconds: None,
            client_addr: Some("192.0.2.7:50123".to_owned()),
        }
    }

    async fn try_with(&self, password: &str, code: &str) -> Result<UserCredentials, Error> {
        self.proxy.sign_in(&self.request(password, Some(code.to_owned()))).await
    }

    pub(crate) async fn sign_in(&self, cluster: &Cluster) -> Result<UserCredentials, Error> {
        self.try_with(&self.password, &self.code(cluster)).await
    }
}

pub(crate) fn code(secret: &str, cluster: &Cluster) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build_noncompliant();
    totp.generate(u64::try_from(cluster.clock.now().unix_timestamp()).unwrap()).to_string()
}

/// Six digits that are not the code.
fn other(code: &str) -> String {
    let mut digits = code.chars();
    let first = if digits.next() == Some('0') { '1' } else { '0' };
    std::iter::once(first).chain(digits).collect()
}

#[tokio::test]
async fn the_right_factors_give_a_certificate() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let signed_in = alice.sign_in(&cluster).await.unwrap();
    assert_eq!(signed_in.roles, ["access"]);
    assert_eq!(signed_in.valid_until, cluster.clock.now() + Duration::from_secs(12 * 3600));
    assert_eq!(signed_in.authorities, cluster.auth.authorities());
    let certificate = pki::Certificate::from_pem(&signed_in.certificate).unwrap();
    let identity = certificate.unverified_identity().unwrap();
    assert!(identity.as_user().unwrap().mfa.at_sign_in.is_some(), "the second factor is not in it");
    let client = cluster.client(Some(credentials(&signed_in.certificate, &alice.key)));
    assert_eq!(client.who_am_i().await.unwrap().name, "alice");

    let login = &cluster.records_of("user.login").await[0];
    assert_eq!((&login["user"], &login["success"]), (&"alice".into(), &true.into()));
    assert_eq!(login["addr.remote"], "192.0.2.7:50123");
    let certified = cluster.records_of("cert.create").await;
    assert_eq!(certified.last().unwrap()["identity"]["user"], "alice");
}

#[tokio::test]
async fn every_wrong_factor_is_answered_alike() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    cluster.put(User::new("empty", ["access"])).await;
    let code = alice.code(&cluster);
    let mut stranger = alice.request(PASSWORD, Some(code.clone()));
    stranger.user = "mallory".to_owned();
    let mut empty = alice.request(PASSWORD, Some(code.clone()));
    empty.user = "empty".to_owned();
    let mut endless = alice.request(&"x".repeat(100_000), Some(code.clone()));
    endless.user = "x".repeat(100_000);
    let answers = [
        alice.try_with("not the password", &code).await,
        alice.try_with(PASSWORD, &other(&code)).await,
        alice.proxy.sign_in(&alice.request(PASSWORD, None)).await,
        alice.proxy.sign_in(&stranger).await,
        alice.proxy.sign_in(&empty).await,
        alice.proxy.sign_in(&endless).await,
    ];
    for answer in answers {
        let error = refused(answer.map(|_| ()), ErrorKind::Unauthenticated);
        assert_eq!(error.message(), "the user name, the password or the one-time code is wrong");
    }
    let logins = cluster.records_of("user.login").await;
    assert_eq!(logins.len(), 5, "what cannot be a name is not recorded");
    assert!(logins.iter().all(|login| login["success"] == false));
    assert!(!logins.iter().any(|login| login.to_string().contains("password\":")));
}

#[tokio::test]
async fn a_code_is_good_once() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let code = alice.code(&cluster);
    alice.try_with(PASSWORD, &code).await.unwrap();
    refused(alice.try_with(PASSWORD, &code).await.map(|_| ()), ErrorKind::Unauthenticated);
    // One before it is spent as well, though its window is still open.
    cluster.clock.advance(Duration::from_secs(30));
    let next = alice.code(&cluster);
    alice.try_with(PASSWORD, &next).await.unwrap();
    cluster.clock.advance(Duration::from_secs(1));
    refused(alice.try_with(PASSWORD, &code).await.map(|_| ()), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_code_at_two_places_at_once_opens_one() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let code = alice.code(&cluster);
    let tries = (0..4).map(|_| alice.try_with(PASSWORD, &code));
    let opened = futures_util::future::join_all(tries).await.into_iter().filter(Result::is_ok);
    assert_eq!(opened.count(), 1);
}

#[tokio::test]
async fn the_code_of_the_invitation_is_spent() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    cluster.clock.set(cluster.clock.now() - Duration::from_secs(60));
    refused(alice.sign_in(&cluster).await.map(|_| ()), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn five_failures_lock_out_for_a_quarter_of_an_hour() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    for _ in 0..5 {
        let wrong = other(&alice.code(&cluster));
        refused(alice.try_with(PASSWORD, &wrong).await.map(|_| ()), ErrorKind::Unauthenticated);
    }
    refused(alice.sign_in(&cluster).await.map(|_| ()), ErrorKind::RateLimited);
    // From elsewhere it is still possible: whoever knows the name cannot keep its owner out.
    let mut elsewhere = alice.request(PASSWORD, Some(alice.code(&cluster)));
    elsewhere.client_addr = Some("198.51.100.1:1".to_owned());
    alice.proxy.sign_in(&elsewhere).await.unwrap();
    cluster.clock.advance(Duration::from_secs(15 * 60));
    alice.sign_in(&cluster).await.unwrap();
}

#[tokio::test]
async fn those_who_do_not_exist_are_locked_out_alike() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let mut stranger = alice.request(PASSWORD, Some("123456".to_owned()));
    stranger.user = "mallory".to_owned();
    for _ in 0..5 {
        refused(alice.proxy.sign_in(&stranger).await.map(|_| ()), ErrorKind::Unauthenticated);
    }
    refused(alice.proxy.sign_in(&stranger).await.map(|_| ()), ErrorKind::RateLimited);
}

#[tokio::test]
async fn only_a_proxy_brings_people_in() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let agent = cluster.host(&[Service::App]).await.client;
    let user = cluster.user_with_rule("root", &["*"], &["*"]).await;
    for caller in [&agent, &user] {
        let request = alice.request(PASSWORD, Some(alice.code(&cluster)));
        refused(caller.sign_in(&request).await.map(|_| ()), ErrorKind::Denied);
    }
    let request = alice.request(PASSWORD, Some(alice.code(&cluster)));
    refused(cluster.stranger().sign_in(&request).await.map(|_| ()), ErrorKind::Unauthenticated);
    // The local administrator stands in for a proxy.
    let request = alice.request(PASSWORD, Some(alice.code(&cluster)));
    cluster.admin.sign_in(&request).await.unwrap();
}

#[tokio::test]
async fn a_lock_keeps_people_out_also_by_their_device() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let signed_in = alice.sign_in(&cluster).await.unwrap();
    let certificate = pki::Certificate::from_pem(&signed_in.certificate).unwrap();
    let device =
        certificate.unverified_identity().unwrap().as_user().unwrap().mfa.at_sign_in.clone();
    let targets = [
        LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() },
        LockTarget { mfa_device: device, ..LockTarget::default() },
    ];
    for target in targets {
        cluster.put(Lock::new("lock", target, "come to my office")).await;
        cluster.clock.advance(Duration::from_secs(30));
        let error = refused(alice.sign_in(&cluster).await.map(|_| ()), ErrorKind::Denied);
        assert_eq!(error.hints(), ["come to my office"]);
        let client = cluster.client(Some(credentials(&signed_in.certificate, &alice.key)));
        refused(client.who_am_i().await.map(|_| ()), ErrorKind::Denied);
        cluster.admin.delete(Kind::Lock, "lock").await.unwrap();
    }
}

#[tokio::test]
async fn roles_shorten_certificates_and_nothing_lengthens_them() {
    let cluster = Cluster::start().await;
    let hours = |n: u64| Duration::from_secs(n * 3600);
    for (name, limit) in [("four", 4), ("two", 2), ("hundred", 100)] {
        let mut role = role_with(name, |_allow| {});
        role.spec.options.max_session_ttl = Some(hours(limit));
        cluster.put(role).await;
    }
    let alice = Person::invite(&cluster, "alice", &["access", "hundred"]).await;
    let cases: [(&[&str], Option<u64>, Duration); 6] = [
        (&["access"], Some(3600), hours(1)),
        (&["access"], Some(1), Duration::from_secs(60)),
        (&["hundred"], Some(100 * 3600), hours(30)),
        (&["four", "two"], None, hours(2)),
        (&["two", "four"], Some(3 * 3600), hours(2)),
        (&["four"], Some(3600), hours(1)),
    ];
    for (roles, asked, expected) in cases {
        cluster.put(User::new("alice", roles.iter().copied())).await;
        cluster.clock.advance(Duration::from_secs(30));
        let mut request = alice.request(PASSWORD, Some(alice.code(&cluster)));
        request.ttl_seconds = asked;
        let signed_in = alice.proxy.sign_in(&request).await.unwrap();
        assert_eq!(signed_in.valid_until - cluster.clock.now(), expected, "{roles:?} {asked:?}");
    }
}

#[tokio::test]
async fn the_clusters_rules_for_signing_in_hold() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let prefer = async |spec: serde_json::Value| {
        let json =
            serde_json::json!({ "kind": "cluster_auth_preference", "version": "v2", "spec": spec });
        let preference: resource::ClusterAuthPreference = parse(&json);
        cluster.admin.put(&Resource::from(preference), Write::Upsert).await.unwrap();
    };
    prefer(serde_json::json!({ "second_factor": "off" })).await;
    let without = alice.request(PASSWORD, None);
    alice.proxy.sign_in(&without).await.unwrap();
    prefer(serde_json::json!({ "second_factor": "otp" })).await;
    refused(alice.proxy.sign_in(&without).await.map(|_| ()), ErrorKind::Unauthenticated);
    prefer(serde_json::json!({ "allow_local_auth": false })).await;
    refused(alice.sign_in(&cluster).await.map(|_| ()), ErrorKind::Unauthenticated);
}
