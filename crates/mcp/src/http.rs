//! What an HTTP request must say of its body and of what it accepts, and what an error is over HTTP.
//!
//! The specification says what clients must send (Transports, "Sending Messages to the Server" and
//! "Listening for Messages from the Server"); what does not is refused before its body is read. A body that
//! another reader could decode differently, by another character set or a compression, is refused as well.

use serde_json::{Value, json};

use crate::error::{self, code};
use crate::keys::excerpt;
use crate::message::{Body, Message};
use crate::{Era, Revision};

/// The content type of a message.
pub const JSON: &str = "application/json";

/// The statuses that are needed here.
pub mod status {
    /// The message is not what it must be.
    pub const BAD_REQUEST: u16 = 400;
    /// Nobody knows the method, or the session.
    pub const NOT_FOUND: u16 = 404;
    /// The client would not accept what it gets.
    pub const NOT_ACCEPTABLE: u16 = 406;
    /// The body is not JSON in UTF-8.
    pub const UNSUPPORTED_MEDIA_TYPE: u16 = 415;
}

/// Why an HTTP request is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpFault {
    /// `Accept` of a POST.
    #[error(
        "Not Acceptable: the header Accept must list both application/json and text/event-stream"
    )]
    AcceptBoth,
    /// `Accept` of a GET.
    #[error("Not Acceptable: the header Accept must list text/event-stream")]
    AcceptEvents,
    /// `Content-Type`
    #[error(
        "Unsupported Media Type: the header Content-Type must be given once and be application/json, in UTF-8"
    )]
    ContentType,
    /// `Content-Encoding`
    #[error("Unsupported Media Type: send the body as it is, without a Content-Encoding")]
    ContentEncoding,
    /// `MCP-Protocol-Version` of a request in the legacy era.
    #[error(
        "Unsupported protocol version: the header MCP-Protocol-Version must be given once and name a revision that is spoken here, not {requested:?}"
    )]
    Revision {
        /// What it said, shortened.
        requested: String,
    },
}

/// A media range of an `Accept` header, or a media type.
struct Media<'m> {
    kind: &'m str,
    subkind: &'m str,
    parameters: &'m str,
}

// === impl HttpFault ===

impl HttpFault {
    /// The HTTP status.
    pub const fn status(&self) -> u16 {
        match self {
            Self::AcceptBoth | Self::AcceptEvents => status::NOT_ACCEPTABLE,
            Self::ContentType | Self::ContentEncoding => status::UNSUPPORTED_MEDIA_TYPE,
            Self::Revision { .. } => status::BAD_REQUEST,
        }
    }

    /// The body: an error without an id, as nothing was read that has one.
    pub fn response(&self) -> Vec<u8> {
        let (code, data) = match self {
            Self::Revision { requested } => {
                (code::UNSUPPORTED_VERSION, Some(unsupported_version(requested)))
            }
            _ => (code::INVALID_REQUEST, None),
        };
        error::response(None, code, &self.to_string(), data)
    }
}

/// Checks what a POST says of its body and of answers. Each argument has all values of the header.
pub fn check_post(
    accept: &[&[u8]],
    content_type: &[&[u8]],
    content_encoding: &[&[u8]],
) -> Result<(), HttpFault> {
    check_body(content_type, content_encoding)?;
    if accepts(accept, "application", "json") && accepts(accept, "text", "event-stream") {
        Ok(())
    } else {
        Err(HttpFault::AcceptBoth)
    }
}

/// Checks that a GET accepts an event stream.
pub fn check_get(accept: &[&[u8]]) -> Result<(), HttpFault> {
    if accepts(accept, "text", "event-stream") { Ok(()) } else { Err(HttpFault::AcceptEvents) }
}

/// Checks that a body is JSON in UTF-8, as it is: of a request, or of an answer that has one message.
pub fn check_body(content_type: &[&[u8]], content_encoding: &[&[u8]]) -> Result<(), HttpFault> {
    let json = match content_type {
        [one] => std::str::from_utf8(one).ok().and_then(Media::read).is_some_and(|m| m.is_json()),
        _ => false,
    };
    if !json {
        return Err(HttpFault::ContentType);
    }
    if content_encoding.iter().any(|value| !value.eq_ignore_ascii_case(b"identity")) {
        return Err(HttpFault::ContentEncoding);
    }
    Ok(())
}

/// Whether a request says once, and plainly, how its content is framed: with another coding beside `chunked`, or with
/// two of these headers, others could see its end elsewhere (RFC 9112, section 6.1). What the header says of the length
/// besides was not believed.
pub fn is_plainly_framed(transfer_encoding: &[&[u8]]) -> bool {
    match transfer_encoding {
        [] => true,
        [one] => one.trim_ascii().eq_ignore_ascii_case(b"chunked"),
        _ => false,
    }
}

