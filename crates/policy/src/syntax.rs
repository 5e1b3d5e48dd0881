//! Errors that point into a text.

use thiserror::Error;

/// Something in a pattern, template, expression or clause that does not parse.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct SyntaxError {
    message: String,
    offset: usize,
    length: usize,
    help: Option<String>,
}

// === impl SyntaxError ===

impl SyntaxError {
    pub(crate) fn new(message: impl Into<String>, offset: usize, length: usize) -> Self {
        Self { message: message.into(), offset, length, help: None }
    }

    pub(crate) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    pub(crate) fn with_optional_help(mut self, help: Option<String>) -> Self {
        self.help = help;
        self
    }

    /// The same error in a text that has `by` bytes more in front.
    pub(crate) fn shifted(mut self, by: usize) -> Self {
        self.offset += by;
        self
    }

    /// The same error with more said in front of it.
    pub(crate) fn in_context(mut self, context: &str) -> Self {
        self.message = format!("{context}: {}", self.message);
        self
    }

    /// What is wrong, without the place.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Byte offset of the place in the text that was parsed.
    #[must_use]
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Bytes concerned; zero when something is missing.
    #[must_use]
    pub fn length(&self) -> usize {
        self.length
    }

    /// What to write instead, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// The message, the line of `text` concerned, a caret under the place, and the help.
    #[must_use]
    pub fn show(&self, text: &str) -> String {
        let offset = (0..=self.offset.min(text.len()))
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or_default();
        let (before, after) = text.split_at_checked(offset).unwrap_or((text, ""));
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let head = before.get(line_start..).unwrap_or_default();
        let tail = after.lines().next().unwrap_or_default();
        let width = tail.char_indices().take_while(|(at, _)| *at < self.length).count();
        let mut shown = self.message.clone();
        let pad: String = head.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        shown.push_str(&format!("\n  {head}{tail}\n  {pad}{}", "^".repeat(width.max(1))));
        if let Some(help) = &self.help {
            shown.push_str(&format!("\n  help: {help}"));
        }
        shown
    }
}

/// The name among `known` that `name` was probably meant to be.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    // A third of the letters may differ: fewer suggestions, but hardly a wrong one.
    let most = name.chars().count().div_ceil(3).max(1);
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= most)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
