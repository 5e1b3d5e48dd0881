//! Why a connection ends, for the client, the record and the log.

use http::{HeaderMap, HeaderValue};
use tunnel::{END_MESSAGE, END_REASON};

/// The end of a connection, in words for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) reason: Reason,
    pub(crate) message: String,
    /// What only records and logs say.
    pub(crate) detail: Option<String>,
}

/// Why, in one word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The client is done, or gone.
    ClientDone,
    /// The server ended by itself.
    ServerEnded,
    /// The server could not be started.
    StartFailed,
    /// The certificate is not, or no longer, believed.
    Unauthenticated,
    /// The identity may not, or no longer, use the app.
    AccessDenied,
    /// A second factor must be shown for the session.
    SecondFactorNeeded,
    /// A lock fits.
    Locked,
    /// The app is not served any more.
    AppRemoved,
    /// The certificate expired, and roles say that this is the end.
    Expired,
    /// The client was silent for longer than roles allow.
    Idle,
    /// The agent stops.
    Draining,
    /// What happens could not be recorded.
    NotRecorded,
    /// A side broke a limit.
    Limit,
}

// === impl Reason ===

impl Reason {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::ClientDone => "client-done",
            Self::ServerEnded => "server-ended",
            Self::StartFailed => "start-failed",
            Self::Unauthenticated => "unauthenticated",
            Self::AccessDenied => "access-denied",
            Self::SecondFactorNeeded => "second-factor",
            Self::Locked => "locked",
            Self::AppRemoved => "app-removed",
            Self::Expired => "expired",
            Self::Idle => "idle",
            Self::Draining => "draining",
            Self::NotRecorded => "not-recorded",
            Self::Limit => "limit",
        }
    }
}

// === impl End ===

impl End {
    pub(crate) fn new(reason: Reason, message: impl Into<String>) -> Self {
        Self { reason, message: message.into(), detail: None }
    }

    pub(crate) fn client_done() -> Self {
        Self::new(Reason::ClientDone, "the client ended the session")
    }

    pub(crate) fn draining() -> Self {
        Self::new(Reason::Draining, "the agent that serves this MCP server stops; connect again")
    }

    pub(crate) fn not_recorded() -> Self {
        Self::new(
            Reason::NotRecorded,
            "what happens here cannot be recorded now, so nothing can happen; try again later",
        )
    }

    pub(crate) fn idle() -> Self {
        Self::new(
            Reason::Idle,
            "the session was idle for longer than your roles allow; connect again",
        )
    }

    pub(crate) fn expired() -> Self {
        Self::new(Reason::Expired, "the client certificate has expired; sign in again")
    }

    pub(crate) fn limit(what: impl std::fmt::Display) -> Self {
        Self::new(Reason::Limit, what.to_string())
    }

    /// Whether the session ended as it should.
    pub(crate) fn is_success(&self) -> bool {
        matches!(self.reason, Reason::ClientDone)
    }

    /// The trailers that tell the client.
    pub(crate) fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert(END_REASON, HeaderValue::from_static(self.reason.as_str()));
        if let Ok(message) = HeaderValue::from_str(&api::escape(&self.message)) {
            trailers.insert(END_MESSAGE, message);
        }
        trailers
    }
}

impl From<crate::authorize::Refusal> for End {
    fn from(refusal: crate::authorize::Refusal) -> Self {
        let crate::authorize::Refusal { reason, message, detail } = refusal;
        Self { reason, message, detail }
    }
}
