//! A stream of events from a server, and how it goes on when it breaks.

use std::time::Duration;

use api::Body;
use http_body_util::BodyExt as _;
use mcp::framing::LineError;
use mcp::limits::MESSAGE_BYTES;
use mcp::sse::{Decoder, Event, OVERHEAD_BYTES, SseError};

/// The pause before a stream is asked for again, when the server names none,
const PAUSE: Duration = Duration::from_secs(1);
/// the shortest, so that a server cannot have itself asked all the time,
const SHORTEST_PAUSE: Duration = Duration::from_millis(50);
/// and the longest.
pub(super) const LONGEST_PAUSE: Duration = Duration::from_secs(30);

/// A stream of events.
#[derive(Debug)]
pub(super) struct Events {
    body: Body,
    decoder: Decoder,
    ended: bool,
    /// Where the stream can be taken up again.
    pub(super) place: Place,
}

/// Where a stream can be taken up again, and when.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) id: Option<Box<str>>,
    retry: Option<u64>,
}

// === impl Place ===

impl Place {
    pub(super) fn pause(&self) -> Duration {
        let named = self.retry.map_or(PAUSE, Duration::from_millis);
        named.clamp(SHORTEST_PAUSE, LONGEST_PAUSE)
    }

    /// The server could not be asked: the next pause is longer.
    pub(super) fn retry_later(&mut self) {
        let next = self.pause().saturating_mul(2).min(LONGEST_PAUSE);
        self.retry = u64::try_from(next.as_millis()).ok();
    }

    fn note(&mut self, event: &Event) {
        if let Some(id) = &event.id {
            self.id = Some(id.clone()).filter(|id| !id.is_empty());
        }
        self.retry = event.retry.or(self.retry);
    }
}

// === impl Events ===

impl Events {
    /// Goes on from `place`.
    pub(super) fn new(body: Body, place: Place) -> Self {
        let decoder = Decoder::new(MESSAGE_BYTES + OVERHEAD_BYTES);
        Self { body, decoder, ended: false, place }
    }

    /// The next event that says something; nothing at the end, in whatever way it came.
    pub(super) async fn next(&mut self) -> Option<Result<Event, LineError>> {
        loop {
            match self.decoder.next() {
                Some(Ok(frame)) => {
                    let Some(event) = frame.event else { continue };
                    self.place.note(&event);
                    if !event.data.is_empty() {
                        return Some(Ok(event));
                    }
                }
                Some(Err(SseError::TooLong { .. })) => {
                    return Some(Err(LineError::TooLong { limit: MESSAGE_BYTES }));
                }
                Some(Err(SseError::Unfinished { .. })) => {}
                None if self.ended => return None,
                None => match self.body.frame().await {
                    Some(Ok(frame)) => {
                        if let Ok(data) = frame.into_data() {
                            self.decoder.push(&data);
                        }
                    }
                    Some(Err(_)) | None => self.ended = true,
                },
            }
        }
    }
}
