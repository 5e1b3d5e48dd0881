//! Why an operation on a store failed.

use std::sync::Arc;

use crate::Key;

/// What an operation can end with instead of its result.
///
/// It can be cloned, because one failed commit is the answer to everyone whose write was in it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// An item that had to be new is there.
    #[error("an item with the key {key:?} exists already")]
    AlreadyExists {
        /// The item's key.
        key: Key,
    },
    /// An item that had to be there is not, or has expired.
    #[error("there is no item with the key {key:?}")]
    NotFound {
        /// The item's key.
        key: Key,
    },
    /// An item that had to be at a given revision is at another one.
    #[error("the item with the key {key:?} has changed since it was read; read it again and retry")]
    Conflict {
        /// The item's key.
        key: Key,
    },
    /// The changes that follow a cursor are not kept any more, or the cursor is of another store.
    #[error("the changes after this cursor are not kept any more; list again and watch from there")]
    Compacted,
    /// A write holds more than one item may hold.
    #[error("the write to {key:?} holds {size} bytes, at most {limit} are allowed")]
    TooLarge {
        /// The key of the item that passed the limit.
        key: Key,
        /// The size of the write up to and with that item.
        size: usize,
        /// The limit.
        limit: usize,
    },
    /// A write that makes no sense: nothing in it, too much, or one key twice.
    #[error("the write was refused: {reason}")]
    InvalidWrite {
        /// What is wrong with it.
        reason: String,
    },
    /// The engine failed. Nothing of a write was kept.
    #[error("the store {place} is not available: {reason}")]
    Unavailable {
        /// The file or server.
        place: String,
        /// What failed, in words for an operator.
        reason: String,
        /// The engine's own error.
        #[source]
        source: Option<Arc<dyn std::error::Error + Send + Sync>>,
    },
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
}
