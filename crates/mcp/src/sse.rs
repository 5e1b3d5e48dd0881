//! Event streams: how messages follow each other in a body of `text/event-stream`.
//!
//! Read as the HTML standard says ("Server-sent events", section 9.2.6), a frame at a time: a frame is what
//! ends with a blank line, whether an event, a comment that keeps a connection alive, or nothing. What may
//! pass as it came passes as it came; see [`Frame::clean`] for what may not.

mod write;

use bytes::{Buf, Bytes, BytesMut};
use memchr::memchr2;

pub use self::write::encode;

/// The content type of an event stream.
pub const CONTENT_TYPE: &str = "text/event-stream";

/// A frame that says nothing, to keep a connection alive.
pub const KEEP_ALIVE: &[u8] = b":\n\n";

/// How much longer than its message a frame may be: its other lines, and `data:` before each line of it.
pub const OVERHEAD_BYTES: usize = 64 * 1024;

/// The byte-order mark in UTF-8; one may stand at the start of a stream.
const BOM: &[u8] = b"\xEF\xBB\xBF";

/// Cuts a byte stream into frames of a bounded length, an iterator that goes on when more was pushed. What it
/// holds is never longer than the limit and what was pushed since frames were last taken.
///
/// The same bytes give the same frames however they are cut into pieces.
#[derive(Debug)]
pub struct Decoder {
    buffer: BytesMut,
    limit: usize,
    /// Where the current line starts.
    line: usize,
    /// How much of the buffer is known to have no further line end.
    searched: usize,
    /// Whether the last line ended with both CR and LF: then a CR that ends a frame waits for its LF.
    /// Otherwise a frame ends at its CR, and an LF after it belongs to the next one; who sends only CR would
    /// wait forever else.
    pairs: bool,
    /// Whether the last frame ended with a CR alone.
    after_cr: bool,
    /// Whether nothing was read yet.
    first: bool,
    /// Whether the rest of a frame that was too long is being passed over.
    discarding: bool,
}

/// What ends with a blank line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// The bytes, as they came, with the blank line.
    pub raw: Bytes,
    /// What they say; nothing when there is not one field in them.
    pub event: Option<Event>,
}

/// The fields of a frame.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Event {
    /// `event`; an empty one is none. Clients differ in which names they heed, so what is decided about an
    /// event's data must not depend on it.
    pub name: Option<Box<str>>,
    /// The lines of `data`, with LF between them. Empty when there is none: such an event carries no message,
    /// only an id or a time to wait.
    pub data: Bytes,
    /// `id`; an empty one unsets the last one.
    pub id: Option<Box<str>>,
    /// `retry`, in milliseconds.
    pub retry: Option<u64>,
    /// Whether there is a line of `data`.
    has_data: bool,
}

/// A frame that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SseError {
    /// Above the limit. The frame is passed over; the next one can be read.
    #[error("an event of the stream is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The stream ended within an event, which therefore never happened.
    #[error("the event stream ended {length} bytes into an event")]
    Unfinished {
        /// How much there was of it.
        length: usize,
    },
}

/// Where a line ends.
#[derive(Debug, Clone, Copy)]
struct LineEnd {
    /// Past its last byte.
    text: usize,
    /// Past its line end.
    next: usize,
}

/// The lines of a frame.
struct Lines<'a>(&'a [u8]);

/// A line that says something.
struct Field<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

// === impl Decoder ===

impl Decoder {
    /// Accepts frames of at most `limit` bytes, everything counted.
    pub fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            // A byte-order mark is no frame that is too long.
            limit: limit.max(BOM.len() + 1),
            line: 0,
            searched: 0,
            pairs: false,
            after_cr: false,
            first: true,
            discarding: false,
        }
    }

    /// Takes bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// What the end of the stream makes of the rest. An event without its blank line is none.
    pub fn finish(&mut self) -> Option<Result<Frame, SseError>> {
        if let Some(frame) = self.next() {
            return Some(frame);
        }
        // A CR that waited for its LF ended the frame all the same.
        if self.buffer.len() == self.line + 1 && self.buffer.last() == Some(&b'\r') {
            return self.cut(self.buffer.len());
        }
        let rest = self.buffer.split();
        self.line = 0;
        self.searched = 0;
        let says = Lines(body(&rest, self.first)).any(|line| Field::read(line).is_some());
        let unfinished = says && !std::mem::take(&mut self.discarding);
        unfinished.then_some(Err(SseError::Unfinished { length: rest.len() }))
    }

    /// The end of the line that starts at `self.line`, once it is certain.
    fn line_end(&mut self) -> Option<LineEnd> {
        let rest = self.buffer.get(self.searched..).unwrap_or_default();
        let Some(found) = memchr2(b'\n', b'\r', rest) else {
            self.searched = self.buffer.len();
            return None;
        };
        let text = self.searched + found;
        self.searched = text;
        if self.buffer.get(text) == Some(&b'\n') {
            self.pairs = false;
            return Some(LineEnd { text, next: text + 1 });
        }
        if self.is_blank(text) && !self.pairs {
            return Some(LineEnd { text, next: text + 1 });
        }
        let after = self.buffer.get(text + 1)?;
        self.pairs = *after == b'\n';
        Some(LineEnd { text, next: text + 1 + usize::from(self.pairs) })
    }

    /// Whether the line that ends there has nothing in it.
    fn is_blank(&self, end: usize) -> bool {
        let line = self.buffer.get(self.line..end).unwrap_or_default();
        line.is_empty() || (self.line == 0 && self.first && line == BOM)
    }

    /// Takes the frame that ends there; nothing when it was one to pass over.
    fn cut(&mut self, end: usize) -> Option<Result<Frame, SseError>> {
        let raw = self.buffer.split_to(end).freeze();
        let first = std::mem::take(&mut self.first);
        self.after_cr = raw.last() == Some(&b'\r');
        self.line = 0;
        self.searched = 0;
        if std::mem::take(&mut self.discarding) {
            return None;
        }
        if raw.len() > self.limit {
            return Some(Err(SseError::TooLong { limit: self.limit }));
        }
        let event = Event::read(&raw, first);
        Some(Ok(Frame { raw, event }))
    }

    /// Gives up a frame that is too long already.
    fn without_end(&mut self) -> Option<Result<Frame, SseError>> {
        let too_long = self.buffer.len() > self.limit;
        if too_long || self.discarding {
            // All that matters of it is whether its last line is blank.
            let keep = usize::from(self.searched > self.line);
            self.buffer.advance(self.searched - keep);
            self.line = 0;
            self.searched = keep;
            self.first = false;
        }
        let news = too_long && !self.discarding;
        self.discarding |= too_long;
        news.then_some(Err(SseError::TooLong { limit: self.limit }))
    }
}

