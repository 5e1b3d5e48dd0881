//! What goes to the client: bytes on their way, and at the end why it is the end.
//!
//! A channel of bytes instead of messages: it takes no memory while nothing waits, what waits goes
//! out as one frame, and its bound is in bytes.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use api::BoxError;
use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::Frame;
use parking_lot::Mutex;

/// So much may wait for a slow client before its server is no longer read.
pub(crate) const ROOM: usize = 256 * 1024;

/// The agent's end. Dropped without [`Outbox::finish`], it breaks the stream off.
#[derive(Debug)]
pub(crate) struct Outbox {
    shared: Arc<Shared>,
}

/// The client's end, a body.
#[derive(Debug)]
pub(crate) struct OutboxBody {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// Guards both ends; held for a look or a copy.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: BytesMut,
    end: End,
    /// The client's end is gone.
    closed: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

#[derive(Debug, Default)]
enum End {
    #[default]
    Open,
    Finished(HeaderMap),
    /// The trailers were sent.
    Sent,
    Broken,
}

/// Two ends of a way to the client.
pub(crate) fn outbox() -> (Outbox, OutboxBody) {
    let shared = Arc::new(Shared::default());
    (Outbox { shared: shared.clone() }, OutboxBody { shared })
}

// === impl Outbox ===

impl Outbox {
    /// Sends a message as a line.
    pub(crate) fn push_line(&self, message: &[u8]) {
        let mut state = self.shared.state.lock();
        if state.closed {
            return;
        }
        state.waiting.reserve(message.len() + 1);
        state.waiting.extend_from_slice(message);
        state.waiting.extend_from_slice(b"\n");
        state.wake_reader();
    }

    /// Whether more should be made for the client to read; wakes the task when the client has read, or
    /// is gone.
    pub(crate) fn poll(&self, cx: &Context<'_>) -> Room {
        let mut state = self.shared.state.lock();
        let registered = state.writer.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !registered {
            state.writer = Some(cx.waker().clone());
        }
        match state.waiting.len() {
            _ if state.closed => Room::Gone,
            length if length < ROOM => Room::Free,
            length if length < 2 * ROOM => Room::Scarce,
            _ => Room::None,
        }
    }

    /// Ends the stream in good order.
    pub(crate) fn finish(self, trailers: HeaderMap) {
        let mut state = self.shared.state.lock();
        state.end = End::Finished(trailers);
        state.wake_reader();
    }
}

/// What an [`Outbox`] says of its other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// For everything.
    Free,
    /// For our own answers, not for the server's.
    Scarce,
    None,
    /// The client is gone.
    Gone,
}

impl Drop for Outbox {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        if matches!(state.end, End::Open) {
            state.end = End::Broken;
            state.wake_reader();
        }
    }
}

// === impl State ===

impl State {
    fn wake_reader(&mut self) {
        if let Some(waker) = self.reader.take() {
            waker.wake();
        }
    }

    fn wake_writer(&mut self) {
        if let Some(waker) = self.writer.take() {
            waker.wake();
        }
    }
}

// === impl OutboxBody ===

impl http_body::Body for OutboxBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let mut state = self.shared.state.lock();
        if !state.waiting.is_empty() {
            let bytes = std::mem::take(&mut state.waiting).freeze();
            state.wake_writer();
            return Poll::Ready(Some(Ok(Frame::data(bytes))));
        }
        match std::mem::take(&mut state.end) {
            End::Open => {
                state.reader = Some(cx.waker().clone());
                Poll::Pending
            }
            End::Finished(trailers) => {
                state.end = End::Sent;
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            End::Sent => {
                state.end = End::Sent;
                Poll::Ready(None)
            }
            End::Broken => {
                state.end = End::Sent;
                Poll::Ready(Some(Err("the session broke off".into())))
            }
        }
    }
}

impl Drop for OutboxBody {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock();
        state.closed = true;
        state.waiting = BytesMut::new();
        state.wake_writer();
    }
}

#[cfg(test)]
mod tests;
