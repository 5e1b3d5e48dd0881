//! Which protocol a server speaks, when its app says so.

use std::fmt;

use crate::decode::{FromNode, Reader};

/// Which protocol a server speaks. Without it, the agent finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// The one with a handshake: revisions before 2026-07-28.
    Legacy,
    /// The one without.
    Modern,
    /// The one of this revision.
    Revision(&'static str),
}

impl Protocol {
    /// Every value with its spelling in documents.
    const SPELLINGS: [(&'static str, Self); 7] = [
        ("legacy", Self::Legacy),
        ("modern", Self::Modern),
        ("2024-11-05", Self::Revision("2024-11-05")),
        ("2025-03-26", Self::Revision("2025-03-26")),
        ("2025-06-18", Self::Revision("2025-06-18")),
        ("2025-11-25", Self::Revision("2025-11-25")),
        ("2026-07-28", Self::Revision("2026-07-28")),
    ];

    /// Every value.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::SPELLINGS.into_iter().map(|(_, protocol)| protocol)
    }

    /// The spelling in documents.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Legacy => "legacy",
            Self::Modern => "modern",
            Self::Revision(date) => date,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromNode for Protocol {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.choice("protocol", &Self::SPELLINGS)
    }
}
