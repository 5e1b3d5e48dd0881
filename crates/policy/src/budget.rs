//! How much work may be done with what roles and traits say.
//!
//! Single texts are bounded by [`crate::limits`]; but a template may replace in each of a thousand values, a
//! search may read to the end of a text for each of its matches, and a role may have any number of templates.
//! So searching, replacing and compiling spend of one budget, and whoever has nothing left is refused.

use std::cell::Cell;

use crate::limits::MAX_WORK;

/// Bytes of a program that cost no more than the byte they are run on.
const FREE_PROGRAM_BYTES: usize = 4 * 1024;

/// Work that may still be done.
#[derive(Debug)]
pub(crate) struct Budget {
    left: Cell<usize>,
}

/// There is no budget left for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "takes more work than is allowed: more than {MAX_WORK} bytes would be searched or compiled"
)]
pub(crate) struct Overspent;

// === impl Budget ===

impl Budget {
    pub(crate) fn new() -> Self {
        Self { left: Cell::new(MAX_WORK) }
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left.get() == 0
    }

    /// Spends `bytes`; what is not there is spent all the same, so that nothing more is begun.
    pub(crate) fn spend(&self, bytes: usize) -> Result<(), Overspent> {
        let left = self.left.get().checked_sub(bytes);
        self.left.set(left.unwrap_or(0));
        left.map(drop).ok_or(Overspent)
    }

    /// Spends what it takes to run a program of `program_bytes` over `bytes`.
    pub(crate) fn spend_search(&self, bytes: usize, program_bytes: usize) -> Result<(), Overspent> {
        self.spend(bytes.saturating_mul(1 + program_bytes / FREE_PROGRAM_BYTES))
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
