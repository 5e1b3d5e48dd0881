//! How long an answer of another cluster goes on: until its user may not go there any more.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use api::{Body, Error};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use hyper::body::{Body as _, Frame, SizeHint};
use runtime::Tasks;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, sleep_until};
use tunnel::{END_MESSAGE, END_REASON};

use super::visits::{Asker, Good, Visit, is_away};
use crate::ingress::Refusal;
use crate::service::Shared;

/// How soon somebody who could not be asked is asked again, if nothing else happens.
const AGAIN: Duration = Duration::from_secs(5);

/// How long the auth service may take to say that it goes on,
const CALL_PATIENCE: Duration = Duration::from_secs(30);
/// and how long after a change that may be about it: until then it does.
const CHANGE_PATIENCE: Duration = Duration::from_secs(2);

/// Why it does not go on.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
struct Over {
    reason: &'static str,
    message: String,
}

/// What is under way of a visit. It is watched by a task of its own, whether the answer is read or not; the task
/// ends with this, and the request's body with the task.
pub(crate) struct Stay {
    over: oneshot::Receiver<Over>,
    _here: oneshot::Sender<()>,
}

/// The body of a request, as long as the visit lasts: whoever may not go there any more says nothing there
/// either.
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
        shared: &Arc<Shared>,
        body: Body,
    ) -> (Self, Body) {
        Self::until(until_over(visit, good, shared.clone()), &shared.tasks, body)
    }

    fn until(
        over: impl Future<Output = Over> + Send + 'static,
        tasks: &Tasks,
        body: Body,
    ) -> (Self, Body) {
        let (upload, cut) = oneshot::channel::<()>();
        let (tell, told) = oneshot::channel();
        let (here, gone) = oneshot::channel::<()>();
        tasks.spawn("proxy.visit", async move {
            let over = tokio::select! {
                over = over => Some(over),
                _ = gone => None,
            };
            drop(upload);
            if let Some(over) = over {
                // Who is not there any more has nothing to end.
                _ = tell.send(over);
            }
        });
        (Self { over: told, _here: here }, api::boxed(Upload { inner: body, over: Some(cut) }))
    }

    /// Waits until the visit is over.
    pub(crate) async fn over(&mut self) -> Refusal {
        let over = (&mut self.over).await.unwrap_or_else(|_unwatched| Over::unwatched());
        Refusal::new(StatusCode::FORBIDDEN, over.message)
    }

    /// An answer that ends with the visit, if it has not ended by itself.
    pub(crate) fn watch(self, response: Response<Body>) -> Response<Body> {
        if response.body().is_end_stream() {
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
    let (mut newest, mut look) = (good.clone(), good.stale());
    loop {
        changes.mark_unchanged();
        trust.mark_unchanged();
        if !newest.is_fresh(&visit, &shared) {
            let asked = shared.clusters.visits.ask(&visit, Asker::Open, &shared);
            let patience = out_of_patience(
                || newest.holds(&visit, &shared),
                (shared.replica.changes(), shared.trust_changes.clone()),
            );
            let answer = tokio::select! {
                answer = asked => answer,
                () = patience => Err(Error::unavailable("no answer in time")),
            };
            match answer {
                Ok(newer) if good.says_as(&newer) => {
                    // What is stale already is what was good when nobody could be asked.
                    let now = Instant::now();
                    look = if newer.stale() > now { newer.stale() } else { now + AGAIN };
                    newest = newer;
                }
                Ok(_other) => {
                    let message = "what you may do has changed; connect again".to_owned();
                    return Over { reason: "draining", message };
                }
                // Who says nothing is as if not there.
                Err(error) if is_away(&error) && newest.outlasts_silence(&visit, &shared) => {
                    look = Instant::now() + AGAIN;
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
            () = sleep_until(look) => true,
        };
        if !followed {
            // The copy is not kept any more: the proxy ends.
            return std::future::pending().await;
        }
    }
}

/// Waits until an answer is not waited for any longer: soon after something has changed since the last one, and after a
/// while where nothing has.
async fn out_of_patience<P>(
    holds: impl Fn() -> bool,
    (mut changes, mut trust): (watch::Receiver<P>, watch::Receiver<u64>),
) {
    let end = Instant::now() + CALL_PATIENCE;
    loop {
        changes.mark_unchanged();
        trust.mark_unchanged();
        if !holds() {
            return sleep(CHANGE_PATIENCE).await;
        }
        let followed = tokio::select! {
            changed = changes.changed() => changed.is_ok(),
            changed = trust.changed() => changed.is_ok(),
            () = sleep_until(end) => return,
        };
        if !followed {
            // Nothing is followed any more: the proxy ends.
            return sleep_until(end).await;
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
        let Poll::Ready(over) = Pin::new(&mut stay.over).poll(cx) else {
            return Pin::new(inner).poll_frame(cx);
        };
        let over = over.unwrap_or_else(|_unwatched| Over::unwatched());
        self.inner = None;
        tracing::info!(reason = over.reason, message = over.message, "a visit ends");
        let end =
            if self.has_trailers { Ok(Frame::trailers(over.trailers())) } else { Err(over.into()) };
        Poll::Ready(Some(end))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.as_ref().is_none_or(|(inner, _)| inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.as_ref().map_or_else(SizeHint::default, |(inner, _)| inner.size_hint())
    }
}

// === impl Over ===

impl Over {
    /// Whoever watched is not there any more: nobody knows, so it is not allowed.
    fn unwatched() -> Self {
        Self { reason: "draining", message: "the proxy stops; connect again".to_owned() }
    }

    fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(HeaderName::from_static(END_REASON), HeaderValue::from_static(self.reason));
        if let Ok(message) = HeaderValue::try_from(api::escape(&self.message)) {
            trailers.insert(HeaderName::from_static(END_MESSAGE), message);
        }
        trailers
    }
}

#[cfg(test)]
mod tests;
