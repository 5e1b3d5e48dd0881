//! Patterns as people read them.

use std::collections::HashSet;

use crate::entries::EntryList;

/// Patterns that grant and patterns that deny, each once, in the order of the roles.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patterns {
    /// What is granted.
    pub allowed: Vec<String>,
    /// What is denied all the same.
    pub denied: Vec<String>,
}

// === impl Patterns ===

impl Patterns {
    /// Whether they are known to grant everything: patterns that together do so without saying it do not
    /// count.
    #[must_use]
    pub fn grant_everything(&self) -> bool {
        self.denied.is_empty() && self.allowed.iter().any(|pattern| pattern == "*")
    }

    pub(crate) fn allow(&mut self, list: &EntryList) {
        add(&mut self.allowed, list);
    }

    pub(crate) fn allow_everything(&mut self) {
        self.allowed.push("*".to_owned());
    }

    pub(crate) fn deny(&mut self, list: &EntryList) {
        add(&mut self.denied, list);
    }

    /// The same without repetitions.
    pub(crate) fn each_once(mut self) -> Self {
        each_once(&mut self.allowed);
        each_once(&mut self.denied);
        self
    }
}

fn add(texts: &mut Vec<String>, list: &EntryList) {
    texts.extend(list.entries.iter().map(|entry| entry.text.to_string()));
}

fn each_once(texts: &mut Vec<String>) {
    let mut seen = HashSet::new();
    texts.retain(|text| seen.insert(text.clone()));
}
