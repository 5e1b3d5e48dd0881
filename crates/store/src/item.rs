//! What is kept: items and their revisions.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use time::OffsetDateTime;

use crate::Key;

/// Names one state of one item. Two revisions can be compared for equality and nothing else: what
/// the text means is the engine's business.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Revision(Arc<str>);

/// A key, its value, and when it ends.
#[derive(Clone, PartialEq, Eq)]
pub struct Item {
    /// Where it is kept.
    pub key: Key,
    /// What is kept.
    pub value: Bytes,
    /// From this moment on the item is not there any more. In whole milliseconds.
    pub expires: Option<OffsetDateTime>,
    /// The state that was read.
    pub revision: Revision,
}

// === impl Revision ===

impl Revision {
    /// A revision from the text that [`Revision::as_str`] gave.
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

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

// === impl Item ===

impl Item {
    /// Whether the item has ended at `now`.
    #[must_use]
    pub fn is_expired(&self, now: OffsetDateTime) -> bool {
        self.expires.is_some_and(|expires| expires <= now)
    }
}

impl fmt::Debug for Item {
    /// Values hold keys and password hashes: only their size is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Item")
            .field("key", &self.key)
            .field("value", &format_args!("{} bytes", self.value.len()))
            .field("expires", &self.expires)
            .field("revision", &self.revision)
            .finish()
    }
}

/// The moment in milliseconds since 1970, the precision that every engine keeps.
pub(crate) fn to_millis(at: OffsetDateTime) -> i64 {
    let millis = at.unix_timestamp_nanos().div_euclid(1_000_000);
    // `OffsetDateTime` ends with the year 9999, far inside of i64.
    i64::try_from(millis).unwrap_or(i64::MAX)
}

/// The moment that [`to_millis`] wrote; what lies outside of the calendar is its end.
pub(crate) fn from_millis(millis: i64) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(millis) * 1_000_000)
        .unwrap_or_else(|_| time::PrimitiveDateTime::MAX.assume_utc())
}
