//! The embedded engine: the contract, what survives, and what is said when it cannot be opened.

mod crash;
mod refusals;

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use runtime::Clock;
use time::OffsetDateTime;

use super::{SqliteBackend, SqliteOptions};
use crate::conformance::{Failure, Setup, Subject};
use crate::{Backend as _, Error, Event, Key, Prefix, Retention};

async fn make(setup: Setup) -> Result<Subject, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(error.to_string());
    let directory = tempfile::tempdir().map_err(|e| failed(&e))?;
    let options = SqliteOptions {
        path: directory.path().join("store.db"),
        clock: setup.clock.clone(),
        retention: setup.retention,
    };
    let backend = SqliteBackend::open(options).map_err(|e| failed(&e))?;
    Ok(Subject::new(Arc::new(backend), setup, Box::new(directory)))
}

crate::conformance_suite!(make);

fn start() -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp(1_800_000_000).unwrap()
}

fn open(path: &Path) -> SqliteBackend {
    SqliteBackend::open(SqliteOptions::new(path, Clock::manual(start()))).unwrap()
}

fn key(name: &str) -> Key {
    Key::new(&["apps", name]).unwrap()
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path);
    let ends = start() + Duration::from_secs(60);
    store.create(&key("a"), Bytes::from("1"), None).await.unwrap();
    let cursor = store.range(&Prefix::all()).await.unwrap().cursor;
    store.create(&key("b"), Bytes::from("2"), Some(ends)).await.unwrap();
    store.delete(&key("a")).await.unwrap();
    let before = store.range(&Prefix::all()).await.unwrap();
    store.close().await;

    let store = open(&path);
    let after = store.range(&Prefix::all()).await.unwrap();
    assert_eq!(after.items, before.items);
    assert_eq!(after.cursor, before.cursor);
    // A watch from before the restart continues without a gap, into what happens now.
    let mut watch = store.watch(Vec::new(), cursor).await.unwrap();
    let revision = store.put(&key("c"), Bytes::from("3"), None).await.unwrap();
    assert!(before.items.iter().all(|item| item.revision != revision));
    assert_eq!(watch.next().await.unwrap().event, Event::Put(before.items[0].clone()));
    assert_eq!(watch.next().await.unwrap().event, Event::Delete(key("a")));
    assert_eq!(*watch.next().await.unwrap().event.key(), key("c"));
}

#[tokio::test]
async fn what_was_forgotten_stays_forgotten_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let retention = Retention { changes: 5, bytes: usize::MAX };
    let options = SqliteOptions { retention, ..SqliteOptions::new(&path, Clock::system()) };
    let store = SqliteBackend::open(options.clone()).unwrap();
    let old = store.range(&Prefix::all()).await.unwrap().cursor;
    for n in 0..20 {
        store.put(&key("a"), Bytes::from(n.to_string()), None).await.unwrap();
    }
    store.close().await;
    let rows = rusqlite::Connection::open(&path).unwrap();
    let count = rows.query_row("SELECT count(*) FROM changes", [], |row| row.get::<_, i64>(0));
    assert_eq!(count.unwrap(), 5);
    rows.close().unwrap();

    let store = SqliteBackend::open(options).unwrap();
    assert!(matches!(store.watch(Vec::new(), old).await, Err(Error::Compacted)));
}

#[tokio::test]
async fn a_cursor_of_another_store_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (open(&directory.path().join("1.db")), open(&directory.path().join("2.db")));
    for store in [&one, &two] {
        store.put(&key("a"), Bytes::new(), None).await.unwrap();
    }
    let cursor = one.range(&Prefix::all()).await.unwrap().cursor;
    assert!(matches!(two.watch(Vec::new(), cursor).await, Err(Error::Compacted)));
}

#[tokio::test]
async fn only_the_owner_may_read_any_of_the_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path);
    store.put(&key("a"), Bytes::from("secret"), None).await.unwrap();
    let modes = || {
        let files = std::fs::read_dir(directory.path()).unwrap().map(Result::unwrap);
        let mut modes: Vec<_> = files
            .map(|f| (f.file_name(), f.metadata().unwrap().permissions().mode() & 0o777))
            .collect();
        modes.sort();
        modes
    };
    let expected = ["store.db", "store.db-shm", "store.db-wal", "store.db.lock"];
    let expected: Vec<_> = expected.map(|name| (name.into(), 0o600)).into();
    assert_eq!(modes(), expected);
    store.close().await;

    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let store = open(&path);
    store.put(&key("a"), Bytes::from("secret"), None).await.unwrap();
    assert_eq!(modes(), expected);
}

#[tokio::test]
async fn more_writers_than_the_queue_holds_wait_for_a_place() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db"));
    let writers = 2 * super::QUEUE;
    let writes = (0..writers).map(|n| {
        let store = &store;
        async move { store.put(&key(&n.to_string()), Bytes::from("x"), None).await }
    });
    for result in join_all(writes).await {
        result.unwrap();
    }
    assert_eq!(store.range(&Prefix::all()).await.unwrap().items.len(), writers);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_list_taken_while_others_write_can_be_watched() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("store.db"));
    let writing = join_all((0..8).map(|writer| {
        let store = &store;
        async move {
            for n in 0..200 {
                let value = Bytes::from(n.to_string());
                store.put(&key(&writer.to_string()), value, None).await.unwrap();
            }
        }
    }));
    let listing = join_all((0..4).map(|_| async {
        for _ in 0..400 {
            // The commit that the list saw must be known to the watch, however fresh it is.
            let list = store.range(&Prefix::all()).await.unwrap();
            store.watch(Vec::new(), list.cursor).await.unwrap();
        }
    }));
    futures_util::join!(writing, listing);
}

#[tokio::test]
async fn a_store_that_is_dropped_lets_go_of_its_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path);
    store.put(&key("a"), Bytes::from("1"), None).await.unwrap();
    let cursor = store.range(&Prefix::all()).await.unwrap().cursor;
    let mut watch = store.watch(Vec::new(), cursor).await.unwrap();
    drop(store);
    // The watch ends after the lock is gone.
    assert!(matches!(watch.next().await, Err(Error::Closed)));
    assert_eq!(open(&path).get(&key("a")).await.unwrap().value, "1");
}
