//! Journals: numbers, limits, repairs, and what survives.

mod crash;
mod full;

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

use super::segment::path_of;
use super::{Durability, Journal, OpenError, Options, lines};

fn options(directory: &Path) -> Options {
    Options {
        directory: directory.to_owned(),
        segment_bytes: 100,
        max_bytes: 1_000_000,
        durability: Durability::Interval(Duration::from_millis(1)),
    }
}

fn open(directory: &Path) -> Journal {
    Journal::open(options(directory)).unwrap()
}

/// A line of 20 bytes.
fn line(n: u64) -> Vec<u8> {
    format!("{{\"number\": {n:>6} }}\n").into_bytes()
}

fn append(journal: &Journal, numbers: std::ops::RangeInclusive<u64>) {
    for n in numbers {
        assert_eq!(journal.append(&line(n), 1).unwrap(), n);
    }
}

/// All lines with their numbers, which must be those that were appended.
fn count(journal: &Journal) -> u64 {
    let mut expected = 1;
    for segment in journal.segments() {
        for (number, text) in lines(segment.first, &segment.read().unwrap()) {
            assert_eq!(number, expected);
            assert_eq!(text, line(number).strip_suffix(b"\n").unwrap());
            expected += 1;
        }
        assert_eq!(segment.end, expected);
    }
    expected - 1
}

#[test]
fn numbers_continue_over_segments_and_openings() {
    let directory = tempfile::tempdir().unwrap();
    for opening in 0..4 {
        let journal = open(directory.path());
        assert_eq!(journal.last(), opening * 7);
        append(&journal, opening * 7 + 1..=opening * 7 + 7);
        assert_eq!(count(&journal), journal.last());
    }
    // Five lines fill a segment.
    assert_eq!(open(directory.path()).segments().len(), 6);
}

#[test]
fn groups_are_numbered_line_by_line() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    let group: Vec<u8> = (1..=8).flat_map(line).collect();
    assert_eq!(journal.append(&group, 8).unwrap(), 8);
    append(&journal, 9..=9);
    assert_eq!(count(&journal), 9);
}

#[test]
fn a_torn_line_is_cut_off_wherever_it_was_torn() {
    for torn in 0..20 {
        let directory = tempfile::tempdir().unwrap();
        append(&open(directory.path()), 1..=8);
        let last = path_of(directory.path(), 6);
        let content = fs::read(&last).unwrap();
        assert_eq!(content.len(), 60);
        fs::write(&last, &content[..40 + torn]).unwrap();
        let journal = open(directory.path());
        assert_eq!(count(&journal), 7, "torn after {torn} bytes");
        append(&journal, 8..=9);
        assert_eq!(count(&journal), 9);
    }
}

#[test]
fn blocks_that_never_reached_the_disk_are_cut_off() {
    for tail in [&b"\0\0\0\0\0\0"[..], b"\0\0\0\n", b"\0\0\n{\n\0", b"not json\n", b"[1]\n", b"\n"]
    {
        let directory = tempfile::tempdir().unwrap();
        append(&open(directory.path()), 1..=3);
        let path = path_of(directory.path(), 1);
        let mut content = fs::read(&path).unwrap();
        content.extend_from_slice(tail);
        fs::write(&path, &content).unwrap();
        let journal = open(directory.path());
        assert_eq!(count(&journal), 3, "{tail:?}");
        append(&journal, 4..=4);
        assert_eq!(count(&journal), 4);
    }
}

