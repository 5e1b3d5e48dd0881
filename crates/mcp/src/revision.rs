//! Revisions of the protocol, and the two eras they fall into.

use std::fmt;

/// A revision that Tessera knows, oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Revision {
    /// The first: stdio, and HTTP with a stream of events beside it.
    V2024_11_05,
    /// Streamable HTTP, sessions, batches.
    V2025_03_26,
    /// No more batches; the revision is named in a header; elicitation.
    V2025_06_18,
    /// Tasks, icons, sampling with tools.
    V2025_11_25,
    /// No sessions: each request says all that is needed to carry it out.
    V2026_07_28,
}

/// How client and server come together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Era {
    /// By a handshake, `initialize`, that starts a session.
    Legacy,
    /// In each request.
    Modern,
}

// === impl Revision ===

impl Revision {
    /// All of them, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V2024_11_05,
        Self::V2025_03_26,
        Self::V2025_06_18,
        Self::V2025_11_25,
        Self::V2026_07_28,
    ];

    /// The newest.
    pub const LATEST: Self = Self::V2026_07_28;

    /// The newest that starts with `initialize`.
    pub const LATEST_LEGACY: Self = Self::V2025_11_25;

    /// What a request over HTTP means that names no revision and is not `initialize`.
    pub const UNNAMED: Self = Self::V2025_03_26;

    /// The revision of this date.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|revision| revision.as_str() == text)
    }

    /// The date by which it is known.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V2024_11_05 => "2024-11-05",
            Self::V2025_03_26 => "2025-03-26",
            Self::V2025_06_18 => "2025-06-18",
            Self::V2025_11_25 => "2025-11-25",
            Self::V2026_07_28 => "2026-07-28",
        }
    }

    /// The era it belongs to.
    pub const fn era(self) -> Era {
        match self {
            Self::V2024_11_05 | Self::V2025_03_26 | Self::V2025_06_18 | Self::V2025_11_25 => {
                Era::Legacy
            }
            Self::V2026_07_28 => Era::Modern,
        }
    }

    /// Whether several messages may come in one array.
    pub const fn has_batches(self) -> bool {
        matches!(self, Self::V2025_03_26)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests;