/// In which era an HTTP request is made: the modern one when it names a modern revision, in the header or in
/// the body. Any other is held to the rules of its own.
pub fn era(protocol_version: &[&[u8]], message: &Message<'_>) -> Era {
    let header = protocol_version.iter().any(|value| {
        let revision = std::str::from_utf8(value).ok().and_then(Revision::parse);
        revision.is_some_and(|revision| revision.era() == Era::Modern)
    });
    let body = match &message.body {
        Body::Request(request) => {
            let meta = request.params.meta().ok().flatten();
            meta.is_some_and(|meta| meta.protocol_version.is_some())
        }
        Body::Notification(_) | Body::Response(_) => false,
    };
    if header || body { Era::Modern } else { Era::Legacy }
}

/// Which revision a request of the legacy era speaks. `agreed` is what its session agreed on. The header came
/// with 2025-06-18: who agreed on that and leaves it out is known by the session; without one, a request that
/// names none speaks 2025-03-26.
///
/// A header that names another revision than the agreed one changes nothing, as it names what the session
/// speaks at most: what the session agreed on is what counts. `initialize` has none to name yet.
pub fn revision(
    protocol_version: &[&[u8]],
    agreed: Option<Revision>,
) -> Result<Revision, HttpFault> {
    let fault = |value: &[u8]| HttpFault::Revision {
        requested: excerpt(&String::from_utf8_lossy(value)).into_owned(),
    };
    let named = match protocol_version {
        [] => None,
        [one] => {
            let named = std::str::from_utf8(one).ok().and_then(Revision::parse);
            Some(named.filter(|named| named.era() == Era::Legacy).ok_or_else(|| fault(one))?)
        }
        several => return Err(fault(&several.join(&b", "[..]))),
    };
    Ok(agreed.or(named).unwrap_or(Revision::UNNAMED))
}

/// The HTTP status of an error that answers a modern request, by its code. Errors that are about what was
/// asked, rather than how, are answers like any other.
pub const fn status_of(code: i64) -> u16 {
    match code {
        code::METHOD_NOT_FOUND => status::NOT_FOUND,
        code::PARSE_ERROR
        | code::INVALID_REQUEST
        | code::HEADER_MISMATCH
        | code::MISSING_CLIENT_CAPABILITY
        | code::UNSUPPORTED_VERSION => status::BAD_REQUEST,
        _ => 200,
    }
}

/// `data` of the error that says that a revision is not spoken here.
pub(crate) fn unsupported_version(requested: &str) -> Value {
    // Of those before, each client begins with `initialize`, and is told there.
    let modern = Revision::ALL.iter().rev().filter(|known| known.era() == Era::Modern);
    let supported: Vec<&str> = modern.map(|known| known.as_str()).collect();
    json!({"supported": supported, "requested": requested})
}

/// Whether an `Accept` header lists a media type, by the range that fits it best.
fn accepts(values: &[&[u8]], kind: &str, subkind: &str) -> bool {
    let best = values
        .iter()
        .filter_map(|value| std::str::from_utf8(value).ok())
        .flat_map(|value| value.split(','))
        .filter_map(Media::read)
        .filter_map(|range| Some((range.fits(kind, subkind)?, range.is_wanted())))
        .max();
    best.is_some_and(|(_, wanted)| wanted)
}

// === impl Media ===

impl<'m> Media<'m> {
    fn read(text: &'m str) -> Option<Self> {
        let (media, parameters) = text.split_once(';').unwrap_or((text, ""));
        let (kind, subkind) = media.trim().split_once('/')?;
        Some(Self { kind, subkind, parameters })
    }

    fn is_json(&self) -> bool {
        self.kind.eq_ignore_ascii_case("application")
            && self.subkind.eq_ignore_ascii_case("json")
            && self.parameters().all(|(name, value)| {
                !name.eq_ignore_ascii_case("charset") || is_utf8(value.trim_matches('"'))
            })
    }

    /// How well it fits a media type, if it does.
    fn fits(&self, kind: &str, subkind: &str) -> Option<u8> {
        let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
        match (self.kind, self.subkind) {
            ("*", "*") => Some(0),
            (k, "*") if same(k, kind) => Some(1),
            (k, s) if same(k, kind) && same(s, subkind) => Some(2),
            _ => None,
        }
    }

    /// Whether its weight is more than nothing.
    fn is_wanted(&self) -> bool {
        !self.parameters().any(|(name, value)| {
            name.eq_ignore_ascii_case("q")
                && value.starts_with('0')
                && value.bytes().all(|b| matches!(b, b'0' | b'.'))
        })
    }

    fn parameters(&self) -> impl Iterator<Item = (&'m str, &'m str)> {
        let split = |text: &'m str| text.split_once('=').unwrap_or((text, ""));
        self.parameters.split(';').map(split).map(|(name, value)| (name.trim(), value.trim()))
    }
}

fn is_utf8(charset: &str) -> bool {
    charset.eq_ignore_ascii_case("utf-8") || charset.eq_ignore_ascii_case("utf8")
}

#[cfg(test)]
mod tests;
