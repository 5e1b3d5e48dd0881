//! Escapes that stand for one character.

use super::parse::Parser;
use crate::syntax::SyntaxError;

// === impl Parser ===

impl Parser<'_> {
    /// Reads an escape, the parser standing on the backslash, and returns the character's number.
    pub(super) fn char_escape(&mut self) -> Result<u32, SyntaxError> {
        let from = self.at;
        self.at += 1;
        let Some(c) = self.next() else {
            return Err(self.error("trailing backslash at the end of the pattern", from));
        };
        let code = match c {
            '0' => Some(self.octal(0)),
            // One digit alone would refer back to a group, which RE2 does not have.
            '1'..='7' if self.peek().is_some_and(|next| next.is_digit(8)) => {
                Some(self.octal(c.to_digit(8).unwrap_or_default()))
            }
            'x' => self.hexadecimal(),
            'a' => Some(0x07),
            'f' => Some(0x0c),
            'n' => Some(0x0a),
            'r' => Some(0x0d),
            't' => Some(0x09),
            'v' => Some(0x0b),
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(u32::from(c)),
            _ => None,
        };
        code.ok_or_else(|| {
            let help = match c {
                'u' | 'U' => Some(r"a character by number is written \x{0041}".to_owned()),
                '1'..='9' => Some("back-references are not supported".to_owned()),
                'Z' => Some(r"the end of the text is \z".to_owned()),
                _ => None,
            };
            self.error("invalid escape sequence", from).with_optional_help(help)
        })
    }

    /// Up to two further octal digits.
    fn octal(&mut self, first: u32) -> u32 {
        let mut code = first;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|next| next.to_digit(8)) else { break };
            self.at += 1;
            code = code * 8 + digit;
        }
        code
    }

    /// `\x7F` or `\x{10FFFF}`, the parser standing behind the `x`.
    fn hexadecimal(&mut self) -> Option<u32> {
        if !self.eat("{") {
            let high = self.next()?.to_digit(16);
            let low = self.next()?.to_digit(16);
            return Some(high? * 16 + low?);
        }
        let mut code: Option<u32> = None;
        loop {
            let c = self.next()?;
            if c == '}' {
                return code;
            }
            let next = code.unwrap_or_default() * 16 + c.to_digit(16)?;
            if next > u32::from(char::MAX) {
                return None;
            }
            code = Some(next);
        }
    }
}
