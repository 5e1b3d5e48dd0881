//! Frames, written so that every reader cuts them alike.
//!
//! Readers disagree about where lines end. Some know only LF; some cut text wherever Unicode knows a line
//! end: at VT, FF, FS, GS, RS, NEL, LS and PS. To such a reader a string in a tool's description could be the
//! end of one event and all of another, which nobody filtered. What is passed on or written here has LF or
//! CRLF for line ends and no other character that could be one.

use std::borrow::Cow;

use bytes::Bytes;

use super::{BOM, Event, Field, Frame, KEEP_ALIVE, Lines};

// === impl Frame ===

impl Frame {
    /// The frame as it may be passed on when its data may: as it came, or, when some reader could cut it
    /// differently or find data in it where we found none, the same event written anew.
    pub fn clean(&self) -> Bytes {
        if is_plain(&self.raw) {
            return self.raw.clone();
        }
        match &self.event {
            Some(event) => event.write(event.has_data.then_some(&event.data)),
            None => Bytes::from_static(KEEP_ALIVE),
        }
    }

    /// The frame with other data, which must be JSON, under the same id and name.
    pub fn with_data(&self, data: &[u8]) -> Bytes {
        match &self.event {
            Some(event) => event.write(Some(data)),
            None => encode(data, None, None),
        }
    }
}

// === impl Event ===

impl Event {
    fn write(&self, data: Option<&[u8]>) -> Bytes {
        write(data, self.name.as_deref(), self.id.as_deref(), self.retry)
    }
}

/// Writes an event. Its data must be JSON or have no line end but LF; in JSON all others are escaped.
/// A name loses its line ends; an id that has any is left out, for it would be another one.
pub fn encode(data: &[u8], name: Option<&str>, id: Option<&str>) -> Bytes {
    write(Some(data), name, id, None)
}

fn write(data: Option<&[u8]>, name: Option<&str>, id: Option<&str>, retry: Option<u64>) -> Bytes {
    let mut out = Vec::with_capacity(data.map_or(0, <[u8]>::len) + 64);
    if let Some(name) = name {
        // Without a name it would be another event.
        field(&mut out, "event", name.replace(is_line_end, "").as_bytes());
    }
    if let Some(id) = id.filter(|id| !id.contains(is_line_end) && !id.contains('\0')) {
        field(&mut out, "id", id.as_bytes());
    }
    if let Some(retry) = retry {
        field(&mut out, "retry", retry.to_string().as_bytes());
    }
    if let Some(data) = data {
        let data = escaped(data);
        for line in Lines(&data) {
            field(&mut out, "data", line);
        }
        // What follows the last line end is a line, too.
        if matches!(data.last(), None | Some(b'\n' | b'\r')) {
            field(&mut out, "data", b"");
        }
    }
    if out.is_empty() {
        return Bytes::from_static(KEEP_ALIVE);
    }
    out.push(b'\n');
    out.into()
}

fn field(out: &mut Vec<u8>, key: &str, value: &[u8]) {
    out.extend_from_slice(key.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.push(b'\n');
}

/// JSON in which no string has a line end as it is that some reader could take for one.
fn escaped(json: &[u8]) -> Cow<'_, [u8]> {
    if odd_line_end(json).is_none() {
        return Cow::Borrowed(json);
    }
    let mut out = Vec::with_capacity(json.len() + 64);
    let mut rest = json;
    while let Some((at, length, escape)) = odd_line_end(rest) {
        out.extend_from_slice(rest.get(..at).unwrap_or_default());
        out.extend_from_slice(escape);
        rest = rest.get(at + length..).unwrap_or_default();
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// The first line end beside LF and CR: where, how long, and its escape in JSON.
pub(super) fn odd_line_end(text: &[u8]) -> Option<(usize, usize, &'static [u8])> {
    let may_begin = |b: &u8| matches!(b, 0x0B | 0x0C | 0x1C..=0x1E | 0xC2 | 0xE2);
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(may_begin)?;
        let (length, escape): (usize, &[u8]) = match text.get(at..)? {
            [0xC2, 0x85, ..] => (2, br"\u0085"),
            [0xE2, 0x80, 0xA8, ..] => (3, br"\u2028"),
            [0xE2, 0x80, 0xA9, ..] => (3, br"\u2029"),
            // In JSON these are not allowed as they are.
            [0x0B, ..] => (1, br"\u000b"),
            [0x0C, ..] => (1, br"\f"),
            [0x1C, ..] => (1, br"\u001c"),
            [0x1D, ..] => (1, br"\u001d"),
            [0x1E, ..] => (1, br"\u001e"),
            _ => {
                from = at + 1;
                continue;
            }
        };
        return Some((at, length, escape));
    }
}

/// Whether some reader takes the character for the end of a line.
const fn is_line_end(c: char) -> bool {
    matches!(c, '\n'..='\r' | '\u{1C}'..='\u{1E}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// Whether every reader cuts the frame into the same lines and finds the same fields in it.
fn is_plain(raw: &[u8]) -> bool {
    let odd = |b: &u8| matches!(b, 0..=0x08 | 0x0B | 0x0C | 0x0E..=0x1F);
    let known = |line: &[u8]| {
        Field::read(line).is_none_or(|field| {
            matches!(field.name, b"data" | b"event" | b"id")
                || (field.name == b"retry" && field.digits().is_some())
        })
    };
    !raw.starts_with(BOM)
        && !lone_cr(raw)
        && !raw.iter().any(odd)
        && odd_line_end(raw).is_none()
        && Lines(raw).all(known)
}

/// Whether there is a CR without an LF after it.
fn lone_cr(raw: &[u8]) -> bool {
    memchr::memchr_iter(b'\r', raw).any(|at| raw.get(at + 1) != Some(&b'\n'))
}
