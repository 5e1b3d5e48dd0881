//! The recent changes of a store, in memory, for any number of watches.
//!
//! Engines that live in this process publish here what they committed. Changes are numbered
//! without gaps, so a place in the feed is a number; what is older than the [`Retention`] allows is
//! forgotten, and a watch that still needs it ends with [`Error::Compacted`].

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use parking_lot::Mutex;
use tokio::sync::watch;

use crate::watch::{Step, Watch};
use crate::{Cursor, Error, Event, Prefix};

/// How many entries a watch looks at while it holds the lock that the publisher needs.
const READ_AT_ONCE: usize = 256;

/// How much of the past a store remembers for watches that come back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// The most changes.
    pub changes: usize,
    /// The most bytes of values in them.
    pub bytes: usize,
}

/// The recent changes, and the wake-up for who waits for the next.
#[derive(Debug)]
pub(crate) struct Feed {
    /// Names the history that the numbers belong to: a cursor of another store, or of this one
    /// before it was made anew, is recognised.
    epoch: String,
    retention: Retention,
    /// Protects the ring against its one publisher and its many readers.
    ring: Mutex<Ring>,
    tip: watch::Sender<Tip>,
}

/// A numbered change.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) number: i64,
    pub(crate) event: Event,
}

#[derive(Debug)]
struct Ring {
    /// The changes `forgotten + 1 ..= forgotten + entries.len()`.
    entries: VecDeque<Entry>,
    /// The number of the newest change that is not kept.
    forgotten: i64,
    /// The bytes of values in `entries`.
    bytes: usize,
}

#[derive(Clone, Copy, Debug)]
struct Tip {
    number: i64,
    closed: bool,
}

/// One watch's way through the feed.
struct Follower {
    feed: Arc<Feed>,
    tip: watch::Receiver<Tip>,
    prefixes: Vec<Prefix>,
    position: i64,
    ready: VecDeque<Step>,
}

// === impl Retention ===

impl Default for Retention {
    /// Ten thousand changes, so that one wave over ten thousand apps does not outrun a watch that
    /// reconnects; 16 MiB, because these stay in memory.
    fn default() -> Self {
        Self { changes: 10_000, bytes: 16 * 1024 * 1024 }
    }
}

// === impl Feed ===

impl Feed {
    /// A feed whose history continues after `entries`, or after `last` when there are none.
    pub(crate) fn new(epoch: String, retention: Retention, last: i64, entries: Vec<Entry>) -> Self {
        let forgotten = entries.first().map_or(last, |first| first.number.saturating_sub(1));
        let bytes = entries.iter().map(Entry::bytes).sum();
        let number = entries.last().map_or(last, |entry| entry.number);
        let (tip, _) = watch::channel(Tip { number, closed: false });
        let ring = Mutex::new(Ring { entries: entries.into(), forgotten, bytes });
        Self { epoch, retention, ring, tip }
    }

    /// The number up to which changes will be forgotten once `new` is published.
    pub(crate) fn forgotten_after(&self, new: &[Entry]) -> i64 {
        let ring = self.ring.lock();
        let mut changes = ring.entries.len().saturating_add(new.len());
        let mut bytes = ring.bytes.saturating_add(new.iter().map(Entry::bytes).sum());
        let mut forgotten = ring.forgotten;
        for entry in ring.entries.iter().chain(new) {
            if changes <= self.retention.changes && bytes <= self.retention.bytes {
                break;
            }
            changes = changes.saturating_sub(1);
            bytes = bytes.saturating_sub(entry.bytes());
            forgotten = entry.number;
        }
        forgotten
    }

    /// Tells `new`, which continue the numbers, and forgets what is past the retention.
    pub(crate) fn publish(&self, new: Vec<Entry>) {
        let forgotten = self.forgotten_after(&new);
        let Some(number) = new.last().map(|entry| entry.number) else { return };
        {
            let mut ring = self.ring.lock();
            for entry in new {
                ring.bytes = ring.bytes.saturating_add(entry.bytes());
                ring.entries.push_back(entry);
            }
            while ring.forgotten < forgotten {
                let Some(oldest) = ring.entries.pop_front() else { break };
                ring.bytes = ring.bytes.saturating_sub(oldest.bytes());
                ring.forgotten = oldest.number;
            }
        }
        self.tip.send_modify(|tip| tip.number = number);
    }

