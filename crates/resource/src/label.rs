//! Labels, traits and the selectors that roles and agents write over labels.
//!
//! This module knows how label keys are spelled and which of them are reserved. It does not match: what a
//! selector's values mean is the policy engine's business.

mod selector;

use std::borrow::Cow;
use std::collections::BTreeMap;

/// Static labels of a resource: key to value, under canonical keys (see [`canonical_label_key`]).
pub type Labels = BTreeMap<String, String>;

/// Traits of a user: name to values.
pub type Traits = BTreeMap<String, Vec<String>>;

/// Prefix of labels that the cluster sets itself.
pub const INTERNAL_PREFIX: &str = "tessera.internal/";

/// Prefix of labels that tell where a resource comes from.
pub const DEV_PREFIX: &str = "tessera.dev/";

/// Set on every app that is an MCP server, with the value [`SUB_KIND_MCP`].
pub const APP_SUB_KIND_LABEL: &str = "tessera.internal/app-sub-kind";

/// Value of [`APP_SUB_KIND_LABEL`], and of `sub_kind`, for MCP servers.
pub const SUB_KIND_MCP: &str = "mcp";

/// Where a resource comes from: [`ORIGIN_DYNAMIC`] or [`ORIGIN_CONFIG_FILE`].
pub const ORIGIN_LABEL: &str = "tessera.dev/origin";

/// Registered through the API.
pub const ORIGIN_DYNAMIC: &str = "dynamic";

/// Written in an agent's configuration file.
pub const ORIGIN_CONFIG_FILE: &str = "config-file";

/// Marks resources with a special role, such as the built-in demo server.
pub const RESOURCE_TYPE_LABEL: &str = "tessera.internal/resource-type";

/// Value of [`RESOURCE_TYPE_LABEL`] on the built-in demo server.
pub const RESOURCE_TYPE_DEMO: &str = "demo";

/// The other spellings of our label prefixes, each with the canonical one.
const PREFIX_SPELLINGS: [(&str, &str); 2] =
    [("teleport.internal/", INTERNAL_PREFIX), ("teleport.dev/", DEV_PREFIX)];

/// What the entries of an agent's or a role's label map mean together; values are in the order written.
///
/// A scalar value is read as a list of one, and a list of one is written back as a scalar.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LabelSelector(pub BTreeMap<String, Vec<String>>);

impl LabelSelector {
    /// The selector `{"*": "*"}`, which every resource fits.
    #[must_use]
    pub fn wildcard() -> Self {
        Self(BTreeMap::from([("*".to_owned(), vec!["*".to_owned()])]))
    }

    /// Builds a selector from pairs of key and value; a key given twice gets both values.
    pub fn from_pairs<K: AsRef<str>, V: Into<String>>(
        pairs: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let mut map: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, value) in pairs {
            map.entry(canonical_label_key(key.as_ref()).into_owned())
                .or_default()
                .push(value.into());
        }
        Self(map)
    }

    /// True for the empty selector, which nothing fits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The one spelling under which a label key is stored and compared.
///
/// Documents written for Teleport say `teleport.internal/…` and `teleport.dev/…`; both mean our own prefixes.
#[must_use]
pub fn canonical_label_key(key: &str) -> Cow<'_, str> {
    for (spelling, canonical) in PREFIX_SPELLINGS {
        if let Some(rest) = key.strip_prefix(spelling) {
            return Cow::Owned(format!("{canonical}{rest}"));
        }
    }
    Cow::Borrowed(key)
}

#[cfg(test)]
mod tests;
