//! Answers over HTTP that the agent writes itself.

use api::Body;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use mcp::Id;
use mcp::error::{self, code};

/// A request that goes no further, and how it is answered.
pub(crate) type Stop = Box<Response<Body>>;

/// One message as JSON.
pub(crate) fn json(status: StatusCode, message: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(api::full(message));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// Something was taken that has no answer.
pub(crate) fn accepted() -> Response<Body> {
    let mut response = Response::new(api::empty());
    *response.status_mut() = StatusCode::ACCEPTED;
    response
}

/// A stream of events.
pub(crate) fn events(body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(mcp::sse::CONTENT_TYPE));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache, no-transform"));
    // Proxies in between send each event on as it comes.
    let buffering = HeaderName::from_static("x-accel-buffering");
    headers.insert(buffering, HeaderValue::from_static("no"));
    response
}

/// An error in words, under the id of the request if it is known.
pub(crate) fn stop(status: StatusCode, code: i64, id: Option<&Id<'_>>, words: &str) -> Stop {
    Box::new(json(status, error::response(id, code, words, None)))
}

/// The request cannot be what it claims to be.
pub(crate) fn bad(words: &str) -> Stop {
    stop(StatusCode::BAD_REQUEST, code::INVALID_REQUEST, None, words)
}

/// The methods that there are.
pub(crate) fn only(allowed: &'static str, words: &str) -> Stop {
    let mut stop = stop(StatusCode::METHOD_NOT_ALLOWED, code::INVALID_REQUEST, None, words);
    stop.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
    stop
}

/// Who gets this begins a new session: streamable HTTP, session management, 4.
pub(crate) fn session_gone() -> Stop {
    let words = "the session is over, or never was: begin a new one with \"initialize\"";
    stop(StatusCode::NOT_FOUND, code::INVALID_REQUEST, None, words)
}

/// The status that goes with an error in the modern era: streamable HTTP of 2026-07-28, request metadata.
pub(crate) fn status_of(code: i64) -> StatusCode {
    match code {
        code::HEADER_MISMATCH
        | code::MISSING_CLIENT_CAPABILITY
        | code::UNSUPPORTED_VERSION
        | code::PARSE_ERROR
        | code::INVALID_REQUEST => StatusCode::BAD_REQUEST,
        code::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::OK,
    }
}
