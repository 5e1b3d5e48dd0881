//! The sweeper deletes what expired, and ends with the store.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use runtime::{Clock, Tasks};
use time::OffsetDateTime;

use super::run_sweeper;
use crate::{Backend, Event, Key, MemoryBackend, Prefix};

#[tokio::test]
async fn sweeps_until_the_store_is_closed() {
    let clock = Clock::manual(OffsetDateTime::UNIX_EPOCH);
    let store: Arc<dyn Backend> = Arc::new(MemoryBackend::new(clock.clone()));
    let key = Key::new(&["locks", "a"]).unwrap();
    let end = clock.now() + Duration::from_secs(1);
    store.create(&key, Bytes::new(), Some(end)).await.unwrap();
    let cursor = store.range(&Prefix::all()).await.unwrap().cursor;
    let mut watch = store.watch(Vec::new(), cursor).await.unwrap();

    let tasks = Tasks::new();
    let sweeping = run_sweeper(Arc::clone(&store), Duration::from_millis(1));
    let sweeper = tasks.spawn("sweeper", sweeping);
    clock.advance(Duration::from_secs(1));
    let told = tokio::time::timeout(Duration::from_secs(20), watch.next()).await.unwrap();
    assert_eq!(told.unwrap().event, Event::Delete(key));

    store.close().await;
    tokio::time::timeout(Duration::from_secs(20), sweeper).await.unwrap().unwrap();
}
