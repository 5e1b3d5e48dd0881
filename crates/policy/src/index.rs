//! All patterns of one kind on one side of a role set, arranged so that a name meets few of them.
//!
//! A pattern is filed under a text that every matching name begins or ends with, or else has in it; only those
//! that have none are tried on every name. Which of several matching roles decides
//! is the caller's business: the index reports roles, in no order.

mod inner;
mod trie;

use crate::entries::EntryList;
use crate::pattern::{Glob, Pattern};
use crate::regex::Anchors;

use inner::{Inner, InnerBuilder};
use trie::Trie;

/// Where a pattern is, with what tells most names quickly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Posting {
    role: u32,
    entry: u32,
    tail: Tail,
    /// Whether the literal that it is filed under is all there is to it, but for line breaks.
    whole: bool,
}

/// The last bytes of a text, as many as fit into one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tail {
    bytes: u64,
    mask: u64,
}

/// An index over the lists of one kind and side.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By what names begin with.
    prefixes: Trie,
    /// By what names end with, backwards.
    suffixes: Trie,
    /// By what names have in them.
    inner: Inner,
    /// Patterns that any name may match, by role.
    others: Vec<Posting>,
}

/// What a search looks for.
pub(crate) trait Search {
    /// Whether a hit of this role would matter.
    fn wants(&self, role: usize) -> bool;

    /// A hit; true when no other is needed.
    fn found(&mut self, role: usize) -> bool;
}

// === impl Index ===

impl Index {
    /// Indexes one list for each role.
    pub(crate) fn new<'a>(lists: impl Iterator<Item = &'a EntryList>) -> Self {
        let mut index = Self::default();
        let mut inner = InnerBuilder::default();
        for (role, list) in lists.enumerate() {
            for (entry, compiled) in list.entries.iter().enumerate() {
                let (Ok(role), Ok(entry)) = (u32::try_from(role), u32::try_from(entry)) else {
                    continue;
                };
                let posting = Posting { role, entry, tail: Tail::ANY, whole: false };
                index.add(&compiled.pattern, posting, &mut inner);
            }
        }
        let (inner, others) = inner.build();
        index.inner = inner;
        index.others.extend(others);
        index
    }

    fn add(&mut self, pattern: &Pattern, posting: Posting, inner: &mut InnerBuilder) {
        match pattern {
            Pattern::Literal(text) => {
                let tail = Tail::of(text.as_bytes());
                self.prefixes.insert(text.bytes(), Posting { tail, ..posting });
            }
            Pattern::Glob(glob) => self.add_glob(glob, posting, inner),
            Pattern::Regex(regex) => match (regex.globs(), regex.anchors()) {
                (Some(globs), _) => {
                    globs.iter().for_each(|glob| self.add_glob(glob, posting, inner));
                }
                (None, Anchors { prefixes: Some(prefixes), .. }) => {
                    for prefix in prefixes {
                        self.prefixes.insert(prefix.iter().copied(), posting);
                    }
                }
                (None, Anchors { suffixes: Some(suffixes), .. }) => {
                    for suffix in suffixes {
                        self.suffixes.insert(suffix.iter().rev().copied(), posting);
                    }
                }
                (None, Anchors { inner: Some(parts), .. }) => {
                    parts.iter().for_each(|part| inner.insert(part, posting));
                }
                (None, _) => self.others.push(posting),
            },
        }
    }

    /// Of a regex that is several globs each is filed by itself.
    fn add_glob(&mut self, glob: &Glob, posting: Posting, inner: &mut InnerBuilder) {
        let tail = glob.suffix().map_or(Tail::ANY, |suffix| Tail::of(suffix.as_bytes()));
        let whole = glob.literal_bytes().is_some_and(|bytes| bytes <= trie::MAX_DEPTH);
        if let Some(prefix) = glob.prefix() {
            let whole = whole && glob.suffix().is_none();
            self.prefixes.insert(prefix.bytes(), Posting { tail, whole, ..posting });
        } else if let Some(suffix) = glob.suffix() {
            self.suffixes.insert(suffix.bytes().rev(), Posting { whole, ..posting });
        } else if let Some(part) = glob.inner() {
            inner.insert(part.as_bytes(), Posting { whole, ..posting });
        } else {
            self.others.push(posting);
        }
    }

    /// Reports wanted roles of which a pattern matches `name`, until enough are known; allocates nothing.
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
        let tail = Tail::of(name.as_bytes());
        let one_line = memchr::memchr(b'\n', name.as_bytes()).is_none();
        let mut enough = false;
        let mut visit = |postings: &[Posting]| {
            for posting in postings {
                let role = posting.role as usize;
                if !posting.tail.fits(tail) || !search.wants(role) {
                    continue;
                }
                let certain = posting.whole && one_line;
                let entry = list(role).and_then(|list| list.entries.get(posting.entry as usize));
                let hit = entry.is_some_and(|entry| {
                    !(entry.guarded && root_denies) && (certain || entry.pattern.is_match(name))
                });
                if hit && search.found(role) {
                    enough = true;
                    break;
                }
            }
            enough
        };
        if visit(&self.others) {
            return;
        }
        self.prefixes.walk(name.bytes(), |postings| visit(postings));
        if !visit(&[]) {
            self.suffixes.walk(name.bytes().rev(), |postings| visit(postings));
        }
        if !visit(&[]) {
            self.inner.walk(name, |postings| visit(postings));
        }
    }
}

// === impl Tail ===

impl Tail {
    /// Fits every text.
    const ANY: Self = Self { bytes: 0, mask: 0 };

    fn of(text: &[u8]) -> Self {
        if let Some(last) = text.last_chunk() {
            return Self { bytes: u64::from_be_bytes(*last), mask: u64::MAX };
        }
        let last = text.iter().rev().take(8);
        last.zip((0..64).step_by(8)).fold(Self::ANY, |tail, (byte, shift)| Self {
            bytes: tail.bytes | u64::from(*byte) << shift,
            mask: tail.mask | 0xff << shift,
        })
    }

    /// Whether a text with the tail `other` may end with this one. A text that is too short may seem to.
    fn fits(self, other: Self) -> bool {
        other.bytes & self.mask == self.bytes
    }
}

#[cfg(test)]
mod tests;
