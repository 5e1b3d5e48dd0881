//! The tokens of Go expressions.

use std::ops::Range;

/// One token and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) span: Range<usize>,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Name(String),
    /// A word of the language that cannot be a name.
    Keyword(&'static str),
    Text(String),
    Number(i64),
    /// An operator or bracket.
    Sign(&'static str),
    /// A line break where a line may end, which ends the expression.
    LineEnd,
    End,
}

/// Longest first, so that the first that fits is the right one.
pub(super) const SIGNS: [&str; 37] = [
    "...", "&&", "||", "==", "!=", "<=", ">=", "<<", ">>", "&^", "++", "--", "<-", ":=", "+=",
    "-=", "+", "-", "*", "/", "%", "&", "|", "^", "<", ">", "=", "!", "(", ")", "[", "]", "{", "}",
    ",", ".", ":",
];

pub(super) const KEYWORDS: [&str; 25] = [
    "break",
    "case",
    "chan",
    "const",
    "continue",
    "default",
    "defer",
    "else",
    "fallthrough",
    "for",
    "func",
    "go",
    "goto",
    "if",
    "import",
    "interface",
    "map",
    "package",
    "range",
    "return",
    "select",
    "struct",
    "switch",
    "type",
    "var",
];

// === impl Kind ===

impl Kind {
    /// Whether a line break after this token ends the expression.
    pub(super) fn may_end_line(&self) -> bool {
        match self {
            Self::Name(_) | Self::Text(_) | Self::Number(_) => true,
            Self::Keyword(word) => matches!(*word, "break" | "continue" | "fallthrough" | "return"),
            Self::Sign(sign) => matches!(*sign, ")" | "]" | "}" | "++" | "--"),
            Self::LineEnd | Self::End => false,
        }
    }

    /// How an error speaks of this token.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::Name(name) => format!("`{name}`"),
            Self::Keyword(word) => format!("the reserved word `{word}`"),
            Self::Text(_) => "a string".to_owned(),
            Self::Number(number) => format!("`{number}`"),
            Self::Sign(sign) => format!("`{sign}`"),
            Self::LineEnd => "the end of the line".to_owned(),
            Self::End => "the end of the expression".to_owned(),
        }
    }
}
