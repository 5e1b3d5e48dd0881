//! A mapping with known keys, and the keys that are not.

use serde_json::{Map, Value};

use super::{FromNode, Reader};
use crate::node::Entry;
use crate::report::Problem;
use crate::suggest::nearest;

/// How many known names are listed when none is near the one written.
const MAX_LISTED: usize = 12;

/// A mapping that is being read; it remembers which keys were asked for.
#[derive(Debug)]
pub struct Table<'n> {
    reader: Reader<'n>,
    entries: Entries<'n>,
    known: Vec<&'static str>,
    /// Known names that mean nothing here and are therefore not listed.
    kept: Vec<&'static [&'static str]>,
}

struct Entries<'n>(&'n [Entry]);

impl std::fmt::Debug for Entries<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} keys", self.0.len())
    }
}

impl<'n> Table<'n> {
    pub(super) fn new(reader: Reader<'n>, entries: &'n [Entry]) -> Self {
        Self { reader, entries: Entries(entries), known: Vec::new(), kept: Vec::new() }
    }

    /// The reader of the mapping itself, for mistakes that concern several keys.
    #[must_use]
    pub fn reader(&self) -> Reader<'n> {
        self.reader
    }

    /// The value under a key. A key with nothing behind it counts as absent.
    pub fn field(&mut self, name: &'static str) -> Option<Reader<'n>> {
        self.known.push(name);
        let entry = self.entries.0.iter().find(|entry| entry.key == name)?;
        (!entry.value.is_null()).then(|| self.reader.inside(&entry.value))
    }

    /// The value under a key that must be there.
    pub fn required(&mut self, name: &'static str) -> Option<Reader<'n>> {
        let field = self.field(name);
        if field.is_none() {
            self.missing::<()>(name, "missing");
        }
        field
    }

    /// Reads the value under a key, if there is one.
    pub fn get<T: FromNode>(&mut self, name: &'static str) -> Option<T> {
        self.field(name)?.read()
    }

    /// Reads the value under a key, or takes the type's default.
    pub fn get_or_default<T: FromNode + Default>(&mut self, name: &'static str) -> T {
        self.get(name).unwrap_or_default()
    }

    /// Reads the value under a key that must be there.
    pub fn require<T: FromNode>(&mut self, name: &'static str) -> Option<T> {
        self.required(name)?.read()
    }

    /// Notes that a key is missing, in words of the caller's.
    pub fn missing<T>(&self, name: &str, message: &str) -> Option<T> {
        self.reader.note(self.missing_problem(name, message))
    }

    /// Notes that a key is missing, in words of the caller's, and what may help.
    pub fn missing_with_help<T>(&self, name: &str, message: &str, help: &str) -> Option<T> {
        self.reader.note(self.missing_problem(name, message).help(help))
    }

    fn missing_problem(&self, name: &str, message: &str) -> Problem {
        let (parent, key) = self.reader.place();
        let path = super::path::child(&parent, name);
        let node = self.reader.node();
        let start = self.entries.0.first().map_or(node.span, |entry| entry.key_span);
        Problem::new(path, message).at(key.unwrap_or(start))
    }

    /// Accepts a key whatever is behind it, and forgets it.
    pub fn ignore(&mut self, name: &'static str) {
        self.known.push(name);
    }

    /// Takes known keys that mean nothing here, as they are, to be printed back.
    pub fn keep(&mut self, names: &'static [&'static str]) -> Map<String, Value> {
        self.kept.push(names);
        self.entries
            .0
            .iter()
            .filter(|entry| names.contains(&entry.key.as_str()))
            .map(|entry| (entry.key.clone(), entry.value.to_json()))
            .collect()
    }

    /// Notes every key that nobody asked for.
    pub(super) fn refuse_unknown(&self) {
        for entry in self.entries.0 {
            let name = entry.key.as_str();
            if self.known.contains(&name) || self.kept.iter().any(|kept| kept.contains(&name)) {
                continue;
            }
            let value = self.reader.inside(&entry.value);
            let (path, _) = value.place();
            let problem = Problem::new(path, "unknown field").at(entry.key_span);
            // Looking for a name is the expensive part; none is shown once enough mistakes are noted.
            let advice = if value.is_full() { None } else { self.advice(name) };
            let problem = match advice {
                Some(help) => problem.help(help),
                None => problem,
            };
            value.note::<()>(problem.hide_rest_of_line());
        }
    }

    fn advice(&self, name: &str) -> Option<String> {
        let known = || self.known.iter().copied();
        let kept = self.kept.iter().flat_map(|kept| kept.iter().copied());
        if let Some(name) = nearest(name, known()).or_else(|| nearest(name, kept)) {
            return Some(format!("did you mean {name:?}?"));
        }
        if self.known.is_empty() || self.known.len() > MAX_LISTED {
            return None;
        }
        Some(format!("known here: {}", known().collect::<Vec<_>>().join(", ")))
    }
}
