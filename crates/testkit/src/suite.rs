//! The official conformance suite of the protocol, which plays clients against a server and judges
//! what it sees.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use serde_json::Value;

use crate::process;
use crate::{Argv, Real, Scratch, wait};

/// How long a client may take, in milliseconds: all scenarios begin at once, and wait for their turn.
const CLIENT_PATIENCE: u32 = 170_000;

/// One way to run the suite: which line of it, and at which revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Round {
    /// The released line, with all that it knows: 2025-11-25 and before.
    Released,
    /// The newest line, at one revision.
    At(&'static str),
}

/// How each scenario went.
#[derive(Debug, Clone, Default)]
pub struct Table {
    rows: BTreeMap<String, Row>,
}

/// One scenario.
#[derive(Debug, Clone, Default)]
struct Row {
    passed: u32,
    failed: u32,
    /// What it found, in the suite's words.
    complaints: Vec<String>,
}

/// The installed suite.
#[derive(Debug)]
pub struct Suite {
    released: Argv,
    next: Argv,
}

// === impl Round ===

impl Round {
    /// Every way in which the suite is run.
    pub const ALL: [Self; 4] =
        [Self::Released, Self::At("2025-06-18"), Self::At("2025-11-25"), Self::At("2026-07-28")];

    /// What its table is called.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::At(revision) => revision,
        }
    }
}

// === impl Suite ===

impl Suite {
    /// The installed one.
    #[must_use]
    pub fn new(real: &Real) -> Self {
        let script = |line: &str| {
            let modules = real.modules("conformance").join(line);
            Argv::new(real.node()).arg(modules.join("dist/index.js"))
        };
        Self { released: script("conformance-released"), next: script("conformance-next") }
    }

    /// Runs every scenario against the server at `url`.
    ///
    /// # Panics
    /// When it does not end, or leaves no summary.
    #[must_use]
    #[track_caller]
    pub fn server(&self, round: Round, url: &str) -> Table {
        self.run(round, &["server", "--url", url, "--suite", "all"])
    }

    /// Plays servers to the client that `command` runs, to whose words the server's URL is added.
    ///
    /// # Panics
    /// When it does not end, or leaves no summary.
    #[must_use]
    #[track_caller]
    pub fn client(&self, round: Round, command: &Argv) -> Table {
        let words: Vec<_> = command.words().collect();
        let command = words.join(" ");
        let patience = CLIENT_PATIENCE.to_string();
        let words = ["client", "--command", &command, "--suite", "all", "--timeout", &patience];
        self.run(round, &words)
    }

    /// The same with `words` to choose by.
    ///
    /// # Panics
    /// When it does not end, or leaves no summary.
    #[must_use]
    #[track_caller]
    pub fn run(&self, round: Round, words: &[&str]) -> Table {
        let found = Scratch::new();
        let argv = match round {
            Round::Released => self.released.clone().args(words),
            Round::At(revision) => self.next.clone().args(words).args(["--spec-version", revision]),
        };
        let mut command = argv.arg("-o").arg(found.path()).command();
        // It writes beside its output as well.
        command.current_dir(found.path());
        let done = process::run(command, b"", wait::PATIENCE * 3);
        let said = format!("{}\n{}", String::from_utf8_lossy(&done.stdout), done.stderr);
        let mut table = Table::read(&said);
        assert!(!table.rows.is_empty(), "the suite ({}) left no summary:\n{said}", done.status);
        for (name, row) in table.rows.iter_mut().filter(|(_, row)| row.failed > 0) {
            row.complaints = complaints(found.path(), name);
            // A scenario that could not even begin has left no checks.
            row.complaints.extend(section(&said, name).filter(|_| row.complaints.is_empty()));
        }
        table
    }
}

// === impl Table ===

