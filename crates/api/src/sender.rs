//! The sending half of an HTTP/2 connection.
//!
//! hyper hands requests to a connection through a channel, and one that is sent in the very moment in which the
//! connection ends may stay there, read by nobody, for as long as there is somebody who can send (hyper's issue
//! 4122): who waits for its answer waits for ever. Here the end of the connection is an answer, too.

use std::pin::pin;
use std::time::Duration;

use futures_util::future::Either;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::SendRequest;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::body::Body;

/// How long after a connection's end an answer may be late that it brought: tasks of their own pass them on.
const LATE: Duration = Duration::from_secs(2);

/// Sends requests on a connection. Clones are of the same connection.
#[derive(Clone, Debug)]
pub struct Sender {
    requests: SendRequest<Body>,
    ended: CancellationToken,
}

/// A connection that has not ended. To drop this says nothing: what is under way on a connection that nobody runs
/// any more goes on, in tasks of its own.
#[derive(Debug)]
pub struct Running {
    ended: CancellationToken,
}

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Unanswered {
    /// The connection was over before any of it was sent; the request comes back untouched.
    #[error("{error}")]
    Unsent {
        /// The request.
        request: Box<Request<Body>>,
        /// What ended the connection.
        error: hyper::Error,
    },
    /// The connection broke, and the request may have been carried out.
    #[error(transparent)]
    Broke(hyper::Error),
    /// The connection is over, and what became of the request is not known.
    #[error("the connection ended")]
    Over,
}

// === impl Sender ===

impl Sender {
    /// Of a connection that was begun. Who runs it says when it has ended.
    #[must_use]
    pub fn new(requests: SendRequest<Body>) -> (Self, Running) {
        let ended = CancellationToken::new();
        (Self { requests, ended: ended.clone() }, Running { ended })
    }

    /// Whether nothing can be sent any more.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.requests.is_closed()
    }

    /// Whether something can be sent, as far as is known.
    pub async fn is_ready(&mut self) -> bool {
        self.requests.ready().await.is_ok()
    }

    /// Sends a request and waits for its answer, as long as the connection is there.
    ///
    /// # Errors
    /// The connection ended.
    pub async fn send(&self, request: Request<Body>) -> Result<Response<Incoming>, Unanswered> {
        // Held to the end: without anybody who can send, hyper's part of the connection ends.
        let mut requests = self.requests.clone();
        let answer = pin!(requests.try_send_request(request));
        let ended = pin!(self.ended.cancelled());
        let answer = match futures_util::future::select(answer, ended).await {
            Either::Left((answer, _)) => answer,
            Either::Right(((), answer)) => {
                timeout(LATE, answer).await.map_err(|_elapsed| Unanswered::Over)?
            }
        };
        answer.map_err(|mut error| match error.take_message() {
            Some(request) => {
                Unanswered::Unsent { request: Box::new(request), error: error.into_error() }
            }
            None => Unanswered::Broke(error.into_error()),
        })
    }
}

// === impl Running ===

impl Running {
    /// The connection has ended: hyper says so, or its stream was cut.
    pub fn end(self) {
        self.ended.cancel();
    }
}

#[cfg(test)]
mod tests;
