//! What a local proxy says while it runs, where its user wants to read it.

use std::time::Duration;

use clap::ValueEnum;
use parking_lot::Mutex;
use tokio::time::Instant;

use crate::printer::{self, Printer};

/// How often what others can bring about is told.
const PAUSE: Duration = Duration::from_secs(1);

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

/// Tells of what others bring about, so that they cannot fill it.
#[derive(Debug)]
pub(super) struct Brief {
    diary: Diary,
    last: Mutex<(Option<Instant>, u64)>,
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

// === impl Brief ===

impl Brief {
    pub(super) fn new(diary: Diary) -> Self {
        Self { diary, last: Mutex::default() }
    }

    /// One event, or one more that is only counted.
    pub(super) fn note(&self, line: &str) {
        if let Some(line) = self.line(line) {
            self.diary.note(&line);
        }
    }

    fn line(&self, line: &str) -> Option<String> {
        let mut last = self.last.lock();
        let (at, untold) = &mut *last;
        if at.is_some_and(|at| at.elapsed() < PAUSE) {
            *untold += 1;
            return None;
        }
        *at = Some(Instant::now());
        Some(match std::mem::take(untold) {
            0 => line.to_owned(),
            more => format!("{line} (and {more} times before)"),
        })
    }
}

#[cfg(test)]
mod tests;