    /// Ends all watches.
    pub(crate) fn close(&self) {
        self.tip.send_modify(|tip| tip.closed = true);
    }

    /// Waits until the feed is closed.
    pub(crate) async fn closed(&self) {
        // The sender lives in `self`, so waiting cannot fail.
        self.tip.subscribe().wait_for(|tip| tip.closed).await.ok();
    }

    /// Waits until the change `number` was published.
    pub(crate) async fn reached(&self, number: i64) -> Result<(), Error> {
        let mut tip = self.tip.subscribe();
        match tip.wait_for(|tip| tip.number >= number || tip.closed).await {
            Ok(tip) if tip.number >= number => Ok(()),
            _ => Err(Error::Closed),
        }
    }

    /// The cursor after the change `number`.
    pub(crate) fn cursor(&self, number: i64) -> Cursor {
        Cursor::new(&format!("{}.{number}", self.epoch))
    }

    /// The changes after `from`.
    pub(crate) fn watch(
        self: &Arc<Self>,
        prefixes: Vec<Prefix>,
        from: Cursor,
    ) -> Result<Watch, Error> {
        let tip = self.tip.subscribe();
        if tip.borrow().closed {
            return Err(Error::Closed);
        }
        let position = self.position(&from).ok_or(Error::Compacted)?;
        let feed = Arc::clone(self);
        let follower = Follower { feed, tip, prefixes, position, ready: VecDeque::new() };
        let steps = stream::unfold(follower, |mut follower| async move {
            Some((follower.next().await, follower))
        });
        Ok(Watch::new(from, steps.boxed()))
    }

    /// The number that `cursor` stands for, if the changes after it are all here.
    fn position(&self, cursor: &Cursor) -> Option<i64> {
        let (epoch, number) = cursor.as_str().split_once('.')?;
        let number: i64 = number.parse().ok()?;
        let known = self.ring.lock().forgotten..=self.tip.borrow().number;
        (epoch == self.epoch && known.contains(&number)).then_some(number)
    }

    /// Some steps after `position` and the place they reach, or `None` when there are no more yet.
    fn read(&self, position: i64, prefixes: &[Prefix]) -> Result<Option<(i64, Vec<Step>)>, Error> {
        let ring = self.ring.lock();
        let skip = position.checked_sub(ring.forgotten).and_then(|n| usize::try_from(n).ok());
        let skip = skip.ok_or(Error::Compacted)?;
        let mut reached = None;
        let mut steps = Vec::new();
        let mut told = position;
        for entry in ring.entries.iter().skip(skip).take(READ_AT_ONCE) {
            reached = Some(entry.number);
            let key = entry.event.key();
            if prefixes.is_empty() || prefixes.iter().any(|prefix| prefix.contains(key)) {
                let cursor = self.cursor(entry.number);
                steps.push(Step { cursor, event: Some(entry.event.clone()) });
                told = entry.number;
            }
        }
        drop(ring);
        Ok(reached.map(|reached| {
            if told < reached {
                steps.push(Step { cursor: self.cursor(reached), event: None });
            }
            (reached, steps)
        }))
    }
}

// === impl Follower ===

impl Follower {
    async fn next(&mut self) -> Result<Step, Error> {
        loop {
            if let Some(step) = self.ready.pop_front() {
                return Ok(step);
            }
            // Seen before reading: what is published in between wakes us again.
            let closed = self.tip.borrow_and_update().closed;
            match self.feed.read(self.position, &self.prefixes)? {
                Some((reached, steps)) => {
                    self.position = reached;
                    self.ready.extend(steps);
                }
                None if closed => return Err(Error::Closed),
                None => {
                    if self.tip.changed().await.is_err() {
                        return Err(Error::Closed);
                    }
                }
            }
        }
    }
}

// === impl Entry ===

impl Entry {
    fn bytes(&self) -> usize {
        match &self.event {
            Event::Put(item) => item.value.len(),
            Event::Delete(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests;
