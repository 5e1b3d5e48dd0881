//! The lists `mcp.tools`, `mcp.prompts` and `mcp.resources` of one side of a role, filled in for one user.

use std::collections::HashMap;
use std::sync::Arc;

use crate::budget::Budget;
use crate::label::Side;
use crate::limits::MAX_PATTERNS_BYTES;
use crate::pattern::Pattern;
use crate::template::{Template, TemplateError, Values};

/// What is said of a pattern behind the last one.
pub(crate) const PATTERNS_FULL: &str = "those before it take all the memory that patterns may take";

/// What a list speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Tools, by name.
    Tool,
    /// Prompts, by name.
    Prompt,
    /// Resources by URI, resource templates by URI template.
    Resource,
}

/// One list, compiled.
#[derive(Debug, Clone, Default)]
pub(crate) struct EntryList {
    /// Whether the role has the field at all.
    pub(crate) mentioned: bool,
    /// The patterns that are tried, in order.
    pub(crate) entries: Vec<Entry>,
    /// The first entry that cannot be evaluated. Entries behind it are never reached.
    pub(crate) broken: Option<BrokenEntry>,
    /// Entries that stand for nothing.
    pub(crate) dropped: Vec<DroppedEntry>,
}

/// A pattern and where it comes from.
#[derive(Debug, Clone)]
pub(crate) struct Entry {
    pub(crate) source: Source,
    /// The entry with its template filled in.
    pub(crate) text: Box<str>,
    pub(crate) pattern: Pattern,
    /// Comes from `{{internal.mcp_tools}}` of a role that grants: what the root cluster denies is not
    /// granted by it.
    pub(crate) guarded: bool,
}

/// Where a pattern stands in its role.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Source {
    /// Position in the list.
    pub(crate) index: usize,
    /// The entry as it is written.
    pub(crate) entry: Arc<str>,
    /// The trait its template reads.
    pub(crate) trait_name: Option<Arc<str>>,
}

#[derive(Debug, Clone)]
pub(crate) struct BrokenEntry {
    pub(crate) source: Source,
    pub(crate) message: String,
}

#[derive(Debug, Clone)]
pub(crate) struct DroppedEntry {
    pub(crate) source: Source,
    pub(crate) message: String,
}

/// How a list fares with a name.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ListVerdict<'a> {
    Hit(&'a Entry),
    /// The list is not there, which restricts nothing.
    Unrestricted,
    Broken(&'a BrokenEntry),
    Miss,
}

/// Compiled patterns by text, so that roles that share patterns share the work.
///
/// All of them together have a bound, too, and so has what it takes to fill in their templates: traits, which
/// others may set, can make many patterns of one entry.
#[derive(Debug, Default)]
pub(crate) struct PatternCache {
    known: HashMap<Box<str>, Result<Pattern, String>>,
    pattern_bytes: usize,
    pub(crate) budget: Budget,
}

// === impl Kind ===

impl Kind {
    /// Every kind, in the order of documents.
    pub const ALL: [Self; 3] = [Self::Tool, Self::Prompt, Self::Resource];

    /// The field under `mcp` that speaks of this kind.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::Tool => "tools",
            Self::Prompt => "prompts",
            Self::Resource => "resources",
        }
    }

    /// One of the kind, in a sentence.
    #[must_use]
    pub fn noun(self) -> &'static str {
        match self {
            Self::Tool => "tool",
            Self::Prompt => "prompt",
            Self::Resource => "resource",
        }
    }

    /// Whether a role that grants the app without this field grants everything of this kind.
    ///
    /// Roles written before the fields for prompts and resources existed expect those to be open, while no
    /// role ever granted tools without naming them.
    #[must_use]
    pub fn is_open_by_default(self) -> bool {
        match self {
            Self::Tool => false,
            Self::Prompt | Self::Resource => true,
        }
    }
}

// === impl EntryList ===

impl EntryList {
    pub(crate) fn compile(
        list: Option<&[String]>,
        side: Side,
        values: Values<'_>,
        cache: &mut PatternCache,
    ) -> Self {
        let mut compiled = Self { mentioned: list.is_some(), ..Self::default() };
        for (index, entry) in list.unwrap_or_default().iter().enumerate() {
            compiled.add(index, entry, side, values, cache);
        }
        compiled
    }

