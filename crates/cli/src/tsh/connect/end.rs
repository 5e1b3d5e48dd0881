//! Why a stream ended, as the cluster tells it in trailers.

use api::stream_headers::{END_MESSAGE, END_REASON};
use http::HeaderMap;

use super::conversation::TRANSIENT;
use crate::tsh::fault::{Cause, Fault};

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
    /// Reads trailers.
    pub(super) fn from_trailers(trailers: &HeaderMap) -> Option<Self> {
        let read = |name| trailers.get(name).and_then(|value| value.to_str().ok());
        let reason = read(END_REASON)?;
        let message = read(END_MESSAGE).map(unescape).unwrap_or_default();
        Some(Self::ByCluster { reason: reason.to_owned(), message })
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

/// Undoes percent-encoding; what is not valid stays as it is.
fn unescape(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%').then(|| after.get(..2)).flatten();
        let value = escaped.and_then(|hex| std::str::from_utf8(hex).ok());
        match value.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_survive_the_way() {
        for text in ["plain", "lock targeting User:\"a%b\" is in force — ä", ""] {
            assert_eq!(unescape(&api::escape(text)), text);
        }
        assert_eq!(unescape("100%"), "100%");
        assert_eq!(unescape("%zz%4"), "%zz%4");
    }
}
