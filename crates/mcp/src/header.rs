//! HTTP headers of the protocol, and their agreement with the body.

mod learned;
mod param;

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

pub use self::learned::{LEARNED_TOOLS, Learned};
pub use self::param::{MIRROR_BYTES, MIRRORS, Mirror, MirrorFault, Mirrors};
use crate::json::Raw;
use crate::refused::{Reason, Refused};
use crate::{Method, Request};

/// The revision that is spoken.
pub const PROTOCOL_VERSION: &str = "mcp-protocol-version";
/// The method of the request in the body.
pub const METHOD: &str = "mcp-method";
/// The tool, prompt or resource that the request in the body names.
pub const NAME: &str = "mcp-name";
/// What the names of headers begin with that repeat arguments of a tool.
pub const PARAM_PREFIX: &str = "mcp-param-";
/// The session (legacy era).
pub const SESSION_ID: &str = "mcp-session-id";
/// Where a stream that broke is to go on (legacy era).
pub const LAST_EVENT_ID: &str = "last-event-id";

const SENTINEL: &str = "=?base64?";
const SENTINEL_END: &str = "?=";

/// All values of each header that must agree with a modern request.
#[derive(Debug, Clone, Copy)]
pub struct Headers<'h> {
    /// Values of [`PROTOCOL_VERSION`].
    pub protocol_version: &'h [&'h [u8]],
    /// Values of [`METHOD`].
    pub method: &'h [&'h [u8]],
    /// Values of [`NAME`].
    pub name: &'h [&'h [u8]],
}

// === impl Headers ===

impl Headers<'_> {
    /// Checks the headers of a modern request: each that it needs is there once and says what the body says.
    /// What is decided is decided by the body; this keeps those who read only headers from being misled.
    pub fn check(&self, request: &Request<'_>) -> Result<(), Refused> {
        self.agree(request).map_err(|reason| reason.under(&request.id))
    }

    fn agree(&self, request: &Request<'_>) -> Result<(), Reason> {
        let meta = request.params.meta()?;
        let version = meta.and_then(|meta| meta.protocol_version);
        let mismatch = |header| Reason::Header { header };
        let same = |values: &[&[u8]], expected: &str| matches!(values, [one] if *one == expected.as_bytes());
        let version = version.ok_or(mismatch("MCP-Protocol-Version"))?;
        if !same(self.protocol_version, &version) {
            return Err(mismatch("MCP-Protocol-Version"));
        }
        if !same(self.method, request.method.as_str()) {
            return Err(mismatch("Mcp-Method"));
        }
        let Some(named) = named(request) else { return Ok(()) };
        match (self.name, named) {
            ([one], Some(expected)) if decode(one).as_deref() == Some(&*expected) => Ok(()),
            _ => Err(mismatch("Mcp-Name")),
        }
    }
}

/// The headers that a modern request must have, with their values.
pub fn of(request: &Request<'_>) -> Vec<(&'static str, String)> {
    let version = request.params.meta().ok().flatten().and_then(|meta| meta.protocol_version);
    let method = Cow::Borrowed(request.method.as_str());
    let name = named(request).flatten();
    [(PROTOCOL_VERSION, version), (METHOD, Some(method)), (NAME, name)]
        .into_iter()
        .filter_map(|(header, value)| Some((header, encode(&value?).into_owned())))
        .collect()
}

/// What [`NAME`] repeats, and whether the request needs that header at all. Extensions give the header other
/// meanings, which are theirs to check.
fn named<'a>(request: &Request<'a>) -> Option<Option<Cow<'a, str>>> {
    match request.method {
        Method::ToolsCall | Method::PromptsGet => Some(request.params.name().and_then(Raw::string)),
        Method::ResourcesRead => Some(request.params.uri().and_then(Raw::string)),
        // The extension for tasks, "Streamable HTTP: Routing Headers".
        Method::TasksGet | Method::TasksUpdate | Method::TasksCancel => {
            Some(request.params.task_id().and_then(Raw::string))
        }
        _ => None,
    }
}

/// A name as the value of [`NAME`] or of a header that repeats an argument.
pub fn encode(value: &str) -> Cow<'_, str> {
    let plain = value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~'))
        && value.trim_matches([' ', '\t']) == value
        && !(value.starts_with(SENTINEL) && value.ends_with(SENTINEL_END));
    if plain {
        Cow::Borrowed(value)
    } else {
        Cow::Owned(format!("{SENTINEL}{}{SENTINEL_END}", STANDARD.encode(value)))
    }
}

/// The name that a header value stands for; nothing when the value is not allowed.
pub fn decode(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(value).ok()?;
    if !text.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')) {
        return None;
    }
    match text.strip_prefix(SENTINEL).and_then(|rest| rest.strip_suffix(SENTINEL_END)) {
        None => Some(Cow::Borrowed(text)),
        Some(encoded) => String::from_utf8(STANDARD.decode(encoded).ok()?).ok().map(Cow::Owned),
    }
}

#[cfg(test)]
mod tests;
