use std::sync::Arc;
use std::time::Duration;

use api::HEARTBEAT_LIFE;
use runtime::{Clock, Tasks};
use store::{Backend, MemoryBackend};
use time::OffsetDateTime;

use super::{FLUSH_EVERY, Leases};

fn leases() -> (Clock, Arc<dyn Backend>, Arc<Leases>) {
    let clock = Clock::manual(OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap());
    let store: Arc<dyn Backend> = Arc::new(MemoryBackend::new(clock.clone()));
    let leases = Arc::new(Leases::new(store.clone(), clock.clone()));
    (clock, store, leases)
}

#[tokio::test]
async fn who_is_heard_of_in_time_is_there() {
    let (clock, _store, leases) = leases();
    assert!(!leases.renew("a").await.unwrap(), "nothing was known of it");
    clock.advance(HEARTBEAT_LIFE - Duration::from_millis(1));
    assert!(leases.renew("a").await.unwrap());
    // The store was told nothing since: by what it knows the end has come.
    clock.advance(Duration::from_millis(1));
    assert!(!leases.renew("a").await.unwrap());
}

#[tokio::test]
async fn another_run_believes_what_the_store_says() {
    let (clock, store, first) = leases();
    first.renew("a").await.unwrap();
    let second = Leases::new(store, clock.clone());
    clock.advance(HEARTBEAT_LIFE / 2);
    assert!(second.renew("a").await.unwrap());
    clock.advance(HEARTBEAT_LIFE / 2 + Duration::from_millis(1));
    assert!(second.renew("a").await.unwrap(), "it was extended");
    assert!(!first.renew("b").await.unwrap());
}

#[tokio::test]
async fn the_store_is_told_now_and_then() {
    let (clock, store, leases) = leases();
    leases.renew("a").await.unwrap();
    let key = crate::keys::lease("a").unwrap();
    let first = store.get(&key).await.unwrap();
    let tasks = Tasks::new();
    tasks.spawn_until_cancelled("test.flush", leases.clone().flush());
    clock.advance(Duration::from_secs(1));
    assert!(leases.renew("a").await.unwrap());
    assert_eq!(store.get(&key).await.unwrap(), first, "a heartbeat writes nothing by itself");
    let extended = async {
        while store.get(&key).await.unwrap() == first {
            clock.advance(FLUSH_EVERY / 5);
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), extended).await.unwrap();
    let second = store.get(&key).await.unwrap();
    assert!(second.expires > first.expires);
    tasks.cancel();
}

#[tokio::test]
async fn who_ends_is_not_there() {
    let (_clock, store, leases) = leases();
    leases.renew("a").await.unwrap();
    leases.end("a").await.unwrap();
    assert!(store.get(&crate::keys::lease("a").unwrap()).await.is_err());
    assert!(!leases.renew("a").await.unwrap());
    leases.end("a").await.unwrap();
    leases.end("a").await.unwrap();
}

#[tokio::test]
async fn one_that_another_service_was_told_of_is_no_matter_to_the_others() {
    let (clock, store, leases) = leases();
    let hosts = ["a", "b", "c", "d"];
    for host in hosts {
        leases.renew(host).await.unwrap();
    }
    // Of two of them others were quicker.
    Leases::new(store.clone(), clock.clone()).renew("b").await.unwrap();
    Leases::new(store.clone(), clock.clone()).end("d").await.unwrap();
    clock.advance(Duration::from_secs(1));
    let renewed = hosts.map(|host| (host.to_owned(), leases.heard.lock()[host].clone()));
    let now = clock.now();
    let renewed = renewed.map(|(host, lease)| (host, super::Lease { heard: now, ..lease }));
    leases.keep_some(renewed.to_vec()).await;
    let known = |host: &str| leases.heard.lock().get(host).map(|lease| lease.until);
    for host in ["a", "c"] {
        let key = crate::keys::lease(host).unwrap();
        assert_eq!(store.get(&key).await.unwrap().expires, Some(now + HEARTBEAT_LIFE), "{host}");
        assert_eq!(known(host), Some(now + HEARTBEAT_LIFE), "{host}");
    }
    // The store is asked of them when they are heard of next.
    assert_eq!((known("b"), known("d")), (None, None));
    assert!(leases.renew("b").await.unwrap());
    assert!(!leases.renew("d").await.unwrap(), "it has ended");
}
