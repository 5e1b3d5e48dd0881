//! Labels whose values commands on an agent's host tell.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::{App, check};
use crate::app_server::LastError;
use crate::decode::{FromNode, Reader, Table};
use crate::label::{INTERNAL_PREFIX, Labels, ORIGIN_LABEL, canonical_label_key};
use crate::object::Object;
use crate::report::quoted;

/// So many labels of one app may be told by commands.
pub const MAX_COMMAND_LABELS: usize = 32;

/// More often than each second is never meant.
const PERIOD_LEAST: Duration = Duration::from_secs(1);

/// A label whose value a command on the agent's host tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CommandLabel {
    /// Program and arguments.
    pub command: Vec<String>,
    /// How often it is run; at least a second.
    pub period: Duration,
    /// What it said last; nothing before it has said anything. Agents tell, documents do not.
    pub result: Option<String>,
    /// Why it said nothing the last time.
    pub error: Option<LastError>,
}

/// The labels of an app as they are known at some place and moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KnownLabels {
    /// Those that have values.
    pub labels: Labels,
    /// The keys of those that have none yet. What they will say can forbid, and allows nothing.
    pub unknown: BTreeSet<String>,
}

impl From<Labels> for KnownLabels {
    /// Labels of which every one has its value.
    fn from(labels: Labels) -> Self {
        Self { labels, unknown: BTreeSet::new() }
    }
}

impl CommandLabel {
    /// Whether both are told by the same command.
    #[must_use]
    pub fn is_told_like(&self, other: &Self) -> bool {
        self.command == other.command
    }

    pub(super) fn to_object(&self) -> Object {
        let mut object = Object::default();
        object
            .put("command", self.command.clone())
            .put_duration("period", Some(self.period))
            .put_some("result", self.result.as_deref())
            .put_some("error", self.error.as_ref().map(LastError::to_object));
        object
    }

    /// What both forms of documents have.
    fn read(table: &mut Table<'_>) -> Option<Self> {
        let command: Option<Vec<String>> = table.require("command");
        let period: Option<Duration> = table.get("period");
        let command = command?;
        if command.first().is_none_or(String::is_empty) {
            return table.missing("command", "a dynamic label needs a command");
        }
        if command.iter().any(|word| word.contains('\0')) {
            return table.reader().refuse("a command line cannot contain a NUL character");
        }
        let period = period.unwrap_or_default().max(PERIOD_LEAST);
        Some(Self { command, period, result: None, error: None })
    }
}

impl FromNode for CommandLabel {
    fn from_node(reader: Reader<'_>) -> Option<Self> {
        reader.table(|table| {
            let label = Self::read(table);
            let (result, error) = (table.get("result"), table.get("error"));
            Some(Self { result, error, ..label? })
        })
    }
}

/// Reads `dynamic_labels` of a resource.
pub(super) fn dynamic_labels(reader: Reader<'_>) -> Option<BTreeMap<String, CommandLabel>> {
    let mut labels = BTreeMap::new();
    for (key, value) in reader.entries()? {
        let key = label_key(key, value);
        if let (Some(key), Some(label)) = (key, value.read())
            && labels.insert(key.clone(), label).is_some()
        {
            value.refuse::<()>(told_twice(&key));
        }
    }
    bounded(labels, reader)
}

/// Reads `commands` of an app in a configuration file.
pub(super) fn commands(reader: Reader<'_>) -> Option<BTreeMap<String, CommandLabel>> {
    let mut labels = BTreeMap::new();
    for item in reader.items()? {
        let read = item.table(|table| {
            let name = table.required("name").and_then(|reader| label_key(reader.text()?, reader));
            let label = CommandLabel::read(table);
            Some((name?, label?))
        });
        if let Some((key, label)) = read
            && labels.insert(key.clone(), label).is_some()
        {
            item.refuse::<()>(told_twice(&key));
        }
    }
    bounded(labels, reader)
}

fn label_key(key: &str, at: Reader<'_>) -> Option<String> {
    if !check::is_label_key(key) {
        return at.refuse(format!("invalid label key {}", quoted(key)));
    }
    let canonical = canonical_label_key(key);
    // Roles are written by these, and whoever reads a role believes the cluster.
    if canonical.starts_with(INTERNAL_PREFIX) || canonical == ORIGIN_LABEL {
        let message = format!("the label {} is the cluster's own", quoted(key));
        return at.refuse_with_help(message, "use another key");
    }
    Some(canonical.into_owned())
}

fn told_twice(key: &str) -> String {
    format!("the label {} is told by two commands", quoted(key))
}

fn bounded(
    labels: BTreeMap<String, CommandLabel>,
    at: Reader<'_>,
) -> Option<BTreeMap<String, CommandLabel>> {
    if labels.len() > MAX_COMMAND_LABELS {
        let message = format!("more than {MAX_COMMAND_LABELS} labels are told by commands");
        return at.refuse(message);
    }
    Some(labels)
}

impl App {
    /// The labels that decide: the static ones, with the values that commands told. A label that a
    /// command tells has no other value, whatever is written beside it.
    #[must_use]
    pub fn known_labels(&self) -> KnownLabels {
        let mut known =
            KnownLabels { labels: self.metadata.labels.clone(), unknown: BTreeSet::new() };
        for (key, label) in &self.spec.dynamic_labels {
            if let Some(value) = &label.result {
                known.labels.insert(key.clone(), value.clone());
            } else {
                known.labels.remove(key);
                known.unknown.insert(key.clone());
            }
        }
        known
    }

    /// The labels that have values.
    #[must_use]
    pub fn all_labels(&self) -> Labels {
        self.known_labels().labels
    }

    /// Forgets what commands told: whoever runs them knows.
    pub fn forget_results(&mut self) {
        for label in self.spec.dynamic_labels.values_mut() {
            label.result = None;
            label.error = None;
        }
    }

    /// The same app with what was told of its labels elsewhere, of those that are told by the same
    /// commands.
    #[must_use]
    pub fn with_results(&self, told: &BTreeMap<String, CommandLabel>) -> Self {
        let mut app = self.clone();
        app.forget_results();
        for (key, label) in &mut app.spec.dynamic_labels {
            if let Some(known) = told.get(key).filter(|known| known.is_told_like(label)) {
                label.result.clone_from(&known.result);
                label.error.clone_from(&known.error);
            }
        }
        app
    }
}

#[cfg(test)]
mod tests;
