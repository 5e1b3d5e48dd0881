//! How far each source is in the log.
//!
//! The log itself says it: every shipped line carries its source and number. A note in a file of
//! its own saves reading the whole log at each start; what came after the note is read again.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::ingest::Head;
use crate::journal::{Journal, lines, write_whole};

const FILE: &str = "sources.json";

/// Lines after which a new note is written: some tenths of a second to read again.
const NOTE_EVERY: u64 = 20_000;

/// Sources that are remembered: those with the newest records. A service has a new source with
/// each start, so this is a thousand services that start four times in the time that a spool may
/// be without connection after its shipment arrived and the answer did not.
const MAX_SOURCES: usize = 4096;

/// How far each source is here.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Sources {
    /// The line of the log up to which this is true.
    upto: u64,
    sources: BTreeMap<String, Known>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// The number of the newest line.
    number: u64,
    /// Its time.
    time: String,
}

// === impl Sources ===

impl Sources {
    /// Reads the note, and the lines that came after it.
    pub(super) fn load(journal: &Journal) -> io::Result<Self> {
        let path = journal.directory().join(FILE);
        let noted: Self = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::default(),
            Err(error) => return Err(error),
        };
        // A note about lines that are not here is about another log.
        let mut sources = if noted.upto > journal.last() { Self::default() } else { noted };
        let after = sources.upto;
        let segments = journal.segments();
        for segment in segments.iter().filter(|s| s.end > after.saturating_add(1)) {
            for (number, line) in lines(segment.first, &segment.read()?) {
                if number > after {
                    sources.learn(line);
                }
            }
        }
        Ok(sources)
    }

    /// The number of the newest line of this source.
    pub(super) fn known(&self, source: &str) -> Option<u64> {
        self.sources.get(source).map(|known| known.number)
    }

    /// The lines of this source up to `number` are here, or never will be.
    pub(super) fn advance(&mut self, source: &str, number: u64, time: Option<String>) {
        let known = self.sources.entry(source.to_owned()).or_default();
        known.number = known.number.max(number);
        known.time = time.unwrap_or(std::mem::take(&mut known.time));
    }

    /// A note to save once the line `last`, the newest one with a source, is on disk; nothing when
    /// the former note is young.
    pub(super) fn note_if_due(&mut self, last: u64) -> Option<Self> {
        (last.saturating_sub(self.upto) >= NOTE_EVERY).then(|| self.note(last))
    }

    /// A note to save once the line `last` is on disk.
    pub(super) fn note(&mut self, last: u64) -> Self {
        self.forget_oldest();
        self.upto = last;
        self.clone()
    }

    /// Writes the note.
    pub(super) fn save(&self, journal: &Journal) -> io::Result<()> {
        write_whole(&journal.directory().join(FILE), &serde_json::to_vec(self)?)
    }

    fn learn(&mut self, line: &[u8]) {
        if memchr::memmem::find(line, br#""spool":"#).is_none() {
            return;
        }
        let Ok(head) = serde_json::from_slice::<Head<'_>>(line) else { return };
        if let Some((source, number)) = head.spool.zip(head.spool_seq) {
            self.advance(&source, number, Some(head.time.into_owned()));
        }
    }

    fn forget_oldest(&mut self) {
        let excess = self.sources.len().saturating_sub(MAX_SOURCES);
        if excess == 0 {
            return;
        }
        // Times of this form sort as text.
        let mut by_time: Vec<(String, String)> =
            self.sources.iter().map(|(name, known)| (known.time.clone(), name.clone())).collect();
        by_time.sort_unstable();
        for (_, name) in by_time.into_iter().take(excess) {
            self.sources.remove(&name);
        }
    }
}
