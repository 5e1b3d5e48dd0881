//! The one pass over a message.

use std::borrow::Cow;

use super::lex::{self, End};
use super::{Raw, Text};
use crate::keys::excerpt;
use crate::limits::{DEPTH, Limits, Unique};
use crate::refused::Reason;

/// Up to this many keys are compared pair by pair; more are sorted first, so that a hostile object costs
/// n log n.
const PAIRWISE: usize = 8;

/// Room for the keys that are open at once in most messages.
const USUAL_KEYS: usize = 32;

/// A position in a text, and what was met on the way.
#[derive(Debug)]
pub(crate) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    limit: u32,
    unique: bool,
    /// The keys of the objects that are open, outermost first; empty unless keys must be unique.
    keys: Vec<Cow<'a, str>>,
}

// === impl Scanner ===

impl<'a> Scanner<'a> {
    pub(crate) fn new(text: &'a str, limits: &Limits) -> Self {
        let unique = limits.unique == Unique::Everywhere;
        Self {
            text,
            at: 0,
            depth: 0,
            limit: limits.depth.min(DEPTH),
            unique,
            keys: if unique { Vec::with_capacity(USUAL_KEYS) } else { Vec::new() },
        }
    }

    /// Reads again a value that has been checked.
    pub(crate) fn again(raw: Raw<'a>) -> Self {
        Self::new(raw.as_str(), &Limits::SERVER)
    }

    /// Where the next byte is.
    pub(crate) const fn position(&self) -> usize {
        self.at
    }

