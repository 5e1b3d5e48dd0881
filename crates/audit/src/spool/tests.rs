//! Spools: everything is shipped, in order, and known by its source and number.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use runtime::Clock;
use serde_json::value::RawValue;
use time::OffsetDateTime;

use super::{Batch, CURSOR, MAX_BATCH_BYTES, Spool, SpoolOptions};
use crate::record::{AuthPreferenceUpdate, McpNotification, Outcome, UserMetadata};
use crate::record::{McpSession, McpSessionFields};
use crate::redact::Uri;
use crate::{Durability, Event, Message, Sink as _, Stamper};

pub(crate) fn stamper() -> Stamper {
    Stamper::new("example", Clock::manual(OffsetDateTime::UNIX_EPOCH))
}

/// An event of this user.
pub(crate) fn event(user: &str) -> Event {
    stamper().event(&AuthPreferenceUpdate { actor: &UserMetadata::named(user) }).unwrap()
}

/// An event of about this many bytes.
fn large_event(size: usize) -> Event {
    let user = UserMetadata::named("alice");
    let session = McpSession::new(&McpSessionFields {
        session_id: "1",
        user: &user,
        with_mfa: None,
        private_key_policy: None,
        app_name: "app",
        app_uri: Uri::new("mcp+stdio://"),
        server_id: "1",
        server_hostname: "n",
        server_version: "1",
        mcp_session_id: None,
    });
    let params = RawValue::from_string(format!("\"{}\"", "x".repeat(size))).unwrap();
    let session = session.unwrap();
    let message = Message::new("x", None, Some(&params));
    let outcome = Outcome::Success;
    let record = McpNotification { session: &session, message, outcome, headers: None };
    stamper().event(&record).unwrap()
}

pub(crate) fn options(directory: &Path) -> SpoolOptions {
    SpoolOptions {
        segment_bytes: 1000,
        durability: Durability::Interval(Duration::from_millis(1)),
        ..SpoolOptions::new(directory)
    }
}

pub(crate) fn open(directory: &Path) -> Spool {
    Spool::open(options(directory)).unwrap()
}

/// Records so many events, of users `user-<from>` and so on.
pub(crate) fn record(spool: &Spool, users: std::ops::Range<usize>) {
    for user in users {
        spool.append(&event(&format!("user-{user}"))).unwrap();
    }
}

/// The next batch, once everything that was recorded is on disk.
async fn next(spool: &Spool) -> Option<Batch> {
    spool.journal.settle(spool.journal.last()).await.unwrap();
    spool.next_batch().unwrap()
}

fn users(batch: &Batch) -> Vec<String> {
    let lines = str::from_utf8(&batch.lines).unwrap().lines();
    let user = |line| serde_json::from_str::<serde_json::Value>(line).unwrap()["user"].clone();
    lines.map(|line| user(line).as_str().unwrap().to_owned()).collect()
}

/// Ships everything that is there, and gives the users in order.
async fn drain(spool: &Spool) -> Vec<String> {
    let mut all = Vec::new();
    while let Some(batch) = next(spool).await {
        all.extend(users(&batch));
        spool.acknowledge(&batch).unwrap();
    }
    all
}

fn names(range: std::ops::Range<usize>) -> Vec<String> {
    range.map(|n| format!("user-{n}")).collect()
}

#[tokio::test]
async fn ships_everything_once_and_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    assert_eq!(next(&spool).await, None);
    record(&spool, 0..50);
    assert_eq!(spool.waiting(), 50);
    assert_eq!(drain(&spool).await, names(0..50));
    assert_eq!(spool.waiting(), 0);
    record(&spool, 50..60);
    assert_eq!(drain(&spool).await, names(50..60));
}

#[tokio::test]
async fn what_was_not_acknowledged_is_shipped_again_with_the_same_numbers() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    record(&spool, 0..3);
    let first = next(&spool).await.unwrap();
    let again = next(&spool).await.unwrap();
    assert_eq!(first, again);
    drop(spool);
    let spool = open(directory.path());
    let after = next(&spool).await.unwrap();
    assert_eq!((&after.source, after.first, &after.lines), (&first.source, 1, &first.lines));
}

#[tokio::test]
async fn what_was_acknowledged_is_not_shipped_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let spool = open(directory.path());
    record(&spool, 0..30);
    let batch = next(&spool).await.unwrap();
    let shipped = users(&batch).len();
    assert!(shipped < 30, "more than one segment");
    spool.acknowledge(&batch).unwrap();
    drop(spool);
    let spool = open(directory.path());
    assert_eq!(drain(&spool).await, names(shipped..30));
    drop(spool);
    let spool = open(directory.path());
    assert_eq!(drain(&spool).await, names(0..0));
}

