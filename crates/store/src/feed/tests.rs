//! The feed: what is kept, what is forgotten, and that a watch never skips.

use std::sync::Arc;

use bytes::Bytes;

use super::{Entry, Feed, READ_AT_ONCE, Retention};
use crate::{Cursor, Error, Event, Item, Key, Prefix, Revision};

fn entry(number: i64, segments: &[&str], size: usize) -> Entry {
    let item = Item {
        key: Key::new(segments).unwrap(),
        value: Bytes::from(vec![b'x'; size]),
        expires: None,
        revision: Revision::new(&number.to_string()),
    };
    Entry { number, event: Event::Put(item) }
}

fn feed(changes: usize, bytes: usize) -> Arc<Feed> {
    Arc::new(Feed::new("e".into(), Retention { changes, bytes }, 0, Vec::new()))
}

fn is_compacted(feed: &Arc<Feed>, cursor: &str) -> bool {
    matches!(feed.watch(Vec::new(), Cursor::new(cursor)), Err(Error::Compacted))
}

#[test]
fn forgets_by_count_at_the_limit_and_not_before() {
    let feed = feed(3, usize::MAX);
    feed.publish((1..=3).map(|n| entry(n, &["a"], 1)).collect());
    assert!(!is_compacted(&feed, "e.0"));
    feed.publish(vec![entry(4, &["a"], 1)]);
    assert!(is_compacted(&feed, "e.0"));
    assert!(!is_compacted(&feed, "e.1"));
}

#[test]
fn forgets_by_bytes_even_within_one_group() {
    let feed = feed(100, 10);
    feed.publish(vec![entry(1, &["a"], 10)]);
    assert!(!is_compacted(&feed, "e.0"));
    feed.publish(vec![entry(2, &["a"], 6), entry(3, &["a"], 6)]);
    assert!(is_compacted(&feed, "e.1"));
    assert!(!is_compacted(&feed, "e.2"));
}

#[test]
fn cursors_of_other_histories_are_refused() {
    let feed = feed(10, 1000);
    feed.publish(vec![entry(1, &["a"], 1)]);
    for cursor in ["", "e", "e.", "e.x", "e.-1", "e.2", "f.1", "e.1.1"] {
        assert!(is_compacted(&feed, cursor), "{cursor:?}");
    }
    assert!(!is_compacted(&feed, "e.1"));
}

#[tokio::test]
async fn a_watch_moves_its_cursor_past_what_is_of_no_interest() {
    let feed = feed(10_000, usize::MAX);
    let prefixes = vec![Prefix::new(&["b"]).unwrap()];
    let mut watch = feed.watch(prefixes, Cursor::new("e.0")).unwrap();
    let last = i64::try_from(READ_AT_ONCE * 2 + 7).unwrap();
    feed.publish((1..last).map(|n| entry(n, &["a", "x"], 1)).collect());
    feed.publish(vec![entry(last, &["b", "x"], 1)]);
    assert_eq!(watch.next().await.unwrap().cursor, feed.cursor(last));
    feed.publish(vec![entry(last + 1, &["a", "x"], 1)]);
    feed.close();
    assert!(matches!(watch.next().await, Err(Error::Closed)));
    assert_eq!(watch.cursor(), &feed.cursor(last + 1));
    assert!(matches!(watch.next().await, Err(Error::Closed)));
}

#[tokio::test]
async fn a_watch_that_is_too_slow_is_told_so() {
    let feed = feed(2, usize::MAX);
    let mut watch = feed.watch(Vec::new(), Cursor::new("e.0")).unwrap();
    feed.publish((1..=3).map(|n| entry(n, &["a"], 1)).collect());
    assert!(matches!(watch.next().await, Err(Error::Compacted)));
    assert!(matches!(watch.next().await, Err(Error::Closed)));
}
