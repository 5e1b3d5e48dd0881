//! Attribute maps: which roles the statements of an identity provider about somebody give. Claims of OIDC,
//! attributes of SAML and teams of GitHub all come here as names with values.

use resource::{AttributeMapping, Traits};
use thiserror::Error;

use crate::budget::{Budget, Overspent};
use crate::limits::{MAX_VALUE_BYTES, MAX_WORK};
use crate::pattern::to_regex;
use crate::regex::{Regex, ReplaceError};
use crate::syntax::SyntaxError;

/// An attribute map that can be applied.
///
/// ```
/// use policy::AttributeMap;
/// use resource::{AttributeMapping, Traits};
///
/// let mapping = AttributeMapping {
///     name: "groups".into(), value: "^team-([a-z]+)$".into(), roles: vec!["$1-dev".into()],
/// };
/// let map = AttributeMap::compile(&[mapping])?;
/// let claims = Traits::from([("groups".into(), vec!["team-red".into(), "all".into()])]);
/// assert_eq!(map.apply(&claims)?[0].role, "red-dev");
/// # Ok::<(), policy::AttributeMapError>(())
/// ```
#[derive(Debug)]
pub struct AttributeMap {
    entries: Vec<Entry>,
}

#[derive(Debug)]
struct Entry {
    name: String,
    value: Regex,
    pattern: String,
    roles: Vec<String>,
}

/// A role that somebody gets, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappedRole {
    /// The role.
    pub role: String,
    /// Position of the entry that gave it first.
    pub entry: usize,
    /// The attribute.
    pub name: String,
    /// The value that fitted.
    pub value: String,
    /// What it had to fit.
    pub pattern: String,
}

/// An attribute map that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AttributeMapError {
    /// A value does not compile.
    #[error("failed to parse the value {value:?} of entry {entry}: {error}")]
    BadValue {
        /// Position of the entry.
        entry: usize,
        /// The pattern.
        value: String,
        /// What is wrong with it.
        error: SyntaxError,
    },
    /// A role is `*`: it would name no role.
    #[error("a wildcard is not supported as a role, in entry {entry}")]
    WildcardRole {
        /// Position of the entry.
        entry: usize,
    },
    /// A role became too long when it was mapped.
    #[error("failed to map roles: a mapped role has more than {MAX_VALUE_BYTES} bytes")]
    TooLong,
    /// There are so many values and entries, or they are so long, that mapping would take too much work.
    #[error("failed to map roles: more than {MAX_WORK} bytes would be searched")]
    TooMuch,
}

// === impl AttributeMap ===

impl AttributeMap {
    /// Checks and compiles the entries.
    ///
    /// # Errors
    ///
    /// The first mistake in the entries.
    pub fn compile(mappings: &[AttributeMapping]) -> Result<Self, AttributeMapError> {
        let mut entries = Vec::with_capacity(mappings.len());
        for (entry, mapping) in mappings.iter().enumerate() {
            let pattern = &mapping.value;
            let value = Regex::compile_with_groups(&to_regex(pattern)).map_err(|error| {
                AttributeMapError::BadValue { entry, value: pattern.clone(), error }
            })?;
            if mapping.roles.iter().any(|role| role == "*") {
                return Err(AttributeMapError::WildcardRole { entry });
            }
            entries.push(Entry {
                name: mapping.name.clone(),
                value,
                pattern: pattern.clone(),
                roles: mapping.roles.clone(),
            });
        }
        Ok(Self { entries })
    }

    /// The roles of somebody with these attributes, each once, in the order of the entries.
    ///
    /// # Errors
    ///
    /// When a mapped role is longer than any role can be, or mapping takes too much work. Roles that were
    /// found by then count for nothing: one that is missing may be the one that denies.
    pub fn apply(&self, attributes: &Traits) -> Result<Vec<MappedRole>, AttributeMapError> {
        let mut mapped: Vec<MappedRole> = Vec::new();
        let budget = Budget::new();
        for (entry, Entry { name, value: regex, pattern, roles }) in self.entries.iter().enumerate()
        {
            for value in attributes.get(name).into_iter().flatten() {
                for template in roles {
                    let Some(role) = regex.replace_all(value, template, &budget)? else { break };
                    if role.is_empty() || mapped.iter().any(|known| known.role == role) {
                        continue;
                    }
                    mapped.push(MappedRole {
                        role,
                        entry,
                        name: name.clone(),
                        value: value.clone(),
                        pattern: pattern.clone(),
                    });
                }
            }
        }
        Ok(mapped)
    }
}

// === impl AttributeMapError ===

impl From<ReplaceError> for AttributeMapError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::TooLong => Self::TooLong,
            ReplaceError::Overspent(Overspent) => Self::TooMuch,
        }
    }
}

#[cfg(test)]
mod tests;
