//! Role maps: which roles the users of a trusted cluster have here.

pub use resource::RoleMapping;
use thiserror::Error;

use crate::budget::{Budget, Overspent};
use crate::limits::{MAX_VALUE_BYTES, MAX_WORK};
use crate::pattern::to_regex;
use crate::regex::{Regex, ReplaceError};
use crate::role_set::IMPLICIT_ROLE;
use crate::syntax::SyntaxError;

/// A role map that can be applied.
///
/// ```
/// use policy::{RoleMap, RoleMapping};
///
/// let mapping = RoleMapping { remote: "remote-*".into(), local: vec!["local-$1".into()] };
/// let map = RoleMap::compile(&[mapping])?;
/// assert_eq!(map.apply(&["remote-devs".to_owned()])?, ["local-devs"]);
/// # Ok::<(), policy::RoleMapError>(())
/// ```
#[derive(Debug)]
pub struct RoleMap {
    entries: Vec<(Regex, Vec<String>)>,
}

/// A role map that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RoleMapError {
    /// A trusted cluster has no role map at all.
    #[error("missing 'role_map' parameter")]
    MissingMap,
    /// An entry names no remote role.
    #[error("missing 'remote' parameter in entry {entry} of role_map")]
    MissingRemote {
        /// Position of the entry.
        entry: usize,
    },
    /// The remote pattern does not compile.
    #[error("failed to parse 'remote' parameter {remote:?} in entry {entry} of role_map: {error}")]
    BadRemote {
        /// Position of the entry.
        entry: usize,
        /// The pattern.
        remote: String,
        /// What is wrong with it.
        error: SyntaxError,
    },
    /// An entry gives no local role.
    #[error("missing 'local' parameter in entry {entry} of role_map")]
    MissingLocal {
        /// Position of the entry.
        entry: usize,
    },
    /// A local role is empty.
    #[error("missing 'local' property: entry {entry} of role_map has an empty local role")]
    EmptyLocal {
        /// Position of the entry.
        entry: usize,
    },
    /// A local role is `*`.
    #[error("wildcard value is not supported for 'local' property in entry {entry} of role_map")]
    WildcardLocal {
        /// Position of the entry.
        entry: usize,
    },
    /// Two entries have one remote pattern.
    #[error(
        "remote role {remote:?} match is already specified: entry {entry} of role_map repeats it"
    )]
    Repeated {
        /// Position of the second entry.
        entry: usize,
        /// The pattern.
        remote: String,
    },
    /// A role became too long when it was mapped.
    #[error("failed to map roles: a mapped role has more than {MAX_VALUE_BYTES} bytes")]
    TooLong,
    /// There are so many roles and entries, or they are so long, that mapping would take too much work.
    #[error("failed to map roles: more than {MAX_WORK} bytes would be searched")]
    TooMuch,
}

// === impl RoleMap ===

impl RoleMap {
    /// Checks and compiles the entries of a role map, of which a trusted cluster needs at least one.
    ///
    /// # Errors
    ///
    /// The first mistake in the entries, or that there are none.
    pub fn for_trusted_cluster(mappings: &[RoleMapping]) -> Result<Self, RoleMapError> {
        if mappings.is_empty() { Err(RoleMapError::MissingMap) } else { Self::compile(mappings) }
    }

    /// Checks and compiles the entries of a role map.
    ///
    /// # Errors
    ///
    /// The first mistake in the entries.
    pub fn compile(mappings: &[RoleMapping]) -> Result<Self, RoleMapError> {
        let mut entries = Vec::with_capacity(mappings.len());
        for (entry, mapping) in mappings.iter().enumerate() {
            let RoleMapping { remote, local } = mapping;
            if remote.is_empty() {
                return Err(RoleMapError::MissingRemote { entry });
            }
            let regex = Regex::compile_with_groups(&to_regex(remote)).map_err(|error| {
                RoleMapError::BadRemote { entry, remote: remote.clone(), error }
            })?;
            if local.is_empty() {
                return Err(RoleMapError::MissingLocal { entry });
            }
            for role in local {
                match role.as_str() {
                    "" => return Err(RoleMapError::EmptyLocal { entry }),
                    "*" => return Err(RoleMapError::WildcardLocal { entry }),
                    _ => {}
                }
            }
            if mappings.iter().take(entry).any(|earlier| earlier.remote == *remote) {
                return Err(RoleMapError::Repeated { entry, remote: remote.clone() });
            }
            entries.push((regex, local.clone()));
        }
        Ok(Self { entries })
    }

    /// The local roles of a user with these remote roles, each once.
    ///
    /// A user without roles counts as one with a role of the empty name, which wildcards match.
    ///
    /// # Errors
    ///
    /// When a mapped role is longer than any role can be, or mapping takes too much work.
    pub fn apply(&self, remote_roles: &[String]) -> Result<Vec<String>, RoleMapError> {
        let nameless = [String::new()];
        let remote_roles = if remote_roles.is_empty() { &nameless } else { remote_roles };
        let mut mapped: Vec<String> = Vec::new();
        let budget = Budget::new();
        for (remote, local) in &self.entries {
            for role in remote_roles {
                // Every cluster gives its own implicit role.
                if role == IMPLICIT_ROLE {
                    continue;
                }
                for template in local {
                    let Some(role) = remote.replace_all(role, template, &budget)? else { break };
                    if !role.is_empty() && !mapped.contains(&role) {
                        mapped.push(role);
                    }
                }
            }
        }
        Ok(mapped)
    }
}

// === impl RoleMapError ===

impl From<ReplaceError> for RoleMapError {
    fn from(error: ReplaceError) -> Self {
        match error {
            ReplaceError::TooLong => Self::TooLong,
            ReplaceError::Overspent(Overspent) => Self::TooMuch,
        }
    }
}

#[cfg(test)]
mod tests;
