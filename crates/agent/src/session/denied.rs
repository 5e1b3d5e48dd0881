//! A connection that is refused: its first request is answered with the reason, and it ends.
//!
//! Clients show the answer to `initialize`; many of them say nothing of a connection that just ends.

use std::time::Duration;

use api::Body;
use http_body_util::BodyExt;
use mcp::error::{self, code};
use mcp::framing::LineReader;
use mcp::limits::{Limits, MESSAGE_BYTES};
use mcp::message::Message;
use tokio::time::timeout;

use crate::end::End;
use crate::outbox::Outbox;
use crate::record::Recorder;

/// How long a refused client may take to ask something.
const PATIENCE: Duration = Duration::from_secs(30);

/// A refused connection.
pub(crate) struct Denied {
    pub(crate) end: End,
    pub(crate) body: Body,
    pub(crate) out: Outbox,
    /// Absent when nobody knows whose connection it is.
    pub(crate) recorder: Option<Recorder>,
}

// === impl Denied ===

impl Denied {
    pub(crate) async fn run(mut self) {
        // Elapsed, or gone: then nobody waits for an answer.
        if let Ok(Some(line)) = timeout(PATIENCE, self.first_line()).await {
            self.answer(&line).await;
        }
        self.out.finish(self.end.trailers());
    }

    async fn first_line(&mut self) -> Option<bytes::Bytes> {
        let mut lines = LineReader::new(MESSAGE_BYTES);
        loop {
            if let Some(line) = lines.next_line() {
                return line.ok();
            }
            let frame = self.body.frame().await?.ok()?;
            if let Ok(bytes) = frame.into_data() {
                lines.push(&bytes);
            }
        }
    }

    async fn answer(&mut self, line: &[u8]) {
        let words = &self.end.message;
        match Message::parse(line, &Limits::CLIENT) {
            Ok(Message { body: mcp::Body::Request(request), .. }) => {
                let answer = error::response(Some(&request.id), code::INTERNAL_ERROR, words, None);
                if let Some(recorder) = &self.recorder {
                    let said = self.end.detail.as_ref().unwrap_or(words);
                    let written = match recorder.request(&request, Some(said)) {
                        Ok(event) => recorder.write(&event).await,
                        Err(error) => Err(error),
                    };
                    if let Err(error) = written {
                        tracing::error!(%error, "cannot record a refusal");
                    }
                }
                self.out.push_line(&answer);
            }
            Ok(_) => {
                self.out.push_line(&error::response(None, code::INTERNAL_ERROR, words, None));
            }
            Err(refused) => self.out.push_line(&refused.response()),
        }
    }
}
