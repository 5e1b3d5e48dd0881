//! Writes: one item each, conditional, put together into atomic groups.

use std::collections::BTreeSet;
use std::fmt;

use bytes::Bytes;
use time::OffsetDateTime;

use crate::item::{from_millis, to_millis};
use crate::{Error, Key, Revision};

/// The most bytes of values in one atomic write, and so the largest item. The request limit of
/// etcd is 1.5 MiB with keys and overhead; one MiB is room for a role of ten thousand patterns.
pub const MAX_ITEM_BYTES: usize = 1024 * 1024;

/// The most items in one atomic write. etcd's default is 128 operations, and each write is one
/// comparison and one operation.
pub const MAX_WRITES: usize = 64;

/// One change to one item, and the condition under which it happens.
#[derive(Clone, PartialEq, Eq)]
pub struct Write {
    /// The item's key.
    pub(crate) key: Key,
    /// What must be true of the item before.
    pub(crate) condition: Condition,
    /// What becomes of the item.
    pub(crate) action: Action,
}

/// What must be true of an item before a write. An expired item is absent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Nothing.
    Any,
    /// It is not there.
    Absent,
    /// It is there.
    Present,
    /// It is there, at this revision.
    At(Revision),
}

/// What becomes of an item.
#[derive(Clone, PartialEq, Eq)]
pub enum Action {
    /// It holds this value until then.
    Put {
        /// The value.
        value: Bytes,
        /// When it ends, in whole milliseconds.
        expires: Option<OffsetDateTime>,
    },
    /// It is gone.
    Delete,
}

// === impl Write ===

impl Write {
    /// Makes an item that must not be there.
    #[must_use]
    pub fn create(key: Key, value: Bytes, expires: Option<OffsetDateTime>) -> Self {
        Self { key, condition: Condition::Absent, action: Action::put(value, expires) }
    }

    /// Makes or replaces an item, whatever was there.
    #[must_use]
    pub fn put(key: Key, value: Bytes, expires: Option<OffsetDateTime>) -> Self {
        Self { key, condition: Condition::Any, action: Action::put(value, expires) }
    }

    /// Replaces the item that is at the revision `expected`. With the same value and a later end
    /// this keeps an item alive.
    #[must_use]
    pub fn compare_and_swap(
        key: Key,
        expected: Revision,
        value: Bytes,
        expires: Option<OffsetDateTime>,
    ) -> Self {
        Self { key, condition: Condition::At(expected), action: Action::put(value, expires) }
    }

    /// Deletes an item that must be there.
    #[must_use]
    pub const fn delete(key: Key) -> Self {
        Self { key, condition: Condition::Present, action: Action::Delete }
    }

    /// Deletes the item that is at the revision `expected`.
    #[must_use]
    pub const fn delete_if(key: Key, expected: Revision) -> Self {
        Self { key, condition: Condition::At(expected), action: Action::Delete }
    }

    /// The item's key.
    #[must_use]
    pub const fn key(&self) -> &Key {
        &self.key
    }

    /// What must be true of the item before.
    #[must_use]
    pub const fn condition(&self) -> &Condition {
        &self.condition
    }

    /// What becomes of the item.
    #[must_use]
    pub const fn action(&self) -> &Action {
        &self.action
    }

    /// Whether the condition holds for an item whose revision is `current`, `None` when it is not
    /// there or has expired.
    ///
    /// # Errors
    /// The error that the write ends with.
    pub fn check(&self, current: Option<&Revision>) -> Result<(), Error> {
        let key = || self.key.clone();
        match (&self.condition, current) {
            (Condition::Any, _) | (Condition::Absent, None) | (Condition::Present, Some(_)) => {
                Ok(())
            }
            (Condition::Absent, Some(_)) => Err(Error::AlreadyExists { key: key() }),
            (Condition::Present | Condition::At(_), None) => Err(Error::NotFound { key: key() }),
            (Condition::At(expected), Some(current)) if expected == current => Ok(()),
            (Condition::At(_), Some(_)) => Err(Error::Conflict { key: key() }),
        }
    }
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write")
            .field("key", &self.key)
            .field("condition", &self.condition)
            .field("action", &self.action)
            .finish()
    }
}

// === impl Action ===

impl Action {
    fn put(value: Bytes, expires: Option<OffsetDateTime>) -> Self {
        Self::Put { value, expires: expires.map(|at| from_millis(to_millis(at))) }
    }
}

impl fmt::Debug for Action {
    /// Values may be secret: only their size is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put { value, expires } => f
                .debug_struct("Put")
                .field("value", &format_args!("{} bytes", value.len()))
                .field("expires", expires)
                .finish(),
            Self::Delete => f.write_str("Delete"),
        }
    }
}

/// Checks what can be checked before an engine is asked. Every engine calls this first.
///
/// # Errors
/// [`Error::InvalidWrite`] and [`Error::TooLarge`].
pub fn validate(writes: &[Write]) -> Result<(), Error> {
    let refuse = |reason: String| Err(Error::InvalidWrite { reason });
    if writes.is_empty() {
        return refuse("there is nothing in it".to_owned());
    }
    if writes.len() > MAX_WRITES {
        return refuse(format!("it has {} items, at most {MAX_WRITES} are allowed", writes.len()));
    }
    let mut seen = BTreeSet::new();
    let mut size = 0_usize;
    for write in writes {
        if !seen.insert(&write.key) {
            return refuse(format!("the key {:?} is in it twice", write.key));
        }
        if let Action::Put { value, .. } = &write.action {
            size = size.saturating_add(value.len());
            if size > MAX_ITEM_BYTES {
                return Err(Error::TooLarge {
                    key: write.key.clone(),
                    size,
                    limit: MAX_ITEM_BYTES,
                });
            }
        }
    }
    Ok(())
}
