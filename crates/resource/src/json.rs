//! Reads JSON text, one value after another, into trees with positions.
//!
//! Stricter than most readers of JSON: keys must be distinct.

use std::collections::HashMap;
use std::iter::Peekable;
use std::str::Chars;

use crate::limits::{Budget, Limits};
use crate::node::{Entry, Node, NodeValue, Position, Scalar, ScalarKind, Span, Style};
use crate::report::{MAX_PROBLEMS, Problem, quoted};

/// The values of a JSON text, read as they are asked for.
pub(crate) struct Documents<'t> {
    reader: Reader<'t>,
    limits: Limits,
    ended: bool,
}

impl<'t> Documents<'t> {
    pub(crate) fn new(text: &'t str, limits: Limits) -> Self {
        let reader = Reader {
            rest: text.chars().peekable(),
            at: Position { line: 1, column: 1 },
            budget: Budget::new(limits),
            problems: Vec::new(),
        };
        Self { reader, limits, ended: false }
    }
}

impl Iterator for Documents<'_> {
    type Item = Result<Node, Vec<Problem>>;

    /// Ends after text that is not JSON: nothing certain can be said of what follows it.
    fn next(&mut self) -> Option<Self::Item> {
        self.reader.skip_space();
        if self.ended || self.reader.peek().is_none() {
            return None;
        }
        self.reader.budget = Budget::new(self.limits);
        let read = self.reader.value(1);
        let mut problems = std::mem::take(&mut self.reader.problems);
        Some(match read {
            Ok(node) if problems.is_empty() => Ok(node),
            Ok(_) => Err(problems),
            Err(problem) => {
                self.ended = true;
                problems.push(problem);
                Err(problems)
            }
        })
    }
}

/// Objects with more keys are searched by a table; most have few.
const FEW: usize = 16;

/// The line of the entry that has this key, if there is one. `many` is filled when there are many.
fn first_line(entries: &[Entry], many: &mut HashMap<String, usize>, key: &str) -> Option<usize> {
    if entries.len() < FEW {
        return entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| entry.key_span.start.line);
    }
    for entry in entries.get(many.len()..).unwrap_or_default() {
        many.insert(entry.key.clone(), entry.key_span.start.line);
    }
    many.get(key).copied()
}

