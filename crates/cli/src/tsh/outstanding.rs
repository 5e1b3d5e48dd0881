//! Which of the client's requests still wait for an answer, so that none is left without one when
//! the connection ends.

use std::collections::HashSet;

use mcp::framing::LineReader;
use mcp::{Body, Id, Limits, Message};

/// Requests without answers, read from both directions of a stream as it passes.
#[derive(Debug)]
pub(super) struct Outstanding {
    up: LineReader,
    down: LineReader,
    waiting: HashSet<Id<'static>>,
}

// === impl Outstanding ===

impl Outstanding {
    pub(super) fn new() -> Self {
        let reader = || LineReader::new(Limits::CLIENT.bytes);
        Self { up: reader(), down: reader(), waiting: HashSet::new() }
    }

    /// Bytes that the client sent.
    pub(super) fn sent(&mut self, bytes: &[u8]) {
        self.up.push(bytes);
        while let Some(line) = self.up.next_line() {
            let Ok(line) = line else { continue };
            if let Ok(Message { body: Body::Request(request), .. }) =
                Message::parse(&line, &Limits::CLIENT)
            {
                self.waiting.insert(request.id.to_static());
            }
        }
    }

    /// Bytes that came back.
    pub(super) fn received(&mut self, bytes: &[u8]) {
        self.down.push(bytes);
        while let Some(line) = self.down.next_line() {
            let Ok(line) = line else { continue };
            if let Ok(Message { body: Body::Response(response), .. }) =
                Message::parse(&line, &Limits::SERVER)
                && let Some(id) = response.id
            {
                self.waiting.remove(&id.to_static());
            }
        }
    }

    /// Whether the last answer stopped in the middle of a line.
    pub(super) fn is_mid_line(&mut self) -> bool {
        self.down.finish().is_err()
    }

    /// The requests that will not be answered any more.
    pub(super) fn take(&mut self) -> Vec<Id<'static>> {
        self.waiting.drain().collect()
    }
}
