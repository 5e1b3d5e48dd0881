//! What every resource carries besides its specification: name, description, labels, expiry, revision.

mod name;
mod read;

use std::fmt;

use time::OffsetDateTime;

use crate::label::Labels;

pub use name::{MAX_NAME_BYTES, NameError, check_name};
pub(crate) use read::{NameRule, any_version, duplicate_label, labels, metadata};

/// The part of a resource that does not depend on its kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// Identity of the resource within its kind.
    pub name: String,
    /// Free text for people.
    pub description: String,
    /// Labels, under canonical keys.
    pub labels: Labels,
    /// When the resource ceases to exist.
    pub expires: Option<OffsetDateTime>,
    /// The stored version this copy was read from.
    pub revision: Option<Revision>,
}

impl Metadata {
    /// Metadata with a name and nothing else.
    pub fn named(name: impl Into<String>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}

/// Names one stored version of a resource. Opaque: compare for equality, never for order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Revision(String);

impl Revision {
    /// Wraps what the store calls this version.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The text the store gave.
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

#[cfg(test)]
mod tests;