struct Reader<'t> {
    rest: Peekable<Chars<'t>>,
    at: Position,
    budget: Budget,
    /// Mistakes that do not keep the rest of the document from being read.
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.rest.peek().copied()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.at = Position { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(' ' | '\t' | '\n' | '\r')) {
            self.bump();
        }
    }

    fn problem<T>(&self, message: impl Into<String>) -> Result<T, Problem> {
        Err(Problem::new("", message).at(Span { start: self.at, end: self.at }))
    }

    fn expected<T>(&mut self, what: &str) -> Result<T, Problem> {
        let found = match self.peek() {
            Some(c) => quoted(c.encode_utf8(&mut [0; 4])),
            None => "the end".to_owned(),
        };
        self.problem(format!("not valid JSON: expected {what}, found {found}"))
    }

    fn value(&mut self, depth: usize) -> Result<Node, Problem> {
        let start = self.at;
        if let Err(message) = self.budget.check_depth(depth).and_then(|()| self.budget.spend(1, 0))
        {
            return self.problem(message);
        }
        let value = match self.peek() {
            Some('{') => self.object(depth)?,
            Some('[') => self.array(depth)?,
            Some('"') => self.scalar_text()?,
            Some(c) if c.is_ascii_alphanumeric() || c == '-' => self.word(start)?,
            _ => return self.expected("a value"),
        };
        Ok(Node { span: Span { start, end: self.at }, value })
    }

    fn object(&mut self, depth: usize) -> Result<NodeValue, Problem> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut many = HashMap::new();
        self.bump();
        self.skip_space();
        if self.peek() == Some('}') {
            self.bump();
            return Ok(NodeValue::Mapping(entries));
        }
        loop {
            let start = self.at;
            if self.peek() != Some('"') {
                return self.expected("a key in double quotes");
            }
            let key = self.text()?;
            let key_span = Span { start, end: self.at };
            self.skip_space();
            if self.peek() != Some(':') {
                return self.expected("\":\"");
            }
            self.bump();
            self.skip_space();
            let value = self.value(depth + 1)?;
            match first_line(&entries, &mut many, &key) {
                None => entries.push(Entry { key, key_span, value }),
                Some(first) => {
                    let message = format!("duplicate key {}", quoted(&key));
                    let help = format!("it is first written on line {first}");
                    let problem = Problem::new("", message).at(key_span).help(help);
                    if self.problems.len() < MAX_PROBLEMS {
                        self.problems.push(problem.hide_rest_of_line());
                    }
                }
            }
            self.skip_space();
            match self.peek() {
                Some(',') => self.bump(),
                Some('}') => {
                    self.bump();
                    return Ok(NodeValue::Mapping(entries));
                }
                _ => return self.expected("\",\" or \"}\""),
            };
            self.skip_space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<NodeValue, Problem> {
        let mut items = Vec::new();
        self.bump();
        self.skip_space();
        if self.peek() == Some(']') {
            self.bump();
            return Ok(NodeValue::Sequence(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            match self.peek() {
                Some(',') => self.bump(),
                Some(']') => {
                    self.bump();
                    return Ok(NodeValue::Sequence(items));
                }
                _ => return self.expected("\",\" or \"]\""),
            };
            self.skip_space();
        }
    }

    /// A number, `true`, `false` or `null`.
    fn word(&mut self, start: Position) -> Result<NodeValue, Problem> {
        let mut text = String::new();
        while let Some(c) = self.peek()
            && (c.is_ascii_alphanumeric() || matches!(c, '-' | '+' | '.'))
        {
            text.push(c);
            self.bump();
        }
        let kind = match text.as_str() {
            "null" => ScalarKind::Null,
            "true" => ScalarKind::Bool(true),
            "false" => ScalarKind::Bool(false),
            number => match number_kind(number) {
                Some(kind) => kind,
                None => {
                    let message = format!("not valid JSON: {} is not a value", quoted(number));
                    return Err(Problem::new("", message).at(Span { start, end: self.at }));
                }
            },
        };
        if let Err(message) = self.budget.spend(0, text.len()) {
            return self.problem(message);
        }
        Ok(NodeValue::Scalar(Scalar { text, style: Style::Plain, kind }))
    }

    fn scalar_text(&mut self) -> Result<NodeValue, Problem> {
        let text = self.text()?;
        Ok(NodeValue::Scalar(Scalar { text, style: Style::DoubleQuoted, kind: ScalarKind::Text }))
    }

    fn text(&mut self) -> Result<String, Problem> {
        let mut text = String::new();
        self.bump();
        loop {
            match self.peek() {
                None | Some('\n') => return self.problem("not valid JSON: a text has no end"),
                Some('"') => break,
                Some('\\') => text.push(self.escape()?),
                Some(c) if c < ' ' => return self.expected("no control character in a text"),
                Some(c) => text.push(c),
            }
            self.bump();
        }
        self.bump();
        if let Err(message) = self.budget.spend(0, text.len()) {
            return self.problem(message);
        }
        Ok(text)
    }

    /// Reads an escape up to, and without, its last character.
    fn escape(&mut self) -> Result<char, Problem> {
        self.bump();
        let c = match self.peek() {
            Some(c @ ('"' | '\\' | '/')) => c,
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('u') => return self.unicode_escape(),
            _ => return self.expected("an escape"),
        };
        Ok(c)
    }

    fn unicode_escape(&mut self) -> Result<char, Problem> {
        let first = self.hex_digits()?;
        if !(0xd800..0xdc00).contains(&first) {
            return match char::from_u32(first) {
                Some(c) => Ok(c),
                None => self.problem("not valid JSON: half of a surrogate pair"),
            };
        }
        self.bump();
        if self.bump() != Some('\\') || self.peek() != Some('u') {
            return self.problem("not valid JSON: half of a surrogate pair");
        }
        let second = self.hex_digits()?;
        let code = 0x10000 + ((first - 0xd800) << 10) + second.wrapping_sub(0xdc00);
        match char::from_u32(code).filter(|_| (0xdc00..0xe000).contains(&second)) {
            Some(c) => Ok(c),
            None => self.problem("not valid JSON: half of a surrogate pair"),
        }
    }

    /// Four digits after the `u`, the last of which is left to be read.
    fn hex_digits(&mut self) -> Result<u32, Problem> {
        let mut code = 0;
        for _ in 0..4 {
            self.bump();
            match self.peek().and_then(|c| c.to_digit(16)) {
                Some(digit) => code = code * 16 + digit,
                None => return self.expected("a hexadecimal digit"),
            }
        }
        Ok(code)
    }
}

/// Whether a word is a JSON number, and which sort.
fn number_kind(word: &str) -> Option<ScalarKind> {
    let unsigned = word.strip_prefix('-').unwrap_or(word);
    let (whole, rest) = split_digits(unsigned);
    if whole.is_empty() || (whole.len() > 1 && whole.starts_with('0')) {
        return None;
    }
    if rest.is_empty() {
        return Some(ScalarKind::Integer);
    }
    let exponent = match rest.strip_prefix('.') {
        None => rest,
        Some(fraction) => match split_digits(fraction) {
            ("", _) => return None,
            (_, exponent) => exponent,
        },
    };
    if exponent.is_empty() {
        return Some(ScalarKind::Float);
    }
    let digits = exponent.strip_prefix(['e', 'E'])?;
    let digits = digits.strip_prefix(['-', '+']).unwrap_or(digits);
    match split_digits(digits) {
        ("", _) => None,
        (_, "") => Some(ScalarKind::Float),
        _ => None,
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

#[cfg(test)]
mod tests;
