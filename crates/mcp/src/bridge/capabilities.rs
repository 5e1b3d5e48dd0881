//! What a client or a server declared that it can do, as far as a bridge must know.

use super::{splice, write};
use crate::json::{Kind, Raw};
use crate::method::name;

/// What a server may ask a client for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Offers {
    roots: bool,
    sampling: bool,
    form: bool,
    url: bool,
}

/// What a server tells of changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) resources: bool,
    /// Of single resources.
    pub(super) each: bool,
    /// It writes log messages.
    pub(super) logging: bool,
}

/// Why a server's question does not reach the client.
pub(super) struct NotOffered {
    /// What the client lacks.
    pub(super) words: String,
    /// The capability that would be needed, as JSON.
    pub(super) needed: &'static str,
}

// === impl Offers ===

impl Offers {
    /// Reads a client's capabilities.
    pub(super) fn read(capabilities: Raw<'_>) -> Self {
        let elicitation = splice::object(capabilities, "elicitation");
        let url = elicitation.is_some_and(|raw| splice::get(raw, "url").is_some());
        // A client that names no mode has the one that came first.
        let form = elicitation.is_some_and(|raw| splice::get(raw, "form").is_some() || !url);
        Self {
            roots: splice::object(capabilities, "roots").is_some(),
            sampling: splice::object(capabilities, "sampling").is_some(),
            form,
            url,
        }
    }

    /// Whether the client can be asked this.
    pub(super) fn allow(self, method: &str, params: Option<Raw<'_>>) -> Result<(), NotOffered> {
        let (offered, needed) = match method {
            name::LIST_ROOTS => (self.roots, "{\"roots\":{}}"),
            name::CREATE_MESSAGE => (self.sampling, "{\"sampling\":{}}"),
            name::ELICIT if is_url(params) => (self.url, "{\"elicitation\":{\"url\":{}}}"),
            name::ELICIT => (self.form, "{\"elicitation\":{\"form\":{}}}"),
            _ => (false, "{}"),
        };
        if offered {
            return Ok(());
        }
        let words = format!("the client does not offer {}", write::shown(method));
        Err(NotOffered { words, needed })
    }
}

/// Whether a server may ask for this at all.
pub(super) fn is_question(method: &str) -> bool {
    matches!(method, name::LIST_ROOTS | name::CREATE_MESSAGE | name::ELICIT)
}

/// Whether `elicitation/create` asks to visit an address.
pub(super) fn is_url(params: Option<Raw<'_>>) -> bool {
    let mode = params.and_then(|params| splice::get(params, "mode")).and_then(Raw::string);
    mode.as_deref() == Some("url")
}

// === impl Told ===

impl Told {
    /// Reads a server's capabilities.
    pub(super) fn read(capabilities: Raw<'_>) -> Self {
        let part = |name: &str| splice::object(capabilities, name);
        let changes =
            |name: &str| part(name).is_some_and(|raw| splice::is_true(raw, "listChanged"));
        Self {
            tools: changes("tools"),
            prompts: changes("prompts"),
            resources: changes("resources"),
            each: part("resources").is_some_and(|raw| splice::is_true(raw, "subscribe")),
            logging: splice::get(capabilities, "logging")
                .is_some_and(|raw| raw.kind() == Kind::Object),
        }
    }
}
