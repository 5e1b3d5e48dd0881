//! The end of what a server wrote to its error stream, and its lines in the log.

use std::collections::VecDeque;

use keeper::Outcome;

/// How much of the stream is kept.
const TAIL_BYTES: usize = 8 * 1024;
/// Longer lines are logged in pieces.
const LINE_BYTES: usize = 1024;
/// An excerpt for people is not longer.
const EXCERPT_CHARS: usize = 200;

/// The last bytes of an error stream. Takes no memory before something is written.
#[derive(Debug, Default)]
pub(crate) struct Tail {
    bytes: VecDeque<u8>,
    /// The end of the kept bytes that was not logged, for want of a line end.
    unlogged: usize,
}

// === impl Tail ===

impl Tail {
    /// Takes what was written; logs whole lines under `server`.
    pub(crate) fn push(&mut self, written: &[u8], server: &str) {
        self.bytes.extend(written);
        self.unlogged += written.len();
        self.bytes.drain(..self.bytes.len().saturating_sub(TAIL_BYTES));
        self.unlogged = self.unlogged.min(self.bytes.len());
        if tracing::enabled!(tracing::Level::DEBUG) {
            self.log(server);
        } else {
            self.unlogged = 0;
        }
    }

    fn log(&mut self, server: &str) {
        let fresh = self.bytes.len() - self.unlogged;
        let lines: Vec<u8> = self.bytes.range(fresh..).copied().collect();
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            if !line.ends_with(b"\n") && line.len() < LINE_BYTES {
                break;
            }
            self.unlogged -= line.len();
            let text = String::from_utf8_lossy(line);
            tracing::debug!(server, line = text.trim_end(), "from the MCP server's error stream");
        }
    }

    /// What the keeper said last, once the stream has ended.
    pub(crate) fn outcome(&mut self) -> Option<Outcome> {
        let written = self.bytes.make_contiguous();
        let (before, outcome) = Outcome::split(written);
        let length = before.len();
        self.bytes.truncate(length);
        outcome
    }

    /// The last line with anything on it, shortened, without control characters.
    pub(crate) fn last_line(&mut self) -> Option<String> {
        let text = String::from_utf8_lossy(self.bytes.make_contiguous()).into_owned();
        let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty())?;
        Some(line.chars().filter(|c| !c.is_control()).take(EXCERPT_CHARS).collect())
    }
}

#[cfg(test)]
mod tests;