#[tokio::test]
async fn each_run_is_a_source_and_no_batch_is_of_two() {
    let directory = tempfile::tempdir().unwrap();
    let mut sources = BTreeSet::new();
    for run in 0..4 {
        let spool =
            Spool::open(SpoolOptions { segment_bytes: 1_000_000, ..options(directory.path()) });
        record(&spool.unwrap(), run * 2..run * 2 + 2);
    }
    let spool = open(directory.path());
    for run in 0..4 {
        let batch = next(&spool).await.unwrap();
        assert_eq!(users(&batch), names(run * 2..run * 2 + 2));
        assert_eq!(batch.first, u64::try_from(run).unwrap() * 2 + 1);
        spool.acknowledge(&batch).unwrap();
        sources.insert(batch.source);
    }
    assert_eq!(sources.len(), 4);
}

#[tokio::test]
async fn a_spool_set_back_to_an_older_state_does_not_reuse_names() {
    let directory = tempfile::tempdir().unwrap();
    let copy = tempfile::tempdir().unwrap();
    let copy_to = |from: &Path, to: &Path| {
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    };
    record(&open(directory.path()), 0..2);
    copy_to(directory.path(), copy.path());
    // One future ships what the other, after the backup was restored, must not collide with.
    let mut seen = BTreeSet::new();
    for place in [directory.path(), copy.path()] {
        let spool = open(place);
        record(&spool, 2..4);
        while let Some(batch) = next(&spool).await {
            let numbers = batch.first..;
            for (number, _) in numbers.zip(users(&batch)).filter(|(number, _)| *number > 2) {
                assert!(seen.insert((Arc::clone(&batch.source), number)), "{number} twice");
            }
            spool.acknowledge(&batch).unwrap();
        }
    }
    assert_eq!(seen.len(), 4);
}

#[tokio::test]
async fn lost_notes_do_no_harm() {
    for lost in [CURSOR, "sources"] {
        let directory = tempfile::tempdir().unwrap();
        let spool = open(directory.path());
        record(&spool, 0..3);
        let batch = next(&spool).await.unwrap();
        spool.acknowledge(&batch).unwrap();
        record(&spool, 3..5);
        drop(spool);
        std::fs::remove_file(directory.path().join(lost)).unwrap();
        let spool = open(directory.path());
        let shipped = drain(&spool).await;
        assert!(shipped.ends_with(&names(3..5)), "{shipped:?}");
    }
    // A note from before the files were deleted: nothing new may be taken for shipped.
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join(CURSOR), "1000\n").unwrap();
    let spool = open(directory.path());
    record(&spool, 0..3);
    assert_eq!(drain(&spool).await, names(0..3));
}

#[tokio::test]
async fn batches_are_bounded() {
    let directory = tempfile::tempdir().unwrap();
    let options = SpoolOptions { segment_bytes: 100_000_000, ..options(directory.path()) };
    let spool = Spool::open(options).unwrap();
    let event = large_event(30_000);
    let count = 2 * MAX_BATCH_BYTES / event.line().len() + 3;
    for _ in 0..count {
        spool.append(&event).unwrap();
    }
    let mut sizes = Vec::new();
    let mut lines = 0;
    while let Some(batch) = next(&spool).await {
        sizes.push(batch.lines.len());
        lines += batch.lines.len() / event.line().len();
        spool.acknowledge(&batch).unwrap();
    }
    assert_eq!(lines, count);
    assert_eq!(sizes.len(), 3, "{sizes:?}");
    assert!(sizes[0] <= MAX_BATCH_BYTES && sizes[0] + event.line().len() > MAX_BATCH_BYTES);
}

#[tokio::test]
async fn a_full_spool_refuses_until_something_is_shipped() {
    let directory = tempfile::tempdir().unwrap();
    let spool = Spool::open(SpoolOptions { max_bytes: 3000, ..options(directory.path()) }).unwrap();
    let event = event("alice");
    let written = (0..).find(|_| spool.append(&event).is_err()).unwrap();
    assert_eq!(spool.waiting(), written);
    let error = spool.record(&event).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    let batch = next(&spool).await.unwrap();
    spool.acknowledge(&batch).unwrap();
    spool.record(&event).await.unwrap();
}

#[tokio::test]
async fn only_what_is_on_disk_is_shipped() {
    let directory = tempfile::tempdir().unwrap();
    let hour = Durability::Interval(Duration::from_secs(3600));
    let spool =
        Spool::open(SpoolOptions { durability: hour, ..options(directory.path()) }).unwrap();
    record(&spool, 0..1);
    assert_eq!(spool.next_batch().unwrap(), None);
    assert_eq!(drain(&spool).await, names(0..1));
}

#[tokio::test]
async fn strict_recording_returns_when_it_is_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let strict = SpoolOptions { durability: Durability::Strict, ..options(directory.path()) };
    let spool = Spool::open(strict).unwrap();
    spool.record(&event("user-0")).await.unwrap();
    let batch = spool.next_batch().unwrap().expect("it is on disk");
    assert_eq!(users(&batch), names(0..1));
}
