//! The bounds of a proxy that its operator may set. The others are constants, each beside what it bounds;
//! `docs/reference/limits.md` lists all.

use std::num::NonZeroU32;

/// The bounds that an operator may set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once; the operating system queues what comes beyond.
    pub connections: usize,
    /// How often a minute one address may try to sign in, and as often at once.
    pub sign_in_attempts: NonZeroU32,
}

// === impl Limits ===

impl Limits {
    /// What holds where the operator says nothing.
    pub const DEFAULT: Self =
        Self { connections: 20_000, sign_in_attempts: NonZeroU32::MIN.saturating_add(19) };
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}
