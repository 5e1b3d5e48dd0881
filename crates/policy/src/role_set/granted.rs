//! What the roles of a set say about tools, whatever the app: other clusters go by it.

use thiserror::Error;

use super::RoleSet;
use crate::access::Patterns;
use crate::entries::Kind;
use crate::limits::{MAX_GRANTED_TOOLS, MAX_GRANTED_TOOLS_BYTES};

/// Why what a set says about tools cannot be told to another cluster.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum GrantedToolsError {
    /// A role that the user is said to hold is not there.
    #[error("the role {role:?} does not exist")]
    MissingRole {
        /// Its name.
        role: String,
    },
    /// What is denied is not known, and so neither is what is granted.
    #[error(
        "role {role:?}: deny.mcp.tools[{index}] {entry:?} cannot be evaluated, so that it denies \
         every tool: {message}"
    )]
    UnclearDeny {
        /// The role.
        role: String,
        /// Position of the entry.
        index: usize,
        /// The entry as it is written.
        entry: String,
        /// What is wrong with it.
        message: String,
    },
    /// A list is too long.
    #[error(
        "your roles {list} tools by {found} patterns, and at most {MAX_GRANTED_TOOLS} can be told \
         to another cluster: write them as fewer patterns, with `*`"
    )]
    TooMany {
        /// What the list does: `grant` or `deny`.
        list: &'static str,
        /// How many patterns it has.
        found: usize,
    },
    /// The lists are too long together.
    #[error(
        "the patterns by which your roles grant and deny tools have {found} bytes, and at most \
         {MAX_GRANTED_TOOLS_BYTES} can be told to another cluster: write them as fewer patterns, \
         with `*`"
    )]
    TooLong {
        /// How many bytes.
        found: usize,
    },
}

// === impl RoleSet ===

impl RoleSet {
    /// The patterns over tools of all roles, templates filled in, for leaf clusters to use; see
    /// [`RootTools`](super::RootTools). Every pattern is as it is written in the role, each once.
    ///
    /// # Errors
    ///
    /// What is granted or denied cannot be told, or there is more of it than travels. Nothing is
    /// left out: a deny that was would be a grant.
    pub fn granted_tools(&self) -> Result<Patterns, GrantedToolsError> {
        let kind = Kind::Tool;
        if let Some(role) = self.0.missing.first() {
            return Err(GrantedToolsError::MissingRole { role: role.clone() });
        }
        let mut found = Patterns::default();
        for role in self.0.roles.iter().filter(|role| role.deny.covers("")) {
            let list = role.deny.list(kind);
            if let Some(broken) = &list.broken {
                return Err(GrantedToolsError::UnclearDeny {
                    role: role.name.to_string(),
                    index: broken.source.index,
                    entry: broken.source.entry.to_string(),
                    message: broken.message.clone(),
                });
            }
            found.deny(list);
        }
        for role in self.0.roles.iter().filter(|role| role.allow.covers("")) {
            let list = role.allow.list(kind);
            found.allow(list);
            // An allow that cannot be evaluated ends the search for one that fits.
            if list.broken.is_some() {
                break;
            }
        }
        within_bounds(found.each_once())
    }
}

fn within_bounds(patterns: Patterns) -> Result<Patterns, GrantedToolsError> {
    for (list, texts) in [("grant", &patterns.allowed), ("deny", &patterns.denied)] {
        if texts.len() > MAX_GRANTED_TOOLS {
            return Err(GrantedToolsError::TooMany { list, found: texts.len() });
        }
    }
    let bytes = patterns.allowed.iter().chain(&patterns.denied).map(String::len).sum();
    if bytes > MAX_GRANTED_TOOLS_BYTES {
        return Err(GrantedToolsError::TooLong { found: bytes });
    }
    Ok(patterns)
}

#[cfg(test)]
mod tests;
