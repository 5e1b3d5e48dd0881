//! What comes in between while a cluster joins or tells of itself.

use std::sync::Arc;
use std::time::Duration;

use api::wire::{Authorities, ClusterExchange, ClusterJoin};
use api::{Client, Error, ErrorKind};
use pki::{CaKind, CertificateAuthority, Service};
use resource::{JoinRole, Kind, Resource, Token};
use runtime::Clock;
use store::MemoryBackend;
use time::macros::datetime;

use super::{TOKEN, get};
use crate::cluster::{Cluster, client_of};
use crate::held::Held;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A root whose store can be held.
async fn held_root() -> (Arc<Held>, Cluster) {
    let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
    let store = Arc::new(Held::new(MemoryBackend::new(clock.clone())));
    let root = Cluster::over(store.clone(), clock, tempfile::tempdir().unwrap()).await.unwrap();
    root.put(Token::new(TOKEN, [JoinRole::TrustedCluster])).await;
    (store, root)
}

async fn join(root: &Cluster, authorities: Authorities) -> Result<(), Error> {
    let cluster = "leaf.test".to_owned();
    let request = ClusterJoin { token: TOKEN.to_owned(), cluster, authorities };
    root.stranger().join_cluster(&request).await.map(|_| ())
}

/// The same, and a leaf that has joined it and does nothing of its own accord.
async fn held_friends() -> (Arc<Held>, Cluster, Cluster) {
    let (store, root) = held_root().await;
    let leaf = Cluster::named("leaf.test").await;
    join(&root, leaf.auth.authorities()).await.unwrap();
    (store, root, leaf)
}

/// Authorities of somebody who calls themselves `leaf.test`.
fn made_up(root: &Cluster) -> Authorities {
    let made = CertificateAuthority::generate(CaKind::Host, "leaf.test", root.clock.now(), DAY);
    Authorities { user: Vec::new(), host: vec![made.unwrap().certificate().to_pem()] }
}

async fn kept_hosts(root: &Cluster) -> Vec<String> {
    let kept = get(root, Kind::CertAuthority, "host.leaf.test").await.unwrap();
    let Resource::CertAuthority(kept) = kept else { panic!("another kind") };
    kept.spec.active_keys.into_iter().filter_map(|key| key.certificate).collect()
}

/// An auth service of the leaf, as the root sees one.
async fn auth_service(root: &Cluster, leaf: &Cluster) -> Client {
    let (_, credentials) = leaf.host_credentials(&[Service::Auth]).await;
    let address = root.auth.address().to_string();
    client_of(&address, &root.auth.trust(), &leaf.clock, Some(credentials), &leaf.tasks)
}

#[tokio::test]
async fn of_two_that_join_at_once_under_one_name_one_has_it() {
    let (store, root) = held_root().await;
    let (one, other) = (made_up(&root), made_up(&root));
    // Both have been looked at, and found good, when the first is written.
    store.writes.close();
    let (first, second, ()) = tokio::join!(
        join(&root, one.clone()),
        join(&root, other.clone()),
        store.writes.open_when_held(2, async {})
    );
    let joined = match (first, second) {
        (Ok(()), Err(refused)) => (one.host, refused),
        (Err(refused), Ok(())) => (other.host, refused),
        both => panic!("{both:?}"),
    };
    assert_eq!(joined.1.kind(), ErrorKind::Denied, "{}", joined.1);
    assert_eq!(kept_hosts(&root).await, joined.0);
}

#[tokio::test]
async fn a_cluster_that_is_removed_while_it_tells_of_itself_stays_removed() {
    let (store, root, leaf) = held_friends().await;
    let client = auth_service(&root, &leaf).await;
    let request = ClusterExchange { authorities: leaf.auth.authorities() };
    client.exchange_cluster(&request).await.unwrap();
    store.gets.close();
    let (told, ()) = tokio::join!(
        client.exchange_cluster(&request),
        store.gets.open_when_held(1, async {
            root.admin.delete(Kind::RemoteCluster, "leaf.test").await.unwrap();
        })
    );
    // Nothing of it is there again, whatever it was told.
    drop(told);
    assert_eq!(root.names(&root.admin, Kind::RemoteCluster).await, [""; 0]);
    assert!(get(&root, Kind::CertAuthority, "host.leaf.test").await.is_err());
}

#[tokio::test]
async fn who_was_removed_tells_nothing_to_whom_joined_by_its_name_meanwhile() {
    let (store, root, leaf) = held_friends().await;
    let client = auth_service(&root, &leaf).await;
    let request = ClusterExchange { authorities: leaf.auth.authorities() };
    let another = made_up(&root);
    store.gets.close();
    let (told, ()) = tokio::join!(
        client.exchange_cluster(&request),
        store.gets.open_when_held(1, async {
            root.admin.delete(Kind::RemoteCluster, "leaf.test").await.unwrap();
            join(&root, another.clone()).await.unwrap();
        })
    );
    drop(told);
    assert_eq!(kept_hosts(&root).await, another.host);
}

#[tokio::test]
async fn a_cluster_that_tells_of_new_keys_all_the_time_changes_them_once_in_a_while() {
    let (_store, root, leaf) = held_friends().await;
    let own = leaf.auth.authorities();
    let client = auth_service(&root, &leaf).await;
    let more = Authorities {
        host: [&own.host[..], &made_up(&root).host[..]].concat(),
        user: own.user.clone(),
    };
    let tell = async |authorities: &Authorities| {
        let request = ClusterExchange { authorities: authorities.clone() };
        client.exchange_cluster(&request).await.unwrap();
    };
    let minute = Duration::from_secs(60);
    root.clock.advance(minute);
    for _ in 0..20 {
        tell(&more).await;
        tell(&own).await;
    }
    assert_eq!(kept_hosts(&root).await.len(), 2, "the first change stands");
    assert_eq!(root.records_of("resource.updated").await.len(), 1);
    root.clock.advance(minute);
    tell(&own).await;
    assert_eq!(kept_hosts(&root).await, own.host);
}
