//! The cluster's keys change, and nobody is shut out who follows in time.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::wire::{AuthorityStatus, RotationRequest};
use api::{Client, ErrorKind};
use resource::{Kind, Resource, Secrets};
use runtime::Clock;
use store::MemoryBackend;
use time::macros::datetime;

use crate::cluster::{Cluster, refused, role_with, rule};

const HOUR: Duration = Duration::from_secs(3600);

async fn go(cluster: &Cluster, phase: &str) -> Result<BTreeMap<String, String>, api::Error> {
    let request = RotationRequest {
        phase: Some(phase.to_owned()),
        mode: Some("manual".to_owned()),
        ..RotationRequest::default()
    };
    let report = cluster.admin.rotate_authorities(&request).await?;
    Ok(report.authorities.into_iter().map(|one| (one.kind, one.rotation)).collect())
}

async fn authorities(client: &Client) -> Vec<AuthorityStatus> {
    client.status().await.unwrap().authorities
}

/// Waits until all authorities are in a phase.
async fn await_phase(client: &Client, phase: &str) {
    let wait = async {
        while !authorities(client).await.iter().all(|one| one.rotation == phase) {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), wait).await;
    waited.unwrap_or_else(|_late| panic!("never in {phase}"));
}

/// Waits until a caller is not let in any more: its connection ends, and another is refused in the
/// handshake.
async fn await_refusal(client: &Client) {
    let wait = async {
        loop {
            match client.who_am_i().await {
                Ok(_) => tokio::task::yield_now().await,
                Err(error) => {
                    let kinds = [ErrorKind::Unauthenticated, ErrorKind::Unavailable];
                    assert!(kinds.contains(&error.kind()), "{error}");
                    return;
                }
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(1), wait).await.expect("refused within a second");
    let error = refused(client.who_am_i().await, ErrorKind::Unauthenticated);
    assert!(error.message().contains("keys were changed"), "once refused, always refused: {error}");
}

#[tokio::test]
async fn who_follows_in_time_is_never_shut_out() {
    let cluster = Cluster::start().await;
    let before = cluster.user("alice", &["editor"]).await;
    let host = cluster.host(&[pki::Service::Proxy]).await;
    let old_pins = cluster.auth.ca_pins().unwrap();
    assert_eq!(old_pins.len(), 1);
    let old_jwt = cluster.auth.jwt_key().public();
    for (phase, jwt_changed) in
        [("init", false), ("update_clients", true), ("update_servers", true)]
    {
        let phases = go(&cluster, phase).await.unwrap();
        assert!(phases.values().all(|one| one == phase) && phases.len() == 3, "{phases:?}");
        assert_eq!(cluster.auth.ca_pins().unwrap().len(), 2, "both are believed in {phase}");
        assert_eq!(cluster.auth.jwt_key().public() != old_jwt, jwt_changed, "{phase}");
        before.who_am_i().await.unwrap();
        host.client.who_am_i().await.unwrap();
        cluster.certified("alice", None).await.who_am_i().await.unwrap();
        // Another connection, to a service whose certificate may be another one.
        cluster.stranger().ping().await.unwrap();
    }
    let after = cluster.certified("alice", None).await;
    let late_host = cluster.host(&[pki::Service::Proxy]).await;
    go(&cluster, "standby").await.unwrap();
    for gone in [&before, &host.client] {
        await_refusal(gone).await;
    }
    after.who_am_i().await.unwrap();
    late_host.client.who_am_i().await.unwrap();
    let pins = cluster.auth.ca_pins().unwrap();
    assert_eq!(pins.len(), 1);
    assert_ne!(pins, old_pins);
    let told: Vec<_> = cluster.records_of("cert_authority.rotate").await;
    let phases: Vec<_> = told.iter().filter_map(|one| one["phase"].as_str()).collect();
    assert_eq!(phases, ["init", "update_clients", "update_servers", "standby"]);
    assert_eq!(told[0]["code"], "TSK00I");
}

#[tokio::test]
async fn who_was_certified_by_keys_that_were_taken_back_is_refused() {
    let cluster = Cluster::start().await;
    let old = cluster.user("alice", &["editor"]).await;
    let pins = cluster.auth.ca_pins().unwrap();
    for phase in ["init", "update_clients"] {
        go(&cluster, phase).await.unwrap();
    }
    let new = cluster.certified("alice", None).await;
    new.who_am_i().await.unwrap();
    go(&cluster, "rollback").await.unwrap();
    new.who_am_i().await.unwrap();
    go(&cluster, "standby").await.unwrap();
    await_refusal(&new).await;
    old.who_am_i().await.unwrap();
    assert_eq!(cluster.auth.ca_pins().unwrap(), pins);
}

#[tokio::test]
async fn all_authorities_take_a_step_or_none() {
    let cluster = Cluster::start().await;
    let request = RotationRequest {
        types: vec!["host".to_owned()],
        mode: Some("manual".to_owned()),
        ..RotationRequest::default()
    };
    cluster.admin.rotate_authorities(&request).await.unwrap();
    let listed = cluster.admin.list(Kind::CertAuthority, Secrets::Redact).await.unwrap().items;
    let error = refused(go(&cluster, "init").await, ErrorKind::InvalidArgument);
    assert!(error.message().contains("host authority is in the phase init"), "{error}");
    let automatic = cluster.admin.rotate_authorities(&RotationRequest::default()).await;
    refused(automatic, ErrorKind::InvalidArgument);
    let next = RotationRequest { mode: Some("manual".to_owned()), ..RotationRequest::default() };
    let error = refused(cluster.admin.rotate_authorities(&next).await, ErrorKind::InvalidArgument);
    assert!(error.message().contains("user in standby"), "{error}");
    let again = cluster.admin.list(Kind::CertAuthority, Secrets::Redact).await.unwrap().items;
    assert_eq!(listed, again);
}

#[tokio::test]
async fn only_who_has_the_verb_takes_steps() {
    let cluster = Cluster::start().await;
    let request = RotationRequest::default();
    let everything = ["list", "read", "create", "update", "delete"];
    let without = cluster.user_with_rule("without", &["cert_authority"], &everything).await;
    let editor = cluster.user("editor", &["editor"]).await;
    let host = cluster.host(&[pki::Service::Proxy, pki::Service::App]).await;
    for caller in [&without, &editor, &host.client] {
        refused(caller.rotate_authorities(&request).await, ErrorKind::Denied);
    }
    let anonymous = cluster.stranger().rotate_authorities(&request).await;
    refused(anonymous, ErrorKind::Unauthenticated);
    assert!(authorities(&cluster.admin).await.iter().all(|one| one.rotation == "standby"));
    let with = cluster.user_with_rule("with", &["cert_authority"], &["rotate"]).await;
    with.rotate_authorities(&request).await.unwrap();
}

#[tokio::test]
async fn a_rule_about_some_authorities_is_about_no_other() {
    let cluster = Cluster::start().await;
    for (name, clause) in [
        ("one", r#"system.catype() == "jwt""#),
        ("not", r#"!(system.catype() == "user" || system.catype() == "host")"#),
    ] {
        let rule = resource::Rule {
            where_clause: Some(clause.to_owned()),
            ..rule(&["cert_authority"], &["rotate"])
        };
        cluster.put(role_with(name, |allow| allow.rules.push(rule))).await;
        let caller = cluster.user(name, &[name]).await;
        let manual = |types: &[&str]| RotationRequest {
            types: types.iter().map(|&one| one.to_owned()).collect(),
            mode: Some("manual".to_owned()),
            ..RotationRequest::default()
        };
        for types in [&[][..], &["user"], &["host"], &["jwt", "user"]] {
            refused(caller.rotate_authorities(&manual(types)).await, ErrorKind::Denied);
        }
        caller.rotate_authorities(&manual(&["jwt"])).await.unwrap();
        let phases = authorities(&cluster.admin).await;
        assert!(phases.iter().all(|one| (one.rotation == "standby") == (one.kind != "jwt")));
    }
}

#[tokio::test]
async fn of_two_who_ask_for_the_same_step_one_is_told_that_it_is_done() {
    let cluster = Cluster::start().await;
    let steps = futures_util::future::join_all((0..4).map(|_| go(&cluster, "init"))).await;
    let (taken, others): (Vec<_>, Vec<_>) = steps.into_iter().partition(Result::is_ok);
    assert_eq!((taken.len(), others.len()), (1, 3));
    for error in others.into_iter().filter_map(Result::err) {
        let kinds = [ErrorKind::Conflict, ErrorKind::InvalidArgument];
        assert!(kinds.contains(&error.kind()), "{error}");
    }
    assert_eq!(cluster.auth.ca_pins().unwrap().len(), 2, "one new key, not several");
}

#[tokio::test]
async fn what_a_request_misspells_is_refused_and_not_left_out() {
    let cluster = Cluster::start().await;
    let request = serde_json::json!({"type": ["jwt"], "mode": "manual"});
    let answer: Result<serde_json::Value, _> =
        cluster.admin.call(http::Method::POST, "/v1/authorities/rotate", Some(&request)).await;
    refused(answer, ErrorKind::InvalidArgument);
    assert!(authorities(&cluster.admin).await.iter().all(|one| one.rotation == "standby"));
}

#[tokio::test]
async fn an_automatic_change_takes_its_steps_when_they_are_due() {
    let cluster = Cluster::start().await;
    let request =
        RotationRequest { grace_period_seconds: Some(30 * 3600), ..RotationRequest::default() };
    let report = cluster.admin.rotate_authorities(&request).await.unwrap();
    assert!(report.authorities.iter().all(|one| one.mode.as_deref() == Some("auto")));
    let next = report.authorities[0].next_at.unwrap();
    assert_eq!(next, cluster.clock.now() + HOUR * 10);
    for phase in ["update_clients", "update_servers", "standby"] {
        cluster.clock.advance(HOUR * 10 - Duration::from_secs(1));
        let before = authorities(&cluster.admin).await;
        assert!(before.iter().all(|one| one.rotation != phase), "{phase} is too early");
        cluster.clock.advance(Duration::from_secs(1));
        await_phase(&cluster.admin, phase).await;
    }
    let done = authorities(&cluster.admin).await;
    assert!(done.iter().all(|one| one.last_rotated == Some(cluster.clock.now())), "{done:?}");
}

#[tokio::test]
async fn auth_services_over_one_store_follow_each_other() {
    let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
    let store = Arc::new(MemoryBackend::new(clock.clone()));
    let start = async || {
        let dir = tempfile::tempdir().unwrap();
        Cluster::over(store.clone(), clock.clone(), dir).await.unwrap()
    };
    let (one, other) = (start().await, start().await);
    let old = one.user("alice", &["editor"]).await;
    for phase in ["init", "update_clients", "update_servers"] {
        go(&one, phase).await.unwrap();
        await_phase(&other.admin, phase).await;
        assert_eq!(one.auth.ca_pins().unwrap(), other.auth.ca_pins().unwrap());
    }
    // Who is certified by one is known to the other.
    let public = pki::PrivateKey::generate().unwrap();
    let request = api::wire::UserCertificateRequest {
        public_key: public.public().to_pem(),
        ttl_seconds: None,
    };
    let issued = one.admin.sign_user("alice", &request).await.unwrap();
    let credentials = crate::cluster::credentials(&issued.certificate, &public);
    let alice = other.client(Some(credentials));
    alice.who_am_i().await.unwrap();
    go(&other, "standby").await.unwrap();
    await_refusal(&old).await;
    alice.who_am_i().await.unwrap();
    // An automatic change is carried through by one of them.
    one.admin.rotate_authorities(&RotationRequest::default()).await.unwrap();
    for phase in ["update_clients", "update_servers", "standby"] {
        clock.advance(HOUR * 16);
        await_phase(&one.admin, phase).await;
        await_phase(&other.admin, phase).await;
    }
    for cluster in [&one, &other] {
        let keys = cluster.admin.list(Kind::CertAuthority, Secrets::Redact).await.unwrap();
        assert!(keys.items.iter().all(|one| match one {
            Resource::CertAuthority(one) => one.spec.additional_trusted_keys.is_empty(),
            _ => false,
        }));
    }
}

#[tokio::test]
async fn verifiers_see_both_token_keys_and_nobody_a_private_one() {
    let cluster = Cluster::start().await;
    let old = cluster.auth.jwt_key().public();
    for phase in ["init", "update_clients", "update_servers"] {
        go(&cluster, phase).await.unwrap();
        let listing = cluster.auth.source().list(Kind::CertAuthority).await.unwrap();
        let keys: Vec<_> = listing
            .items
            .iter()
            .filter_map(|one| match one {
                Resource::CertAuthority(one) => Some(&one.spec),
                _ => None,
            })
            .flat_map(|spec| spec.active_keys.iter().chain(&spec.additional_trusted_keys))
            .collect();
        assert_eq!(keys.len(), 6, "{phase}");
        assert!(keys.iter().all(|key| key.private_key.is_none()), "{phase}");
        let shown: Vec<_> = keys.iter().filter_map(|key| key.public_key.as_deref()).collect();
        assert_eq!(shown.len(), 2, "{phase}");
        assert!(shown.contains(&old.to_pem().as_str()), "{phase}");
    }
}
