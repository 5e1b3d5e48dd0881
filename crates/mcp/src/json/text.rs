//! A string of a message, escaped as it was sent, and what it denotes.

use std::borrow::Cow;

use memchr::memchr;

/// The inside of a JSON string, known to be well formed.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Text<'a> {
    raw: &'a str,
    escaped: bool,
}

// === impl Text ===

impl<'a> Text<'a> {
    pub(crate) fn new(raw: &'a str) -> Self {
        Self { raw, escaped: memchr(b'\\', raw.as_bytes()).is_some() }
    }

    /// The text when it was written without escapes.
    pub(crate) const fn plain(self) -> Option<&'a str> {
        if self.escaped { None } else { Some(self.raw) }
    }

    /// The inside of the string, escaped as it was sent.
    pub(crate) const fn raw(self) -> &'a str {
        self.raw
    }

    /// The string; nothing when it has half a surrogate pair.
    pub(crate) fn decode(self) -> Option<Cow<'a, str>> {
        let (text, whole) = self.unescape();
        whole.then_some(text)
    }

    /// The string, with U+FFFD for each half of a surrogate pair, as readers that replace them see it.
    pub(crate) fn decode_lossy(self) -> Cow<'a, str> {
        self.unescape().0
    }

    fn unescape(self) -> (Cow<'a, str>, bool) {
        if !self.escaped {
            return (Cow::Borrowed(self.raw), true);
        }
        let mut out = String::with_capacity(self.raw.len());
        let mut whole = true;
        let mut chars = self.raw.chars();
        // A first half that waits for its second.
        let mut high: Option<u32> = None;
        while let Some(c) = chars.next() {
            let unit = match c {
                '\\' => match chars.next() {
                    Some('u') => hex4(&mut chars),
                    Some(simple) => u32::from(unescaped(simple)),
                    None => break,
                },
                plain => u32::from(plain),
            };
            match (high.take(), unit) {
                (Some(first), 0xDC00..=0xDFFF) => {
                    let code = 0x1_0000 + ((first - 0xD800) << 10) + (unit - 0xDC00);
                    out.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                (waiting, 0xD800..=0xDBFF) => {
                    if waiting.is_some() {
                        out.push(char::REPLACEMENT_CHARACTER);
                        whole = false;
                    }
                    high = Some(unit);
                }
                (waiting, _) => {
                    if waiting.is_some() {
                        out.push(char::REPLACEMENT_CHARACTER);
                        whole = false;
                    }
                    let c = char::from_u32(unit);
                    whole &= c.is_some();
                    out.push(c.unwrap_or(char::REPLACEMENT_CHARACTER));
                }
            }
        }
        if high.is_some() {
            out.push(char::REPLACEMENT_CHARACTER);
            whole = false;
        }
        (Cow::Owned(out), whole)
    }
}

fn hex4(chars: &mut std::str::Chars<'_>) -> u32 {
    chars.take(4).filter_map(|c| c.to_digit(16)).fold(0, |unit, digit| unit * 16 + digit)
}

const fn unescaped(c: char) -> char {
    match c {
        'b' => '\u{8}',
        'f' => '\u{c}',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        other => other,
    }
}
