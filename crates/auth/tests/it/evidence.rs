//! Evidence that proves nothing: of another cluster, expired, of somebody who is gone or shut out.

use std::time::Duration;

use api::{Client, ErrorKind};
use pki::{
    CaKind, CertificateAuthority, Credentials, PrivateKey, Service, ServiceIdentity, UserIdentity,
    UserKind,
};
use resource::{Kind, Lock, LockTarget, User};

use crate::cluster::{Cluster, NAME, refused, role_with};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn who(client: &Client) -> Result<String, api::Error> {
    client.who_am_i().await.map(|who| who.name)
}

/// A connection that the service refused may end before or after the first request was sent.
#[track_caller]
fn shut_out(outcome: Result<String, api::Error>) {
    let error = outcome.unwrap_err();
    let kinds = [ErrorKind::Unauthenticated, ErrorKind::Unavailable];
    assert!(kinds.contains(&error.kind()), "{:?}: {error}", error.kind());
}

fn lock(target: LockTarget) -> Lock {
    Lock::new("the-lock", target, "come to my office")
}

#[tokio::test]
async fn callers_are_who_their_evidence_says() {
    let cluster = Cluster::start().await;
    let alice = cluster.user("alice", &["access"]).await.who_am_i().await.unwrap();
    assert_eq!((alice.kind.as_str(), alice.name.as_str()), ("user", "alice"));
    assert_eq!(alice.roles, ["access"]);
    assert_eq!(alice.cluster, NAME);
    let host = cluster.host(&[Service::App, Service::Proxy]).await;
    let host_says = host.client.who_am_i().await.unwrap();
    assert_eq!((host_says.kind.as_str(), host_says.name), ("service", host.id));
    assert_eq!(host_says.roles, ["proxy", "app"]);
    let local = cluster.admin.who_am_i().await.unwrap();
    assert_eq!(local.kind, "local_admin");
    refused(who(&cluster.stranger()).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn another_clusters_certificates_prove_nothing() {
    let cluster = Cluster::start().await;
    cluster.user("alice", &["access"]).await;
    let (now, key) = (cluster.clock.now(), PrivateKey::generate().unwrap());
    // Of the same name even: what counts is the key that signed.
    let user_ca = CertificateAuthority::generate(CaKind::User, NAME, now, DAY).unwrap();
    let user = UserIdentity {
        name: "alice".to_owned(),
        kind: UserKind::Human,
        roles: vec!["editor".to_owned()],
        traits: Default::default(),
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
    let certificate = user_ca.issue_user(&key.public(), &user).unwrap();
    let forged = cluster.client(Some(Credentials::alone(&certificate, &key).unwrap()));
    shut_out(who(&forged).await);

    let host_ca = CertificateAuthority::generate(CaKind::Host, NAME, now, DAY).unwrap();
    let service = ServiceIdentity {
        host_id: "00000000-0000-4000-8000-000000000000".to_owned(),
        node_name: "node".to_owned(),
        services: [Service::Proxy].into(),
        cluster: NAME.to_owned(),
        join_token: None,
        issued: now,
        expires: now + DAY,
    };
    let certificate = host_ca.issue_service(&key.public(), &service, &[]).unwrap();
    let forged = cluster.client(Some(Credentials::alone(&certificate, &key).unwrap()));
    shut_out(who(&forged).await);
}

#[tokio::test]
async fn an_expired_certificate_ends_open_connections_too() {
    let cluster = Cluster::start().await;
    cluster.put(User::new("alice", ["access"])).await;
    let alice = cluster.certified("alice", Some(3600)).await;
    assert_eq!(who(&alice).await.unwrap(), "alice");
    cluster.clock.advance(Duration::from_secs(3599));
    assert_eq!(who(&alice).await.unwrap(), "alice");
    cluster.clock.advance(Duration::from_secs(1));
    shut_out(who(&alice).await);
}

#[tokio::test]
async fn locks_shut_out_at_once_and_say_why() {
    let cluster = Cluster::start().await;
    cluster.put(role_with("dev", |_allow| {})).await;
    let alice = cluster.user("alice", &["access", "dev"]).await;
    let bob = cluster.user("bob", &["access"]).await;
    let targets = [
        LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() },
        LockTarget { role: Some("dev".to_owned()), ..LockTarget::default() },
        LockTarget { login: Some("alice".to_owned()), ..LockTarget::default() },
    ];
    for target in targets {
        cluster.put(lock(target)).await;
        let error = refused(who(&alice).await, ErrorKind::Denied);
        assert!(error.message().contains("locked"), "{error}");
        assert_eq!(error.hints(), ["come to my office"]);
        assert_eq!(who(&bob).await.unwrap(), "bob");
        cluster.admin.delete(Kind::Lock, "the-lock").await.unwrap();
        assert_eq!(who(&alice).await.unwrap(), "alice");
    }
}

#[tokio::test]
async fn a_lock_ends_when_it_says() {
    let cluster = Cluster::start().await;
    let alice = cluster.user("alice", &["access"]).await;
    let target = LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() };
    let mut lock = lock(target);
    lock.spec.expires = Some(cluster.clock.now() + Duration::from_secs(60));
    cluster.put(lock).await;
    refused(who(&alice).await, ErrorKind::Denied);
    cluster.clock.advance(Duration::from_secs(60));
    assert_eq!(who(&alice).await.unwrap(), "alice");
}

#[tokio::test]
async fn a_locked_service_is_shut_out() {
    let cluster = Cluster::start().await;
    let host = cluster.host(&[Service::App]).await;
    let other = cluster.host(&[Service::App]).await;
    assert_eq!(who(&host.client).await.unwrap(), host.id);
    let target = LockTarget { server_id: Some(host.id.clone()), ..LockTarget::default() };
    cluster.put(lock(target)).await;
    refused(who(&host.client).await, ErrorKind::Denied);
    assert_eq!(who(&other.client).await.unwrap(), other.id);
}

#[tokio::test]
async fn a_deleted_user_is_nobody() {
    let cluster = Cluster::start().await;
    let alice = cluster.user("alice", &["access"]).await;
    assert_eq!(who(&alice).await.unwrap(), "alice");
    cluster.admin.delete(Kind::User, "alice").await.unwrap();
    refused(who(&alice).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_certificate_is_not_the_namesakes() {
    let cluster = Cluster::start().await;
    let old = cluster.user("alice", &["access"]).await;
    cluster.admin.delete(Kind::User, "alice").await.unwrap();
    cluster.clock.advance(Duration::from_secs(1));
    let new = cluster.user("alice", &["access"]).await;
    refused(who(&old).await, ErrorKind::Unauthenticated);
    assert_eq!(who(&new).await.unwrap(), "alice");
    // Changing a user makes nobody new.
    cluster.clock.advance(Duration::from_secs(1));
    cluster.put(User::new("alice", ["auditor"])).await;
    assert_eq!(who(&new).await.unwrap(), "alice");
}

#[tokio::test]
async fn a_user_who_is_kept_from_signing_in_or_has_ended_is_nobody() {
    let cluster = Cluster::start().await;
    let alice = cluster.user("alice", &["access"]).await;
    let mut user = User::new("alice", ["access"]);
    user.spec.status = Some(resource::user::UserStatus { is_locked: true, ..Default::default() });
    cluster.put(user).await;
    refused(who(&alice).await, ErrorKind::Unauthenticated);

    let mut user = User::new("alice", ["access"]);
    user.spec.expires = Some(cluster.clock.now() + Duration::from_secs(60));
    cluster.put(user).await;
    assert_eq!(who(&alice).await.unwrap(), "alice");
    cluster.clock.advance(Duration::from_secs(60));
    refused(who(&alice).await, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_role_that_is_gone_takes_everything_with_it() {
    let cluster = Cluster::start().await;
    cluster.put(role_with("dev", |_allow| {})).await;
    let alice = cluster.user("alice", &["editor", "dev"]).await;
    assert!(cluster.names(&alice, Kind::User).await.contains(&"alice".to_owned()));
    // Taken from the user first, because a role in use is not deleted. The certificate names it yet.
    cluster.put(User::new("alice", ["editor"])).await;
    cluster.admin.delete(Kind::Role, "dev").await.unwrap();
    let error = refused(who(&alice).await, ErrorKind::Denied);
    assert!(!error.message().contains("dev"), "the name is for administrators: {error}");
}

#[tokio::test]
async fn a_changed_role_decides_the_next_call() {
    let cluster = Cluster::start().await;
    let alice = cluster.user_with_rule("alice", &["lock"], &["list", "read"]).await;
    assert!(cluster.names(&alice, Kind::Lock).await.is_empty());
    cluster.put(role_with("alice", |_allow| {})).await;
    let error = refused(alice.list(Kind::Lock, resource::Secrets::Redact).await, ErrorKind::Denied);
    assert_eq!(error.message(), r#"access denied to perform action "list" on "lock""#);
    assert_eq!(error.hints(), ["ask for a role with the rule {resources: [lock], verbs: [list]}"]);
}
