//! Open watches end when the watcher may not watch any more.

use std::time::Duration;

use api::{Client, ErrorKind, Source as _, WatchEvent};
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use resource::{Kind, Lock, LockTarget, User};

use crate::cluster::{Cluster, role_with, rule};

type Events = BoxStream<'static, Result<WatchEvent, api::Error>>;

const PATIENCE: Duration = Duration::from_secs(5);

async fn watch(client: &Client, kind: Kind) -> Events {
    let listing = client.list(kind, resource::Secrets::Redact).await.unwrap();
    client.watch(vec![kind], listing.cursor).await.unwrap()
}

/// Why the watch ends; nothing when it just ends.
async fn end(mut events: Events) -> Option<ErrorKind> {
    let last = async {
        let mut last = None;
        while let Some(event) = events.next().await {
            last = event.err().map(|error| error.kind());
        }
        last
    };
    tokio::time::timeout(PATIENCE, last).await.expect("the watch goes on")
}

#[tokio::test]
async fn a_lock_ends_an_open_watch() {
    let cluster = Cluster::start().await;
    let alice = cluster.user_with_rule("alice", &["role"], &["list", "read"]).await;
    let events = watch(&alice, Kind::Role).await;
    let target = LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() };
    cluster.put(Lock::new("lock", target, "")).await;
    assert_eq!(end(events).await, Some(ErrorKind::Denied));
}

#[tokio::test]
async fn the_deletion_of_the_watcher_ends_an_open_watch() {
    let cluster = Cluster::start().await;
    let alice = cluster.user_with_rule("alice", &["lock"], &["list", "read"]).await;
    let events = watch(&alice, Kind::Lock).await;
    cluster.admin.delete(Kind::User, "alice").await.unwrap();
    assert_eq!(end(events).await, Some(ErrorKind::Unauthenticated));
}

#[tokio::test]
async fn a_changed_role_makes_the_watcher_list_again() {
    let cluster = Cluster::start().await;
    let alice = cluster.user_with_rule("alice", &["lock"], &["list", "read"]).await;
    let events = watch(&alice, Kind::Lock).await;
    let more = rule(&["lock", "user"], &["list", "read"]);
    cluster.put(role_with("alice", |allow| allow.rules.push(more))).await;
    assert_eq!(end(events).await, Some(ErrorKind::Gone));
}

#[tokio::test]
async fn the_certificates_end_is_the_watchs() {
    let cluster = Cluster::start().await;
    cluster.user_with_rule("alice", &["lock"], &["list", "read"]).await;
    let alice = cluster.certified("alice", Some(600)).await;
    let mut events = watch(&alice, Kind::Lock).await;
    cluster.put(User::new("bob", ["access"])).await;
    let quiet = tokio::time::timeout(Duration::from_millis(50), events.next()).await;
    assert!(quiet.is_err(), "users are not watched");
    cluster.clock.advance(Duration::from_secs(600));
    assert!(!matches!(end(events).await, Some(ErrorKind::Internal)));
}

#[tokio::test]
async fn the_services_end_is_the_watchs() {
    let cluster = Cluster::start().await;
    let events = watch(&cluster.admin, Kind::Lock).await;
    // The client's own tasks are in the same group and end as well.
    cluster.tasks.cancel();
    end(events).await;
    let late = cluster.tasks.shutdown(Duration::from_secs(10)).await;
    assert!(late.is_empty(), "still running: {late:?}");
    let socket = cluster.dir.path().join(auth::SOCKET_NAME);
    assert!(!socket.exists());
}
