//! Why there is no answer from an upstream, in words for whoever asked.

use std::error::Error;
use std::time::Duration;

use super::egress::Refused;

/// Why a request to an upstream has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum DialError {
    #[error("the MCP server cannot be reached: its name {host:?} cannot be resolved ({reason})")]
    Resolve { host: String, reason: String },
    #[error("the MCP server cannot be reached: {0}")]
    Egress(#[from] Refused),
    #[error("the MCP server cannot be reached: {reason}")]
    Connect { reason: String },
    #[error("no secure connection to the MCP server: {reason}")]
    Tls { reason: String },
    #[error("the MCP server did not {what} within {} seconds", after.as_secs())]
    Timeout { what: &'static str, after: Duration },
    #[error(
        "the MCP server redirects to {to}, and redirections are not followed; register the app with the address where its server is"
    )]
    Redirect { to: String },
    #[error("the MCP server compresses its answers ({coding}) though it was asked not to")]
    Coding { coding: String },
    #[error("the MCP server broke the connection: {reason}")]
    Broken { reason: String },
    #[error("the request to the MCP server cannot be made: {reason}")]
    Request { reason: String },
}

// === impl DialError ===

impl DialError {
    /// What went wrong in the HTTP client.
    pub(super) fn of(error: &hyper_util::client::legacy::Error) -> Self {
        let mut source = error.source();
        let mut deepest = error.to_string();
        while let Some(cause) = source {
            if let Some(known) = cause.downcast_ref::<Self>() {
                return known.clone();
            }
            deepest = cause.to_string();
            source = cause.source();
        }
        Self::Broken { reason: deepest }
    }

    pub(super) fn tls(error: &std::io::Error) -> Self {
        let known = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
        let reason = match known {
            Some(rustls::Error::InvalidCertificate(reason)) => {
                format!("its certificate is not trusted: {reason}")
            }
            Some(rustls::Error::AlertReceived(alert)) => {
                format!("it refused the connection (TLS alert {alert:?})")
            }
            Some(other) => other.to_string(),
            None => error.to_string(),
        };
        Self::Tls { reason }
    }
}

/// The innermost reason of an error.
pub(super) fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut at = error;
    while let Some(source) = at.source() {
        at = source;
    }
    at.to_string()
}
