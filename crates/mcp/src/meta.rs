//! The `_meta` of a request: in the modern era it says who speaks which revision and can do what.

use std::borrow::Cow;

use crate::json::{self, Raw};
use crate::refused::Reason;

/// The revision of a modern request.
pub const PROTOCOL_VERSION: &str = "io.modelcontextprotocol/protocolVersion";
/// Name and version of the client.
pub const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
/// What the client can do.
pub const CLIENT_CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// The least severe log message that the client wants.
pub const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";
/// Which listen request a notification belongs to.
pub const SUBSCRIPTION_ID: &str = "io.modelcontextprotocol/subscriptionId";
/// Name and version of the server, in results.
pub const SERVER_INFO: &str = "io.modelcontextprotocol/serverInfo";
/// Asks for progress notifications.
pub const PROGRESS_TOKEN: &str = "progressToken";

/// The members of `_meta` that are read; none of them may be repeated or have a confusable neighbour.
pub const KEYS: [&str; 6] = [
    PROTOCOL_VERSION,
    CLIENT_INFO,
    CLIENT_CAPABILITIES,
    LOG_LEVEL,
    SUBSCRIPTION_ID,
    PROGRESS_TOKEN,
];

/// The members of `_meta` that are read.
#[derive(Debug, Clone, Default)]
pub struct Meta<'a> {
    /// The revision; present in every modern request.
    pub protocol_version: Option<Cow<'a, str>>,
    /// Name and version of the client.
    pub client_info: Option<Raw<'a>>,
    /// What the client can do; present in every modern request.
    pub client_capabilities: Option<Raw<'a>>,
    /// The least severe log message that the client wants.
    pub log_level: Option<Raw<'a>>,
    /// Which listen request a notification belongs to.
    pub subscription_id: Option<Raw<'a>>,
    /// Asks for progress notifications.
    pub progress_token: Option<Raw<'a>>,
}

// === impl Meta ===

impl<'a> Meta<'a> {
    /// Reads `_meta`, which must be an object.
    pub(crate) fn read(raw: Raw<'a>) -> Result<Self, Reason> {
        let [version, client_info, client_capabilities, log_level, subscription_id, progress_token] =
            json::members(raw, &KEYS)?;
        let protocol_version = match version {
            None => None,
            Some(raw) => Some(
                raw.string()
                    .ok_or(Reason::Member { key: PROTOCOL_VERSION, expected: "a string" })?,
            ),
        };
        Ok(Self {
            protocol_version,
            client_info,
            client_capabilities,
            log_level,
            subscription_id,
            progress_token,
        })
    }
}
