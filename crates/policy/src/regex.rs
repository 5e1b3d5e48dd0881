//! Regular expressions in the dialect of Go's RE2, run by the engine of the `regex` crate.
//!
//! The two dialects differ in many small ways, and a pattern that RE2 refuses must be an error here, never a
//! match. So patterns are not rewritten as text: [`parse`] reads RE2 syntax into the engine's own
//! intermediate form, in which nothing is left to the other dialect.

mod class;
mod escape;
mod parse;
mod repeat;
mod replace;
mod scripts;
mod unicode;

use std::fmt;

use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, Look};

use crate::limits::{MAX_PATTERN_BYTES, MAX_REGEX_PROGRAM_BYTES};
use crate::syntax::SyntaxError;

pub(crate) use replace::TooLong;
pub(crate) use unicode::{is_digit, is_letter};

/// Bytes of scratch memory one regex may use per thread for states it builds while searching.
const SEARCH_CACHE_BYTES: usize = 128 * 1024;

/// Literals a search index keeps for one regex; more of them would not narrow a search.
const MAX_ANCHORS: usize = 32;

/// A compiled regular expression.
pub(crate) struct Regex {
    engine: meta::Regex,
    /// Names of the groups, the whole match first.
    names: Box<[Option<Box<str>>]>,
    anchors: Anchors,
}

/// Literals of which one must stand at an end of every text that matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Anchors {
    /// Texts begin with one of these.
    Prefixes(Vec<Vec<u8>>),
    /// Texts end with one of these.
    Suffixes(Vec<Vec<u8>>),
    /// Nothing of the kind is known.
    None,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    Dropped,
    Kept,
}

// === impl Regex ===

impl Regex {
    /// Compiles `text` for matching alone.
    pub(crate) fn compile(text: &str) -> Result<Self, SyntaxError> {
        Self::build(text, Groups::Dropped)
    }

    /// Compiles `text` for replacing, which needs its groups.
    pub(crate) fn compile_with_groups(text: &str) -> Result<Self, SyntaxError> {
        Self::build(text, Groups::Kept)
    }

    fn build(text: &str, groups: Groups) -> Result<Self, SyntaxError> {
        if text.len() > MAX_PATTERN_BYTES {
            return Err(SyntaxError::new(
                format!(
                    "the pattern has {} bytes, at most {MAX_PATTERN_BYTES} are allowed",
                    text.len()
                ),
                0,
                0,
            ));
        }
        let parsed = parse::parse(text, groups == Groups::Kept)?;
        let anchors = Anchors::of(&parsed.hir);
        let mut config = meta::Config::new()
            .nfa_size_limit(Some(MAX_REGEX_PROGRAM_BYTES))
            .hybrid_cache_capacity(SEARCH_CACHE_BYTES);
        if groups == Groups::Dropped {
            // Engines that cost more to build than a short name costs to search without them.
            config = config.which_captures(WhichCaptures::None).onepass(false).dfa(false);
        }
        let engine = meta::Regex::builder().configure(config).build_from_hir(&parsed.hir).map_err(
            |error| {
                let message = if error.size_limit().is_some() {
                    format!("the pattern compiles to more than {MAX_REGEX_PROGRAM_BYTES} bytes")
                } else {
                    format!("the pattern does not compile: {error}")
                };
                SyntaxError::new(message, 0, text.len())
            },
        )?;
        Ok(Self { engine, names: parsed.names.into(), anchors })
    }

    /// Whether the pattern is found anywhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.engine.is_match(text)
    }

    /// What every matching text begins or ends with.
    pub(crate) fn anchors(&self) -> &Anchors {
        &self.anchors
    }
}

impl fmt::Debug for Regex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Regex").field("anchors", &self.anchors).finish_non_exhaustive()
    }
}

// === impl Anchors ===

impl Anchors {
    fn of(hir: &Hir) -> Self {
        let properties = hir.properties();
        if properties.look_set_prefix().contains(Look::Start)
            && let Some(literals) = literals(hir, ExtractKind::Prefix)
        {
            return Self::Prefixes(literals);
        }
        if properties.look_set_suffix().contains(Look::End)
            && let Some(literals) = literals(hir, ExtractKind::Suffix)
        {
            return Self::Suffixes(literals);
        }
        Self::None
    }
}

fn literals(hir: &Hir, kind: ExtractKind) -> Option<Vec<Vec<u8>>> {
    let mut extractor = Extractor::new();
    extractor.kind(kind).limit_total(MAX_ANCHORS);
    let seq: Seq = extractor.extract(hir);
    let found: Vec<Vec<u8>> =
        seq.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    (!found.is_empty() && found.iter().all(|literal| !literal.is_empty())).then_some(found)
}

#[cfg(test)]
mod tests;
