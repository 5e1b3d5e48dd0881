//! The store that forgets with the process: for tests, and the measure for the other engines.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, ready};
use parking_lot::Mutex;
use runtime::Clock;

use crate::feed::{Entry, Feed};
use crate::write::{Action, validate};
use crate::{
    Backend, Cursor, Error, Event, Item, Key, Prefix, Retention, Revision, Snapshot, Watch, Write,
};

/// Keeps everything in memory.
#[derive(Debug)]
pub struct MemoryBackend {
    clock: Clock,
    feed: Arc<Feed>,
    /// Protects the items; publishing happens under it, so that the feed's order is theirs.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    items: BTreeMap<Key, Item>,
    /// The number of the newest change.
    number: i64,
    closed: bool,
}

// === impl MemoryBackend ===

impl MemoryBackend {
    /// An empty store.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with_retention(clock, Retention::default())
    }

    /// An empty store that remembers so many changes for its watches.
    #[must_use]
    pub fn with_retention(clock: Clock, retention: Retention) -> Self {
        let epoch = uuid::Uuid::new_v4().simple().to_string();
        let feed = Arc::new(Feed::new(epoch, retention, 0, Vec::new()));
        Self { clock, feed, state: Mutex::default() }
    }

    fn write_now(&self, writes: Vec<Write>) -> Result<Vec<Revision>, Error> {
        validate(&writes)?;
        let now = self.clock.now();
        let mut state = self.open_state()?;
        for write in &writes {
            let current = state.items.get(&write.key).filter(|item| !item.is_expired(now));
            write.check(current.map(|item| &item.revision))?;
        }
        let mut revisions = Vec::with_capacity(writes.len());
        let mut entries = Vec::with_capacity(writes.len());
        for Write { key, action, .. } in writes {
            let number = state.next_number();
            let revision = Revision::new(&number.to_string());
            let event = match action {
                Action::Put { value, expires } => {
                    let item =
                        Item { key: key.clone(), value, expires, revision: revision.clone() };
                    state.items.insert(key, item.clone());
                    Event::Put(item)
                }
                Action::Delete => {
                    state.items.remove(&key);
                    Event::Delete(key)
                }
            };
            entries.push(Entry { number, event });
            revisions.push(revision);
        }
        self.feed.publish(entries);
        Ok(revisions)
    }

    fn get_now(&self, key: &Key) -> Result<Item, Error> {
        let now = self.clock.now();
        let state = self.open_state()?;
        let item = state.items.get(key).filter(|item| !item.is_expired(now));
        item.cloned().ok_or_else(|| Error::NotFound { key: key.clone() })
    }

    fn range_now(&self, prefix: &Prefix) -> Result<Snapshot, Error> {
        let now = self.clock.now();
        let state = self.open_state()?;
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let items = state.items.range::<str, _>(from).map(|(_, item)| item);
        let items = items.take_while(|item| prefix.contains(&item.key));
        let items = items.filter(|item| !item.is_expired(now)).cloned().collect();
        Ok(Snapshot { items, cursor: self.feed.cursor(state.number) })
    }

    fn sweep_now(&self) -> Result<usize, Error> {
        let now = self.clock.now();
        let mut state = self.open_state()?;
        let expired = state.items.values().filter(|item| item.is_expired(now));
        let expired: Vec<Key> = expired.map(|item| item.key.clone()).collect();
        let swept = expired.len();
        let mut entries = Vec::with_capacity(swept);
        for key in expired {
            state.items.remove(&key);
            entries.push(Entry { number: state.next_number(), event: Event::Delete(key) });
        }
        self.feed.publish(entries);
        Ok(swept)
    }

    fn open_state(&self) -> Result<parking_lot::MutexGuard<'_, State>, Error> {
        let state = self.state.lock();
        if state.closed { Err(Error::Closed) } else { Ok(state) }
    }
}

impl Backend for MemoryBackend {
    fn write(&self, writes: Vec<Write>) -> BoxFuture<'_, Result<Vec<Revision>, Error>> {
        async move { self.write_now(writes) }.boxed()
    }

    fn get(&self, key: &Key) -> BoxFuture<'_, Result<Item, Error>> {
        ready(self.get_now(key)).boxed()
    }

    fn range(&self, prefix: &Prefix) -> BoxFuture<'_, Result<Snapshot, Error>> {
        ready(self.range_now(prefix)).boxed()
    }

    fn watch(&self, prefixes: Vec<Prefix>, from: Cursor) -> BoxFuture<'_, Result<Watch, Error>> {
        ready(self.feed.watch(prefixes, from)).boxed()
    }

    fn sweep(&self) -> BoxFuture<'_, Result<usize, Error>> {
        async move { self.sweep_now() }.boxed()
    }

    fn close(&self) -> BoxFuture<'_, ()> {
        self.state.lock().closed = true;
        self.feed.close();
        ready(()).boxed()
    }
}

// === impl State ===

impl State {
    const fn next_number(&mut self) -> i64 {
        self.number = self.number.saturating_add(1);
        self.number
    }
}

#[cfg(test)]
mod tests;
