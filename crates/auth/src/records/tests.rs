use std::sync::Arc;

use api::ErrorKind;
use bytes::Bytes;
use resource::{Kind, Lock, LockTarget, Resource, Role, User};
use runtime::Clock;
use store::MemoryBackend;
use time::macros::datetime;

use super::{Condition, Records};
use crate::keys;

fn records() -> (Records, Clock) {
    let clock = Clock::manual(datetime!(2026-11-20 12:00:00 UTC));
    (Records::new(Arc::new(MemoryBackend::new(clock.clone()))), clock)
}

#[tokio::test]
async fn what_is_written_is_read_with_its_revision() {
    let (records, _clock) = records();
    let role = Resource::from(Role::new("dev"));
    let written = records.write(&role, Condition::Absent, Vec::new()).await.unwrap();
    assert!(written.metadata().revision.is_some());
    let found = records.find(Kind::Role, "dev").await.unwrap().unwrap();
    assert_eq!(found, written);
    let (all, _cursor) = records.list(Kind::Role).await.unwrap();
    assert_eq!(all, [written]);
}

#[tokio::test]
async fn conditions_hold() {
    let (records, _clock) = records();
    let role = Resource::from(Role::new("dev"));
    let first = records.write(&role, Condition::Absent, Vec::new()).await.unwrap();
    let again = records.write(&role, Condition::Absent, Vec::new()).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    assert_eq!(again.message(), r#"role "dev" already exists"#);
    let revision = first.metadata().revision.clone().unwrap();
    let at = || Condition::At(revision.clone());
    records.write(&role, at(), Vec::new()).await.unwrap();
    let stale = records.write(&role, at(), Vec::new()).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
    let stale = records.delete(Kind::Role, "dev", &revision, Vec::new()).await.unwrap_err();
    assert_eq!(stale.kind(), ErrorKind::Conflict);
}

#[tokio::test]
async fn what_has_expired_is_not_there() {
    let (records, clock) = records();
    let mut user = User::new("alice", ["access"]);
    user.metadata.expires = Some(clock.now() + time::Duration::HOUR);
    records.write(&user.into(), Condition::Absent, Vec::new()).await.unwrap();
    let found = records.find(Kind::User, "alice").await.unwrap().unwrap();
    assert_eq!(found.metadata().expires, Some(clock.now() + time::Duration::HOUR));
    clock.advance(std::time::Duration::from_secs(3600));
    assert!(records.find(Kind::User, "alice").await.unwrap().is_none());
}

#[tokio::test]
async fn what_cannot_be_read_is_passed_over_except_for_locks() {
    let (records, _clock) = records();
    let target = LockTarget { user: Some("alice".to_owned()), ..LockTarget::default() };
    let lock = Resource::from(Lock::new("good", target, ""));
    records.write(&lock, Condition::Absent, Vec::new()).await.unwrap();
    records.write(&Role::new("good").into(), Condition::Absent, Vec::new()).await.unwrap();
    for kind in [Kind::Role, Kind::Lock] {
        let key = keys::resource(kind, "bad").unwrap();
        let value = Bytes::from_static(b"{\"kind\":\"from the future\"}");
        records.store().put(&key, value, None).await.unwrap();
    }
    let (roles, _cursor) = records.list(Kind::Role).await.unwrap();
    assert_eq!(roles.len(), 1);
    let error = records.list(Kind::Lock).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}

#[tokio::test]
async fn names_that_look_like_paths_stay_names() {
    let (records, _clock) = records();
    records.write(&Role::new("a%2Fb").into(), Condition::Absent, Vec::new()).await.unwrap();
    assert!(records.find(Kind::Role, "a/b").await.unwrap().is_none());
    assert!(records.find(Kind::Role, "a%2Fb").await.unwrap().is_some());
    assert!(records.find(Kind::Role, "").await.is_err());
}
