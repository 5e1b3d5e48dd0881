//! Everything that ends what was granted, and who is told.

use api::wire::{InvitePurpose, InviteRequest};
use resource::{Lock, LockTarget, User};

use super::*;
use crate::cluster::role_with;

#[tokio::test]
async fn whoever_may_removes_what_was_granted() {
    let mut desk = Desk::open().await;
    let tokens = desk.tokens().await;
    let name = desk.grants().await.remove(0).name().to_owned();
    let cluster = &desk.office.cluster;
    let nobody = cluster.user("mallory", &["access"]).await;
    refused(nobody.delete(Kind::OauthGrant, &name).await, ErrorKind::Denied);
    let grant = desk.grants().await.remove(0);
    // It is made by consent, and by nothing else.
    let mut forged = grant.clone();
    forged.metadata.name = "forged".to_owned();
    forged.metadata.revision = None;
    refused(cluster.admin.create(&forged.into()).await.map(drop), ErrorKind::Denied);
    let mut changed = grant;
    changed.spec.app = "other".to_owned();
    let put = cluster.admin.put(&changed.into(), api::Write::Update).await;
    refused(put.map(drop), ErrorKind::Denied);

    let keeper =
        cluster.user_with_rule("keeper", &["oauth_grant"], &["list", "read", "delete"]).await;
    keeper.delete(Kind::OauthGrant, &name).await.unwrap();
    desk.assert_over(&tokens, "it was removed").await;
    let ended = cluster.records_of("oauth.grant.end").await.remove(0);
    assert_eq!((&ended["user"], &ended["oauth_grant"]), (&json!("alice"), &json!(name)));
    assert_eq!(ended["reason"], json!("removed by keeper"));
}

#[tokio::test]
async fn a_lock_shuts_out_while_it_is_in_force() {
    let mut desk = Desk::open().await;
    let tokens = desk.tokens().await;
    let grant = desk.grants().await.remove(0);
    let (name, device) = (Some(grant.name().to_owned()), grant.spec.mfa_device.clone());
    for target in [
        LockTarget { oauth_grant: name, ..LockTarget::default() },
        LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() },
        LockTarget { mfa_device: device, ..LockTarget::default() },
        LockTarget { role: Some("access".to_owned()), ..LockTarget::default() },
    ] {
        desk.office.cluster.put(Lock::new("l", target.clone(), "")).await;
        desk.assert_over(&tokens, &format!("{target:?}")).await;
        desk.office.cluster.admin.delete(Kind::Lock, "l").await.unwrap();
        desk.show(&tokens.access_token).await.unwrap();
    }
    let target = LockTarget { oauth_grant: Some("another".to_owned()), ..LockTarget::default() };
    desk.office.cluster.put(Lock::new("l", target, "")).await;
    desk.show(&tokens.access_token).await.unwrap();
}

#[tokio::test]
async fn what_was_granted_ends_with_the_user_and_with_the_credentials() {
    let mut desk = Desk::open().await;
    let tokens = desk.tokens().await;
    let reset = InviteRequest { purpose: InvitePurpose::Reset, ttl_seconds: None };
    desk.office.cluster.admin.create_invite("alice", &reset).await.unwrap();
    assert!(desk.grants().await.is_empty());
    desk.assert_over(&tokens, "the user was reset").await;

    let mut desk = Desk::open().await;
    let tokens = desk.tokens().await;
    let cluster = &desk.office.cluster;
    cluster.admin.delete(Kind::User, "alice").await.unwrap();
    assert!(desk.grants().await.is_empty());
    desk.assert_over(&tokens, "the user is gone").await;
    // A namesake has granted nothing.
    cluster.clock.advance(Duration::from_secs(1));
    cluster.put(User::new("alice", ["access"])).await;
    desk.assert_over(&tokens, "it is a namesake's").await;
}

#[tokio::test]
async fn what_was_granted_is_good_for_nothing_without_a_role_that_it_rests_on() {
    let mut desk = Desk::open().await;
    let cluster = &desk.office.cluster;
    cluster.put(role_with("dev", |_allow| {})).await;
    let mut alice = cluster.admin.get(Kind::User, "alice", Secrets::Redact).await.unwrap();
    if let Resource::User(user) = &mut alice {
        user.spec.roles.push("dev".to_owned());
    }
    cluster.put(alice.clone()).await;
    let tokens = desk.tokens().await;
    // As with `tsh`, the roles are those of the sign-in.
    if let Resource::User(user) = &mut alice {
        user.spec.roles.pop();
        user.metadata.revision = None;
    }
    let cluster = &desk.office.cluster;
    cluster.put(alice).await;
    let given = desk.show(&tokens.access_token).await.unwrap();
    assert_eq!(desk.read(&given).roles, ["access", "dev"]);
    cluster.admin.delete(Kind::Role, "dev").await.unwrap();
    desk.assert_over(&tokens, "a role is gone").await;
}

