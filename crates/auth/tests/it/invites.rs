//! Links by which users set their credentials.

use std::sync::Arc;
use std::time::Duration;

use api::wire::{InviteAnswer, InvitePurpose, InviteRequest};
use api::{Client, ErrorKind, Write};
use pki::Service;
use resource::proxy::ProxySpec;
use resource::{Kind, Proxy, User};
use runtime::Clock;
use store::MemoryBackend;
use time::macros::datetime;

use crate::cluster::{Cluster, refused};
use crate::held::Held;
use crate::sign_in::{PASSWORD, Person, code};

async fn start() -> (Cluster, Client) {
    let cluster = Cluster::start().await;
    cluster.put(User::new("alice", ["access"])).await;
    let proxy = cluster.host(&[Service::Proxy]).await.client;
    (cluster, proxy)
}

fn ask(purpose: InvitePurpose, ttl_seconds: Option<u64>) -> InviteRequest {
    InviteRequest { purpose, ttl_seconds }
}

async fn invite(cluster: &Cluster, purpose: InvitePurpose) -> String {
    cluster.admin.create_invite("alice", &ask(purpose, None)).await.unwrap().token
}

async fn answer(
    cluster: &Cluster,
    proxy: &Client,
    token: &str,
    password: &str,
) -> Result<(), api::Error> {
    let secret = proxy.read_invite(token).await?.totp.unwrap().secret;
    let totp = Some(code(&secret, cluster));
    let answer =
        InviteAnswer { password: Some(password.to_owned()), totp, ..InviteAnswer::default() };
    proxy.answer_invite(token, &answer).await.map(drop)
}

#[tokio::test]
async fn a_link_works_once() {
    let (cluster, proxy) = start().await;
    let token = invite(&cluster, InvitePurpose::Invite).await;
    let details = proxy.read_invite(&token).await.unwrap();
    assert_eq!((details.user.as_str(), details.purpose), ("alice", InvitePurpose::Invite));
    assert!(details.totp.unwrap().qr_svg.starts_with("<svg"));
    answer(&cluster, &proxy, &token, PASSWORD).await.unwrap();
    refused(proxy.read_invite(&token).await.map(|_| ()), ErrorKind::NotFound);
    refused(answer(&cluster, &proxy, &token, PASSWORD).await, ErrorKind::NotFound);
    assert_eq!(cluster.records_of("user.password_change").await.len(), 1);
}

#[tokio::test]
async fn two_answers_at_once_are_one() {
    let (cluster, proxy) = start().await;
    let token = invite(&cluster, InvitePurpose::Invite).await;
    let answers = (0..4).map(|_| answer(&cluster, &proxy, &token, PASSWORD));
    let done = futures_util::future::join_all(answers).await.into_iter().filter(Result::is_ok);
    assert_eq!(done.count(), 1);
}

#[tokio::test]
async fn a_bad_answer_leaves_the_link_good() {
    let (cluster, proxy) = start().await;
    let token = invite(&cluster, InvitePurpose::Invite).await;
    for password in ["short", "password1234", "alicealicealice"] {
        refused(answer(&cluster, &proxy, &token, password).await, ErrorKind::InvalidArgument);
    }
    let answered = |password: Option<&str>, totp: Option<&str>| InviteAnswer {
        password: password.map(str::to_owned),
        totp: totp.map(str::to_owned),
        ..InviteAnswer::default()
    };
    let secret = proxy.read_invite(&token).await.unwrap().totp.unwrap().secret;
    let right = code(&secret, &cluster);
    for wrong in [
        answered(Some(PASSWORD), Some("12345")),
        answered(Some(PASSWORD), None),
        answered(None, Some(&right)),
        answered(None, None),
        InviteAnswer {
            device_name: Some("x".repeat(65)),
            ..answered(Some(PASSWORD), Some(&right))
        },
        InviteAnswer { key: Some(serde_json::json!({})), ..answered(Some(PASSWORD), None) },
    ] {
        let refusal = proxy.answer_invite(&token, &wrong).await.map(drop);
        refused(refusal, ErrorKind::InvalidArgument);
    }
    answer(&cluster, &proxy, &token, PASSWORD).await.unwrap();
}

#[tokio::test]
async fn a_link_ends() {
    let (cluster, proxy) = start().await;
    let made = cluster.admin.create_invite("alice", &ask(InvitePurpose::Invite, None)).await;
    let made = made.unwrap();
    assert_eq!(made.expires, cluster.clock.now() + Duration::from_secs(3600));
    cluster.clock.advance(Duration::from_secs(3599));
    proxy.read_invite(&made.token).await.unwrap();
    cluster.clock.advance(Duration::from_secs(1));
    refused(proxy.read_invite(&made.token).await.map(|_| ()), ErrorKind::NotFound);
}

#[tokio::test]
async fn links_do_not_live_for_ever() {
    let (cluster, _proxy) = start().await;
    let hours = |n: u64| Some(n * 3600);
    let make = async |purpose, ttl| cluster.admin.create_invite("alice", &ask(purpose, ttl)).await;
    for (purpose, ttl) in [
        (InvitePurpose::Invite, hours(49)),
        (InvitePurpose::Reset, hours(25)),
        (InvitePurpose::Invite, Some(0)),
        (InvitePurpose::Invite, Some(u64::MAX)),
    ] {
        refused(make(purpose, ttl).await.map(|_| ()), ErrorKind::InvalidArgument);
    }
    make(InvitePurpose::Invite, hours(48)).await.unwrap();
    let reset = make(InvitePurpose::Reset, None).await.unwrap();
    assert_eq!(reset.expires, cluster.clock.now() + Duration::from_secs(8 * 3600));
    refused(
        cluster.admin.create_invite("nobody", &ask(InvitePurpose::Invite, None)).await.map(|_| ()),
        ErrorKind::NotFound,
    );
}

