//! Whether what a client reads may go on: looked at by a task of its own, so that it ends though the client
//! reads nothing.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use api::{Body, BoxError};
use bytes::Bytes;
use http_body::{Body as _, Frame};
use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::end::End;
use crate::http::passage::Passage;
use crate::http::visitor::Visitor;

/// A stream of the server's that is read for as long as its reader may.
#[derive(Debug)]
pub(super) struct Watched {
    shared: Arc<Shared>,
    passage: Arc<Passage>,
    opener: Arc<Visitor>,
    /// Whoever watches stops when this is gone.
    _guard: DropGuard,
}

#[derive(Debug)]
struct Shared {
    /// Guards the stream; held while it is polled.
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// Gone with the end: to the server that is the end, too.
    body: Option<Body>,
    end: Option<End>,
    reader: Option<Waker>,
}

/// What is read next.
pub(super) enum Read {
    Frame(Option<Result<Frame<Bytes>, BoxError>>),
    /// The reader must not go on.
    Cut(End),
}

// === impl Watched ===

impl Watched {
    pub(super) fn new(passage: Arc<Passage>, opener: Arc<Visitor>, body: Body) -> Self {
        let state = State { body: Some(body), end: None, reader: None };
        let shared = Arc::new(Shared { state: Mutex::new(state) });
        let gone = CancellationToken::new();
        let watch = watch(shared.clone(), passage.clone(), opener.clone(), gone.clone());
        passage.shared.tasks.spawn("agent.http.watch", watch);
        Self { shared, passage, opener, _guard: gone.drop_guard() }
    }

    /// Why it was cut off, if it was.
    pub(super) fn end(&self) -> Option<End> {
        self.shared.state.lock().end.clone()
    }

    /// Cuts it off: somebody has seen that it must not go on.
    pub(super) fn cut(&self, end: End) {
        if self.shared.cut(&end) {
            let (passage, opener) = (self.passage.clone(), self.opener.clone());
            self.passage.shared.tasks.spawn("agent.http.end", async move {
                passage.record_cut(&opener, &end).await;
            });
        }
    }

    pub(super) fn poll(&self, cx: &mut Context<'_>) -> Poll<Read> {
        let mut state = self.shared.state.lock();
        if let Some(end) = &state.end {
            return Poll::Ready(Read::Cut(end.clone()));
        }
        let read = match &mut state.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        };
        if read.is_pending() {
            state.reader = Some(cx.waker().clone());
        }
        read.map(Read::Frame)
    }
}

// === impl Shared ===

impl Shared {
    /// Says whether it was not cut off before.
    fn cut(&self, end: &End) -> bool {
        let mut state = self.state.lock();
        let first = state.end.is_none();
        state.end.get_or_insert_with(|| end.clone());
        let body = state.body.take();
        if let Some(reader) = state.reader.take() {
            reader.wake();
        }
        drop(state);
        drop(body);
        first
    }
}

async fn watch(
    shared: Arc<Shared>,
    passage: Arc<Passage>,
    opener: Arc<Visitor>,
    gone: CancellationToken,
) {
    let end = tokio::select! {
        () = gone.cancelled() => return,
        end = passage.clone().ended(opener.clone()) => end,
    };
    if shared.cut(&end) {
        passage.record_cut(&opener, &end).await;
    }
}
