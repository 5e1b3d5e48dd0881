//! What a request wants to use: the name of a tool or prompt, or the URI of a resource.
//!
//! One function reads it in requests and in list entries, so that what is shown and what can be called are
//! held to the same rules.

use std::borrow::Cow;

use crate::json::Raw;
use crate::refused::{Reason, SubjectFault};

/// The longest name or URI.
pub const SUBJECT_BYTES: usize = 8 * 1024;

/// Which sort of subject a member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sort {
    Name,
    Uri,
}

/// Reads the subject in the member `key`.
pub(crate) fn read<'a>(
    raw: Option<Raw<'a>>,
    key: &'static str,
    sort: Sort,
) -> Result<Cow<'a, str>, Reason> {
    let fault = |fault| Reason::Subject { key, fault };
    let raw = raw.filter(|raw| !raw.is_null()).ok_or(fault(SubjectFault::Missing))?;
    let text = raw.string().ok_or(fault(SubjectFault::NotText))?;
    match examine(&text, sort) {
        None => Ok(text),
        Some(found) => Err(fault(found)),
    }
}

fn examine(text: &str, sort: Sort) -> Option<SubjectFault> {
    if text.is_empty() {
        Some(SubjectFault::Missing)
    } else if text.len() > SUBJECT_BYTES {
        Some(SubjectFault::TooLong)
    } else if text.chars().any(char::is_control) {
        // A reader that stops at NUL, or that works by lines, would see another name.
        Some(SubjectFault::Control)
    } else if sort == Sort::Uri && traverses(text) {
        Some(SubjectFault::Traversal)
    } else {
        None
    }
}

/// Whether a path segment is `..`, also when its dots or the slashes around it are percent-encoded or turned
/// round: a server that resolves the path would read another resource than the one that was decided on.
fn traverses(uri: &str) -> bool {
    if !uri.contains("..") && !uri.contains('%') {
        return false;
    }
    let path_end = uri.find(['?', '#']).unwrap_or(uri.len());
    let path = uri.get(..path_end).unwrap_or(uri).to_ascii_lowercase();
    let path = path.replace("%2e", ".").replace("%2f", "/").replace("%5c", "/");
    path.split(['/', '\\']).any(|segment| segment == "..")
}

#[cfg(test)]
mod tests;
