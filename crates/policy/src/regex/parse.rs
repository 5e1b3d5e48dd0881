//! A parser for RE2 syntax with Perl extensions, as Go's `regexp.Compile` reads it.

use std::collections::HashMap;

use regex_syntax::hir::{Capture, Class, Dot, Hir, Look};

use super::class::Set;
use super::repeat::Count;
use crate::limits::MAX_REGEX_DEPTH;
use crate::syntax::SyntaxError;

/// A parsed pattern.
pub(super) struct Parsed {
    pub(super) hir: Hir,
    /// Names of the groups; the first entry stands for the whole match.
    pub(super) names: Vec<Option<Box<str>>>,
}

/// The flags that `(?…)` changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags {
    pub(super) fold_case: bool,
    multi_line: bool,
    dot_newline: bool,
    pub(super) swap_greed: bool,
}

/// A piece of the pattern that a repetition can apply to.
pub(super) struct Node {
    pub(super) hir: Hir,
    /// The largest product of nested counted repetitions.
    pub(super) repeats: u32,
    pub(super) depth: usize,
}

pub(super) enum Item {
    Node(Node),
    /// An open group: the flags in force before it, its number when it captures, where it stands.
    Open {
        flags: Flags,
        capture: Option<u32>,
        at: usize,
    },
    Bar,
}

pub(super) struct Parser<'a> {
    pub(super) text: &'a str,
    pub(super) at: usize,
    pub(super) flags: Flags,
    pub(super) stack: Vec<Item>,
    /// What `\p{…}` stood for so far, by name and by whether letter case is ignored.
    pub(super) properties: HashMap<(String, bool), Set>,
    names: Vec<Option<Box<str>>>,
    keep_groups: bool,
}

/// Parses `text`; without `keep_groups` the result has the same matches and no groups.
pub(super) fn parse(text: &str, keep_groups: bool) -> Result<Parsed, SyntaxError> {
    let flags =
        Flags { fold_case: false, multi_line: false, dot_newline: false, swap_greed: false };
    let mut parser = Parser {
        text,
        at: 0,
        flags,
        stack: Vec::new(),
        properties: HashMap::new(),
        names: vec![None],
        keep_groups,
    };
    parser.run()?;
    let node = parser.finish()?;
    Ok(Parsed { hir: node.hir, names: parser.names })
}

// === impl Parser ===

impl<'a> Parser<'a> {
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    pub(super) fn error(&self, message: impl Into<String>, from: usize) -> SyntaxError {
        SyntaxError::new(message, from, self.at.saturating_sub(from))
    }

