//! `\p{…}`: characters by Unicode category or script, under the names that Go accepts and no others.

use std::cmp::Ordering;
use std::sync::LazyLock;

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, HirKind};

use super::class::Set;
use super::parse::Parser;
use super::scripts::SCRIPTS;
use crate::syntax::SyntaxError;

/// Categories by short name, each with its long ones.
const CATEGORIES: [(&str, &[&str]); 39] = [
    ("C", &["Other"]),
    ("Cc", &["Control", "cntrl"]),
    ("Cf", &["Format"]),
    ("Cn", &["Unassigned"]),
    ("Co", &["Private_Use"]),
    ("Cs", &["Surrogate"]),
    ("L", &["Letter"]),
    ("LC", &["Cased_Letter"]),
    ("Ll", &["Lowercase_Letter"]),
    ("Lm", &["Modifier_Letter"]),
    ("Lo", &["Other_Letter"]),
    ("Lt", &["Titlecase_Letter"]),
    ("Lu", &["Uppercase_Letter"]),
    ("M", &["Mark", "Combining_Mark"]),
    ("Mc", &["Spacing_Mark"]),
    ("Me", &["Enclosing_Mark"]),
    ("Mn", &["Nonspacing_Mark"]),
    ("N", &["Number"]),
    ("Nd", &["Decimal_Number", "digit"]),
    ("Nl", &["Letter_Number"]),
    ("No", &["Other_Number"]),
    ("P", &["Punctuation", "punct"]),
    ("Pc", &["Connector_Punctuation"]),
    ("Pd", &["Dash_Punctuation"]),
    ("Pe", &["Close_Punctuation"]),
    ("Pf", &["Final_Punctuation"]),
    ("Pi", &["Initial_Punctuation"]),
    ("Po", &["Other_Punctuation"]),
    ("Ps", &["Open_Punctuation"]),
    ("S", &["Symbol"]),
    ("Sc", &["Currency_Symbol"]),
    ("Sk", &["Modifier_Symbol"]),
    ("Sm", &["Math_Symbol"]),
    ("So", &["Other_Symbol"]),
    ("Z", &["Separator"]),
    ("Zl", &["Line_Separator"]),
    ("Zp", &["Paragraph_Separator"]),
    ("Zs", &["Space_Separator"]),
    // Not categories, but accepted in the same place.
    ("Any", &[]),
];

/// Properties that are neither category nor script.
const OTHERS: [&str; 2] = ["Assigned", "ASCII"];

// === impl Parser ===

impl Parser<'_> {
    /// `\pN`, `\p{Name}`, `\P{Name}` or `\p{^Name}`, the parser standing on the backslash.
    pub(super) fn unicode_class(&mut self) -> Result<Set, SyntaxError> {
        let from = self.at;
        self.at += 1;
        let mut negated = self.next() == Some('P');
        let rest = self.rest();
        let name = if rest.starts_with('{') {
            let Some(end) = rest.find('}') else {
                self.at = self.text.len();
                return Err(self.error("invalid character class range: missing closing }", from));
            };
            self.at += end + 1;
            rest.get(1..end).unwrap_or_default()
        } else {
            let _ = self.next();
            rest.chars().next().map_or("", |c| rest.get(..c.len_utf8()).unwrap_or_default())
        };
        let name = match name.strip_prefix('^') {
            Some(name) => {
                negated = !negated;
                name
            }
            None => name,
        };
        let mut set = self.property(name, from)?;
        if negated {
            set.negate();
        }
        Ok(set)
    }

    /// The characters with a property, and without regard to letter case those that differ in it alone. Each
    /// is made once: that takes long, and a pattern may name one a thousand times.
    fn property(&mut self, name: &str, from: usize) -> Result<Set, SyntaxError> {
        let key = (canonical(name), self.flags.fold_case);
        if let Some(known) = self.properties.get(&key) {
            return Ok(known.clone());
        }
        let Some(class) = property(name) else {
            return Err(self.error("invalid character class range: unknown property", from));
        };
        let mut set = Set::of(class);
        if self.flags.fold_case {
            set.fold().map_err(|message| self.error(message, from))?;
        }
        self.properties.insert(key, set.clone());
        Ok(set)
    }
}

/// The characters with a property.
fn property(name: &str) -> Option<ClassUnicode> {
    let wanted = canonical(name);
    let category = CATEGORIES.iter().find(|(short, long)| {
        canonical(short) == wanted || long.iter().any(|long| canonical(long) == wanted)
    });
    let query = match category {
        // Text has no surrogates.
        Some(("Cs", _)) => return Some(ClassUnicode::empty()),
        Some((short, _)) => format!(r"\p{{{short}}}"),
        None => match OTHERS.iter().find(|other| canonical(other) == wanted) {
            Some(other) => format!(r"\p{{{other}}}"),
            None => {
                let script = SCRIPTS.iter().find(|script| canonical(script) == wanted)?;
                format!(r"\p{{sc={script}}}")
            }
        },
    };
    match regex_syntax::parse(&query).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        HirKind::Class(Class::Bytes(class)) => class.to_unicode_class(),
        // A property of one character alone comes as that character.
        HirKind::Literal(literal) => {
            let c = std::str::from_utf8(&literal.0).ok()?.chars().next()?;
            Some(ClassUnicode::new([ClassUnicodeRange::new(c, c)]))
        }
        _ => None,
    }
}

/// A letter as Go has it: of category L.
pub(crate) fn is_letter(c: char) -> bool {
    static LETTERS: LazyLock<Option<ClassUnicode>> = LazyLock::new(|| property("L"));
    if c.is_ascii() { c.is_ascii_alphabetic() } else { has(&LETTERS, c) }
}

/// A digit as Go has it: of category Nd.
pub(crate) fn is_digit(c: char) -> bool {
    static DIGITS: LazyLock<Option<ClassUnicode>> = LazyLock::new(|| property("Nd"));
    if c.is_ascii() { c.is_ascii_digit() } else { has(&DIGITS, c) }
}

fn has(class: &Option<ClassUnicode>, c: char) -> bool {
    class.as_ref().is_some_and(|class| {
        class
            .ranges()
            .binary_search_by(|range| {
                if range.end() < c {
                    Ordering::Less
                } else if range.start() > c {
                    Ordering::Greater
                } else {
                    Ordering::Equal
                }
            })
            .is_ok()
    })
}

fn canonical(name: &str) -> String {
    name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).map(|c| c.to_ascii_lowercase()).collect()
}
