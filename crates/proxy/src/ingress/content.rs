//! The body of a request on its way to an agent.

use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::{Method, StatusCode};
use hyper::body::{Body as _, Incoming};
use mcp::limits::MESSAGE_BYTES;

use super::refusal::Refusal;

/// A body up to this size is held, so that another agent can be tried when one serves the app no more.
const HELD_BYTES: u64 = 64 * 1024;
/// How long a client may take to send such a body.
const HELD_TIME: Duration = Duration::from_secs(30);

/// What is sent to an agent.
#[derive(Debug)]
pub(super) enum Content {
    /// Bytes that can be sent again.
    Held(Bytes),
    /// Bytes that come once.
    Stream(Option<Body>),
}

// === impl Content ===

impl Content {
    /// What comes once.
    pub(super) fn stream(body: Incoming) -> Self {
        Self::Stream(Some(api::boxed(body)))
    }

    /// The body of an HTTP request; held when it says that it is small.
    pub(super) async fn of(method: &Method, body: Incoming) -> Result<Self, Refusal> {
        if ![Method::POST, Method::GET, Method::DELETE].contains(method) {
            return Err(Refusal::method(method));
        }
        let size = body.size_hint();
        if size.lower() > MESSAGE_BYTES as u64 {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("a message has at most {MESSAGE_BYTES} bytes"),
            ));
        }
        if size.upper().is_none_or(|upper| upper > HELD_BYTES) {
            return Ok(Self::stream(body));
        }
        let held = api::collect(api::boxed(body), MESSAGE_BYTES);
        match tokio::time::timeout(HELD_TIME, held).await {
            Ok(Ok(bytes)) => Ok(Self::Held(bytes)),
            Ok(Err(_broken)) => {
                Err(Refusal::new(StatusCode::BAD_REQUEST, "the body of the request broke off"))
            }
            Err(_elapsed) => Err(Refusal::new(
                StatusCode::REQUEST_TIMEOUT,
                format!("the body of the request took longer than {} seconds", HELD_TIME.as_secs()),
            )),
        }
    }

    /// The body for another attempt, if there can be one.
    pub(super) fn next(&mut self) -> Option<Body> {
        match self {
            Self::Held(bytes) if bytes.is_empty() => Some(api::empty()),
            Self::Held(bytes) => Some(api::full(bytes.clone())),
            Self::Stream(body) => body.take(),
        }
    }

    /// The body was not sent.
    pub(super) fn give_back(&mut self, unsent: Body) {
        if let Self::Stream(body) = self {
            *body = Some(unsent);
        }
    }
}
