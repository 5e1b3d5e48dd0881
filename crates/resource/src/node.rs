//! Trees of values that remember where they were written.
//!
//! A tree comes from YAML ([`crate::yaml`]), from JSON text or from a [`Value`] in memory; in the
//! last case its positions are unknown. Scalars keep their spelling, so that `1.10` is still the text `1.10`
//! where text is wanted.

use std::fmt;

use serde_json::{Map, Number, Value};

/// A place in a source. Lines and columns count from one, columns in characters; line zero is "unknown".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line, from one.
    pub line: usize,
    /// Column in characters, from one.
    pub column: usize,
}

impl Position {
    /// False for nodes that were not read from text.
    #[must_use]
    pub fn is_known(self) -> bool {
        self.line > 0
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// From a first position up to, and without, a last one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Where it begins.
    pub start: Position,
    /// Where it ends, exclusive.
    pub end: Position,
}

/// A value and where it was written.
///
/// `Debug`, here and below, shows the shape only: a tree may hold secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct Node {
    /// Where the value was written.
    pub span: Span,
    /// The value.
    pub value: NodeValue,
}

/// What a node is.
#[derive(Clone, PartialEq, Eq)]
pub enum NodeValue {
    /// A single value.
    Scalar(Scalar),
    /// A list.
    Sequence(Vec<Node>),
    /// Keys and values in the order written. Keys are distinct.
    Mapping(Vec<Entry>),
}

/// One key of a mapping with its value.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key's text.
    pub key: String,
    /// Where the key was written.
    pub key_span: Span,
    /// The value.
    pub value: Node,
}

/// A single value in its own spelling.
#[derive(Clone, PartialEq, Eq)]
pub struct Scalar {
    /// The text, unescaped.
    pub text: String,
    /// How it was quoted.
    pub style: Style,
    /// What it is when nothing particular is wanted.
    pub kind: ScalarKind,
}

/// How a scalar was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// Without quotes.
    Plain,
    /// `'…'`
    SingleQuoted,
    /// `"…"`
    DoubleQuoted,
    /// `|`
    Literal,
    /// `>`
    Folded,
}

/// The type of a scalar under YAML's core schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ScalarKind {
    /// Nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Integer,
    /// Another number.
    Float,
    /// Everything else.
    Text,
}

impl Node {
    /// A node that was not read from text.
    #[must_use]
    pub fn from_json(value: &Value) -> Self {
        let value = match value {
            Value::Null => NodeValue::Scalar(Scalar::plain("null", ScalarKind::Null)),
            Value::Bool(flag) => {
                NodeValue::Scalar(Scalar::plain(&flag.to_string(), ScalarKind::Bool(*flag)))
            }
            Value::Number(number) => {
                let kind = if number.is_f64() { ScalarKind::Float } else { ScalarKind::Integer };
                NodeValue::Scalar(Scalar::plain(&number.to_string(), kind))
            }
            Value::String(text) => NodeValue::Scalar(Scalar {
                text: text.clone(),
                style: Style::DoubleQuoted,
                kind: ScalarKind::Text,
            }),
            Value::Array(items) => NodeValue::Sequence(items.iter().map(Self::from_json).collect()),
            Value::Object(map) => NodeValue::Mapping(
                map.iter()
                    .map(|(key, value)| Entry {
                        key: key.clone(),
                        key_span: Span::default(),
                        value: Self::from_json(value),
                    })
                    .collect(),
            ),
        };
        Self { span: Span::default(), value }
    }

    /// The same value without positions.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match &self.value {
            NodeValue::Scalar(scalar) => scalar.to_json(),
            NodeValue::Sequence(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            NodeValue::Mapping(entries) => Value::Object(
                entries
                    .iter()
                    .map(|entry| (entry.key.clone(), entry.value.to_json()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// True when nothing was written.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.value, NodeValue::Scalar(scalar) if scalar.kind == ScalarKind::Null)
    }

    /// The value under a key of a mapping.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// A key of a mapping with its value.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        match &self.value {
            NodeValue::Mapping(entries) => entries.iter().find(|entry| entry.key == key),
            NodeValue::Scalar(_) | NodeValue::Sequence(_) => None,
        }
    }

    /// The scalar, when the node is one.
    #[must_use]
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match &self.value {
            NodeValue::Scalar(scalar) => Some(scalar),
            NodeValue::Sequence(_) | NodeValue::Mapping(_) => None,
        }
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.value, self.span.start)
    }
}

impl fmt::Debug for NodeValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scalar(scalar) => write!(f, "{scalar:?}"),
            Self::Sequence(items) => write!(f, "sequence of {}", items.len()),
            Self::Mapping(entries) => write!(f, "mapping of {}", entries.len()),
        }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key at {}", self.key_span.start)
    }
}

impl fmt::Debug for Scalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "scalar of {} bytes", self.text.len())
    }
}

impl Scalar {
    fn plain(text: &str, kind: ScalarKind) -> Self {
        Self { text: text.to_owned(), style: Style::Plain, kind }
    }

    /// The value as JSON has it. Numbers that JSON cannot hold become text.
    #[must_use]
    pub fn to_json(&self) -> Value {
        match self.kind {
            ScalarKind::Null => Value::Null,
            ScalarKind::Bool(flag) => Value::Bool(flag),
            ScalarKind::Integer => self
                .integer()
                .and_then(|number| {
                    i64::try_from(number)
                        .map(Number::from)
                        .or_else(|_| u64::try_from(number).map(Number::from))
                        .ok()
                })
                .map_or_else(|| Value::String(self.text.clone()), Value::Number),
            ScalarKind::Float => self
                .text
                .parse::<f64>()
                .ok()
                .and_then(Number::from_f64)
                .map_or_else(|| Value::String(self.text.clone()), Value::Number),
            ScalarKind::Text => Value::String(self.text.clone()),
        }
    }

    /// The number written, when it is a whole one: decimal, `0x…` or `0o…`.
    #[must_use]
    pub fn integer(&self) -> Option<i128> {
        if self.kind != ScalarKind::Integer {
            return None;
        }
        if let Some(digits) = self.text.strip_prefix("0x") {
            return i128::from_str_radix(digits, 16).ok();
        }
        if let Some(digits) = self.text.strip_prefix("0o") {
            return i128::from_str_radix(digits, 8).ok();
        }
        self.text.parse().ok()
    }
}

#[cfg(test)]
mod tests;
