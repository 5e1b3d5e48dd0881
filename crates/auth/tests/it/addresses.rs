//! Addresses of apps that are asked for in the same moment.

use std::sync::Arc;

use api::{ErrorKind, Write};
use resource::{App, Kind, Resource};
use runtime::Clock;
use store::MemoryBackend;
use time::macros::datetime;

use crate::cluster::{Cluster, app, refused};
use crate::held::Held;

const START: time::OffsetDateTime = datetime!(2026-11-20 12:00:00 UTC);

fn at(name: &str, address: &str) -> Resource {
    let mut app: App = app(name, &[]);
    address.clone_into(&mut app.spec.public_addr);
    app.into()
}

async fn two_services() -> (Arc<Held>, Cluster, Cluster) {
    let clock = Clock::manual(START);
    let store = Arc::new(Held::new(MemoryBackend::new(clock.clone())));
    let over = |store: Arc<Held>| {
        let clock = clock.clone();
        async move { Cluster::over(store, clock, tempfile::tempdir().unwrap()).await.unwrap() }
    };
    let one = over(store.clone()).await;
    let other = over(store.clone()).await;
    (store, one, other)
}

#[tokio::test]
async fn of_two_that_ask_for_one_address_in_one_moment_one_gets_it() {
    let (store, one, other) = two_services().await;
    store.writes.close();
    let (a, b) = (at("a", "one.example.com"), at("b", "ONE.example.com:443"));
    let (first, second, ()) = tokio::join!(
        one.admin.create(&a),
        other.admin.create(&b),
        store.writes.open_when_held(2, async {}),
    );
    let outcomes = [first, second];
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{outcomes:?}");
    let error = outcomes.into_iter().find_map(Result::err).unwrap();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    assert!(error.message().contains("\"one.example.com\" is the address of the app"), "{error}");
}

#[tokio::test]
async fn an_address_is_free_again_when_its_app_leaves_it() {
    let (_store, one, other) = two_services().await;
    one.admin.create(&at("a", "one.example.com")).await.unwrap();
    refused(other.admin.create(&at("b", "one.example.com")).await, ErrorKind::InvalidArgument);
    // By a move,
    one.admin.put(&at("a", "two.example.com"), Write::Update).await.unwrap();
    let moved = async {
        while other.admin.create(&at("b", "one.example.com")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), moved).await.unwrap();
    // by a deletion,
    one.admin.delete(Kind::App, "a").await.unwrap();
    one.admin.create(&at("c", "two.example.com")).await.unwrap();
    one.admin.delete(Kind::App, "c").await.unwrap();
    // and by an end.
    let mut passing = at("passing", "three.example.com");
    passing.metadata_mut().expires = Some(START + time::Duration::minutes(1));
    one.admin.create(&passing).await.unwrap();
    refused(one.admin.create(&at("d", "three.example.com")).await, ErrorKind::InvalidArgument);
    one.clock.advance(std::time::Duration::from_secs(61));
    let ended = async {
        while one.admin.create(&at("d", "three.example.com")).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), ended).await.unwrap();
}

#[tokio::test]
async fn an_app_that_says_no_address_has_the_one_below_the_clusters_name() {
    let (store, one, other) = two_services().await;
    store.writes.close();
    let (a, b) = (at("a", ""), at("b", "a.example.test"));
    let (first, second, ()) = tokio::join!(
        one.admin.create(&a),
        other.admin.create(&b),
        store.writes.open_when_held(2, async {}),
    );
    assert_eq!([&first, &second].iter().filter(|outcome| outcome.is_ok()).count(), 1);
}
