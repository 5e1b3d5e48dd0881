//! Resources that were read from the store of late, by their revision.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use api::Error;
use parking_lot::Mutex;
use resource::Resource;
use store::{Item, Revision};

/// So many are remembered: watches that keep up are no further apart.
const MOST: usize = 2048;

/// What was read of late. No two states of any items have the same revision.
#[derive(Debug, Default)]
pub(crate) struct Memo {
    /// Held for a look-up or a change.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    by_revision: HashMap<Revision, Arc<Resource>>,
    /// The oldest first.
    order: VecDeque<Revision>,
}

// === impl Memo ===

impl Memo {
    /// The resource in an item, read by `decode` if it is not known.
    pub(crate) fn read(
        &self,
        item: &Item,
        decode: impl FnOnce(&Item) -> Result<Resource, Error>,
    ) -> Result<Arc<Resource>, Error> {
        if let Some(found) = self.known.lock().by_revision.get(&item.revision) {
            return Ok(found.clone());
        }
        let resource = Arc::new(decode(item)?);
        let mut known = self.known.lock();
        if known.by_revision.insert(item.revision.clone(), resource.clone()).is_none() {
            known.order.push_back(item.revision.clone());
        }
        if known.order.len() > MOST
            && let Some(oldest) = known.order.pop_front()
        {
            known.by_revision.remove(&oldest);
        }
        Ok(resource)
    }
}