#[tokio::test]
async fn what_is_bound_to_an_address_is_good_from_there() {
    let mut desk = Desk::open().await;
    let cluster = &desk.office.cluster;
    let mut role = role_with("access", |_allow| {});
    role.spec.options.pin_source_ip = Some(true);
    cluster.put(role).await;
    let tokens = desk.tokens().await;
    let given = desk.show(&tokens.access_token).await.unwrap();
    assert_eq!(desk.read(&given).source_ip, Some("192.0.2.7".parse().unwrap()));
    for client_addr in [Some("192.0.2.8:1".to_owned()), None] {
        let shown = desk.show_with(&tokens.access_token, |one| one.client_addr = client_addr).await;
        refused(shown.map(drop), ErrorKind::Denied);
    }
}

#[tokio::test]
async fn what_was_granted_ends_with_the_keys_by_which_the_user_had_signed_in() {
    let mut desk = Desk::open().await;
    let tokens = desk.tokens().await;
    let admin = desk.office.cluster.admin.clone();
    let go = async |phase: &str| {
        let request = api::wire::RotationRequest {
            phase: Some(phase.to_owned()),
            mode: Some("manual".to_owned()),
            ..Default::default()
        };
        admin.rotate_authorities(&request).await.unwrap();
    };
    // Back again changes nothing.
    for phase in ["init", "rollback", "standby", "init", "update_clients", "update_servers"] {
        go(phase).await;
        let host = desk.office.cluster.host(&[pki::Service::Proxy]).await;
        desk.office.proxy = host.client;
        desk.show(&tokens.access_token).await.unwrap();
    }
    go("standby").await;
    desk.office.proxy = desk.office.cluster.host(&[pki::Service::Proxy]).await.client;
    desk.assert_over(&tokens, "the keys have changed").await;
    // Who is registered is registered.
    assert!(matches!(desk.start(|_| {}).await.unwrap(), OauthStarted::SignIn { .. }));
}

#[tokio::test]
async fn a_client_gives_up_what_it_was_given() {
    let mut desk = Desk::open().await;
    let revoke = async |desk: &Desk, token: &str, client_id: Option<&str>| {
        let (token, client_id) = (token.to_owned(), client_id.map(str::to_owned));
        let request = OauthRevocation { token, client_id, client_addr: None };
        desk.office.proxy.revoke_oauth(&request).await.unwrap();
    };
    let tokens = desk.tokens().await;
    for other in ["", "nothing", "tso_r_nothing", &format!("{}x", tokens.refresh_token)] {
        revoke(&desk, other, Some(&desk.client_id)).await;
    }
    let other = register(&desk.office, &[REDIRECT]).await;
    revoke(&desk, &tokens.refresh_token, Some(&other)).await;
    desk.show(&tokens.access_token).await.unwrap();
    revoke(&desk, &tokens.refresh_token, Some(&desk.client_id)).await;
    desk.assert_over(&tokens, "it was revoked").await;
    let tokens = desk.tokens().await;
    revoke(&desk, &tokens.access_token, None).await;
    desk.assert_over(&tokens, "it was revoked").await;
    revoke(&desk, &tokens.access_token, None).await;
}

#[tokio::test]
async fn a_user_has_so_many_grants_and_the_oldest_ends_for_another() {
    let mut desk = Desk::open().await;
    let first = desk.tokens().await;
    for _ in 1..32 {
        desk.office.cluster.clock.advance(Duration::from_secs(1));
        desk.tokens().await;
    }
    assert_eq!(desk.grants().await.len(), 32);
    desk.show(&first.access_token).await.unwrap();
    desk.office.cluster.clock.advance(Duration::from_secs(1));
    desk.code().await;
    assert_eq!(desk.grants().await.len(), 32);
    desk.assert_over(&first, "there were as many others").await;
}

#[tokio::test]
async fn only_proxies_and_whoever_may_see_it_are_told_of_grants() {
    let desk = Desk::open().await;
    let cluster = &desk.office.cluster;
    let user = cluster.user("bob", &["access"]).await;
    refused(user.list(Kind::OauthGrant, Secrets::Redact).await.map(drop), ErrorKind::Denied);
    let proxy = &desk.office.proxy;
    refused(proxy.list(Kind::OauthGrant, Secrets::Redact).await.map(drop), ErrorKind::Denied);
    let agent = cluster.host(&[pki::Service::App]).await.client;
    agent.list(Kind::OauthGrant, Secrets::Redact).await.unwrap();
    refused(agent.start_oauth(&OauthAuthorization::default()).await.map(drop), ErrorKind::Denied);
}
