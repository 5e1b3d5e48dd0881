//! Why a request goes nowhere.

use api::{Body, oauth_description};
use http::header::{ALLOW, CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use http::{Method, Response, StatusCode};
use mcp::error::{self, code};

/// A request that goes nowhere: the status and the words.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    code: i64,
    message: String,
    /// What the client is told to show, where it showed nothing that is accepted.
    challenge: Option<String>,
}

// === impl Refusal ===

impl Refusal {
    pub(crate) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        let code = match status {
            StatusCode::BAD_REQUEST
            | StatusCode::METHOD_NOT_ALLOWED
            | StatusCode::REQUEST_TIMEOUT
            | StatusCode::PAYLOAD_TOO_LARGE => code::INVALID_REQUEST,
            _ => code::INTERNAL_ERROR,
        };
        Self { status, code, message: message.into(), challenge: None }
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

    /// The client showed nothing.
    pub(super) fn nobody() -> Self {
        Self {
            challenge: Some("Bearer".to_owned()),
            ..Self::new(
                StatusCode::UNAUTHORIZED,
                "no client certificate and no token: sign in with `tsh login`, then use \
                 `tsh mcp connect`; or send a token that this MCP server accepts",
            )
        }
    }

    /// The client showed a token that is not accepted (RFC 6750, section 3).
    pub(super) fn invalid_token(message: &str) -> Self {
        let plain = oauth_description(message);
        Self {
            challenge: Some(format!(
                "Bearer error=\"invalid_token\", error_description=\"{plain}\""
            )),
            ..Self::new(StatusCode::UNAUTHORIZED, format!("invalid_token: {message}"))
        }
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

    /// Says as well where the client learns how a person signs in (RFC 9728, section 5.1), if it is told to show
    /// something.
    pub(super) fn with_metadata(mut self, document: &str) -> Self {
        if let Some(challenge) = &mut self.challenge {
            let separator = if challenge.contains('=') { "," } else { "" };
            *challenge += &format!("{separator} resource_metadata=\"{document}\"");
        }
        self
    }

    /// What it tells the client to show.
    pub(super) fn challenge(&self) -> Option<HeaderValue> {
        self.challenge.as_ref().and_then(|text| HeaderValue::try_from(text).ok())
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let challenge = self.challenge();
        let body = error::response(None, self.code, &self.message, None);
        let mut response = Response::new(api::full(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(challenge) = challenge {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::METHOD_NOT_ALLOWED {
            headers.insert(ALLOW, HeaderValue::from_static("POST, GET, DELETE"));
        }
        response
    }
}

#[cfg(test)]
mod tests;
