//! Why an MCP server cannot be reached through the cluster, for the person in front of a client: what
//! happened, and what to do about it in a terminal.

use std::fmt::Write as _;

use api::ErrorKind;
use resource::plain;
use serde_json::{Value, json};

use crate::exit::Refused;

/// The longest message, in characters: much of it may be another's words.
const MAX_MESSAGE: usize = 4 << 10;

/// What sort of failure it is. Each begins the text with a tag, in the spelling that programs written for
/// Teleport look for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    /// Nobody is signed in, or not any more.
    Login,
    /// The cluster, or the way there, does not answer.
    Network,
    /// It did not answer in time.
    Timeout,
    /// The cluster answers, and cannot or will not serve the app.
    Cluster,
    /// The session was ended for being idle.
    SessionOver,
    /// A second factor must be shown for the session, and was not.
    SecondFactor,
    /// Another server answers than the one that the client knows.
    ServerChanged,
    /// The MCP server ended, or failed.
    Upstream,
    /// The MCP server cannot be started or reached.
    UpstreamUnreachable,
    /// Anything else.
    Other,
}

/// One failure.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub(super) struct Fault {
    pub(super) cause: Cause,
    /// What happened.
    pub(super) message: String,
    /// What to do, beside what the cause says.
    hints: Vec<String>,
    /// Whether it may be over in a moment.
    pub(super) temporary: bool,
}

// === impl Cause ===

impl Cause {
    const fn tag(self) -> &'static str {
        match self {
            Self::Login => "MCP_TELEPORT_LOGIN_REQUIRED",
            Self::Network => "MCP_NETWORK_UNAVAILABLE",
            Self::Timeout => "MCP_CONNECTION_TIMEOUT",
            Self::Cluster => "MCP_TELEPORT_ERROR",
            Self::SessionOver => "MCP_SESSION_EXPIRED",
            Self::SecondFactor => "MCP_SECOND_FACTOR_REQUIRED",
            Self::ServerChanged => "MCP_SERVER_CHANGED",
            Self::Upstream => "MCP_UPSTREAM_ERROR",
            Self::UpstreamUnreachable => "MCP_UPSTREAM_UNREACHABLE",
            Self::Other => "MCP_REQUEST_FAILED",
        }
    }

    const fn advice(self) -> &'static str {
        match self {
            Self::Login => {
                "Sign in with `tsh login` in a terminal, then just try again: the client need not be restarted."
            }
            Self::Network | Self::Timeout => {
                "Check the network, or wait a moment, then just try again: the client need not be restarted."
            }
            Self::SessionOver => "Just try again: a new session begins.",
            Self::SecondFactor => {
                "Try again in half a minute: you are asked again, in a browser on this machine or, with \
                 `tsh --mfa-mode=otp`, for a code in the terminal."
            }
            Self::ServerChanged => "Restart the client, or make it connect to this server anew.",
            Self::Cluster | Self::Upstream => {
                "Try again later; if it stays so, ask whoever administers the cluster."
            }
            Self::UpstreamUnreachable => {
                "`tctl get app/NAME` tells whoever administers the cluster why."
            }
            Self::Other => {
                "The log that the client keeps of this server may say more; `--debug` makes it longer."
            }
        }
    }
}

// === impl Fault ===

impl Fault {
    pub(super) fn new(cause: Cause, message: impl Into<String>) -> Self {
        let temporary = matches!(cause, Cause::Network | Cause::Timeout);
        let message = plain::short(&message.into(), MAX_MESSAGE);
        Self { cause, message, hints: Vec::new(), temporary }
    }

    /// It may be over in a moment, whatever the cause is usually like.
    pub(super) const fn temporary(mut self) -> Self {
        self.temporary = true;
        self
    }

    /// A failure of the parts that commands share, which do not know causes.
    pub(super) fn of(error: &anyhow::Error) -> Self {
        if let Some(fault) = error.downcast_ref::<Self>() {
            return fault.clone();
        }
        let mut fault = Self::new(Cause::Other, format!("{error:#}"));
        for cause in error.chain() {
            if let Some(refused) = cause.downcast_ref::<Refused>() {
                fault.hints.extend(refused.hints.iter().cloned());
            }
            if let Some(error) = cause.downcast_ref::<api::Error>() {
                fault.hints.extend(error.hints().iter().cloned());
                fault.cause = match error.kind() {
                    ErrorKind::Unavailable => Cause::Network,
                    ErrorKind::Unauthenticated => Cause::Login,
                    _ => Cause::Cluster,
                };
                fault.temporary = error.kind() == ErrorKind::Unavailable;
            }
        }
        fault
    }

    /// The same in other words.
    pub(super) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = plain::short(&message.into(), MAX_MESSAGE);
        self
    }

    /// The same, known to be of this cause.
    pub(super) const fn caused_by(mut self, cause: Cause) -> Self {
        self.cause = cause;
        self
    }

    /// What a client shows to its user.
    pub(super) fn text(&self) -> String {
        let mut text = format!("[{}] {}", self.cause.tag(), self.message);
        let hints = self.hints.iter().map(|hint| plain::one_line(hint));
        for words in hints.chain([self.cause.advice().to_owned()]) {
            let end = if text.ends_with(['.', '!', '?']) { " " } else { ". " };
            // Writing to a String cannot fail.
            _ = write!(text, "{end}{words}");
        }
        text
    }

    /// The same for programs.
    pub(super) fn data(&self) -> Value {
        json!({ "reason": self.cause.tag(), "error": self.message })
    }
}

#[cfg(test)]
mod tests;
