//! A text with a name, from which documents are read and lines are quoted.

use std::fmt;
use std::sync::Arc;

use crate::node::{Position, Span};
use crate::report::{Problem, Report};

/// A named text. Cheap to clone; `Debug` shows the name only.
#[derive(Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// Names a text. A leading byte order mark is dropped.
    #[must_use]
    pub fn new(name: &str, text: &str) -> Self {
        Self { name: name.into(), text: text.strip_prefix('\u{feff}').unwrap_or(text).into() }
    }

    /// Names bytes that should be UTF-8.
    ///
    /// # Errors
    /// When they are not; the report says where.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, Report> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => {
                let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
                let before = String::from_utf8_lossy(valid);
                let start = end_of(&before);
                let problem =
                    Problem::new("", "not valid UTF-8").at(Span { start, end: start }).hide_line();
                Err(Report::new(&Self::new(name, ""), vec![problem]))
            }
        }
    }

    /// What the text is called in messages, usually a file's path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// A line by its number, without its end.
    #[must_use]
    pub fn line(&self, number: usize) -> Option<&str> {
        let index = number.checked_sub(1)?;
        let line = self.text.split('\n').nth(index)?;
        Some(line.strip_suffix('\r').unwrap_or(line))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Source").field("name", &self.name).finish_non_exhaustive()
    }
}

/// The position just after a text.
fn end_of(text: &str) -> Position {
    let line = text.split('\n').count();
    let column = text.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
    Position { line, column }
}
