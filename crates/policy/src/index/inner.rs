//! Patterns by a literal that names have anywhere in them: all the literals are looked for in one pass.

use std::collections::HashMap;

use aho_corasick::{AhoCorasick, MatchKind};

use super::Posting;

/// Literals and what is filed under them.
#[derive(Debug, Default)]
pub(super) struct Inner {
    /// Nothing where there are no literals.
    automaton: Option<AhoCorasick>,
    /// For each literal.
    postings: Vec<Vec<Posting>>,
}

#[derive(Debug, Default)]
pub(super) struct InnerBuilder {
    known: HashMap<Box<[u8]>, usize>,
    literals: Vec<Box<[u8]>>,
    postings: Vec<Vec<Posting>>,
}

// === impl InnerBuilder ===

impl InnerBuilder {
    pub(super) fn insert(&mut self, literal: &[u8], posting: Posting) {
        let at = match self.known.get(literal) {
            Some(at) => *at,
            None => {
                self.known.insert(literal.into(), self.literals.len());
                self.literals.push(literal.into());
                self.postings.push(Vec::new());
                self.literals.len() - 1
            }
        };
        if let Some(postings) = self.postings.get_mut(at) {
            postings.push(posting);
        }
    }

    /// The index, or where the literals are too many for one, what has to be tried on every name.
    pub(super) fn build(self) -> (Inner, Vec<Posting>) {
        if self.literals.is_empty() {
            return (Inner::default(), Vec::new());
        }
        // Names are too short for a prefilter to be worth its start.
        let mut builder = AhoCorasick::builder();
        match builder.match_kind(MatchKind::Standard).prefilter(false).build(&self.literals) {
            Ok(automaton) => {
                (Inner { automaton: Some(automaton), postings: self.postings }, Vec::new())
            }
            Err(_) => (Inner::default(), self.postings.into_iter().flatten().collect()),
        }
    }
}

// === impl Inner ===

impl Inner {
    /// Visits everything filed under a literal that `text` has in it, until `visit` has enough.
    pub(super) fn walk(&self, text: &str, mut visit: impl FnMut(&[Posting]) -> bool) {
        let Some(automaton) = &self.automaton else { return };
        for found in automaton.find_overlapping_iter(text) {
            let postings = self.postings.get(found.pattern().as_usize());
            if postings.is_some_and(|postings| visit(postings)) {
                return;
            }
        }
    }
}
