//! Why a stream ended, as the cluster tells it in trailers.

use api::stream_headers::{END_MESSAGE, END_REASON, NEEDED_SECOND_FACTOR};
use http::HeaderMap;
use resource::plain;

use super::conversation::TRANSIENT;
use crate::tsh::fault::{Cause, Fault};
use crate::tsh::way::told;

/// The longest word for a reason.
const MAX_REASON: usize = 64;

/// The end of a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The client closed its side.
    ByClient,
    /// The cluster closed it, and says why.
    ByCluster {
        /// One word for programs.
        reason: String,
        /// One sentence for people.
        message: String,
    },
    /// It broke.
    Lost {
        /// What is known of it.
        message: String,
    },
}

// === impl End ===

impl End {
    /// Reads trailers, which another cluster may have written. They bring any character, percent-encoded.
    pub(super) fn from_trailers(trailers: &HeaderMap, elsewhere: Option<&str>) -> Option<Self> {
        let read = |name| trailers.get(name).and_then(|value| value.to_str().ok());
        let reason = read(END_REASON)?;
        let message = read(END_MESSAGE).map(api::unescape).unwrap_or_default();
        let message = match plain::one_line(&message) {
            message if message.is_empty() => message,
            message => told(elsewhere, &message),
        };
        Some(Self::ByCluster { reason: plain::short(reason, MAX_REASON), message })
    }

    /// Whether another connection may go on at once where this one stopped.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::ByClient => false,
            Self::ByCluster { reason, .. } => TRANSIENT.contains(&reason.as_str()),
            Self::Lost { .. } => true,
        }
    }

    /// The same as a failure of what was under way.
    pub(super) fn fault(&self) -> Fault {
        let (cause, message) = match self {
            Self::ByClient => {
                (Cause::Other, "the connection was closed before the answer came".to_owned())
            }
            Self::ByCluster { reason, message } => {
                let cause = match reason.as_str() {
                    "unauthenticated" | "expired" => Cause::Login,
                    "idle" => Cause::SessionOver,
                    NEEDED_SECOND_FACTOR => Cause::SecondFactor,
                    "server-ended" => Cause::Upstream,
                    "start-failed" => Cause::UpstreamUnreachable,
                    _ => Cause::Cluster,
                };
                let message = if message.is_empty() {
                    format!("the cluster ended the connection: {reason}")
                } else {
                    message.clone()
                };
                (cause, message)
            }
            Self::Lost { message } => (
                Cause::Network,
                format!(
                    "the connection to the cluster was lost ({message}); whether the request was \
                     carried out is not known"
                ),
            ),
        };
        Fault::new(cause, message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trailers_do_not_steer_a_terminal() {
        let mut trailers = HeaderMap::new();
        trailers.insert(END_REASON, "locked".parse().unwrap());
        trailers.insert(END_MESSAGE, "no%1B%5D52;c;eA==%07%0A%C2%9B2J".parse().unwrap());
        let message = |elsewhere| match End::from_trailers(&trailers, elsewhere) {
            Some(End::ByCluster { message, .. }) => message,
            other => panic!("{other:?}"),
        };
        assert_eq!(message(None), "no ]52;c;eA==   2J");
        assert_eq!(
            message(Some("leaf")),
            "on the way to the cluster \"leaf\": \"no ]52;c;eA==   2J\""
        );
    }
}