#[test]
fn a_torn_line_in_a_complete_segment_does_not_swallow_the_next() {
    let directory = tempfile::tempdir().unwrap();
    append(&open(directory.path()), 1..=12);
    let path = path_of(directory.path(), 1);
    let content = fs::read(&path).unwrap();
    fs::write(&path, &content[..90]).unwrap();
    let journal = open(directory.path());
    let numbers: Vec<u64> = journal
        .segments()
        .iter()
        .flat_map(|segment| {
            let content = segment.read().unwrap();
            lines(segment.first, &content).map(|(number, _)| number).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(numbers, [1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12]);
    assert_eq!(journal.last(), 12);
}

#[test]
fn what_is_forgotten_is_gone_and_numbers_stay() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    append(&journal, 1..=12);
    journal.forget(4).unwrap();
    assert!(path_of(directory.path(), 1).exists());
    journal.forget(5).unwrap();
    assert!(!path_of(directory.path(), 1).exists());
    journal.forget(100).unwrap();
    let firsts: Vec<u64> = journal.segments().iter().map(|segment| segment.first).collect();
    assert_eq!(firsts, [11], "the segment that is written to stays");
    drop(journal);
    let journal = open(directory.path());
    assert_eq!(journal.last(), 12);
}

#[test]
fn only_one_may_have_it_open() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    let error = Journal::open(options(directory.path())).unwrap_err();
    assert!(matches!(error, OpenError::InUse { .. }), "{error:?}");
    drop(journal);
    open(directory.path());
}

#[test]
fn a_place_that_cannot_be_written_is_told() {
    for place in ["/sys/kernel/audit", "/proc/version/audit"] {
        let error = Journal::open(options(Path::new(place))).unwrap_err();
        assert!(matches!(error, OpenError::NotWritable { .. }), "{error:?}");
    }
}

#[test]
fn only_the_owner_may_read() {
    let directory = tempfile::tempdir().unwrap();
    let inner = directory.path().join("audit");
    fs::create_dir(&inner).unwrap();
    fs::set_permissions(&inner, fs::Permissions::from_mode(0o755)).unwrap();
    let journal = open(&inner);
    append(&journal, 1..=6);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&inner), 0o700);
    for entry in fs::read_dir(&inner).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{path:?}");
    }
}

#[tokio::test]
async fn settling_waits_for_the_disk_and_wakes_the_thread() {
    let directory = tempfile::tempdir().unwrap();
    for durability in [Durability::Strict, Durability::Interval(Duration::from_secs(3600))] {
        let journal = Journal::open(Options { durability, ..options(directory.path()) }).unwrap();
        let from = journal.last() + 1;
        for n in from..from + 20 {
            append(&journal, n..=n);
            let settled = tokio::time::timeout(Duration::from_secs(20), journal.settle(n)).await;
            settled.expect("nobody waits for the interval").unwrap();
            assert!(journal.synced().borrow().upto >= n);
        }
        // What is on disk already is not waited for.
        journal.settle(from).await.unwrap();
    }
}

#[tokio::test]
async fn an_interval_ends_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let journal = open(directory.path());
    append(&journal, 1..=3);
    let mut synced = journal.synced();
    let done = synced.wait_for(|synced| synced.upto == 3);
    tokio::time::timeout(Duration::from_secs(20), done).await.unwrap().unwrap();
}

#[tokio::test]
async fn closing_forces_to_disk_and_refuses_what_comes_later() {
    let directory = tempfile::tempdir().unwrap();
    let hour = Durability::Interval(Duration::from_secs(3600));
    let journal = Journal::open(Options { durability: hour, ..options(directory.path()) }).unwrap();
    append(&journal, 1..=3);
    journal.close();
    assert_eq!(journal.synced().borrow().upto, 3);
    assert!(journal.append(&line(4), 1).is_err());
    journal.settle(3).await.unwrap();
    assert!(journal.settle(4).await.is_err());
    journal.close();
}

#[test]
fn writers_on_many_threads_keep_lines_whole() {
    let directory = tempfile::tempdir().unwrap();
    let journal =
        Journal::open(Options { segment_bytes: 2000, ..options(directory.path()) }).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let journal = &journal;
            scope.spawn(move || {
                for n in 0..200 {
                    let text = format!("{{\"writer\":{writer},\"n\":{n}}}\n");
                    journal.append(text.as_bytes(), 1).unwrap();
                }
            });
        }
    });
    let mut next = [0; 8];
    for segment in journal.segments() {
        for (_, text) in lines(segment.first, &segment.read().unwrap()) {
            let value: serde_json::Value = serde_json::from_slice(text).unwrap();
            let writer = usize::try_from(value["writer"].as_u64().unwrap()).unwrap();
            assert_eq!(value["n"], next[writer], "each writer's lines are in its order");
            next[writer] += 1;
        }
    }
    assert_eq!(next, [200; 8]);
    assert_eq!(journal.last(), 1600);
}
