//! Why a message was refused.

use std::fmt;

use crate::error::{self, code};
use crate::{Id, ListKind, http};

/// A message that is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Why.
    pub reason: Reason,
    /// The id to answer under: set when the message was visibly a request with one clear id.
    pub id: Option<Id<'static>>,
}

/// What was wrong with a message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// Above [`crate::Limits::bytes`].
    #[error("the message is longer than {limit} bytes")]
    TooLong {
        /// The limit.
        limit: usize,
    },
    /// Above [`crate::Limits::depth`].
    #[error("the message is nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: u32,
    },
    /// A byte-order mark, which some readers skip and others do not.
    #[error("the message starts with a byte-order mark; send plain UTF-8")]
    ByteOrderMark,
    /// Bytes that readers replace, drop or misread.
    #[error("the message is not UTF-8 at byte {offset}")]
    NotUtf8 {
        /// Where.
        offset: usize,
    },
    /// Not JSON.
    #[error("the message is not JSON at byte {offset}")]
    Syntax {
        /// Where.
        offset: usize,
    },
    /// An array where one message was expected.
    #[error("batches are not accepted; send one message at a time")]
    Batch,
    /// Above [`crate::Limits::batch`], or nothing.
    #[error("the batch must have between 1 and {limit} messages")]
    BatchSize {
        /// The limit.
        limit: usize,
    },
    /// JSON, but no object.
    #[error("the message is not a JSON object")]
    NotAnObject,
    /// A key that must not be repeated.
    #[error("the key {key:?} appears twice in one object; send each key once")]
    RepeatedKey {
        /// The key, shortened.
        key: String,
    },
    /// A key that some reader takes for another.
    #[error("a key could be taken for {key:?}; spell it exactly so, or leave it out")]
    ConfusableKey {
        /// The key it could be taken for.
        key: &'static str,
    },
    /// No `"jsonrpc": "2.0"`.
    #[error("\"jsonrpc\" must be \"2.0\"")]
    Version,
    /// An id that readers disagree about.
    #[error(
        "\"id\" must be a string of at most {} bytes or an integer within ±(2^53 − 1), plainly written",
        crate::id::ID_BYTES
    )]
    Id,
    /// Neither request nor notification nor response, or more than one of them.
    #[error("the message must be a request, a notification or a response, and only one of them")]
    Shape,
    /// A method that is no plain string.
    #[error(
        "\"method\" must be a string of at most {} bytes without control characters or surrounding blanks",
        crate::method::METHOD_BYTES
    )]
    Method,
    /// A method that some reader takes for a governed one.
    #[error("the method could be taken for {method:?}; spell it exactly so")]
    ConfusableMethod {
        /// The governed method.
        method: &'static str,
    },
    /// A governed request without an id: a lenient server could act on it.
    #[error("{method:?} is a request and needs an \"id\"")]
    RequestWithoutId {
        /// The governed method.
        method: &'static str,
    },
    /// `params` that are no object.
    #[error("\"params\" must be an object")]
    Params,
    /// The name or URI that says what is to be used is absent or not usable.
    #[error("{key:?} {fault}")]
    Subject {
        /// `name`, `uri`, …
        key: &'static str,
        /// What is wrong with it.
        fault: SubjectFault,
    },
    /// A member of `params` that is not what it must be.
    #[error("{key:?} must be {expected}")]
    Member {
        /// Which member.
        key: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The id belongs to a request that has not been answered.
    #[error("the id is that of a request that is still open; use a new one")]
    IdInUse,
    /// Too many requests without an answer.
    #[error("{limit} requests are open already; wait for an answer")]
    TooManyOpen {
        /// The limit.
        limit: usize,
    },
    /// A revision that is not spoken here, or not so.
    #[error("Unsupported protocol version {requested:?}")]
    UnsupportedVersion {
        /// The revision.
        requested: String,
    },
    /// A request of former revisions, which this one does without.
    #[error("{method:?} is not a method of this revision")]
    FormerMethod {
        /// The method.
        method: &'static str,
    },
    /// An answer where the modern era has only requests and notifications.
    #[error(
        "the body must be one request or notification; what a server asked for is sent with the request, repeated"
    )]
    AnswerPosted,
    /// A header that does not say what the body says.
    #[error("the header {header} must be given once and say what the body says")]
    Header {
        /// The header.
        header: &'static str,
    },
    /// An answer to a list request in which the list cannot be told.
    #[error("the server's answer has no readable list of {kind}")]
    NoList {
        /// The list that was asked for.
        kind: ListKind,
    },
    /// An answer that is for one identity only, with members that could be read in two ways.
    #[error("the server's answer can be read in two ways")]
    UnclearAnswer,
    /// Above [`crate::list::ENTRIES`].
    #[error("the server's answer lists more than {limit} entries")]
    LongList {
        /// The limit.
        limit: usize,
    },
}

/// What is wrong with a name or URI.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SubjectFault {
    /// Absent, or empty.
    #[error("is missing or empty")]
    Missing,
    /// Not a string, or one with half a surrogate pair.
    #[error("must be a string of whole characters")]
    NotText,
    /// Above [`crate::subject::SUBJECT_BYTES`].
    #[error("is longer than {} bytes", crate::subject::SUBJECT_BYTES)]
    TooLong,
    /// With characters that end, break or hide a name somewhere.
    #[error("has control characters")]
    Control,
    /// A URI that means another one once its path is resolved.
    #[error("has a \"..\" in its path; send the resolved URI")]
    Traversal,
}

// === impl Refused ===

impl Refused {
    /// The error to answer with, as a JSON-RPC message.
    pub fn response(&self) -> Vec<u8> {
        error::response(self.id.as_ref(), self.reason.code(), &self.to_string(), self.reason.data())
    }

    /// The HTTP status to answer with: it was the request that was wrong, or else the server's answer, which
    /// is answered like any other.
    pub const fn status(&self) -> u16 {
        match self.reason.code() {
            code::INTERNAL_ERROR => 200,
            _ => http::status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "message not forwarded: {}", self.reason)
    }
}

impl std::error::Error for Refused {}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, id: None }
    }
}

// === impl Reason ===

impl Reason {
    /// The JSON-RPC error code.
    pub const fn code(&self) -> i64 {
        match self {
            Self::ByteOrderMark | Self::NotUtf8 { .. } | Self::Syntax { .. } => code::PARSE_ERROR,
            Self::Header { .. } => code::HEADER_MISMATCH,
            Self::UnsupportedVersion { .. } => code::UNSUPPORTED_VERSION,
            Self::FormerMethod { .. } => code::METHOD_NOT_FOUND,
            Self::Member { .. } => code::INVALID_PARAMS,
            Self::NoList { .. } | Self::UnclearAnswer | Self::LongList { .. } => {
                code::INTERNAL_ERROR
            }
            _ => code::INVALID_REQUEST,
        }
    }

    /// What the error says beside its message.
    pub(crate) fn data(&self) -> Option<serde_json::Value> {
        match self {
            Self::UnsupportedVersion { requested } => Some(http::unsupported_version(requested)),
            _ => None,
        }
    }

    /// Refuses the request with this id.
    pub fn under(self, id: &Id<'_>) -> Refused {
        Refused { reason: self, id: Some(id.to_static()) }
    }
}
