//! What a watch tells.

use std::fmt;
use std::sync::Arc;

use crate::{Item, Key};

/// A place in the sequence of changes. Opaque, like a revision; it may cross a wire as text.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cursor(Arc<str>);

/// What happened to an item.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// It was created or changed, and is now this.
    Put(Item),
    /// It was deleted, or it expired.
    Delete(Key),
}

/// An event, and the place after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Watching from here continues with the next event.
    pub cursor: Cursor,
    /// What happened.
    pub event: Event,
}

// === impl Cursor ===

impl Cursor {
    /// A cursor from the text that [`Cursor::as_str`] gave. Text that no engine wrote is found out
    /// by the watch, which answers with [`crate::Error::Compacted`].
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The text to hand around.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

// === impl Event ===

impl Event {
    /// The key it happened to.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put(item) => &item.key,
            Self::Delete(key) => key,
        }
    }
}