/// Gives nothing when more bytes are needed.
impl Iterator for Decoder {
    type Item = Result<Frame, SseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            // The second half of the line end that the last frame ended with.
            if self.line == 0 && self.after_cr && !self.buffer.is_empty() {
                self.after_cr = false;
                self.line = usize::from(self.buffer.first() == Some(&b'\n'));
                self.searched = self.line;
            }
            let Some(end) = self.line_end() else { return self.without_end() };
            if !self.is_blank(end.text) {
                self.line = end.next;
                self.searched = end.next;
                continue;
            }
            if let Some(frame) = self.cut(end.next) {
                return Some(frame);
            }
        }
    }
}

// === impl Event ===

impl Event {
    /// Whether it has data, be it empty: without, browsers take no note of it.
    pub const fn has_data(&self) -> bool {
        self.has_data
    }

    fn read(raw: &Bytes, first: bool) -> Option<Self> {
        let mut event = None::<Self>;
        let mut lines = 0;
        let mut joined = BytesMut::new();
        for field in Lines(body(raw, first)).filter_map(Field::read) {
            let event = event.get_or_insert_default();
            match field.name {
                b"data" => {
                    event.has_data = true;
                    lines += 1;
                    if lines == 1 {
                        event.data = raw.slice_ref(field.value);
                        continue;
                    }
                    if lines == 2 {
                        joined.extend_from_slice(&event.data);
                    }
                    joined.extend_from_slice(b"\n");
                    joined.extend_from_slice(field.value);
                }
                b"event" => event.name = Some(text(field.value)).filter(|name| !name.is_empty()),
                b"id" if !field.value.contains(&0) => event.id = Some(text(field.value)),
                b"retry" => event.retry = field.digits().or(event.retry),
                _ => {}
            }
        }
        if lines > 1
            && let Some(event) = &mut event
        {
            event.data = joined.freeze();
        }
        event
    }
}

// === impl Lines ===

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.0.is_empty() {
            return None;
        }
        let end = memchr2(b'\n', b'\r', self.0).unwrap_or(self.0.len());
        let (line, rest) = self.0.split_at(end);
        self.0 = match rest {
            [b'\r', b'\n', rest @ ..] | [_, rest @ ..] => rest,
            [] => rest,
        };
        Some(line)
    }
}

// === impl Field ===

impl<'a> Field<'a> {
    /// Reads a line; nothing when it is blank or a comment.
    fn read(line: &'a [u8]) -> Option<Self> {
        let (name, value) = match memchr::memchr(b':', line) {
            Some(0) => return None,
            Some(colon) => (line.get(..colon)?, line.get(colon + 1..)?),
            None if line.is_empty() => return None,
            None => (line, [].as_slice()),
        };
        Some(Self { name, value: value.strip_prefix(b" ").unwrap_or(value) })
    }

    /// The number that the value is; nothing when it is anything else.
    fn digits(&self) -> Option<u64> {
        let digits = self.value.iter().all(u8::is_ascii_digit);
        std::str::from_utf8(self.value).ok().filter(|_| digits)?.parse().ok()
    }
}

/// A frame without the byte-order mark of the stream.
fn body(raw: &[u8], first: bool) -> &[u8] {
    if first { raw.strip_prefix(BOM).unwrap_or(raw) } else { raw }
}

fn text(value: &[u8]) -> Box<str> {
    String::from_utf8_lossy(value).into()
}

#[cfg(test)]
mod tests;
