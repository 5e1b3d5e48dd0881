//! From text to tokens, by Go's rules: comments, line ends, numbers, strings.

use super::string::{quoted, raw};
use super::token::{KEYWORDS, Kind, SIGNS, Token};
use crate::regex::{is_digit, is_letter};
use crate::syntax::SyntaxError;

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    tokens: Vec<Token>,
}

/// Splits `text` into tokens; the last one is [`Kind::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new() };
    while lexer.step()? {}
    Ok(lexer.tokens)
}

// === impl Lexer ===

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, kind: Kind, from: usize) {
        self.tokens.push(Token { kind, span: from..self.at });
    }

    fn error(&self, message: impl Into<String>, from: usize) -> SyntaxError {
        SyntaxError::new(message, from, self.at.saturating_sub(from))
    }

    /// Reads one token; false at the end.
    fn step(&mut self) -> Result<bool, SyntaxError> {
        let line_end = self.blanks()?;
        let from = self.at;
        let Some(c) = self.rest().chars().next() else {
            self.push(Kind::End, from);
            return Ok(false);
        };
        let may_end = self.tokens.last().is_some_and(|token| token.kind.may_end_line());
        if line_end && may_end {
            self.push(Kind::LineEnd, from);
            return Ok(true);
        }
        if is_letter(c) || c == '_' {
            self.word();
        } else if c.is_ascii_digit() || self.is_fraction() {
            self.number()?;
        } else if c == '"' || c == '`' {
            let read = if c == '"' { quoted(self.rest()) } else { raw(self.rest()) };
            let (value, length) = read.map_err(|error| error.shifted(from))?;
            self.at += length;
            self.push(Kind::Text(value), from);
        } else if let Some(sign) = SIGNS.iter().find(|sign| self.rest().starts_with(**sign)) {
            self.at += sign.len();
            self.push(Kind::Sign(sign), from);
        } else {
            self.at += c.len_utf8();
            let error = self.error(format!("unexpected character {c:?}"), from);
            return Err(match c {
                '\'' => error.with_help("strings are written in double quotes or in backquotes"),
                _ => error,
            });
        }
        Ok(true)
    }

    /// Skips blanks and comments; true when a line ended among them.
    fn blanks(&mut self) -> Result<bool, SyntaxError> {
        let mut line_end = false;
        loop {
            let rest = self.rest();
            if rest.starts_with('\n') {
                line_end = true;
                self.at += 1;
            } else if rest.starts_with([' ', '\t', '\r']) {
                self.at += 1;
            } else if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if rest.starts_with("/*") {
                let Some(end) = rest.find("*/") else {
                    let from = self.at;
                    self.at = self.text.len();
                    return Err(self.error("the comment is not closed", from));
                };
                line_end |= rest.get(..end).is_some_and(|comment| comment.contains('\n'));
                self.at += end + 2;
            } else {
                return Ok(line_end);
            }
        }
    }

    fn word(&mut self) {
        let from = self.at;
        let rest = self.rest();
        let end =
            rest.find(|c: char| !(is_letter(c) || is_digit(c) || c == '_')).unwrap_or(rest.len());
        let word = rest.get(..end).unwrap_or_default();
        self.at += end;
        let kind = match KEYWORDS.iter().find(|keyword| **keyword == word) {
            Some(keyword) => Kind::Keyword(keyword),
            None => Kind::Name(word.to_owned()),
        };
        self.push(kind, from);
    }

    fn is_fraction(&self) -> bool {
        let mut chars = self.rest().chars();
        chars.next() == Some('.') && chars.next().is_some_and(|c| c.is_ascii_digit())
    }

    /// Whole decimal numbers alone: the languages have no others.
    fn number(&mut self) -> Result<(), SyntaxError> {
        let from = self.at;
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(rest.len());
        let digits = rest.get(..end).unwrap_or_default();
        self.at += end;
        let octal = digits.len() > 1 && digits.starts_with('0');
        let valid =
            digits.bytes().all(|b| b.is_ascii_digit()) && !(octal && digits.contains(['8', '9']));
        match digits.parse() {
            Ok(number) if valid => {
                self.push(Kind::Number(number), from);
                Ok(())
            }
            _ => Err(self
                .error(format!("`{digits}` is not a number that can be used here"), from)
                .with_help("numbers are whole and decimal")),
        }
    }
}
