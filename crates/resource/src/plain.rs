//! Words of somebody else, as they may be shown on a terminal: what steers it, or changes how the text around
//! is displayed, is not passed on.

use crate::report::is_invisible;

/// Between the tags and the text that they would label without being seen (Unicode, "Tags").
const TAGS: std::ops::RangeInclusive<char> = '\u{e0000}'..='\u{e007f}';

/// The text on one line.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// The text on one line, and no longer than so many characters.
#[must_use]
pub fn short(text: &str, most: usize) -> String {
    let mut shown: String = one_line(text).chars().take(most).collect();
    if text.chars().nth(most).is_some() {
        shown.push('…');
    }
    shown
}

/// The text with its lines and tabs.
#[must_use]
pub fn lines(text: &str) -> String {
    text.chars().map(|c| if steers(c) && !matches!(c, '\n' | '\t') { ' ' } else { c }).collect()
}

/// Whether a terminal, or whoever reads there, could take the character for an order: control characters (C0,
/// DEL, C1), line and paragraph separators, and what turns the direction of text or is not seen.
#[must_use]
pub fn steers(c: char) -> bool {
    // Joiners are parts of words and of emoji.
    let joins = matches!(c, '\u{200c}' | '\u{200d}');
    c.is_control()
        || matches!(c, '\u{2028}' | '\u{2029}' | '\u{61c}')
        || TAGS.contains(&c)
        || (is_invisible(c) && !joins)
}

/// Whether a character steers, or is not seen by itself: of names that people are to tell apart none of them is a part.
#[must_use]
pub fn hides(c: char) -> bool {
    steers(c)
        || matches!(c, '\u{ad}' | '\u{115f}' | '\u{1160}' | '\u{180e}' | '\u{3164}' | '\u{ffa0}')
        || matches!(c, '\u{200c}' | '\u{200d}' | '\u{206a}'..='\u{206f}')
        || matches!(c, '\u{fff9}'..='\u{fffb}' | '\u{e0080}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests;
