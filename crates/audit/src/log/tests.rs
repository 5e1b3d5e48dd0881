//! The log: each shipped line once, whatever happens, and queries.

mod queries;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Ingested, Log, LogOptions, Query, Shipment};
use crate::spool::MAX_BATCH_BYTES;
use crate::spool::tests::event;
use crate::{Durability, MAX_EVENT_BYTES, Sink as _};

fn options(directory: &Path) -> LogOptions {
    LogOptions {
        segment_bytes: 2000,
        durability: Durability::Interval(Duration::from_millis(1)),
        ..LogOptions::new(directory)
    }
}

fn open(directory: &Path) -> Log {
    Log::open(options(directory)).unwrap()
}

/// The lines of users `from` to `to`.
fn lines(users: std::ops::RangeInclusive<u64>) -> Vec<u8> {
    users.flat_map(|n| event(&format!("user-{n}")).line().to_vec()).collect()
}

async fn ship(log: &Log, source: &str, users: std::ops::RangeInclusive<u64>) -> Ingested {
    let first = *users.start();
    let lines = lines(users);
    let shipment = Shipment { host: "host", source, first, lines: &lines };
    log.ingest(shipment).await.unwrap()
}

const fn ingested(appended: u64, duplicates: u64) -> Ingested {
    Ingested { appended, duplicates, damaged: 0 }
}

/// The sources and numbers of all shipped events, oldest first.
async fn shipped(log: &Log) -> Vec<(String, u64)> {
    let page = log.query(Query::default()).await.unwrap();
    let mut all: Vec<(String, u64)> = page
        .events
        .iter()
        .map(|entry| serde_json::from_str::<serde_json::Value>(&entry.json).unwrap())
        .filter(|value| value.get("spool").is_some())
        .map(|value| {
            let number = value["spool_seq"].as_u64().unwrap();
            assert_eq!(value["user"], format!("user-{number}"));
            (value["spool"].as_str().unwrap().to_owned(), number)
        })
        .collect();
    all.reverse();
    all
}

fn numbers(source: &str, range: std::ops::RangeInclusive<u64>) -> Vec<(String, u64)> {
    range.map(|n| (format!("host/{source}"), n)).collect()
}

#[tokio::test]
async fn each_line_is_taken_once() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    assert_eq!(ship(&log, "a", 1..=5).await, ingested(5, 0));
    assert_eq!(ship(&log, "a", 1..=5).await, ingested(0, 5));
    assert_eq!(ship(&log, "a", 3..=8).await, ingested(3, 3));
    assert_eq!(ship(&log, "a", 2..=2).await, ingested(0, 1));
    // The same numbers of another source are other lines; a source may begin anywhere.
    assert_eq!(ship(&log, "b", 4..=6).await, ingested(3, 0));
    // Lines that never came do not hold up what follows.
    assert_eq!(ship(&log, "a", 20..=21).await, ingested(2, 0));
    let expected = [numbers("a", 1..=8), numbers("b", 4..=6), numbers("a", 20..=21)].concat();
    assert_eq!(shipped(&log).await, expected);
}

#[tokio::test]
async fn the_same_number_of_another_host_is_another_line() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let lines = lines(1..=1);
    for host in ["one", "two"] {
        let shipment = Shipment { host, source: "same", first: 1, lines: &lines };
        assert_eq!(log.ingest(shipment).await.unwrap(), ingested(1, 0));
    }
}

#[tokio::test]
async fn each_line_is_taken_once_also_across_a_crash() {
    let directory = tempfile::tempdir().unwrap();
    for round in 1..=4 {
        // Dropped without closing: no note is written.
        let log = open(directory.path());
        let from = round * 5 - 4;
        let again = if round == 1 { 0 } else { 3 };
        assert_eq!(ship(&log, "a", from - again..=from + 4).await, ingested(5, again));
    }
    assert_eq!(shipped(&open(directory.path())).await, numbers("a", 1..=20));
}

#[tokio::test]
async fn each_line_is_taken_once_also_after_closing() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    ship(&log, "a", 1..=5).await;
    log.close().unwrap();
    drop(log);
    let log = open(directory.path());
    assert_eq!(ship(&log, "a", 1..=7).await, ingested(2, 5));
    drop(log);
    // From the note, and from the lines after it.
    let log = open(directory.path());
    assert_eq!(ship(&log, "a", 1..=8).await, ingested(1, 7));
}

