//! Keys that another reader could take for one of ours.
//!
//! Readers fold case (Go's `encoding/json` by Unicode simple folding, where `ſ` is an `s` and `K` a `k`;
//! others also fold `ı` and `İ`), drop `_` and `-` (Go's second JSON package), end a key at a NUL, trim
//! white space, or decode escapes late. A key is confusable with a known one when all of that makes them
//! equal and it is not the known key, byte for byte.

use std::borrow::Cow;

use crate::json::Text;

/// The known key that `key` is confusable with. `key` must not be one of `known`, written plainly.
pub(crate) fn confusable(key: Text<'_>, known: &[&'static str]) -> Option<&'static str> {
    let text = key.decode_lossy();
    let found = known.iter().find(|name| same_skeleton(&text, name)).copied()?;
    // `meta`, spelled so, is a word of its own in the wild; any other spelling of it is not.
    let own_word = found == "_meta" && key.plain() == Some("meta");
    (!own_word).then_some(found)
}

/// Whether a lenient reader could take the one for the other.
pub(crate) fn same_skeleton(text: &str, name: &str) -> bool {
    if skeleton(text).eq(skeleton(name)) {
        return true;
    }
    // Also as a reader sees it whose strings end at a NUL.
    match text.split_once('\0') {
        Some((head, _)) => skeleton(head).eq(skeleton(name)),
        None => false,
    }
}

fn skeleton(text: &str) -> impl Iterator<Item = char> {
    text.chars().filter(|c| !ignorable(*c)).map(fold)
}

/// What some reader drops or trims.
fn ignorable(c: char) -> bool {
    match c {
        '_' | '-' => true,
        c if c.is_ascii() => c.is_ascii_whitespace() || c.is_ascii_control(),
        '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' => {
            true
        }
        c => c.is_whitespace() || c.is_control(),
    }
}

const fn fold(c: char) -> char {
    match c {
        'ſ' => 's',
        '\u{212A}' => 'k',
        'ı' | 'İ' => 'i',
        c => c.to_ascii_lowercase(),
    }
}

/// A text shortened for a message about it.
pub(crate) fn excerpt(text: &str) -> Cow<'_, str> {
    const CHARS: usize = 40;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests;
