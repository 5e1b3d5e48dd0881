//! The pattern language of label values, tool names, prompt names and resource URIs.
//!
//! Text that begins with `^` and ends with `$` is a regex; anything else is literal but for `*`, which
//! stands for any run of characters without a line break.

mod glob;

use std::sync::Arc;

use crate::limits::MAX_PATTERN_BYTES;
use crate::regex::Regex;
use crate::syntax::SyntaxError;

pub(crate) use glob::{Glob, Piece};

/// One pattern, ready to match.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    /// Matches exactly this text.
    Literal(Box<str>),
    /// Text with `*` in it.
    Glob(Glob),
    /// `^…$`.
    Regex(Arc<Regex>),
}

// === impl Pattern ===

impl Pattern {
    /// Memory that one takes beside its text and its program, with its place in an index.
    pub(crate) const KEPT_BYTES: usize = 256;

    /// Compiles `text`. The regex of a pattern is found in it, and matched, without any wrapping.
    pub(crate) fn compile(text: &str) -> Result<Self, SyntaxError> {
        if text.len() > MAX_PATTERN_BYTES {
            let found = text.len();
            let message =
                format!("the pattern has {found} bytes, at most {MAX_PATTERN_BYTES} are allowed");
            return Err(SyntaxError::new(message, 0, 0));
        }
        if is_regex(text) {
            Ok(Self::Regex(Arc::new(Regex::compile(text)?)))
        } else if text.contains('*') {
            Ok(Self::Glob(Glob::new(text)))
        } else {
            Ok(Self::Literal(text.into()))
        }
    }

    /// Memory that its program takes.
    pub(crate) fn program_bytes(&self) -> usize {
        match self {
            Self::Literal(_) | Self::Glob(_) => 0,
            Self::Regex(regex) => regex.program_bytes(),
        }
    }

    pub(crate) fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Literal(literal) => **literal == *text,
            Self::Glob(glob) => glob.is_match(text),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

/// Whether `text` is a regex rather than a glob.
pub(crate) fn is_regex(text: &str) -> bool {
    text.starts_with('^') && text.ends_with('$')
}

/// The regex that means what `text` means, every `*` of a glob being a group.
pub(crate) fn to_regex(text: &str) -> String {
    if is_regex(text) {
        return text.to_owned();
    }
    let mut regex = String::from("^");
    for c in text.chars() {
        match c {
            '*' => regex.push_str("(.*)"),
            c if c.is_ascii_punctuation() => {
                regex.push('\\');
                regex.push(c);
            }
            c => regex.push(c),
        }
    }
    regex.push('$');
    regex
}

#[cfg(test)]
mod tests;
