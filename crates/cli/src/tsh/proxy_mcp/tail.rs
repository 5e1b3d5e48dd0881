//! The end of an answer. A stream of events that breaks off would leave its client waiting for ever: most
//! clients take the end of a stream for an answer that is still to come.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use api::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use memchr::memchr2;

use super::pool::Place;

/// The body of an answer, which passes as it comes.
pub(super) struct Tail {
    body: Incoming,
    _place: Place,
    events: Option<Events>,
    over: bool,
}

/// What has been seen of a stream of events.
pub(super) struct Events {
    /// What the client gets instead of an answer that does not come any more.
    last_words: Bytes,
    /// How the current line begins, as far as that matters.
    line: Vec<u8>,
    /// Whether the last line was blank: an event may begin.
    between: bool,
    /// Whether a carriage return came last; a line feed after it belongs to it.
    after_cr: bool,
    /// Whether an event had an id: its client can go on from there on another stream.
    resumable: bool,
}

// === impl Tail ===

impl Tail {
    pub(super) fn new(body: Incoming, place: Place, events: Option<Events>) -> Self {
        Self { body, _place: place, events, over: false }
    }
}

impl Body for Tail {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if this.over {
            return Poll::Ready(None);
        }
        let error = match ready!(Pin::new(&mut this.body).poll_frame(cx)) {
            Some(Ok(frame)) => {
                if let (Some(events), Some(data)) = (&mut this.events, frame.data_ref()) {
                    events.see(data);
                }
                return Poll::Ready(Some(Ok(frame)));
            }
            None => return Poll::Ready(None),
            Some(Err(error)) => error,
        };
        tracing::debug!(%error, "an answer broke off");
        this.over = true;
        Poll::Ready(Some(match this.events.take().and_then(Events::finish) {
            Some(words) => Ok(Frame::data(words)),
            None => Err(error.into()),
        }))
    }

    fn is_end_stream(&self) -> bool {
        self.over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.events.is_some() { SizeHint::default() } else { self.body.size_hint() }
    }
}

// === impl Events ===

impl Events {
    /// Nothing was seen yet.
    pub(super) fn new(last_words: Bytes) -> Self {
        let line = Vec::with_capacity(3);
        Self { last_words, line, between: true, after_cr: false, resumable: false }
    }

    fn see(&mut self, mut bytes: &[u8]) {
        while let Some((first, rest)) = bytes.split_first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                bytes = rest;
                continue;
            }
            let end = memchr2(b'\r', b'\n', bytes);
            let text = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
            let wanted = 3_usize.saturating_sub(self.line.len());
            self.line.extend(text.iter().take(wanted));
            let Some(end) = end else {
                self.between &= self.line.is_empty();
                return;
            };
            self.resumable |= self.line == b"id:" || self.line == b"id";
            self.between = self.line.is_empty();
            self.line.clear();
            self.after_cr = bytes.get(end) == Some(&b'\r');
            bytes = bytes.get(end + 1..).unwrap_or_default();
        }
    }

    /// What can still be said.
    fn finish(self) -> Option<Bytes> {
        (self.between && self.line.is_empty() && !self.resumable).then_some(self.last_words)
    }
}

#[cfg(test)]
mod tests;
