//! Messages that wait, within bounds.

use std::collections::VecDeque;

use super::{WAITING_BYTES, WAITING_MESSAGES};

/// What a client sent before the server had said what it is.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    lines: VecDeque<Vec<u8>>,
    bytes: usize,
}

// === impl Waiting ===

impl Waiting {
    /// Keeps a message; says whether there was room.
    #[must_use]
    pub(super) fn push(&mut self, line: &[u8]) -> bool {
        let bytes = self.bytes + line.len();
        if self.lines.len() >= WAITING_MESSAGES || bytes > WAITING_BYTES {
            return false;
        }
        self.bytes = bytes;
        self.lines.push_back(line.to_vec());
        true
    }

    /// Everything, in order.
    pub(super) fn take(&mut self) -> VecDeque<Vec<u8>> {
        self.bytes = 0;
        std::mem::take(&mut self.lines)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.lines.len()
    }
}
