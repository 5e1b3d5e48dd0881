//! Regular expressions in the dialect of Go's RE2, run by the engine of the `regex` crate.
//!
//! The two dialects differ in many small ways, and a pattern that RE2 refuses must be an error here, never a
//! match. So patterns are not rewritten as text: [`parse`] reads RE2 syntax into the engine's own
//! intermediate form, in which nothing is left to the other dialect.

mod class;
mod escape;
mod parse;
mod plain;
mod repeat;
mod replace;
mod scripts;
mod unicode;

use std::fmt;

use regex_automata::meta;
use regex_automata::nfa::thompson::WhichCaptures;
use regex_syntax::hir::literal::{ExtractKind, Extractor, Seq};
use regex_syntax::hir::{Hir, HirKind, Look};

use crate::limits::{MAX_PATTERN_BYTES, MAX_REGEX_PROGRAM_BYTES};
use crate::pattern::Glob;
use crate::syntax::SyntaxError;

pub(crate) use replace::ReplaceError;
pub(crate) use unicode::{is_digit, is_letter};

/// Bytes of scratch memory one regex may use per thread for states it builds while searching.
const SEARCH_CACHE_BYTES: usize = 128 * 1024;

/// Literals a search index keeps for one regex; more of them would not narrow a search.
const MAX_ANCHORS: usize = 32;

/// A compiled regular expression.
pub(crate) struct Regex {
    engine: Engine,
    /// Names of the groups, the whole match first.
    names: Box<[Option<Box<str>>]>,
    anchors: Anchors,
    program_bytes: usize,
}

enum Engine {
    Automaton(meta::Regex),
    /// One of these matches. Has no groups, and so cannot replace.
    Globs(Box<[Glob]>),
}

/// Literals that every matching text has, where any are known: one of each group.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Anchors {
    /// Texts begin with one of these.
    pub(crate) prefixes: Option<Literals>,
    /// Texts end with one of these.
    pub(crate) suffixes: Option<Literals>,
    /// Texts have one of these in them. Not looked for where an end is known.
    pub(crate) inner: Option<Literals>,
}

/// Some bytes of which one is meant; none is empty.
pub(crate) type Literals = Vec<Vec<u8>>;

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
        let names = parsed.names.into();
        if groups == Groups::Dropped
            && let Some(globs) = plain::globs(&parsed.hir)
        {
            return Ok(Self {
                engine: Engine::Globs(globs.into()),
                names,
                anchors,
                program_bytes: 0,
            });
        }
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
        let program_bytes = engine.memory_usage();
        Ok(Self { engine: Engine::Automaton(engine), names, anchors, program_bytes })
    }

    /// Whether the pattern is found anywhere in `text`.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        match &self.engine {
            // Most texts are told by their ends, which is much cheaper than to start the engine.
            Engine::Automaton(engine) => {
                self.anchors.admit(text.as_bytes()) && engine.is_match(text)
            }
            Engine::Globs(globs) => globs.iter().any(|glob| glob.is_match(text)),
        }
    }

    /// Memory that the program takes.
    pub(crate) fn program_bytes(&self) -> usize {
        self.program_bytes
    }

    /// The globs of which one matches whatever this matches, when it is no more than that.
    pub(crate) fn globs(&self) -> Option<&[Glob]> {
        match &self.engine {
            Engine::Automaton(_) => None,
            Engine::Globs(globs) => Some(globs),
        }
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
        let prefixes = properties.look_set_prefix().contains(Look::Start);
        let prefixes = prefixes.then(|| literals(hir, ExtractKind::Prefix)).flatten();
        let suffixes = properties.look_set_suffix().contains(Look::End);
        let suffixes = suffixes.then(|| literals(hir, ExtractKind::Suffix)).flatten();
        let inner = if prefixes.is_none() && suffixes.is_none() { inner(hir) } else { None };
        Self { prefixes, suffixes, inner }
    }

    /// Whether a text with these ends may match.
    pub(crate) fn admit(&self, text: &[u8]) -> bool {
        let prefixes = self.prefixes.as_ref();
        let suffixes = self.suffixes.as_ref();
        prefixes.is_none_or(|all| all.iter().any(|one| text.starts_with(one)))
            && suffixes.is_none_or(|all| all.iter().any(|one| text.ends_with(one)))
    }
}

/// What stands in every match, of the parts that follow each other the one with the longest literals.
fn inner(hir: &Hir) -> Option<Literals> {
    let HirKind::Concat(parts) = hir.kind() else { return None };
    let found = parts.iter().filter_map(|part| literals(part, ExtractKind::Prefix));
    let shortest = |all: &Literals| all.iter().map(Vec::len).min().unwrap_or_default();
    found.max_by_key(|all| (shortest(all), std::cmp::Reverse(all.len())))
}

/// What every match of `hir` begins or ends with.
fn literals(hir: &Hir, kind: ExtractKind) -> Option<Literals> {
    let mut extractor = Extractor::new();
    extractor.kind(kind).limit_total(MAX_ANCHORS);
    let seq: Seq = extractor.extract(hir);
    let found: Literals =
        seq.literals()?.iter().map(|literal| literal.as_bytes().to_vec()).collect();
    (!found.is_empty() && found.iter().all(|literal| !literal.is_empty())).then_some(found)
}

#[cfg(test)]
mod tests;
