//! What clients post, on its way into a session, as the lines that it reads.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use api::BoxError;
use bytes::Bytes;
use http_body::Frame;
use tokio::sync::{Notify, mpsc};

/// So much may wait for a session before further posts are not read.
const ROOM: usize = 256 * 1024;

/// The end into which is posted.
#[derive(Debug)]
pub(crate) struct Inlet {
    sender: mpsc::UnboundedSender<Bytes>,
    waiting: Arc<Waiting>,
}

/// The session's end, a body.
#[derive(Debug)]
pub(crate) struct InletBody {
    receiver: mpsc::UnboundedReceiver<Bytes>,
    waiting: Arc<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    bytes: AtomicUsize,
    read: Notify,
}

/// The session is over.
#[derive(Debug)]
pub(crate) struct Closed;

/// Two ends of a way into a session.
pub(crate) fn inlet() -> (Inlet, InletBody) {
    // Bounded in bytes, not in messages: see `Inlet::post`.
    let (sender, receiver) = mpsc::unbounded_channel();
    let waiting = Arc::new(Waiting::default());
    (Inlet { sender, waiting: waiting.clone() }, InletBody { receiver, waiting })
}

// === impl Inlet ===

impl Inlet {
    /// Passes a message on, once there is room.
    pub(crate) async fn post(&self, message: &[u8]) -> Result<(), Closed> {
        loop {
            let read = self.waiting.read.notified();
            if self.waiting.bytes.load(Ordering::Relaxed) < ROOM {
                break;
            }
            tokio::select! {
                () = read => {}
                () = self.sender.closed() => return Err(Closed),
            }
        }
        self.push(message)
    }

    /// Passes a message of our own on, which is short, at once.
    pub(crate) fn push(&self, message: &[u8]) -> Result<(), Closed> {
        let mut line = Vec::with_capacity(message.len() + 1);
        line.extend_from_slice(&mcp::framing::line(message));
        line.push(b'\n');
        self.waiting.bytes.fetch_add(line.len(), Ordering::Relaxed);
        self.sender.send(line.into()).map_err(|_unsent| Closed)
    }
}

// === impl InletBody ===

impl http_body::Body for InletBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let line = std::task::ready!(self.receiver.poll_recv(cx));
        if let Some(line) = &line {
            self.waiting.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.waiting.read.notify_waiters();
        }
        Poll::Ready(line.map(|line| Ok(Frame::data(line))))
    }
}
