//! A stream of a conversation as the body of an answer.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use api::BoxError;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body::Frame;
use tokio::time::{Instant, Sleep, sleep};

use super::Conversation;
use crate::agent::Shared;
use crate::end::End;
use crate::http::visitor::{Silence, Visitor};

/// A stream that says nothing for so long says that it is still there: those in between, and the client, would
/// take it for dead.
const KEEP_ALIVE: Duration = Duration::from_secs(25);

/// What one client reads of one stream.
pub(crate) struct EventBody {
    conversation: Arc<Conversation>,
    stream: u64,
    reader: u64,
    silence: Pin<Box<Sleep>>,
    /// The session watches over the certificate that it was begun with; this over another.
    barred: Option<BoxFuture<'static, End>>,
    /// What is still said to who must not go on.
    last: Option<VecDeque<Bytes>>,
}

// === impl EventBody ===

impl EventBody {
    pub(super) fn new(
        conversation: Arc<Conversation>,
        stream: u64,
        reader: u64,
        opener: &Arc<Visitor>,
        shared: &Arc<Shared>,
    ) -> Self {
        let barred = (!conversation.is_begun_by(opener)).then(|| barred(opener, shared));
        let silence = Box::pin(sleep(KEEP_ALIVE));
        Self { conversation, stream, reader, silence, barred, last: None }
    }

    fn poll_barred(&mut self, cx: &mut Context<'_>) {
        let Some(barred) = &mut self.barred else { return };
        if let Poll::Ready(end) = barred.as_mut().poll(cx) {
            self.barred = None;
            let told = self.conversation.state.lock().streams.farewell(self.stream, &end.message);
            self.last = Some(told.into());
        }
    }
}

/// Waits until somebody must not go on, and records it.
fn barred(opener: &Arc<Visitor>, shared: &Arc<Shared>) -> BoxFuture<'static, End> {
    let (opener, shared) = (opener.clone(), shared.clone());
    Box::pin(async move {
        let end = opener.barred(&shared, Silence::IsFine).await;
        let recorded = end.clone();
        shared.clone().tasks.spawn("agent.http.end", async move {
            if let Err(error) = opener.recorder.ended(&recorded).await {
                tracing::error!(%error, "cannot record the end of a stream");
            }
        });
        end
    })
}

impl std::fmt::Debug for EventBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EventBody")
            .field("stream", &self.stream)
            .field("reader", &self.reader)
            .finish_non_exhaustive()
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
        this.poll_barred(cx);
        if let Some(last) = &mut this.last {
            return Poll::Ready(last.pop_front().map(|event| Ok(Frame::data(event))));
        }
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