    /// The next byte.
    #[inline]
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }

    /// Passes over white space.
    #[inline]
    pub(crate) fn space(&mut self) {
        self.at = lex::space(self.bytes(), self.at);
    }

    /// Checks that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Reason> {
        self.space();
        if self.peek().is_none() { Ok(()) } else { Err(self.syntax()) }
    }

    /// Reads an object, handing each key to `member`, which must read the value.
    pub(crate) fn object(
        &mut self,
        mut member: impl FnMut(&mut Self, Text<'a>) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        self.expect(b'{')?;
        self.enter()?;
        let mark = self.keys.len();
        self.space();
        if self.eat(b'}') {
            self.depth -= 1;
            return Ok(());
        }
        loop {
            let key = self.key()?;
            member(self, key)?;
            self.space();
            if self.eat(b',') {
                continue;
            }
            self.expect(b'}')?;
            self.depth -= 1;
            return self.close(mark);
        }
    }

    /// Reads an array, calling `element` at each element, which it must read. `element` starts right after
    /// the bracket or comma, before any white space.
    pub(crate) fn array(
        &mut self,
        mut element: impl FnMut(&mut Self) -> Result<(), Reason>,
    ) -> Result<(), Reason> {
        self.expect(b'[')?;
        self.enter()?;
        let start = self.at;
        self.space();
        if self.eat(b']') {
            self.depth -= 1;
            return Ok(());
        }
        self.at = start;
        loop {
            element(self)?;
            self.space();
            if self.eat(b',') {
                continue;
            }
            self.expect(b']')?;
            self.depth -= 1;
            return Ok(());
        }
    }

    /// Passes over one value and gives its text.
    pub(crate) fn value(&mut self) -> Result<Raw<'a>, Reason> {
        let start = self.at;
        self.skip()?;
        Ok(Raw::checked(self.since(start)?))
    }

    /// Passes over one value.
    #[inline]
    pub(crate) fn skip(&mut self) -> Result<(), Reason> {
        match self.peek() {
            Some(b'{' | b'[') if self.unique => self.skip_nested::<true>(),
            Some(b'{' | b'[') => self.skip_nested::<false>(),
            Some(b'"') => self.advance(lex::string(self.bytes(), self.at)),
            _ => self.advance(lex::scalar(self.bytes(), self.at)),
        }
    }

    /// The text from `start` to here.
    pub(crate) fn since(&self, start: usize) -> Result<&'a str, Reason> {
        self.text.get(start..self.at).ok_or_else(|| self.syntax())
    }

    /// A complaint about the byte here.
    pub(crate) const fn syntax(&self) -> Reason {
        Reason::Syntax { offset: self.at }
    }

    /// Nesting is kept as one bit a level, set for an object: no recursion, no memory. The position is kept
    /// in a variable of its own, because this is where the time goes.
    fn skip_nested<const UNIQUE: bool>(&mut self) -> Result<(), Reason> {
        let bytes = self.text.as_bytes();
        let base = self.depth;
        let mut at = self.at;
        let mut kinds: u128 = 0;
        let mut marks: Vec<usize> = Vec::new();
        loop {
            let value = bytes.get(at);
            match value {
                Some(b'{' | b'[') => {
                    self.enter()?;
                    at = lex::space(bytes, at + 1);
                    let object = value == Some(&b'{');
                    if bytes.get(at) == Some(if object { &b'}' } else { &b']' }) {
                        at += 1;
                        self.depth -= 1;
                    } else {
                        kinds = (kinds << 1) | u128::from(object);
                        if object {
                            if UNIQUE {
                                marks.push(self.keys.len());
                            }
                            at = self.skip_key::<UNIQUE>(at)?;
                        }
                        continue;
                    }
                }
                Some(b'"') => at = lex::string(bytes, at).map_err(wrong)?,
                _ => at = lex::scalar(bytes, at).map_err(wrong)?,
            }
            // A value has ended; close what ends with it.
            loop {
                if self.depth == base {
                    self.at = at;
                    return Ok(());
                }
                at = lex::space(bytes, at);
                match (bytes.get(at), kinds & 1 == 1) {
                    (Some(b','), true) => {
                        at = self.skip_key::<UNIQUE>(at + 1)?;
                        break;
                    }
                    (Some(b','), false) => {
                        at = lex::space(bytes, at + 1);
                        break;
                    }
                    (Some(b'}'), true) => {
                        if UNIQUE {
                            self.close(marks.pop().unwrap_or(0))?;
                        }
                    }
                    (Some(b']'), false) => {}
                    _ => return Err(wrong(at)),
                }
                at += 1;
                kinds >>= 1;
                self.depth -= 1;
            }
        }
    }

    #[inline]
    fn skip_key<const UNIQUE: bool>(&mut self, at: usize) -> Result<usize, Reason> {
        if UNIQUE {
            self.at = at;
            self.key()?;
            Ok(self.at)
        } else {
            lex::key(self.bytes(), at).map_err(wrong)
        }
    }

    /// Reads a key, its colon and the white space around them.
    fn key(&mut self) -> Result<Text<'a>, Reason> {
        self.space();
        let start = self.at + 1;
        self.advance(lex::string(self.bytes(), self.at))?;
        let inner = self.text.get(start..self.at - 1).ok_or_else(|| self.syntax())?;
        let key = Text::new(inner);
        self.space();
        self.expect(b':')?;
        self.space();
        if self.unique {
            self.keys.push(key.decode_lossy());
        }
        Ok(key)
    }

    /// Checks the keys of the object that ends, and forgets them.
    fn close(&mut self, mark: usize) -> Result<(), Reason> {
        if !self.unique {
            return Ok(());
        }
        if let Some(key) = repeated(self.keys.get(mark..).unwrap_or_default()) {
            return Err(Reason::RepeatedKey { key: excerpt(key).into_owned() });
        }
        self.keys.truncate(mark);
        Ok(())
    }

    #[inline]
    const fn enter(&mut self) -> Result<(), Reason> {
        if self.depth >= self.limit {
            return Err(Reason::TooDeep { limit: self.limit });
        }
        self.depth += 1;
        Ok(())
    }

    #[inline]
    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    #[inline]
    fn expect(&mut self, byte: u8) -> Result<(), Reason> {
        self.advance(lex::byte(self.bytes(), self.at, byte))
    }

    #[inline]
    fn advance(&mut self, end: End) -> Result<(), Reason> {
        self.at = end.map_err(wrong)?;
        Ok(())
    }

    const fn bytes(&self) -> &'a [u8] {
        self.text.as_bytes()
    }
}

#[cold]
const fn wrong(offset: usize) -> Reason {
    Reason::Syntax { offset }
}

fn repeated<'k>(keys: &'k [Cow<'_, str>]) -> Option<&'k str> {
    if keys.len() <= PAIRWISE {
        return keys.iter().enumerate().find_map(|(i, key)| {
            keys.iter().take(i).any(|earlier| earlier == key).then_some(key.as_ref())
        });
    }
    let mut sorted: Vec<&str> = keys.iter().map(AsRef::as_ref).collect();
    sorted.sort_unstable();
    sorted.windows(2).find_map(|pair| match pair {
        [a, b] if a == b => Some(*a),
        _ => None,
    })
}
