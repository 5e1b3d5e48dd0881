//! All patterns of one kind on one side of a role set, arranged so that a name meets few of them.
//!
//! Literals are found by hash. Globs and regexes are filed under a literal that every matching name begins
//! or ends with; only those that have none are tried on every name. Which of several matching roles decides
//! is the caller's business: the index reports roles, in no order.

mod trie;

use std::collections::HashMap;

use crate::entries::EntryList;
use crate::pattern::Pattern;
use crate::regex::Anchors;

use trie::Trie;

/// Where a pattern is: which role, which of its entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Posting {
    pub(crate) role: u32,
    entry: u32,
}

/// An index over the lists of one kind and side.
#[derive(Debug, Default)]
pub(crate) struct Index {
    literals: HashMap<Box<str>, Vec<Posting>>,
    /// By what names begin with.
    prefixes: Trie,
    /// By what names end with, backwards.
    suffixes: Trie,
    /// Patterns that any name may match, by role.
    others: Vec<Posting>,
}

/// What a search looks for.
pub(crate) trait Search {
    /// Whether a hit of this role would matter.
    fn wants(&self, role: usize) -> bool;

    /// A hit.
    fn found(&mut self, role: usize);
}

// === impl Index ===

impl Index {
    /// Indexes one list for each role.
    pub(crate) fn new<'a>(lists: impl Iterator<Item = &'a EntryList>) -> Self {
        let mut index = Self::default();
        for (role, list) in lists.enumerate() {
            for (entry, compiled) in list.entries.iter().enumerate() {
                let (Ok(role), Ok(entry)) = (u32::try_from(role), u32::try_from(entry)) else {
                    continue;
                };
                index.add(&compiled.pattern, Posting { role, entry });
            }
        }
        index
    }

    fn add(&mut self, pattern: &Pattern, posting: Posting) {
        match pattern {
            Pattern::Literal(text) => {
                self.literals.entry(text.clone()).or_default().push(posting);
            }
            Pattern::Glob(glob) => {
                if let Some(prefix) = glob.prefix() {
                    self.prefixes.insert(prefix.bytes(), posting);
                } else if let Some(suffix) = glob.suffix() {
                    self.suffixes.insert(suffix.bytes().rev(), posting);
                } else {
                    self.others.push(posting);
                }
            }
            Pattern::Regex(regex) => match regex.anchors() {
                Anchors::Prefixes(prefixes) => {
                    for prefix in prefixes {
                        self.prefixes.insert(prefix.iter().copied(), posting);
                    }
                }
                Anchors::Suffixes(suffixes) => {
                    for suffix in suffixes {
                        self.suffixes.insert(suffix.iter().rev().copied(), posting);
                    }
                }
                Anchors::None => self.others.push(posting),
            },
        }
    }

    /// Reports every wanted role of which a pattern matches `name`; allocates nothing.
    ///
    /// `list` gives the list of a role, the same as when the index was built; `root_denies` says whether
    /// the root cluster denies the name.
    pub(crate) fn search<'a>(
        &self,
        name: &str,
        list: impl Fn(usize) -> Option<&'a EntryList>,
        root_denies: bool,
        search: &mut impl Search,
    ) {
        let mut consider = |posting: &Posting, certain: bool| {
            let role = posting.role as usize;
            if !search.wants(role) {
                return;
            }
            let Some(entry) = list(role).and_then(|list| list.entries.get(posting.entry as usize))
            else {
                return;
            };
            if !(entry.guarded && root_denies) && (certain || entry.pattern.is_match(name)) {
                search.found(role);
            }
        };
        if let Some(postings) = self.literals.get(name) {
            postings.iter().for_each(|posting| consider(posting, true));
        }
        self.prefixes.walk(name.bytes(), |posting| consider(posting, false));
        self.suffixes.walk(name.bytes().rev(), |posting| consider(posting, false));
        self.others.iter().for_each(|posting| consider(posting, false));
    }
}

#[cfg(test)]
mod tests;
