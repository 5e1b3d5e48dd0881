//! A stream of a conversation as the body of an answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use api::BoxError;
use bytes::Bytes;
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use super::Conversation;

/// A stream that says nothing for so long says that it is still there: those in between, and the client, would
/// take it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// What one client reads of one stream.
#[derive(Debug)]
pub(crate) struct EventBody {
    conversation: Arc<Conversation>,
    stream: u64,
    reader: u64,
    silence: Pin<Box<Sleep>>,
}

// === impl EventBody ===

impl EventBody {
    pub(super) fn new(conversation: Arc<Conversation>, stream: u64, reader: u64) -> Self {
        Self { conversation, stream, reader, silence: Box::pin(sleep(KEEP_ALIVE)) }
    }
}

impl http_body::Body for EventBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        let next = this.conversation.state.lock().streams.poll_next(this.stream, this.reader, cx);
        let event = match next {
            Poll::Ready(None) => return Poll::Ready(None),
            Poll::Ready(Some(event)) => {
                this.conversation.read.notify_one();
                event
            }
            Poll::Pending => {
                std::task::ready!(this.silence.as_mut().poll(cx));
                Bytes::from_static(mcp::sse::KEEP_ALIVE)
            }
        };
        this.silence.as_mut().reset(Instant::now() + KEEP_ALIVE);
        Poll::Ready(Some(Ok(Frame::data(event))))
    }
}

impl Drop for EventBody {
    fn drop(&mut self) {
        self.conversation.leave(self.stream, self.reader);
    }
}
