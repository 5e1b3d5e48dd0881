//! What of a request nobody read.
//!
//! Over HTTP/1.1 nothing that follows is read on a connection whose last request was not read to its end: hyper ends it.
//! A client that was answered before it had sent all, and is not told so, sends its next request there and hears nothing
//! (RFC 9112, section 9.6). So the rest is read, if it is little and comes soon; otherwise the answer says that the
//! connection ends.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::{Request, Response};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use parking_lot::Mutex;
use tokio::time::timeout;

/// So much is read that nobody wants,
const MOST: usize = 64 << 10;
/// and so long it is waited for.
const PATIENCE: Duration = Duration::from_secs(1);

/// The body of a request. Whoever drops it unread leaves the rest behind.
struct Read {
    inner: Option<Incoming>,
    rest: Rest,
}

/// Where it is left.
type Rest = Arc<Mutex<Option<Incoming>>>;

/// The rest of a request, once it has been answered.
pub(crate) struct Unread {
    rest: Rest,
    /// Whether the client sends nothing before it is asked to (RFC 9110, section 10.1.1).
    waits: bool,
}

// === impl Unread ===

impl Unread {
    /// A request, and where the rest of its body will be.
    pub(crate) fn of(request: Request<Incoming>) -> (Request<Body>, Self) {
        let (rest, waits) = (Rest::default(), request.headers().contains_key(EXPECT));
        let request =
            request.map(|body| api::boxed(Read { inner: Some(body), rest: rest.clone() }));
        (request, Self { rest, waits })
    }

    /// Reads the rest, or has the answer say that the connection ends.
    pub(crate) async fn settle(self, mut answer: Response<Body>) -> Response<Body> {
        let rest = self.rest.lock().take();
        let Some(rest) = rest else { return answer };
        if self.waits || !timeout(PATIENCE, is_read(rest)).await.unwrap_or(false) {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// Whether a body ends before too much of it has come.
async fn is_read(mut body: Incoming) -> bool {
    let mut read = 0;
    while let Some(frame) = poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let Ok(frame) = frame else { return false };
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > MOST {
            return false;
        }
    }
    true
}

// === impl Read ===

impl hyper::body::Body for Read {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match &mut self.inner {
            Some(inner) => Pin::new(inner).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(Incoming::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, Incoming::size_hint)
    }
}

impl Drop for Read {
    fn drop(&mut self) {
        if let Some(inner) = self.inner.take()
            && !inner.is_end_stream()
        {
            *self.rest.lock() = Some(inner);
        }
    }
}

#[cfg(test)]
mod tests;
