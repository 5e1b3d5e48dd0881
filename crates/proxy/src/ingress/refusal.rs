//! Why a request goes nowhere.

use api::Body;
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use http::{Method, Response, StatusCode};
use mcp::error::{self, code};

/// A request that goes nowhere: the status and the words.
#[derive(Debug)]
pub(super) struct Refusal {
    status: StatusCode,
    code: i64,
    message: String,
}

// === impl Refusal ===

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::PAYLOAD_TOO_LARGE => code::INVALID_REQUEST,
            _ => code::INTERNAL_ERROR,
        };
        Self { status, code, message: message.into() }
    }

    pub(super) fn method(method: &Method) -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{method} is not a method of this route: POST, GET, DELETE"),
        )
    }

    pub(super) fn no_agent(app: &str) -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            format!("no agent that serves {app:?} can be reached now; try again shortly"),
        )
    }

    /// Of the agents that could be reached, one at least would have acted and could not record it.
    pub(super) fn unrecorded() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "what happens cannot be recorded now, so nothing does; tell your administrator",
        )
    }

    /// A client that gets this starts a new session: streamable HTTP, session management, 4.
    pub(super) fn session_gone() -> Self {
        Self {
            code: code::INVALID_REQUEST,
            ..Self::new(
                StatusCode::NOT_FOUND,
                "the session is over, or never was: begin a new one with \"initialize\"",
            )
        }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let body = error::response(None, self.code, &self.message, None);
        let mut response = Response::new(api::full(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST, GET, DELETE"));
        }
        response
    }
}
