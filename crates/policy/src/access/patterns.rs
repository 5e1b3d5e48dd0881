//! Patterns as people read them.

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
    pub(crate) fn allow(&mut self, list: &EntryList) {
        add(&mut self.allowed, list);
    }

    pub(crate) fn allow_everything(&mut self) {
        let everything = "*".to_owned();
        if !self.allowed.contains(&everything) {
            self.allowed.push(everything);
        }
    }

    pub(crate) fn deny(&mut self, list: &EntryList) {
        add(&mut self.denied, list);
    }
}

fn add(texts: &mut Vec<String>, list: &EntryList) {
    for entry in &list.entries {
        if !texts.iter().any(|known| **known == *entry.text) {
            texts.push(entry.text.to_string());
        }
    }
}
