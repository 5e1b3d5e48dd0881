//! How a client can be answered.

use http::header::{ACCEPT, HeaderMap};

/// The sorts of content that a client takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Accepts {
    /// One message.
    pub(crate) json: bool,
    /// A stream of them.
    pub(crate) events: bool,
}

// === impl Accepts ===

impl Accepts {
    /// What the headers say; who says nothing takes everything (RFC 9110, section 12.5.1).
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut accepts = Self { json: false, events: false };
        let mut said = false;
        for value in headers.get_all(ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                let range = range.split(';').next().unwrap_or_default().trim();
                said |= !range.is_empty();
                match range.to_ascii_lowercase().as_str() {
                    "*/*" => accepts = Self { json: true, events: true },
                    "application/*" | "application/json" => accepts.json = true,
                    "text/*" | "text/event-stream" => accepts.events = true,
                    _ => {}
                }
            }
        }
        if said { accepts } else { Self { json: true, events: true } }
    }
}

#[cfg(test)]
mod tests;
