//! The body of a request on its way to an agent.

use std::sync::Arc;
use std::time::Duration;

use api::Body;
use bytes::Bytes;
use http::header::HeaderMap;
use http::request::Parts;
use http::{Method, StatusCode};
use hyper::body::Body as _;
use mcp::limits::MESSAGE_BYTES;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::refusal::Refusal;

/// A body up to this size is held, so that another agent can be tried when one serves the app no more.
const HELD_BYTES: u64 = 64 * 1024;
/// Longer ones are held while there is room for them, when they may continue a call that one of several agents
/// holds: so many bytes of all clients' together.
const HELD_TOGETHER: usize = 64 * 1024 * 1024;
/// How long a client may take to send such a body.
const HELD_TIME: Duration = Duration::from_secs(30);

/// What is sent to an agent.
#[derive(Debug)]
pub(super) enum Content {
    /// Bytes that can be sent again.
    Held { bytes: Bytes, _room: Option<OwnedSemaphorePermit> },
    /// Bytes that come once.
    Stream(Option<Body>),
}

// === impl Content ===

impl Content {
    /// What comes once.
    pub(super) fn stream(body: Body) -> Self {
        Self::Stream(Some(body))
    }

    /// The body of an HTTP request; held when it says that it is small, or may have to be sent to another of
    /// several agents and there is room.
    pub(super) async fn of(
        head: &Parts,
        body: Body,
        several: bool,
        held: &Held,
    ) -> Result<Self, Refusal> {
        let method = &head.method;
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
        let Some(bytes) = size.upper() else { return Ok(Self::stream(body)) };
        let mut room = None;
        if bytes > HELD_BYTES {
            room = held.room(bytes).filter(|_| several && may_continue(&head.headers));
            if room.is_none() {
                return Ok(Self::stream(body));
            }
        }
        let held = api::collect(body, MESSAGE_BYTES);
        match tokio::time::timeout(HELD_TIME, held).await {
            Ok(Ok(bytes)) => Ok(Self::Held { bytes, _room: room }),
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
            Self::Held { bytes, .. } if bytes.is_empty() => Some(api::empty()),
            Self::Held { bytes, .. } => Some(api::full(bytes.clone())),
            Self::Stream(body) => body.take(),
        }
    }

    /// Whether it can be sent once more.
    pub(super) const fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }

    /// The body was not sent.
    pub(super) fn give_back(&mut self, unsent: Body) {
        if let Self::Stream(body) = self {
            *body = Some(unsent);
        }
    }
}

/// Whether a request is of those that continue calls: it says so, and an agent refuses one that says otherwise than
/// it is.
fn may_continue(headers: &HeaderMap) -> bool {
    let names = ["tools/call", "prompts/get", "resources/read"];
    headers
        .get(mcp::header::METHOD)
        .is_some_and(|value| names.iter().any(|name| value.as_bytes() == name.as_bytes()))
}

/// The room for long bodies that are held.
#[derive(Clone, Debug)]
pub(crate) struct Held(Arc<Semaphore>);

// === impl Held ===

impl Held {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(HELD_TOGETHER)))
    }

    fn room(&self, bytes: u64) -> Option<OwnedSemaphorePermit> {
        self.0.clone().try_acquire_many_owned(u32::try_from(bytes).ok()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_bodies_are_held_while_there_is_room() {
        let held = Held::new();
        let whole = u64::try_from(HELD_TOGETHER).unwrap();
        assert!(held.room(whole + 1).is_none());
        let first = held.room(whole - 1).unwrap();
        let second = held.room(1).unwrap();
        assert!(held.room(1).is_none());
        drop(first);
        assert!(held.room(whole).is_none());
        drop(second);
        assert!(held.room(whole).is_some());
    }
}
