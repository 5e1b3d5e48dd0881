//! A copy of a part of the store, kept the way the services keep theirs: list, then watch.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Failure, Outcome, PATIENCE, ensure};
use crate::{Backend, Error, Event, Item, Key, Prefix, Watch};

/// The copy and its watch.
#[derive(Debug)]
pub(super) struct Replica {
    store: Arc<dyn Backend>,
    prefix: Prefix,
    items: BTreeMap<Key, Item>,
    watch: Watch,
}

// === impl Replica ===

impl Replica {
    /// Lists, and watches from there.
    pub(super) async fn list(store: Arc<dyn Backend>, prefix: Prefix) -> Result<Self, Failure> {
        let list = store.range(&prefix).await?;
        let watch = store.watch(vec![prefix.clone()], list.cursor).await?;
        let items = list.items.into_iter().map(|item| (item.key.clone(), item)).collect();
        Ok(Self { store, prefix, items, watch })
    }

    /// Follows the changes until this item is there.
    pub(super) async fn follow_until(&mut self, last: &Key) -> Outcome {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.items.contains_key(last) {
            let Ok(change) = tokio::time::timeout_at(deadline, self.watch.next()).await else {
                return Err(Failure::new(format!("{last} was not told in time")));
            };
            match change {
                Ok(change) => match change.event {
                    Event::Put(item) => drop(self.items.insert(item.key.clone(), item)),
                    Event::Delete(key) => {
                        let known = self.items.remove(&key).is_some();
                        ensure!(known, "{key} was told as deleted and was never there");
                    }
                },
                Err(Error::Compacted) => {
                    *self = Self::list(Arc::clone(&self.store), self.prefix.clone()).await?;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    /// Fails unless the copy is exactly `kept`.
    pub(super) fn compare(&self, kept: &[Item]) -> Outcome {
        ensure!(self.items.values().eq(kept), "replica {:?}, store {kept:?}", self.items);
        Ok(())
    }
}