    fn run(&mut self) -> Result<(), SyntaxError> {
        // Where the repetition directly before stands: a second one on top of it is refused.
        let mut stacked: Option<usize> = None;
        while let Some(next) = self.peek() {
            let from = self.at;
            let mut repetition = None;
            match next {
                '(' if self.rest().starts_with("(?") => self.perl_group()?,
                '(' => {
                    self.at += 1;
                    self.open_capture(None, from);
                }
                '|' => {
                    self.at += 1;
                    self.concat();
                    self.stack.push(Item::Bar);
                }
                ')' => {
                    self.at += 1;
                    self.close(from)?;
                }
                '^' => {
                    self.at += 1;
                    self.look(if self.flags.multi_line { Look::StartLF } else { Look::Start });
                }
                '$' => {
                    self.at += 1;
                    self.look(if self.flags.multi_line { Look::EndLF } else { Look::End });
                }
                '.' => {
                    self.at += 1;
                    let dot =
                        if self.flags.dot_newline { Dot::AnyChar } else { Dot::AnyCharExceptLF };
                    self.push(Hir::dot(dot));
                }
                '[' => {
                    let set = self.class()?;
                    self.set(set);
                }
                '*' | '+' | '?' => {
                    self.at += 1;
                    let (min, max) = match next {
                        '*' => (0, None),
                        '+' => (1, None),
                        _ => (0, Some(1)),
                    };
                    self.repeat(Count { min, max, counted: false }, from, stacked)?;
                    repetition = Some(from);
                }
                '{' => match self.count()? {
                    Some(count) => {
                        self.repeat(count, from, stacked)?;
                        repetition = Some(from);
                    }
                    None => {
                        self.at += 1;
                        self.literal('{')?;
                    }
                },
                '\\' => self.backslash()?,
                other => {
                    self.at += other.len_utf8();
                    self.literal(other)?;
                }
            }
            stacked = repetition;
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<Node, SyntaxError> {
        self.concat();
        let node = self.alternate();
        match self.stack.pop() {
            None => Ok(node),
            Some(Item::Open { at, .. }) => Err(SyntaxError::new("missing closing )", at, 1)),
            Some(Item::Node(_) | Item::Bar) => {
                Err(SyntaxError::new("the pattern does not parse", 0, self.text.len()))
            }
        }
    }

    fn push(&mut self, hir: Hir) {
        self.stack.push(Item::Node(Node { hir, repeats: 1, depth: 0 }));
    }

    fn set(&mut self, set: Set) {
        self.push(Hir::class(Class::Unicode(set.into_class())));
    }

    fn look(&mut self, look: Look) {
        self.push(Hir::look(look));
    }

    fn literal(&mut self, c: char) -> Result<(), SyntaxError> {
        if self.flags.fold_case {
            let mut set = Set::empty();
            set.add_char(u32::from(c));
            set.fold().map_err(|message| self.error(message, self.at))?;
            self.set(set);
        } else {
            self.push(Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes()));
        }
        Ok(())
    }

    /// A character by number: surrogates are legal to write, and match nothing.
    fn code_point(&mut self, code: u32) -> Result<(), SyntaxError> {
        match char::from_u32(code) {
            Some(c) => self.literal(c),
            None => {
                self.push(Hir::fail());
                Ok(())
            }
        }
    }

    fn backslash(&mut self) -> Result<(), SyntaxError> {
        let from = self.at;
        match self.rest().as_bytes().get(1) {
            Some(b'A') => self.assertion(Look::Start),
            Some(b'z') => self.assertion(Look::End),
            Some(b'b') => self.assertion(Look::WordAscii),
            Some(b'B') => self.assertion(Look::WordAsciiNegate),
            Some(b'C') => {
                self.at += 2;
                return Err(self.error(r"invalid escape: \C is not supported", from));
            }
            Some(b'Q') => {
                self.at += 2;
                let quoted = self.rest().split(r"\E").next().unwrap_or_default();
                for c in quoted.chars() {
                    self.literal(c)?;
                }
                self.at += quoted.len();
                // Quoting that is never ended reaches to the end of the pattern.
                self.eat(r"\E");
            }
            _ => {
                if let Some(set) = self.class_escape()? {
                    self.set(set);
                } else {
                    let code = self.char_escape()?;
                    self.code_point(code)?;
                }
            }
        }
        Ok(())
    }

    fn assertion(&mut self, look: Look) {
        self.at += 2;
        self.look(look);
    }

    // --- groups

    fn open_capture(&mut self, name: Option<Box<str>>, at: usize) {
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(name);
        self.stack.push(Item::Open { flags: self.flags, capture: Some(number), at });
    }

    /// `(?…`: a named group, a group that does not capture, or a change of flags.
    fn perl_group(&mut self) -> Result<(), SyntaxError> {
        let from = self.at;
        self.at += 2;
        if self.eat("P<") || self.eat("<") {
            let Some(end) = self.rest().find('>') else {
                self.at = self.text.len();
                return Err(self.error("invalid named group", from));
            };
            let name = self.rest().get(..end).unwrap_or_default();
            self.at += end + 1;
            if name.is_empty() || !name.bytes().all(|b| b == b'_' || b.is_ascii_alphanumeric()) {
                return Err(self.error("invalid named group", from).with_help(
                    "a name has letters, digits and `_`; look-behind is not supported",
                ));
            }
            self.open_capture(Some(name.into()), from);
            return Ok(());
        }
        let outer = self.flags;
        let mut flags = outer;
        let mut value = true;
        let mut saw_flag = false;
        while let Some(c) = self.next() {
            match c {
                'i' => flags.fold_case = value,
                'm' => flags.multi_line = value,
                's' => flags.dot_newline = value,
                'U' => flags.swap_greed = value,
                '-' if value => {
                    value = false;
                    saw_flag = false;
                    continue;
                }
                ':' | ')' if value || saw_flag => {
                    if c == ':' {
                        self.stack.push(Item::Open { flags: outer, capture: None, at: from });
                    }
                    self.flags = flags;
                    return Ok(());
                }
                _ => break,
            }
            saw_flag = true;
        }
        Err(self
            .error("invalid or unsupported group", from)
            .with_help("after `(?` come the flags i, m, s and U, `:` or `P<name>`; look-around is not supported"))
    }

    fn close(&mut self, at: usize) -> Result<(), SyntaxError> {
        self.concat();
        let node = self.alternate();
        let Some(Item::Open { flags, capture, .. }) = self.stack.pop() else {
            return Err(SyntaxError::new("unexpected )", at, 1));
        };
        self.flags = flags;
        let depth = self.deeper(node.depth, at)?;
        let hir = match capture {
            Some(index) if self.keep_groups => {
                Hir::capture(Capture { index, name: None, sub: Box::new(node.hir) })
            }
            _ => node.hir,
        };
        self.stack.push(Item::Node(Node { hir, repeats: node.repeats, depth }));
        Ok(())
    }

    pub(super) fn deeper(&self, depth: usize, at: usize) -> Result<usize, SyntaxError> {
        if depth >= MAX_REGEX_DEPTH {
            let message = format!("the pattern nests more than {MAX_REGEX_DEPTH} levels deep");
            return Err(self.error(message, at));
        }
        Ok(depth + 1)
    }

    /// Joins what stands above the last group opening or bar.
    fn concat(&mut self) {
        let mut nodes = Vec::new();
        while let Some(Item::Node(_)) = self.stack.last() {
            if let Some(Item::Node(node)) = self.stack.pop() {
                nodes.push(node);
            }
        }
        nodes.reverse();
        self.stack.push(Item::Node(Self::join(nodes, Hir::concat)));
    }

    /// Joins the branches above the last group opening.
    fn alternate(&mut self) -> Node {
        let mut nodes = Vec::new();
        while let Some(Item::Node(_) | Item::Bar) = self.stack.last() {
            if let Some(Item::Node(node)) = self.stack.pop() {
                nodes.push(node);
            }
        }
        nodes.reverse();
        Self::join(nodes, Hir::alternation)
    }

    fn join(nodes: Vec<Node>, combine: fn(Vec<Hir>) -> Hir) -> Node {
        let repeats = nodes.iter().map(|node| node.repeats).max().unwrap_or(1);
        let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0);
        Node { hir: combine(nodes.into_iter().map(|node| node.hir).collect()), repeats, depth }
    }
}
