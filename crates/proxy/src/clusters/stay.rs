//! How long an answer of another cluster goes on: until its user may not go there any more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use api::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::sync::oneshot;
use tokio::time::sleep;
use tunnel::{END_MESSAGE, END_REASON};

use super::visits::{FRESH, Good, Visit, is_away};
use crate::ingress::Refusal;
use crate::service::Shared;

/// Why it does not go on.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Over {
    reason: &'static str,
    message: String,
}

/// What is under way of a visit: while this is there, the request's body goes on.
pub(crate) struct Stay {
    over: BoxFuture<'static, Over>,
    _upload: oneshot::Sender<()>,
}

/// The body of a request, as long as the visit lasts: whoever may not go there any more says nothing there
/// either, whether the answer is read or not.
struct Upload {
    inner: Body,
    /// Gone when it is over.
    over: Option<oneshot::Receiver<()>>,
}

/// The body of an answer, as long as the visit lasts.
struct Watched {
    /// Gone when it is over.
    inner: Option<(Body, Stay)>,
    /// Whether its end can be told in trailers.
    has_trailers: bool,
}

// === impl Stay ===

impl Stay {
    /// A visit that begins, and the body of its request.
    pub(crate) fn new(
        visit: Visit,
        good: Arc<Good>,
        shared: Arc<Shared>,
        body: Body,
    ) -> (Self, Body) {
        let (upload, over) = oneshot::channel();
        let body = api::boxed(Upload { inner: body, over: Some(over) });
        (Self { over: Box::pin(until_over(visit, good, shared)), _upload: upload }, body)
    }

    /// Waits until the visit is over.
    pub(crate) async fn over(&mut self) -> Refusal {
        let over = self.over.as_mut().await;
        Refusal::new(StatusCode::FORBIDDEN, over.message)
    }

    /// An answer that ends with the visit, if it does not end by itself right away.
    pub(crate) fn watch(self, response: Response<Body>) -> Response<Body> {
        if response.body().size_hint().exact().is_some() {
            return response;
        }
        let lines = mcp::framing::STDIO_CONTENT_TYPE.as_bytes();
        let content_type = response.headers().get(CONTENT_TYPE);
        let has_trailers = content_type.is_some_and(|value| value.as_bytes() == lines);
        response.map(|body| api::boxed(Watched { inner: Some((body, self)), has_trailers }))
    }
}

/// Waits until a visit is refused, or is allowed otherwise than it was.
async fn until_over(visit: Visit, good: Arc<Good>, shared: Arc<Shared>) -> Over {
    let (mut changes, mut trust) = (shared.replica.changes(), shared.trust_changes.clone());
    let mut newest = good.clone();
    loop {
        changes.mark_unchanged();
        trust.mark_unchanged();
        if !newest.is_fresh(&shared) {
            match shared.clusters.visits.ask(&visit, &shared).await {
                Ok(newer) if good.says_as(&newer) => newest = newer,
                Ok(_other) => {
                    let message = "what you may do has changed; connect again".to_owned();
                    return Over { reason: "draining", message };
                }
                Err(error) if is_away(&error) => {
                    let message =
                        "whether you may still go there cannot be told now; connect again";
                    return Over { reason: "draining", message: message.to_owned() };
                }
                Err(error) => {
                    return Over { reason: "access-denied", message: error.message().to_owned() };
                }
            }
        }
        let followed = tokio::select! {
            changed = changes.changed() => changed.is_ok(),
            changed = trust.changed() => changed.is_ok(),
            () = sleep(FRESH) => true,
        };
        if !followed {
            // The copy is not kept any more: the proxy ends.
            return std::future::pending().await;
        }
    }
}

// === impl Upload ===

impl hyper::body::Body for Upload {
    type Data = Bytes;
    type Error = api::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, api::BoxError>>> {
        let Some(over) = self.over.as_mut() else { return Poll::Ready(None) };
        if Pin::new(over).poll(cx).is_ready() {
            self.over = None;
            return Poll::Ready(Some(Err("the visit is over".into())));
        }
        Pin::new(&mut self.inner).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

// === impl Watched ===

impl hyper::body::Body for Watched {
    type Data = Bytes;
    type Error = api::BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, api::BoxError>>> {
        let Some((inner, stay)) = self.inner.as_mut() else { return Poll::Ready(None) };
        // First: a stream that never pauses ends as others do.
        let Poll::Ready(over) = stay.over.as_mut().poll(cx) else {
            return Pin::new(inner).poll_frame(cx);
        };
        self.inner = None;
        tracing::info!(reason = over.reason, message = over.message, "a visit ends");
        let end =
            if self.has_trailers { Ok(Frame::trailers(over.trailers())) } else { Err(over.into()) };
        Poll::Ready(Some(end))
    }
}

// === impl Over ===

impl Over {
    fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(HeaderName::from_static(END_REASON), HeaderValue::from_static(self.reason));
        if let Ok(message) = HeaderValue::try_from(api::escape(&self.message)) {
            trailers.insert(HeaderName::from_static(END_MESSAGE), message);
        }
        trailers
    }
}
