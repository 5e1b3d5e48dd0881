//! Which of the client's requests still wait for an answer, so that none is left without one when
//! the connection ends.

use std::collections::HashSet;

use mcp::framing::LineReader;
use mcp::method::name;
use mcp::request;
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
            match Message::parse(&line, &Limits::CLIENT).map(|message| message.body) {
                Ok(Body::Request(request)) => _ = self.waiting.insert(request.id.to_static()),
                Ok(Body::Notification(notification))
                    if notification.method.as_str() == name::CANCELLED =>
                {
                    if let Ok(id) = request::cancelled(&notification.params) {
                        self.waiting.remove(&id.to_static());
                    }
                }
                Ok(Body::Notification(_) | Body::Response(_)) | Err(_) => {}
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

    /// Whether nobody waits for anything.
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_answered_or_cancelled_is_not_waited_for() {
        let mut waiting = Outstanding::new();
        let ask = |id: u32| format!("{{\"jsonrpc\":\"2.0\",\"id\":{id},\"method\":\"ping\"}}\n");
        for id in 1..=3 {
            waiting.sent(ask(id).as_bytes());
        }
        let (cancel, rest) = (
            br#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
            b"\n{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":{}}\n",
        );
        waiting.sent(cancel);
        waiting.sent(b"\n");
        waiting.received(rest);
        assert!(!waiting.is_empty());
        assert_eq!(waiting.take(), [Id::Number(3)]);
        assert!(waiting.is_empty());
    }
}
