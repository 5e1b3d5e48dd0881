//! Clusters that trust each other keep up with each other's keys, and notice when they are not trusted any more.

use std::time::Duration;

use api::ErrorKind;
use api::wire::{ClusterExchange, RotationRequest};
use pki::{CaKind, Service};
use resource::{JoinRole, Kind};

use super::{believed, document, friends, until};
use crate::cluster::{Cluster, client_of};

async fn go(cluster: &Cluster, phase: &str) {
    let request = RotationRequest {
        phase: Some(phase.to_owned()),
        mode: Some("manual".to_owned()),
        ..RotationRequest::default()
    };
    cluster.admin.rotate_authorities(&request).await.unwrap();
}

/// The keys by which `of`'s services are known in `by`, in no order that says anything.
async fn known_hosts(by: &Cluster, of: &str) -> Vec<String> {
    let name = format!("host.{of}");
    let found = by.admin.get(Kind::CertAuthority, &name, resource::Secrets::Redact).await.unwrap();
    let resource::Resource::CertAuthority(found) = found else { panic!("another kind") };
    sorted(found.spec.active_keys.into_iter().filter_map(|key| key.certificate).collect())
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

/// Whether the exchange works, by a certificate of now.
async fn exchanges(root: &Cluster, leaf: &Cluster) -> bool {
    let (_, credentials) = leaf.host_credentials(&[Service::Auth]).await;
    let address = root.auth.address().to_string();
    let client =
        client_of(&address, &root.auth.trust(), &leaf.clock, Some(credentials), &leaf.tasks);
    let request = ClusterExchange { authorities: leaf.auth.authorities() };
    client.exchange_cluster(&request).await.is_ok()
}

#[tokio::test]
async fn a_change_of_the_leafs_keys_is_followed() {
    let (root, leaf) = friends().await;
    for phase in ["init", "update_clients", "update_servers", "standby"] {
        go(&leaf, phase).await;
        let hosts = sorted(leaf.auth.authorities().host);
        until(phase, [&root, &leaf], async || known_hosts(&root, "leaf.test").await == hosts).await;
        assert!(exchanges(&root, &leaf).await, "{phase}");
    }
}

#[tokio::test]
async fn a_change_of_the_roots_keys_is_followed() {
    let (root, leaf) = friends().await;
    for phase in ["init", "update_clients", "update_servers", "standby"] {
        go(&root, phase).await;
        let hosts = sorted(root.auth.authorities().host);
        until(phase, [&root, &leaf], async || known_hosts(&leaf, "root.test").await == hosts).await;
        let trust = root.auth.trust().trust();
        assert_eq!(trust.authorities(CaKind::Host).count(), hosts.len());
    }
    assert_eq!(believed(&leaf), ["root.test"]);
    // Each time, it is told who is believed by whose word. What only says that the root is there is no change.
    let told = leaf.records_of("resource.updated").await;
    let by_root = told
        .iter()
        .filter(|record| record["user"].to_string().contains("cluster root.test"))
        .count();
    assert!((1..=4).contains(&by_root), "{told:#?}");
}

#[tokio::test]
async fn a_leaf_that_was_removed_is_not_let_in_and_can_come_back() {
    let (root, leaf) = friends().await;
    assert!(exchanges(&root, &leaf).await);
    root.admin.delete(Kind::RemoteCluster, "leaf.test").await.unwrap();
    assert_eq!(believed(&root), [""; 0]);
    assert!(!exchanges(&root, &leaf).await);
    // Its own attempts do not bring it back, either.
    for _ in 0..50 {
        leaf.clock.advance(Duration::from_secs(5));
        root.clock.advance(Duration::from_secs(5));
        tokio::task::yield_now().await;
    }
    assert_eq!(root.names(&root.admin, Kind::RemoteCluster).await, [""; 0]);
    let again = "another-0123456789abcdef0123456789";
    root.put(resource::Token::new(again, [JoinRole::TrustedCluster])).await;
    leaf.put(super::with_token(document(&root, "root.test"), again)).await;
    assert!(exchanges(&root, &leaf).await);
}

#[tokio::test]
async fn an_open_connection_ends_with_the_trust() {
    let (root, leaf) = friends().await;
    let (_, credentials) = leaf.host_credentials(&[Service::Auth]).await;
    let address = root.auth.address().to_string();
    let client =
        client_of(&address, &root.auth.trust(), &leaf.clock, Some(credentials), &leaf.tasks);
    let request = ClusterExchange { authorities: leaf.auth.authorities() };
    client.exchange_cluster(&request).await.unwrap();
    root.admin.delete(Kind::RemoteCluster, "leaf.test").await.unwrap();
    // The connection itself is not believed any more, whatever is asked for over it.
    let error = client.exchange_cluster(&request).await.unwrap_err();
    assert!(
        matches!(error.kind(), ErrorKind::Unauthenticated | ErrorKind::Unavailable),
        "{:?}: {error}",
        error.kind()
    );
}

#[tokio::test]
async fn a_leaf_cannot_take_the_keys_of_another() {
    let (root, leaf) = friends().await;
    let other = Cluster::named("other.test").await;
    other.admin.create(&document(&root, "root.test").into()).await.unwrap();
    let (_, credentials) = leaf.host_credentials(&[Service::Auth]).await;
    let address = root.auth.address().to_string();
    let client =
        client_of(&address, &root.auth.trust(), &leaf.clock, Some(credentials), &leaf.tasks);
    for stolen in [other.auth.authorities(), root.auth.authorities()] {
        let error =
            client.exchange_cluster(&ClusterExchange { authorities: stolen }).await.unwrap_err();
        assert!(error.message().contains("are not accepted"), "{error}");
    }
    assert!(exchanges(&root, &other).await && exchanges(&root, &leaf).await);
}