#[tokio::test]
async fn a_note_about_lines_that_are_not_here_is_not_believed() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    ship(&log, "a", 1..=5).await;
    log.close().unwrap();
    drop(log);
    // The disk lost the lines and kept the note.
    for entry in std::fs::read_dir(directory.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|extension| extension == "jsonl") {
            std::fs::remove_file(path).unwrap();
        }
    }
    let log = open(directory.path());
    assert_eq!(ship(&log, "a", 1..=5).await, ingested(5, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_senders_of_the_same_lines_leave_one_of_each() {
    let directory = tempfile::tempdir().unwrap();
    let log = Arc::new(open(directory.path()));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let log = Arc::clone(&log);
        senders.spawn(async move { ship(&log, "a", 1..=50).await });
    }
    let done = senders.join_all().await;
    assert_eq!(done.iter().map(|done| done.appended).sum::<u64>(), 50);
    assert_eq!(shipped(&log).await, numbers("a", 1..=50));
}

#[tokio::test]
async fn what_is_no_event_is_left_out_and_holds_nothing_up() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let whole = lines(1..=1);
    let text = str::from_utf8(&whole).unwrap().trim_end();
    let forged = text.replace("\"ei\":0", "\"ei\":0,\"spool\":\"host/b\",\"spool_seq\":7");
    let escaped = text.replace("\"ei\":0", "\"ei\":0,\"\\u0073pool\":\"host/b\"");
    let twice = text.replace("\"ei\":0", "\"ei\":0,\"event\":\"user.login\"");
    let long = text.replace("\"ei\":0", &format!("\"x\":\"{}\"", "y".repeat(MAX_EVENT_BYTES)));
    let array = "[\"e\",\"c\",\"u\",\"2026-01-01T00:00:00Z\"]";
    let broken = text.replace("example", "exa\u{0}mple");
    for damaged in
        ["", "{}", "null", array, "{\"event\":1}", &forged, &escaped, &twice, &long, &broken]
    {
        let lines = format!("{damaged}\n");
        let first = log.sources.lock().known("host/a").unwrap_or(0) + 1;
        let shipment = Shipment { host: "host", source: "a", first, lines: lines.as_bytes() };
        let done = log.ingest(shipment).await.unwrap();
        assert_eq!(done, Ingested { damaged: 1, ..Ingested::default() }, "{damaged}");
    }
    let invalid = Shipment { host: "host", source: "u", first: 1, lines: b"{\"x\":\"\xff\"}\n" };
    assert_eq!(log.ingest(invalid).await.unwrap().damaged, 1);
    assert_eq!(log.query(Query::default()).await.unwrap().events, []);
    assert_eq!(ship(&log, "a", 50..=50).await, ingested(1, 0));
}

#[tokio::test]
async fn what_is_no_shipment_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let log = open(directory.path());
    let line = lines(1..=1);
    let good = Shipment { host: "host", source: "a", first: 1, lines: &line };
    let large = [vec![b'x'; MAX_BATCH_BYTES], b"\n".to_vec()].concat();
    let name = "x".repeat(129);
    for bad in [
        Shipment { host: "", ..good },
        Shipment { source: "", ..good },
        Shipment { host: "a/b", ..good },
        Shipment { source: "a\"b", ..good },
        Shipment { source: &name, ..good },
        Shipment { first: 0, ..good },
        Shipment { lines: b"", ..good },
        Shipment { lines: b"{}", ..good },
        Shipment { lines: &large, ..good },
    ] {
        let error = log.ingest(bad).await.unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    }
    assert_eq!(log.ingest(good).await.unwrap(), ingested(1, 0));
}

#[tokio::test]
async fn a_shipment_that_does_not_fit_leaves_nothing_behind() {
    let directory = tempfile::tempdir().unwrap();
    let log = Log::open(LogOptions { max_bytes: 2000, ..options(directory.path()) }).unwrap();
    let many = lines(1..=20);
    let shipment = Shipment { host: "host", source: "a", first: 1, lines: &many };
    let error = log.ingest(shipment).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::StorageFull);
    assert_eq!(log.query(Query::default()).await.unwrap().events, []);
    assert_eq!(ship(&log, "a", 1..=3).await, ingested(3, 0));
    let event = event("alice");
    let refused = (0..100).find(|_| log.append(&event).is_err());
    assert!(refused.is_some(), "a full log refuses");
}

#[tokio::test]
async fn what_is_answered_is_on_disk() {
    let directory = tempfile::tempdir().unwrap();
    let hour = Durability::Interval(Duration::from_secs(3600));
    let log = Log::open(LogOptions { durability: hour, ..options(directory.path()) }).unwrap();
    let done = tokio::time::timeout(Duration::from_secs(20), ship(&log, "a", 1..=5)).await;
    assert_eq!(done.unwrap(), ingested(5, 0));
    assert_eq!(log.journal.synced().borrow().upto, 5);
    // An attempt that was cut off between writing and waiting is waited for by the next.
    let lines = lines(6..=6);
    let again = Shipment { host: "host", source: "a", first: 6, lines: &lines };
    log.append_new("host/a", &again).unwrap();
    assert_eq!(log.journal.synced().borrow().upto, 5);
    assert_eq!(log.ingest(again).await.unwrap(), ingested(0, 1));
    assert_eq!(log.journal.synced().borrow().upto, 6);
}
