//! The words of JSON: pure functions from a position to the position after the word, or to the position of
//! the first byte that does not fit.

/// Where the word ends, or where it goes wrong.
pub(super) type End = Result<usize, usize>;

/// Passes over white space.
#[inline]
pub(super) fn space(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Passes over one byte.
#[inline]
pub(super) fn byte(bytes: &[u8], at: usize, expected: u8) -> End {
    if bytes.get(at) == Some(&expected) { Ok(at + 1) } else { Err(at) }
}

/// Passes over a string, quotes included.
#[inline]
pub(super) fn string(bytes: &[u8], at: usize) -> End {
    let mut at = plain(bytes, byte(bytes, at, b'"')?);
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok(at + 1),
            Some(b'\\') => at = plain(bytes, escape(bytes, at + 1)?),
            _ => return Err(at),
        }
    }
}

/// Passes over a key, its colon, and the white space before, between and after.
#[inline]
pub(super) fn key(bytes: &[u8], at: usize) -> End {
    let at = string(bytes, space(bytes, at))?;
    let at = byte(bytes, space(bytes, at), b':')?;
    Ok(space(bytes, at))
}

/// Passes over a value that is neither a string nor an array nor an object.
#[inline]
pub(super) fn scalar(bytes: &[u8], at: usize) -> End {
    match bytes.get(at) {
        Some(b'-' | b'0'..=b'9') => number(bytes, at),
        Some(b't') => literal(bytes, at, b"true"),
        Some(b'f') => literal(bytes, at, b"false"),
        Some(b'n') => literal(bytes, at, b"null"),
        _ => Err(at),
    }
}

#[inline]
fn literal(bytes: &[u8], at: usize, word: &[u8]) -> End {
    let rest = bytes.get(at..).unwrap_or_default();
    if rest.starts_with(word) { Ok(at + word.len()) } else { Err(at) }
}

#[inline]
fn number(bytes: &[u8], at: usize) -> End {
    let at = byte(bytes, at, b'-').unwrap_or(at);
    let mut at = byte(bytes, at, b'0').or_else(|at| digits(bytes, at))?;
    if let Ok(after) = byte(bytes, at, b'.') {
        at = digits(bytes, after)?;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        at += 1;
        if let Some(b'+' | b'-') = bytes.get(at) {
            at += 1;
        }
        at = digits(bytes, at)?;
    }
    Ok(at)
}

#[inline]
fn digits(bytes: &[u8], from: usize) -> End {
    let mut at = from;
    while let Some(b'0'..=b'9') = bytes.get(at) {
        at += 1;
    }
    if at == from { Err(at) } else { Ok(at) }
}

/// Passes over what follows a backslash.
#[inline]
fn escape(bytes: &[u8], at: usize) -> End {
    match bytes.get(at) {
        Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => Ok(at + 1),
        Some(b'u') => {
            let digits = bytes.get(at + 1..at + 5).ok_or(at)?;
            if digits.iter().all(u8::is_ascii_hexdigit) { Ok(at + 5) } else { Err(at) }
        }
        _ => Err(at),
    }
}

/// Where the first byte is that a string cannot simply contain: a quote, a backslash, a control character;
/// or the end. Eight bytes at a time.
#[inline]
fn plain(bytes: &[u8], from: usize) -> usize {
    let (words, tail) = bytes.get(from..).unwrap_or_default().as_chunks::<8>();
    let mut at = from;
    for word in words {
        let special = special(u64::from_le_bytes(*word));
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    at + tail.iter().position(|b| matches!(b, b'"' | b'\\' | 0..0x20)).unwrap_or(tail.len())
}

/// Sets the high bit of each byte that is special. A borrow can also mark a byte above the first special
/// one, never one below it.
#[inline]
const fn special(word: u64) -> u64 {
    const ONES: u64 = u64::MAX / 255;
    const HIGH: u64 = ONES << 7;
    let quote = word ^ (ONES * b'"' as u64);
    let backslash = word ^ (ONES * b'\\' as u64);
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGH
}
