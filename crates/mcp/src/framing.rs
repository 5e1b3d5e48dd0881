//! Lines: how messages follow each other on a byte stream.

use std::borrow::Cow;

use bytes::{Bytes, BytesMut};
use memchr::{memchr, memchr2};

/// The content type of a stream of messages, one a line, in both directions of one HTTP exchange.
pub const STDIO_CONTENT_TYPE: &str = "application/vnd.tessera.mcp.stdio";

/// Cuts a byte stream into lines of a bounded length. What it holds is never longer than the limit and what
/// was pushed since lines were last taken.
#[derive(Debug)]
pub struct LineReader {
    buffer: BytesMut,
    /// How much of the buffer is known to have no line end.
    searched: usize,
    limit: usize,
    /// Whether the rest of a line that was too long is being passed over.
    discarding: bool,
}

/// A line that was cut off or never ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// Above the limit. The line is passed over; the next one can be read.
    #[error("a line is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// The stream ended within a line.
    #[error("the stream ended {length} bytes into a line")]
    Unfinished {
        /// How much there was of it.
        length: usize,
    },
}

// === impl LineReader ===

impl LineReader {
    /// Accepts lines of at most `limit` bytes, the line end not counted.
    pub fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, limit, discarding: false }
    }

    /// Takes bytes from the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.discarding {
            self.buffer.extend_from_slice(bytes);
        } else if let Some(end) = memchr(b'\n', bytes) {
            self.discarding = false;
            self.buffer.extend_from_slice(bytes.get(end + 1..).unwrap_or_default());
        }
    }

    /// Where a reader may write bytes of the stream itself, to save a copy; call [`Self::next_line`] until it
    /// gives nothing after each write.
    pub const fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next complete line that is not blank, without its line end. A line that is too long is reported
    /// once, as soon as that is certain.
    pub fn next_line(&mut self) -> Option<Result<Bytes, LineError>> {
        loop {
            let end = memchr(b'\n', self.buffer.get(self.searched..).unwrap_or_default());
            let Some(end) = end.map(|end| self.searched + end) else {
                return self.without_end();
            };
            let mut line = self.buffer.split_to(end + 1);
            self.searched = 0;
            if std::mem::take(&mut self.discarding) {
                continue;
            }
            line.truncate(end);
            if line.last() == Some(&b'\r') {
                line.truncate(end - 1);
            }
            if line.len() > self.limit {
                return Some(Err(LineError::TooLong { limit: self.limit }));
            }
            if !line.iter().all(u8::is_ascii_whitespace) {
                return Some(Ok(line.freeze()));
            }
        }
    }

    /// What is wrong with the end of the stream. A line without an end may be half a message and is no line.
    pub fn finish(&mut self) -> Result<(), LineError> {
        let rest = std::mem::take(&mut self.buffer);
        self.searched = 0;
        if std::mem::take(&mut self.discarding) || rest.iter().all(u8::is_ascii_whitespace) {
            Ok(())
        } else {
            Err(LineError::Unfinished { length: rest.len() })
        }
    }

    fn without_end(&mut self) -> Option<Result<Bytes, LineError>> {
        self.searched = self.buffer.len();
        if self.discarding {
            self.buffer.clear();
            self.searched = 0;
            return None;
        }
        // One more byte may be the carriage return of the line end.
        if self.buffer.len() > self.limit + 1 {
            self.buffer.clear();
            self.searched = 0;
            self.discarding = true;
            return Some(Err(LineError::TooLong { limit: self.limit }));
        }
        None
    }
}

/// A message as one line, without the line end. A message may be sent over HTTP on several lines; on a stream
/// each of them would be a message of its own. Line ends in a message that was read stand between its tokens
/// only, so blanks can take their place.
pub fn line(message: &[u8]) -> Cow<'_, [u8]> {
    if memchr2(b'\n', b'\r', message).is_none() {
        return Cow::Borrowed(message);
    }
    let blank = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
    Cow::Owned(message.iter().map(blank).collect())
}

#[cfg(test)]
mod tests;
