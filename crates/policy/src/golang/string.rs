//! Go's string literals.

use crate::syntax::SyntaxError;

/// Reads a literal in double quotes at the start of `text`: its value and its length.
pub(super) fn quoted(text: &str) -> Result<(String, usize), SyntaxError> {
    // Escapes may spell out the bytes of a character one by one.
    let mut value: Vec<u8> = Vec::new();
    let mut at = 1;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        match rest.chars().next() {
            None | Some('\n') => {
                return Err(SyntaxError::new("the string is not closed", 0, at)
                    .with_help("a string with line breaks is written in backquotes"));
            }
            Some('"') => {
                at += 1;
                break;
            }
            Some('\\') => {
                let (bytes, length) = escape(rest).ok_or_else(|| bad_escape(rest, at))?;
                value.extend_from_slice(&bytes);
                at += length;
            }
            Some(c) => {
                value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                at += c.len_utf8();
            }
        }
    }
    let value = String::from_utf8(value).map_err(|error| {
        SyntaxError::new(format!("the string is not valid UTF-8: {error}"), 0, at)
    })?;
    Ok((value, at))
}

/// Reads a literal in backquotes at the start of `text`: its value and its length.
pub(super) fn raw(text: &str) -> Result<(String, usize), SyntaxError> {
    let body = text.get(1..).unwrap_or_default();
    let Some(end) = body.find('`') else {
        return Err(SyntaxError::new("the string is not closed", 0, text.len()));
    };
    // Carriage returns do not count, so that a text means the same with either kind of line break.
    let value = body.get(..end).unwrap_or_default().replace('\r', "");
    Ok((value, end + 2))
}

fn bad_escape(rest: &str, at: usize) -> SyntaxError {
    let length = rest.chars().take(2).map(char::len_utf8).sum();
    SyntaxError::new("unknown escape sequence in the string", at, length)
        .with_help(r"write a backslash as `\\`, or put the string in backquotes")
}

/// The bytes an escape stands for and its length.
fn escape(text: &str) -> Option<(Vec<u8>, usize)> {
    let kind = *text.as_bytes().get(1)?;
    let simple = match kind {
        b'a' => Some(0x07),
        b'b' => Some(0x08),
        b'f' => Some(0x0c),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b'v' => Some(0x0b),
        b'\\' | b'"' => Some(kind),
        _ => None,
    };
    if let Some(byte) = simple {
        return Some((vec![byte], 2));
    }
    match kind {
        b'0'..=b'7' => {
            let code = digits(text.get(1..4)?, 8)?;
            Some((vec![u8::try_from(code).ok()?], 4))
        }
        b'x' => Some((vec![u8::try_from(digits(text.get(2..4)?, 16)?).ok()?], 4)),
        b'u' => Some((character(digits(text.get(2..6)?, 16)?)?, 6)),
        b'U' => Some((character(digits(text.get(2..10)?, 16)?)?, 10)),
        _ => None,
    }
}

/// A number of digits alone: `from_str_radix` would take a sign.
fn digits(text: &str, radix: u32) -> Option<u32> {
    text.chars().all(|c| c.is_digit(radix)).then(|| u32::from_str_radix(text, radix).ok())?
}

fn character(code: u32) -> Option<Vec<u8>> {
    char::from_u32(code).map(|c| c.encode_utf8(&mut [0; 4]).as_bytes().to_vec())
}