#[tokio::test]
async fn a_newer_link_replaces_an_older_one() {
    let (cluster, proxy) = start().await;
    let older = invite(&cluster, InvitePurpose::Invite).await;
    let newer = invite(&cluster, InvitePurpose::Invite).await;
    refused(proxy.read_invite(&older).await.map(|_| ()), ErrorKind::NotFound);
    proxy.read_invite(&newer).await.unwrap();
}

#[tokio::test]
async fn a_reset_takes_the_old_credentials_at_once() {
    let cluster = Cluster::start().await;
    let mut alice = Person::invite(&cluster, "alice", &["access"]).await;
    alice.sign_in(&cluster).await.unwrap();
    refused(
        cluster.admin.create_invite("alice", &ask(InvitePurpose::Invite, None)).await.map(|_| ()),
        ErrorKind::AlreadyExists,
    );
    let token = invite(&cluster, InvitePurpose::Reset).await;
    cluster.clock.advance(Duration::from_secs(60));
    refused(alice.sign_in(&cluster).await.map(|_| ()), ErrorKind::Unauthenticated);
    let proxy = alice.proxy.clone();
    alice.secret = proxy.read_invite(&token).await.unwrap().totp.unwrap().secret;
    answer(&cluster, &proxy, &token, "another unlikely sentence").await.unwrap();
    alice.password = "another unlikely sentence".to_owned();
    cluster.clock.advance(Duration::from_secs(60));
    alice.sign_in(&cluster).await.unwrap();
}

#[tokio::test]
async fn a_deleted_user_leaves_nothing_to_a_namesake() {
    let cluster = Cluster::start().await;
    let alice = Person::invite(&cluster, "alice", &["access"]).await;
    let token = invite(&cluster, InvitePurpose::Reset).await;
    answer(&cluster, &alice.proxy, &token, PASSWORD).await.unwrap();
    let open = invite(&cluster, InvitePurpose::Reset).await;
    cluster.admin.delete(Kind::User, "alice").await.unwrap();
    refused(alice.proxy.read_invite(&open).await.map(|_| ()), ErrorKind::NotFound);
    cluster.put(User::new("alice", ["editor"])).await;
    refused(alice.proxy.read_invite(&open).await.map(|_| ()), ErrorKind::NotFound);
    cluster.clock.advance(Duration::from_secs(60));
    refused(alice.sign_in(&cluster).await.map(|_| ()), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn who_may_make_links() {
    let (cluster, _proxy) = start().await;
    let maker = cluster.user_with_rule("maker", &["user"], &["create"]).await;
    let changer = cluster.user_with_rule("changer", &["user"], &["update"]).await;
    let (first, reset) = (ask(InvitePurpose::Invite, None), ask(InvitePurpose::Reset, None));
    // Inviting is part of creating; taking credentials away is a change.
    maker.create_invite("alice", &first).await.unwrap();
    refused(maker.create_invite("alice", &reset).await.map(|_| ()), ErrorKind::Denied);
    changer.create_invite("alice", &reset).await.unwrap();
    refused(changer.create_invite("alice", &first).await.map(|_| ()), ErrorKind::Denied);
}

#[tokio::test]
async fn a_link_leads_to_a_proxy_that_is_up() {
    let (cluster, _proxy) = start().await;
    let make =
        async || cluster.admin.create_invite("alice", &ask(InvitePurpose::Invite, None)).await;
    assert_eq!(make().await.unwrap().url, None);
    let host = cluster.host(&[Service::Proxy]).await;
    let spec = ProxySpec {
        host_id: host.id.clone(),
        public_addr: "proxy.example.test:3080".to_owned(),
        ..ProxySpec::default()
    };
    host.client.put(&Proxy::new(spec).into(), Write::Upsert).await.unwrap();
    let made = make().await.unwrap();
    let expected = format!("https://proxy.example.test:3080/web/invite/{}", made.token);
    assert_eq!(made.url, Some(expected));
}

/// As [`start`], over a store whose calls can be held.
async fn start_held() -> (Cluster, Client, Arc<Held>) {
    let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
    let store = Arc::new(Held::new(MemoryBackend::new(clock.clone())));
    let dir = tempfile::tempdir().unwrap();
    let cluster = Cluster::over(store.clone(), clock, dir).await.unwrap();
    cluster.put(User::new("alice", ["access"])).await;
    let proxy = cluster.host(&[Service::Proxy]).await.client;
    (cluster, proxy, store)
}

#[tokio::test]
async fn of_links_made_at_once_one_sets_credentials() {
    let (cluster, proxy, store) = start_held().await;
    store.writes.close();
    let (one, two, ()) = tokio::join!(
        invite(&cluster, InvitePurpose::Invite),
        invite(&cluster, InvitePurpose::Invite),
        store.writes.open_when_held(2, async {}),
    );
    answer(&cluster, &proxy, &one, PASSWORD).await.unwrap();
    refused(answer(&cluster, &proxy, &two, "not what alice chose").await, ErrorKind::NotFound);
}

#[tokio::test]
async fn a_reset_leaves_no_credentials_that_are_set_at_the_same_moment() {
    let (cluster, proxy, store) = start_held().await;
    let token = invite(&cluster, InvitePurpose::Invite).await;
    store.ranges.close();
    let answered = async { answer(&cluster, &proxy, &token, PASSWORD).await.unwrap() };
    tokio::join!(invite(&cluster, InvitePurpose::Reset), store.ranges.open_when_held(1, answered),);
    // Only who has no credentials can be invited.
    invite(&cluster, InvitePurpose::Invite).await;
}