impl Table {
    /// Reads a table that was written before.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let rows = text.lines().filter_map(|line| {
            let (name, counts) = line.split_once(' ')?;
            let (passed, failed) = counts.split_once('/')?;
            let row = Row {
                passed: passed.parse().ok()?,
                failed: failed.parse().ok()?,
                complaints: Vec::new(),
            };
            Some((name.to_owned(), row)).filter(|(name, _)| name != "total")
        });
        Self { rows: rows.collect() }
    }

    /// Reads the summary that the suite ends with: `✓ NAME: N passed, N failed`.
    fn read(said: &str) -> Self {
        let summary = said.split_once("SUMMARY ===").map_or("", |(_, summary)| summary);
        let rows = summary.lines().filter_map(|line| {
            let line = plain(line);
            let (name, counts) = line.trim().trim_start_matches(['✓', '✗']).split_once(": ")?;
            let (passed, failed) = counts.split_once(" passed, ")?;
            let failed = failed.split(' ').next()?;
            let row = Row {
                passed: passed.trim().parse().ok()?,
                failed: failed.parse().ok()?,
                complaints: Vec::new(),
            };
            Some((name.trim().to_owned(), row)).filter(|(name, _)| name != "Total")
        });
        Self { rows: rows.collect() }
    }

    /// The scenarios of these names.
    #[must_use]
    pub fn only(mut self, named: impl Fn(&str) -> bool) -> Self {
        self.rows.retain(|name, _| named(name));
        self
    }

    /// The checks of all scenarios: those that passed and those that failed.
    #[must_use]
    pub fn total(&self) -> (u32, u32) {
        let sum = |of: fn(&Row) -> u32| self.rows.values().map(of).sum();
        (sum(|row| row.passed), sum(|row| row.failed))
    }

    /// Every scenario that went otherwise here than there, with what the suite said of it here.
    #[must_use]
    pub fn differences(&self, there: &Self) -> Vec<String> {
        let names: BTreeSet<&String> = self.rows.keys().chain(there.rows.keys()).collect();
        let counts = |row: Option<&Row>| match row {
            Some(row) => format!("{}/{}", row.passed, row.failed),
            None => "not run".to_owned(),
        };
        let differ = names.into_iter().filter_map(|name| {
            let (here, there) = (self.rows.get(name), there.rows.get(name));
            let (now, expected) = (counts(here), counts(there));
            let said = here.map(|row| row.complaints.join("\n    ")).unwrap_or_default();
            (now != expected).then(|| format!("{name}: {now}, not {expected}\n    {said}"))
        });
        differ.collect()
    }
}

impl fmt::Display for Table {
    /// As tables are checked in: `NAME PASSED/FAILED`, a line a scenario.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, row) in &self.rows {
            writeln!(f, "{name} {}/{}", row.passed, row.failed)?;
        }
        let (passed, failed) = self.total();
        writeln!(f, "total {passed}/{failed}")
    }
}

/// What was said while a scenario ran.
fn section(said: &str, name: &str) -> Option<String> {
    let (_, after) = said.split_once(&format!("=== Running scenario: {name} ==="))?;
    let (section, _) = after.split_once("\n===").unwrap_or((after, ""));
    Some(plain(section).trim().to_owned())
}

/// The failed checks of a scenario, from the folder `server-NAME-TIME` or `NAME-TIME` that the
/// suite leaves.
fn complaints(found: &Path, name: &str) -> Vec<String> {
    // Some names have a family before them.
    let (family, name) = name.rsplit_once('/').unwrap_or(("", name));
    let folders = std::fs::read_dir(found.join(family)).into_iter().flatten().flatten();
    let of = |folder: &str| {
        let rest = folder.strip_prefix("server-").unwrap_or(folder).strip_prefix(name);
        rest.is_some_and(|rest| rest.starts_with("-20"))
    };
    let mut said = Vec::new();
    for folder in folders.filter(|folder| of(&folder.file_name().to_string_lossy())) {
        let checks = std::fs::read(folder.path().join("checks.json")).unwrap_or_default();
        let checks: Value = serde_json::from_slice(&checks).unwrap_or_default();
        let failed = checks.as_array().into_iter().flatten().filter(|check| {
            check.get("status").and_then(Value::as_str).is_some_and(|status| status == "FAILURE")
        });
        said.extend(failed.map(|check| {
            let field = |name: &str| check.get(name).map(Value::to_string).unwrap_or_default();
            format!("{} {} {}", field("id"), field("errorMessage"), field("details"))
        }));
    }
    said
}

/// A line without the sequences that colour it.
fn plain(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests;
