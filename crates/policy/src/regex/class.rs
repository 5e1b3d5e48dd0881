//! Sets of characters: `[…]`, `\d` and its kin, POSIX classes.

use regex_syntax::hir::{ClassUnicode, ClassUnicodeRange};

use super::parse::Parser;
use crate::syntax::SyntaxError;

/// A set of characters under construction.
#[derive(Debug, Clone)]
pub(super) struct Set(ClassUnicode);

type Ranges = &'static [(char, char)];

const DIGIT: Ranges = &[('0', '9')];
const SPACE: Ranges = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];
const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

const POSIX: [(&str, Ranges); 14] = [
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", DIGIT),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    // Unlike `\s`, this one has the vertical tab.
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORD),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

// === impl Set ===

impl Set {
    pub(super) fn empty() -> Self {
        Self(ClassUnicode::empty())
    }

    pub(super) fn of(class: ClassUnicode) -> Self {
        Self(class)
    }

    fn of_ranges(ranges: Ranges) -> Self {
        Self(ClassUnicode::new(
            ranges.iter().map(|(low, high)| ClassUnicodeRange::new(*low, *high)),
        ))
    }

    pub(super) fn into_class(self) -> ClassUnicode {
        self.0
    }

    pub(super) fn add_char(&mut self, code: u32) {
        self.add_range(code, code);
    }

    /// Adds the characters numbered `low` to `high`; surrogates among them are no characters.
    pub(super) fn add_range(&mut self, low: u32, high: u32) {
        for (low, high) in [(low, high.min(0xd7ff)), (low.max(0xe000), high)] {
            if low <= high
                && let (Some(low), Some(high)) = (char::from_u32(low), char::from_u32(high))
            {
                self.0.push(ClassUnicodeRange::new(low, high));
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.0.union(&other.0);
    }

    pub(super) fn negate(&mut self) {
        self.0.negate();
    }

    /// Adds every character that differs in case alone from one of the set.
    pub(super) fn fold(&mut self) -> Result<(), String> {
        self.0
            .try_case_fold_simple()
            .map_err(|error| format!("letter case cannot be ignored here: {error}"))
    }
}

// === impl Parser ===

impl Parser<'_> {
    /// `[…]`, the parser standing on the opening bracket.
    pub(super) fn class(&mut self) -> Result<Set, SyntaxError> {
        let from = self.at;
        self.at += 1;
        let negated = self.eat("^");
        let mut set = Set::empty();
        // Letter case is ignored in all of these at once: it takes long.
        let mut plain = Set::empty();
        let mut first = true;
        // A closing bracket that comes first is a member of the set.
        while first || self.peek() != Some(']') {
            first = false;
            if let Some(named) = self.posix_class()? {
                set.add(&named);
                continue;
            }
            if let Some(escaped) = self.class_escape()? {
                set.add(&escaped);
                continue;
            }
            let (low, high) = self.range(from)?;
            plain.add_range(low, high);
        }
        self.at += 1;
        if self.flags.fold_case {
            plain.fold().map_err(|message| self.error(message, from))?;
        }
        set.add(&plain);
        if negated {
            set.negate();
        }
        Ok(set)
    }

    /// The first and the last of some characters.
    fn range(&mut self, class: usize) -> Result<(u32, u32), SyntaxError> {
        let from = self.at;
        let low = self.class_char(class)?;
        let mut high = low;
        let rest = self.rest();
        // A dash before the closing bracket, or at the end, is a dash.
        if rest.len() >= 2 && rest.starts_with('-') && !rest.starts_with("-]") {
            self.at += 1;
            high = self.class_char(class)?;
            if high < low {
                return Err(self.error("invalid character class range", from));
            }
        }
        Ok((low, high))
    }

    fn class_char(&mut self, class: usize) -> Result<u32, SyntaxError> {
        match self.peek() {
            None => Err(self.error("missing closing ]", class)),
            Some('\\') => self.char_escape(),
            Some(c) => {
                self.at += c.len_utf8();
                Ok(u32::from(c))
            }
        }
    }

    /// `[:name:]` or `[:^name:]`; without the closing `:]` the bracket is an ordinary character.
    fn posix_class(&mut self) -> Result<Option<Set>, SyntaxError> {
        let from = self.at;
        let Some(inside) = self.rest().strip_prefix("[:") else { return Ok(None) };
        let Some(end) = inside.find(":]") else { return Ok(None) };
        let name = inside.get(..end).unwrap_or_default();
        self.at += "[:".len() + end + ":]".len();
        let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
        let Some((_, ranges)) = POSIX.iter().find(|(known, _)| *known == name) else {
            let help = crate::syntax::nearest(name, POSIX.iter().map(|(known, _)| *known))
                .map(|near| format!("did you mean `[:{near}:]`?"));
            return Err(self.error("invalid character class name", from).with_optional_help(help));
        };
        self.group(ranges, negated, from).map(Some)
    }

    /// `\d`, `\pL` and their kin, wherever they stand.
    pub(super) fn class_escape(&mut self) -> Result<Option<Set>, SyntaxError> {
        let from = self.at;
        let Some(escaped) = self.rest().strip_prefix('\\') else { return Ok(None) };
        let (ranges, negated) = match escaped.as_bytes().first() {
            Some(b'd') => (DIGIT, false),
            Some(b'D') => (DIGIT, true),
            Some(b's') => (SPACE, false),
            Some(b'S') => (SPACE, true),
            Some(b'w') => (WORD, false),
            Some(b'W') => (WORD, true),
            Some(b'p' | b'P') => return self.unicode_class().map(Some),
            _ => return Ok(None),
        };
        self.at += 2;
        self.group(ranges, negated, from).map(Some)
    }

    fn group(&self, ranges: Ranges, negated: bool, from: usize) -> Result<Set, SyntaxError> {
        let mut set = Set::of_ranges(ranges);
        if self.flags.fold_case {
            // Before negating, so that `(?i)\W` leaves out the signs that fold to word letters.
            set.fold().map_err(|message| self.error(message, from))?;
        }
        if negated {
            set.negate();
        }
        Ok(set)
    }
}