    /// A list of patterns without templates.
    pub(crate) fn literal(list: &[String], cache: &mut PatternCache) -> Self {
        let mut compiled = Self { mentioned: true, ..Self::default() };
        for (index, text) in list.iter().enumerate() {
            let source = Source { index, entry: text.as_str().into(), trait_name: None };
            compiled.push(source, text, false, cache);
        }
        compiled
    }

    fn add(
        &mut self,
        index: usize,
        entry: &str,
        side: Side,
        values: Values<'_>,
        cache: &mut PatternCache,
    ) {
        if self.broken.is_some() {
            // Never reached, whatever it is.
            return;
        }
        let template = Template::parse_within(entry, &cache.budget);
        let trait_name = template.as_ref().ok().and_then(Template::trait_name).map(Arc::from);
        let source = Source { index, entry: entry.into(), trait_name };
        let guarded =
            side == Side::Allow && template.as_ref().is_ok_and(Template::reads_root_tools);
        let texts =
            match template.and_then(|template| template.expand_within(values, &cache.budget)) {
                Ok(texts) => texts,
                Err(error) => return self.fail(source, &error, side),
            };
        for text in texts {
            self.push(source.clone(), &text, guarded, cache);
        }
    }

    fn push(&mut self, source: Source, text: &str, guarded: bool, cache: &mut PatternCache) {
        if self.broken.is_some() {
            return;
        }
        match cache.compile(text) {
            Ok(pattern) => self.entries.push(Entry { source, text: text.into(), pattern, guarded }),
            Err(message) => self.broken = Some(BrokenEntry { source, message }),
        }
    }

    /// An entry whose template gives nothing is dropped, but a deny that cannot be evaluated denies.
    fn fail(&mut self, source: Source, error: &TemplateError, side: Side) {
        let message = error.to_string();
        if side == Side::Deny && !error.is_not_found() {
            if self.broken.is_none() {
                self.broken = Some(BrokenEntry { source, message });
            }
        } else {
            self.dropped.push(DroppedEntry { source, message });
        }
    }

    /// Tries the entries in order; the first that fits or cannot be evaluated decides.
    pub(crate) fn judge(
        &self,
        kind: Kind,
        side: Side,
        name: &str,
        root_denies: bool,
    ) -> ListVerdict<'_> {
        if !self.mentioned && side == Side::Allow && kind.is_open_by_default() {
            return ListVerdict::Unrestricted;
        }
        let hit = self
            .entries
            .iter()
            .find(|entry| !(entry.guarded && root_denies) && entry.pattern.is_match(name));
        match (hit, &self.broken) {
            (Some(entry), _) => ListVerdict::Hit(entry),
            (None, Some(broken)) => ListVerdict::Broken(broken),
            (None, None) => ListVerdict::Miss,
        }
    }
}

// === impl PatternCache ===

impl PatternCache {
    /// Compiles `text`, or finds it compiled.
    pub(crate) fn compile(&mut self, text: &str) -> Result<Pattern, String> {
        if self.is_full() {
            return Err(format!("the pattern {text:?} is one too many: {PATTERNS_FULL}"));
        }
        self.pattern_bytes = self.pattern_bytes.saturating_add(Pattern::KEPT_BYTES + text.len());
        if let Some(known) = self.known.get(text) {
            return known.clone();
        }
        let compiled = self.compile_new(text);
        // Only regexes are worth keeping: the others compile faster than they are looked up.
        if matches!(compiled, Ok(Pattern::Regex(_)) | Err(_)) {
            self.known.insert(text.into(), compiled.clone());
        }
        compiled
    }

    fn compile_new(&mut self, text: &str) -> Result<Pattern, String> {
        let pattern = Pattern::compile(text)
            .map_err(|error| format!("the pattern {text:?} does not compile: {error}"))?;
        self.pattern_bytes = self.pattern_bytes.saturating_add(pattern.program_bytes());
        Ok(pattern)
    }

    /// Whether no further pattern is compiled.
    pub(crate) fn is_full(&self) -> bool {
        self.pattern_bytes > MAX_PATTERNS_BYTES
    }

    /// Takes `bytes` that are kept beside the patterns into account.
    pub(crate) fn keep(&mut self, bytes: usize) {
        self.pattern_bytes = self.pattern_bytes.saturating_add(bytes);
    }
}
