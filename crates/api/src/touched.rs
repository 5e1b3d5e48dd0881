//! What has changed of things that are followed without being read.
//!
//! A proxy does not read users and roles, which is none of its business, and yet has to know when what it was told of
//! somebody may be different.

use std::sync::Arc;

use resource::Kind;

use crate::index::Index;

/// So many things are told apart; beyond that all count as changed.
const MAX_MARKS: usize = 4096;

/// When things changed last, in generations of the copy that this is in.
#[derive(Clone, Debug, Default)]
pub struct Touched {
    /// By kind and name.
    marks: Index<u64>,
    /// Since when something may have changed without being told.
    unknown: u64,
    /// Since when nothing is told apart any more but what is among the marks.
    lost: u64,
}

// === impl Touched ===

impl Touched {
    /// Whether this is known to have changed after `generation`, or may be among what changed and was not kept apart.
    #[must_use]
    pub fn is_after(&self, generation: u64, kind: Kind, name: &str) -> bool {
        self.lost > generation
            || self.marks.get(&key(kind, name)).is_some_and(|mark| **mark > generation)
    }

    /// Whether anything may have changed after `generation` without having been told.
    #[must_use]
    pub const fn is_unknown_after(&self, generation: u64) -> bool {
        self.unknown > generation
    }

    /// Whether changes of such things are kept in mind: those by which rights are decided, and what they rest on.
    pub(crate) const fn minds(kind: Kind) -> bool {
        matches!(kind, Kind::Role | Kind::User | Kind::OauthGrant)
    }

    pub(crate) fn mark(&mut self, kind: Kind, name: &str, generation: u64) {
        if self.marks.len() >= MAX_MARKS {
            self.marks = Index::default();
            self.lost = generation;
        }
        self.marks.insert(&key(kind, name), Arc::new(generation));
    }

    /// Changes may have been missed. What was heard of is still known.
    pub(crate) const fn missed(&mut self, generation: u64) {
        self.unknown = generation;
    }
}

/// Neither has a slash in its kind.
fn key(kind: Kind, name: &str) -> String {
    format!("{}/{name}", kind.as_str())
}

#[cfg(test)]
mod tests;
