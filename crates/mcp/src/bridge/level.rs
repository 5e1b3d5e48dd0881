//! How severe a log message is (RFC 5424, section 6.2.1).

use crate::json::Raw;

/// A level, the least severe first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Level(u8);

const NAMES: [&str; 8] =
    ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"];

// === impl Level ===

impl Level {
    /// Reads a level; nothing when it is none.
    pub(super) fn read(raw: Raw<'_>) -> Option<Self> {
        let text = raw.string()?;
        let at = NAMES.iter().position(|name| *name == text)?;
        u8::try_from(at).ok().map(Self)
    }

    pub(super) fn as_str(self) -> &'static str {
        NAMES.get(usize::from(self.0)).copied().unwrap_or("emergency")
    }

    /// As JSON.
    pub(super) fn to_json(self) -> String {
        format!("\"{}\"", self.as_str())
    }
}
