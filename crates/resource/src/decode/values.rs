//! How common types are read.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;

use super::{FromNode, Reader};
use crate::duration::{self, DurationError};
use crate::node::{NodeValue, ScalarKind};
use crate::secret::Secret;
use crate::timestamp;

impl FromNode for String {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.text().map(str::to_owned)
    }
}

impl FromNode for bool {
    /// Also in words: documents in use say `yes`, `no`, `on` and `off`, with and without quotes.
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let scalar = reader.node().as_scalar();
        match scalar.map(|scalar| scalar.text.to_ascii_lowercase()).as_deref() {
            Some("true" | "yes" | "on" | "y") => Some(true),
            Some("false" | "no" | "off" | "n") => Some(false),
            _ => reader.expected("true or false"),
        }
    }
}

/// Whole numbers: the type's range is the range accepted.
macro_rules! integers {
    ($($type:ty),*) => {$(
        impl FromNode for $type {
            fn from_node(reader: Reader<'_>) -> Option<Self> {
                let scalar = reader.node().as_scalar().filter(|scalar| scalar.kind == ScalarKind::Integer);
                match scalar.and_then(|scalar| scalar.integer()).map(Self::try_from) {
                    Some(Ok(number)) => Some(number),
                    _ => reader.expected(&format!(
                        "a whole number from {} to {}", Self::MIN, Self::MAX
                    )),
                }
            }
        }
    )*};
}

integers!(u16, u32, u64, i64);

impl FromNode for Duration {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let Some(scalar) =
            reader.node().as_scalar().filter(|scalar| scalar.kind != ScalarKind::Null)
        else {
            return reader.expected("a duration such as 30m or 12h");
        };
        match duration::parse(&scalar.text) {
            Ok(duration) => Some(duration),
            Err(DurationError::Malformed) => reader.expected("a duration such as 30m or 12h"),
            Err(error @ DurationError::MissingUnit) => {
                let help = format!("write {0}s for seconds or {0}m for minutes", scalar.text);
                reader.refuse_with_help(error.to_string(), help)
            }
            Err(error) => reader.refuse(error.to_string()),
        }
    }
}

impl FromNode for Option<OffsetDateTime> {
    /// [`None`] for the zero time, which means "never".
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let Some(scalar) =
            reader.node().as_scalar().filter(|scalar| scalar.kind != ScalarKind::Null)
        else {
            return reader.expected("a time such as 2026-01-31T12:00:00Z");
        };
        match timestamp::parse(&scalar.text) {
            Ok(time) => Some(time),
            Err(timestamp::NotATime) => reader.expected("a time such as 2026-01-31T12:00:00Z"),
        }
    }
}

impl FromNode for Value {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        Some(reader.node().to_json())
    }
}

impl<T: FromNode> FromNode for Vec<T> {
    /// Reads every item, also after one that is wrong.
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let NodeValue::Sequence(_) = &reader.node().value else {
            return reader.expected("a list");
        };
        let read: Vec<Option<T>> = reader.items()?.map(T::from_node).collect();
        read.into_iter().collect()
    }
}

impl<T: FromNode> FromNode for BTreeMap<String, T> {
    /// Reads every value, also after one that is wrong.
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        let read: Vec<Option<(String, T)>> = reader
            .entries()?
            .map(|(key, value)| Some((key.to_owned(), T::from_node(value)?)))
            .collect();
        read.into_iter().collect()
    }
}

impl FromNode for Secret<String> {
    /// Neither the value nor its line is repeated when it is wrong.
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        match reader.node().as_scalar() {
            Some(scalar) if scalar.kind != ScalarKind::Null => Some(Self::new(scalar.text.clone())),
            _ => reader.refuse_secret("expected text"),
        }
    }
}
