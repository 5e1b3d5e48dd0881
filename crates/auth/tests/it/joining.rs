//! How services join with tokens.

mod uses;

use std::time::Duration;

use api::wire::{JoinRequest, ServiceCredentials};
use api::{Error, ErrorKind};
use pki::PrivateKey;
use resource::{JoinRole, Kind, Token};

use crate::cluster::{Cluster, credentials, refused};

const TOKEN: &str = "0123456789abcdef";

async fn join(
    cluster: &Cluster,
    token: &str,
    services: &[&str],
    names: &[&str],
) -> (Result<ServiceCredentials, Error>, PrivateKey) {
    let key = PrivateKey::generate().unwrap();
    let owned = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
    let request = JoinRequest {
        token: token.to_owned(),
        id_token: None,
        node_name: "new-node".to_owned(),
        services: owned(services),
        public_key: key.public().to_pem(),
        names: owned(names),
    };
    (cluster.stranger().join(&request).await, key)
}

async fn start(roles: &[JoinRole]) -> Cluster {
    let cluster = Cluster::start().await;
    let mut token = Token::new(TOKEN, roles.iter().cloned());
    token.metadata.expires = Some(cluster.clock.now() + Duration::from_secs(1800));
    cluster.put(token).await;
    cluster
}

#[tokio::test]
async fn a_token_makes_a_stranger_a_service() {
    let cluster = start(&[JoinRole::App, JoinRole::Proxy]).await;
    let (joined, key) = join(&cluster, TOKEN, &["app"], &[]).await;
    let joined = joined.unwrap();
    assert_eq!(joined.authorities, cluster.auth.authorities());
    let client = cluster.client(Some(credentials(&joined.certificate, &key)));
    let who = client.who_am_i().await.unwrap();
    assert_eq!((who.kind.as_str(), who.name.as_str()), ("service", joined.host_id.as_str()));
    assert_eq!(who.roles, ["app"]);
    // A token is good until it ends, for as many as come.
    let (second, _key) = join(&cluster, TOKEN, &["app", "proxy"], &["proxy.example.com"]).await;
    assert_ne!(second.unwrap().host_id, joined.host_id);

    let records = cluster.records_of("instance.join").await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[0]["host_id"], joined.host_id.as_str());
    assert_eq!(records[0]["success"], true);
    assert!(!records[0].to_string().contains(TOKEN), "{}", records[0]);
}

#[tokio::test]
async fn what_is_not_a_good_token_opens_nothing() {
    let cluster = start(&[JoinRole::App]).await;
    for wrong in ["", "0123456789abcde", "0123456789abcdef0", "0123456789ABCDEF"] {
        let (outcome, _key) = join(&cluster, wrong, &["app"], &[]).await;
        refused(outcome, ErrorKind::Unauthenticated);
    }
    for services in [&["proxy"][..], &["app", "proxy"], &["auth"]] {
        let (outcome, _key) = join(&cluster, TOKEN, services, &[]).await;
        refused(outcome, ErrorKind::Denied);
    }
    for services in [&[][..], &["node"]] {
        let (outcome, _key) = join(&cluster, TOKEN, services, &[]).await;
        refused(outcome, ErrorKind::InvalidArgument);
    }
    let records = cluster.records_of("instance.join").await;
    assert_eq!(records.len(), 9);
    assert!(records.iter().all(|record| record["success"] == false));
    assert!(!records.iter().any(|record| record.to_string().contains("0123456789")));
}

#[tokio::test]
async fn a_token_ends() {
    let cluster = start(&[JoinRole::App]).await;
    cluster.clock.advance(Duration::from_secs(1799));
    assert!(join(&cluster, TOKEN, &["app"], &[]).await.0.is_ok());
    cluster.clock.advance(Duration::from_secs(1));
    let (outcome, _key) = join(&cluster, TOKEN, &["app"], &[]).await;
    refused(outcome, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_deleted_token_opens_nothing() {
    let cluster = start(&[JoinRole::App]).await;
    cluster.admin.delete(Kind::Token, TOKEN).await.unwrap();
    let (outcome, _key) = join(&cluster, TOKEN, &["app"], &[]).await;
    refused(outcome, ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn names_of_the_cluster_are_not_given_away() {
    let cluster = start(&[JoinRole::Proxy]).await;
    for name in [
        "auth.tessera.internal",
        "00000000-0000-4000-8000-000000000000.example.test",
        "*",
        "not a name",
    ] {
        let (outcome, _key) = join(&cluster, TOKEN, &["proxy"], &[name]).await;
        refused(outcome, ErrorKind::InvalidArgument);
    }
    let (outcome, _key) = join(&cluster, TOKEN, &["proxy"], &["10.0.0.1", "x.example.com"]).await;
    outcome.unwrap();
}

#[tokio::test]
async fn strangers_do_not_fill_the_audit_log() {
    let cluster = start(&[JoinRole::App]).await;
    for _ in 0..70 {
        let (outcome, _key) = join(&cluster, "wrong", &["app"], &[]).await;
        refused(outcome, ErrorKind::Unauthenticated);
    }
    assert_eq!(cluster.records_of("instance.join").await.len(), 60);
    cluster.clock.advance(Duration::from_secs(60));
    let (outcome, _key) = join(&cluster, "wrong", &["app"], &[]).await;
    refused(outcome, ErrorKind::Unauthenticated);
    assert_eq!(cluster.records_of("instance.join").await.len(), 61);
}
