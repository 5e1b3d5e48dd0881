//! Keys and the prefixes that select them.
//!
//! A key is a path of segments joined by `/`. A segment may be any text that is not empty: what
//! would be mistaken for structure (`/`, `%`, control characters) is percent-encoded, so that a
//! user named `a/b` and an item `b` under `a` never meet.

use std::borrow::{Borrow, Cow};
use std::fmt;
use std::sync::Arc;

/// The longest key, encoded. PostgreSQL indexes at most 2,704 bytes of a row; etcd and SQLite take
/// far more.
pub const MAX_KEY_BYTES: usize = 1024;

/// The name of an item: one or more segments.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(Arc<str>);

/// Selects the keys below a path, by whole segments: `apps` selects `apps/x`, neither `apps` nor
/// `apps2/x`.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Prefix(Arc<str>);

/// Why a key was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// A key needs at least one segment.
    #[error("a key needs at least one segment")]
    NoSegments,
    /// Segments are never empty.
    #[error("segment {index} of the key is empty")]
    EmptySegment {
        /// Which segment, counted from 0.
        index: usize,
    },
    /// The encoded key is longer than [`MAX_KEY_BYTES`].
    #[error("the key has {size} bytes, at most {MAX_KEY_BYTES} are allowed")]
    TooLong {
        /// The encoded size.
        size: usize,
    },
    /// The text is not a key in its encoded form.
    #[error("{text:?} is not an encoded key")]
    NotEncoded {
        /// What was given.
        text: String,
    },
}

// === impl Key ===

impl Key {
    /// The key with these segments.
    ///
    /// # Errors
    /// When there is no segment, one is empty, or all together are too long.
    pub fn new(segments: &[&str]) -> Result<Self, InvalidKey> {
        if segments.is_empty() {
            return Err(InvalidKey::NoSegments);
        }
        join(segments).map(|text| Self(text.into()))
    }

    /// Reads a key in the form that [`Key::as_str`] gives.
    ///
    /// # Errors
    /// When the text is not exactly such a form.
    pub fn parse(text: &str) -> Result<Self, InvalidKey> {
        let decoded: Vec<Cow<'_, str>> = text.split('/').map(decode).collect();
        let segments: Vec<&str> = decoded.iter().map(AsRef::as_ref).collect();
        let key = Self::new(&segments)?;
        if key.as_str() == text {
            Ok(key)
        } else {
            Err(InvalidKey::NotEncoded { text: text.to_owned() })
        }
    }

    /// The encoded form, unique for each key.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The segments as they were given.
    pub fn segments(&self) -> impl Iterator<Item = Cow<'_, str>> {
        self.0.split('/').map(decode)
    }

    /// The last segment: usually the name of what is kept here.
    #[must_use]
    pub fn name(&self) -> Cow<'_, str> {
        decode(self.0.rsplit('/').next().unwrap_or_default())
    }
}

impl Borrow<str> for Key {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

// === impl Prefix ===

impl Prefix {
    /// Selects every key.
    #[must_use]
    pub fn all() -> Self {
        Self("".into())
    }

    /// Selects the keys that begin with these segments and have more.
    ///
    /// # Errors
    /// As for [`Key::new`]; no segments at all select every key.
    pub fn new(segments: &[&str]) -> Result<Self, InvalidKey> {
        let mut text = join(segments)?;
        if !text.is_empty() {
            text.push('/');
        }
        Ok(Self(text.into()))
    }

    /// Whether `key` is selected.
    #[must_use]
    pub fn contains(&self, key: &Key) -> bool {
        key.as_str().starts_with(self.as_str())
    }

    /// The encoded form: empty, or ending in `/`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first text after all selected keys; `None` when nothing follows them.
    #[must_use]
    pub fn end(&self) -> Option<String> {
        // '0' is the successor of '/', and no other character can follow the prefix's path.
        self.0.strip_suffix('/').map(|path| format!("{path}0"))
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

fn join(segments: &[&str]) -> Result<String, InvalidKey> {
    let mut text = String::new();
    for (index, segment) in segments.iter().enumerate() {
        if segment.is_empty() {
            return Err(InvalidKey::EmptySegment { index });
        }
        if index > 0 {
            text.push('/');
        }
        encode(segment, &mut text);
    }
    if text.len() > MAX_KEY_BYTES {
        return Err(InvalidKey::TooLong { size: text.len() });
    }
    Ok(text)
}

fn encode(segment: &str, into: &mut String) {
    for c in segment.chars() {
        if c == '/' || c == '%' || c.is_ascii_control() {
            into.push_str(&format!("%{:02X}", u32::from(c)));
        } else {
            into.push(c);
        }
    }
}

/// The inverse of [`encode`]; what it could not have written is left as it is, and
/// [`Key::parse`] notices.
fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    let mut text = String::with_capacity(segment.len());
    let mut rest = segment;
    while let Some((before, after)) = rest.split_once('%') {
        text.push_str(before);
        rest = match after
            .split_at_checked(2)
            .map(|(hex, tail)| (u8::from_str_radix(hex, 16), tail))
        {
            Some((Ok(byte), tail)) if byte.is_ascii() => {
                text.push(char::from(byte));
                tail
            }
            _ => {
                text.push('%');
                after
            }
        };
    }
    text.push_str(rest);
    Cow::Owned(text)
}

#[cfg(test)]
mod tests;
