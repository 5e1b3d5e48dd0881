//! Ids of requests.

use std::borrow::Cow;
use std::fmt;

use crate::json::{Kind, Raw};
use crate::refused::Reason;

/// The longest string that is accepted as an id.
pub const ID_BYTES: usize = 256;

/// The largest integer that every reader keeps as it is, 2^53 − 1.
const SAFE: i64 = (1 << 53) - 1;

/// The id of a request. Two ids are equal when they denote the same JSON value, however they are escaped;
/// a number never equals a string.
///
/// Numbers are accepted as plain integers only. A reader may round `1e0`, `1.0`, `-0` or an integer beyond
/// 2^53 to an id that is another request's.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Id<'a> {
    /// An integer.
    Number(i64),
    /// A string.
    String(Cow<'a, str>),
}

// === impl Id ===

impl<'a> Id<'a> {
    /// Reads an id.
    pub fn read(raw: Raw<'a>) -> Result<Self, Reason> {
        match raw.kind() {
            Kind::Number => plain_integer(raw.as_str()).map(Self::Number),
            Kind::String => raw.string().filter(|text| text.len() <= ID_BYTES).map(Self::String),
            Kind::Object | Kind::Array | Kind::Bool | Kind::Null => None,
        }
        .ok_or(Reason::Id)
    }

    /// The same id, owning its text.
    pub fn to_static(&self) -> Id<'static> {
        match self {
            Self::Number(number) => Id::Number(*number),
            Self::String(text) => Id::String(Cow::Owned(text.clone().into_owned())),
        }
    }

    /// The id as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Number(number) => (*number).into(),
            Self::String(text) => text.as_ref().into(),
        }
    }
}

/// As JSON.
impl fmt::Display for Id<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => number.fmt(f),
            Self::String(_) => self.to_json().fmt(f),
        }
    }
}

/// The integer that the text spells in the one canonical way, within the safe range.
pub(crate) fn plain_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let canonical = match digits.as_bytes() {
        [b'0'] => digits.len() == text.len(),
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    let number: i64 = if canonical { text.parse().ok()? } else { return None };
    (-SAFE..=SAFE).contains(&number).then_some(number)
}

#[cfg(test)]
mod tests;
