//! Why a stream ended, as the cluster tells it in trailers.

use std::process::ExitCode;

use api::stream_headers::{END_MESSAGE, END_REASON};
use http::HeaderMap;

use crate::printer;

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

    /// What the requests that wait get as an answer.
    pub(super) fn sentence(&self) -> String {
        match self {
            Self::ByClient => "the connection was closed before the answer came".to_owned(),
            Self::ByCluster { message, .. } if !message.is_empty() => message.clone(),
            Self::ByCluster { reason, .. } => format!("the cluster ended the connection: {reason}"),
            Self::Lost { message } => format!("the connection to the cluster was lost ({message})"),
        }
    }

    /// Says it to the person who reads the client's log, and as an exit status.
    pub(super) fn tell(&self) -> ExitCode {
        match self {
            Self::ByClient => ExitCode::SUCCESS,
            Self::ByCluster { .. } | Self::Lost { .. } => {
                printer::say(&format!("ERROR: {}", self.sentence()));
                ExitCode::FAILURE
            }
        }
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
