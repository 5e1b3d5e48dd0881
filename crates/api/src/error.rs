//! The one error shape of the auth API.
//!
//! What a caller may read (`message`, `hints`) and what only the log may say (`internal`) are kept
//! apart: the second part is never serialised.

use std::fmt;

use http::StatusCode;
use resource::plain;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The longest message of an answer that is repeated, in characters: a report of many mistakes fits.
const MAX_MESSAGE: usize = 16 << 10;
/// The longest advice that is repeated,
const MAX_HINT: usize = 1 << 10;
/// and how much of it.
const MAX_HINTS: usize = 16;

/// Why an operation failed, as far as a caller can act on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The request cannot be understood or breaks a rule of the resource.
    InvalidArgument,
    /// No evidence of identity, or evidence that does not verify.
    Unauthenticated,
    /// The identity is known and may not do this.
    Denied,
    /// The object does not exist, or the caller may not know that it does.
    NotFound,
    /// An object of that name exists.
    AlreadyExists,
    /// The object changed since the revision that the caller names.
    Conflict,
    /// The position of a watch is no longer kept; list again.
    Gone,
    /// Too many attempts; later is fine.
    RateLimited,
    /// A service that is needed does not answer; trying again may help.
    Unavailable,
    /// A fault of this service.
    Internal,
}

/// A failed operation of the auth API.
#[derive(Clone, Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hints: Vec<String>,
    internal: Option<String>,
}

/// The JSON form of [`Error`].
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorBody {
    /// The error itself; the object leaves room beside it.
    pub error: ErrorFields,
}

/// The members of an error in JSON.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct ErrorFields {
    /// What kind of failure this is.
    pub kind: ErrorKind,
    /// One sentence for a person.
    pub message: String,
    /// What to do about it, one sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hints: Vec<String>,
}

// === impl ErrorKind ===

impl ErrorKind {
    /// The HTTP status that carries this kind.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Denied => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyExists => StatusCode::CONFLICT,
            Self::Conflict => StatusCode::PRECONDITION_FAILED,
            Self::Gone => StatusCode::GONE,
            Self::RateLimited => StatusCode::TOO_MANY_REQUESTS,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn of_status(status: StatusCode) -> Self {
        match status {
            StatusCode::UNAUTHORIZED => Self::Unauthenticated,
            StatusCode::FORBIDDEN => Self::Denied,
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => Self::NotFound,
            StatusCode::CONFLICT => Self::AlreadyExists,
            StatusCode::PRECONDITION_FAILED => Self::Conflict,
            StatusCode::GONE => Self::Gone,
            StatusCode::TOO_MANY_REQUESTS => Self::RateLimited,
            StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => Self::Unavailable,
            status if status.is_client_error() => Self::InvalidArgument,
            _ => Self::Internal,
        }
    }
}

// === impl Error ===

impl Error {
    /// An error with a sentence that may be shown to the caller.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new(), internal: None }
    }

    /// The request breaks a rule.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// The identity may not do this.
    pub fn denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Denied, message)
    }

    /// There is no such object.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message)
    }

    /// A needed service does not answer.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// A fault of ours: `internal` goes to the log, the caller learns only that it happened.
    pub fn internal(internal: impl fmt::Display) -> Self {
        Self {
            kind: ErrorKind::Internal,
            message: "the service failed to carry out the operation; its log says why".to_owned(),
            hints: Vec::new(),
            internal: Some(internal.to_string()),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Adds a cause that only the log may name.
    #[must_use]
    pub fn because(mut self, internal: impl fmt::Display) -> Self {
        self.internal = Some(internal.to_string());
        self
    }

    /// What kind of failure this is.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence for the caller.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the caller can do.
    #[must_use]
    pub fn hints(&self) -> &[String] {
        &self.hints
    }

    /// The cause for the log.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.internal.as_deref()
    }

    /// The JSON body that carries this error.
    #[must_use]
    pub fn body(&self) -> ErrorBody {
        ErrorBody {
            error: ErrorFields {
                kind: self.kind,
                message: self.message.clone(),
                hints: self.hints.clone(),
            },
        }
    }

    /// Reads an error answer: our own shape, or whatever else stood in the way. Who answers need not be a friend of
    /// who reads, so what steers a terminal is left out here, and so is what nobody would read.
    #[must_use]
    pub fn from_answer(status: StatusCode, body: &[u8]) -> Self {
        match serde_json::from_slice::<ErrorBody>(body) {
            Ok(ErrorBody { error: ErrorFields { kind, message, hints } }) => {
                let hints = hints.iter().take(MAX_HINTS);
                let hints = hints.map(|hint| plain::short(hint, MAX_HINT)).collect();
                Self { kind, message: words(&message), hints, internal: None }
            }
            Err(_) => Self::new(
                ErrorKind::of_status(status),
                said(body)
                    .map(|message| words(&message))
                    .unwrap_or_else(|| format!("the server answered {status} without saying why")),
            ),
        }
    }
}

/// A message of somebody else. It may be a report of several lines, none of which looks like the beginning of one of
/// ours.
fn words(message: &str) -> String {
    let mut lines = message.trim_end().lines();
    let mut all = plain::short(lines.next().unwrap_or_default(), MAX_MESSAGE);
    for line in lines {
        if all.len() >= MAX_MESSAGE {
            break;
        }
        all.push_str("\n  ");
        all.push_str(&plain::short(line, MAX_MESSAGE));
    }
    all
}

/// What an error of JSON-RPC says: where MCP is spoken, proxies refuse in its words.
fn said(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Answer {
        error: Said,
    }
    #[derive(Deserialize)]
    struct Said {
        message: String,
    }
    serde_json::from_slice(body).ok().map(|answer: Answer| answer.error.message)
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

#[cfg(test)]
mod tests;
