//! What a local proxy says while it runs, where its user wants to read it.

use clap::ValueEnum;

use crate::printer::{self, Printer};

/// Where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::tsh) enum Diary {
    /// Standard error.
    #[default]
    Stderr,
    /// Standard output.
    Stdout,
    /// Nowhere.
    None,
}

// === impl Diary ===

impl Diary {
    /// One event.
    pub(super) fn note(self, line: &str) {
        match self {
            Self::Stderr => printer::say(line),
            // That nobody reads it is no reason to end.
            Self::Stdout => _ = Printer::new().data(line),
            Self::None => {}
        }
    }
}
