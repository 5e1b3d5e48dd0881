//! Cuts what is read into runs of whole lines: what is sent on never stops in the middle of a message, and
//! is still as long as it can be.

use bytes::{Buf as _, Bytes, BytesMut};
use memchr::{memchr, memrchr};

/// Bytes whose last line is not over yet.
#[derive(Debug)]
pub(super) struct Runs {
    buffer: BytesMut,
    /// How much of the buffer is known to have no line end.
    searched: usize,
    limit: usize,
    /// Whether the rest of a line that was too long is being passed over.
    discarding: bool,
}

/// What comes next.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run {
    /// One or more lines with their line ends, exactly as they came.
    Lines(Bytes),
    /// A line above the limit was passed over.
    TooLong,
}

// === impl Runs ===

impl Runs {
    /// Holds back lines of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { buffer: BytesMut::new(), searched: 0, limit, discarding: false }
    }

    /// Where more can be read to.
    pub(super) const fn buffer_mut(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// What is whole; nothing when more has to be read first.
    pub(super) fn next(&mut self) -> Option<Run> {
        if self.discarding {
            let Some(end) = memchr(b'\n', &self.buffer) else {
                self.buffer.clear();
                return None;
            };
            self.buffer.advance(end + 1);
            self.discarding = false;
        }
        let fresh = self.buffer.get(self.searched..).unwrap_or_default();
        if let Some(end) = memrchr(b'\n', fresh) {
            let lines = self.buffer.split_to(self.searched + end + 1).freeze();
            self.searched = self.buffer.len();
            return Some(Run::Lines(lines));
        }
        self.searched = self.buffer.len();
        if self.searched > self.limit {
            self.buffer.clear();
            self.searched = 0;
            self.discarding = true;
            return Some(Run::TooLong);
        }
        None
    }

    /// What `bytes` completes. What ends with a line end passes without being copied.
    pub(super) fn take(&mut self, bytes: Bytes) -> Option<Run> {
        if self.buffer.is_empty() && !self.discarding && bytes.last() == Some(&b'\n') {
            return Some(Run::Lines(bytes));
        }
        self.buffer.extend_from_slice(&bytes);
        self.next()
    }

    /// Whether what was read ends in the middle of a line.
    pub(super) fn is_mid_line(&self) -> bool {
        self.discarding || !self.buffer.is_empty()
    }
}

/// The lines of a run, without their ends; blank ones are passed over.
pub(super) fn lines(run: &[u8]) -> impl Iterator<Item = &[u8]> {
    run.split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.iter().all(u8::is_ascii_whitespace))
}

#[cfg(test)]
mod tests;
