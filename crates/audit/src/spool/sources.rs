//! Which run of the spool wrote which lines.

use std::io;
use std::path::Path;
use std::sync::Arc;

use uuid::Uuid;

use crate::journal::write_whole;

const FILE: &str = "sources";

/// The runs whose lines may still be here, oldest first; never empty.
#[derive(Debug)]
pub(super) struct Sources {
    runs: Vec<(u64, Arc<str>)>,
}

// === impl Sources ===

impl Sources {
    /// Begins a new run after the line `last`. Runs that have no line from `oldest` on are
    /// forgotten.
    pub(super) fn open(directory: &Path, oldest: u64, last: u64) -> io::Result<Self> {
        let path = directory.join(FILE);
        let mut runs = match std::fs::read_to_string(&path) {
            Ok(text) => parse(&text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        // A run that began after the newest line has no lines, or none that are left.
        runs.retain(|(first, _)| *first <= last);
        let kept = runs.iter().rposition(|(first, _)| *first <= oldest).unwrap_or(0);
        runs.drain(..kept);
        if oldest <= last && runs.first().is_none_or(|(first, _)| *first > oldest) {
            // Lines whose run is not known: the file is lost. They get a name of their own.
            runs.insert(0, (oldest, name()));
        }
        runs.push((last.saturating_add(1), name()));
        let text: String = runs.iter().map(|(first, name)| format!("{first} {name}\n")).collect();
        write_whole(&path, text.as_bytes())?;
        Ok(Self { runs })
    }

    /// The run that wrote the line with this number.
    pub(super) fn of(&self, number: u64) -> Arc<str> {
        let run = self.runs.iter().rfind(|(first, _)| *first <= number).or(self.runs.first());
        run.map_or_else(|| Arc::from(""), |(_, name)| Arc::clone(name))
    }
}

fn name() -> Arc<str> {
    Uuid::new_v4().to_string().into()
}

fn parse(text: &str) -> Vec<(u64, Arc<str>)> {
    let run = |line: &str| {
        let (first, name) = line.split_once(' ')?;
        Some((first.parse().ok()?, Uuid::parse_str(name).ok()?.to_string().into()))
    };
    text.lines().filter_map(run).collect()
}
