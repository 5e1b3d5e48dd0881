//! JSON as text: values that were checked and are passed on as they were written.
//!
//! No tree is built. One pass over the bytes checks the grammar of RFC 8259 to the letter (no comments, no
//! trailing commas, no control characters in strings), the depth, and the keys that matter.

mod lex;
mod scan;
mod text;

use std::borrow::Cow;
use std::fmt;

pub(crate) use self::scan::Scanner;
pub(crate) use self::text::Text;
use crate::keys::confusable;
use crate::refused::Reason;

/// One JSON value, exactly as it was written, known to be well formed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Raw<'a>(&'a str);

/// What sort of value it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `{…}`
    Object,
    /// `[…]`
    Array,
    /// `"…"`
    String,
    /// `-12.5e3`
    Number,
    /// `true` or `false`
    Bool,
    /// `null`
    Null,
}

// === impl Raw ===

impl<'a> Raw<'a> {
    /// Wraps text that a [`Scanner`] has just found to be one value.
    pub(crate) const fn checked(text: &'a str) -> Self {
        Self(text)
    }

    /// The text of the value.
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// The bytes of the value.
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0.as_bytes()
    }

    /// What sort of value it is.
    pub fn kind(self) -> Kind {
        match self.0.as_bytes().first() {
            Some(b'{') => Kind::Object,
            Some(b'[') => Kind::Array,
            Some(b'"') => Kind::String,
            Some(b't' | b'f') => Kind::Bool,
            Some(b'n') => Kind::Null,
            _ => Kind::Number,
        }
    }

    /// Whether the value is `null`.
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// The string that the value denotes; nothing when it is no string, or when it has half a surrogate
    /// pair, which readers disagree about.
    pub fn string(self) -> Option<Cow<'a, str>> {
        self.text()?.decode()
    }

    /// The string between the quotes, still escaped.
    pub(crate) fn text(self) -> Option<Text<'a>> {
        let inner = self.0.strip_prefix('"')?.strip_suffix('"')?;
        Some(Text::new(inner))
    }
}

/// The members of an object that have one of the `known` names. None of them may be repeated, and no key may
/// be confusable with one of them.
pub(crate) fn members<'a, const N: usize>(
    object: Raw<'a>,
    known: &[&'static str; N],
) -> Result<[Option<Raw<'a>>; N], Reason> {
    let mut found = [None; N];
    Scanner::again(object).object(|scanner, key| {
        let value = scanner.value()?;
        let place = key.plain().and_then(|name| known.iter().position(|known| *known == name));
        match place.and_then(|place| found.get_mut(place)) {
            Some(slot @ None) => *slot = Some(value),
            Some(Some(_)) => {
                return Err(Reason::RepeatedKey { key: key.decode_lossy().into_owned() });
            }
            None => {
                if let Some(key) = confusable(key, known) {
                    return Err(Reason::ConfusableKey { key });
                }
            }
        }
        Ok(())
    })?;
    Ok(found)
}

/// Values can be secret: only kind and length are shown.
impl fmt::Debug for Raw<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Raw({:?}, {} bytes)", self.kind(), self.0.len())
    }
}

#[cfg(test)]
pub(crate) mod tests;
