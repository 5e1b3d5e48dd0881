//! What the gateway asks servers on its own account. No tool can be called by any of it.

use mcp::method::name;
use mcp::probe::CLIENT_NAME;
use serde_json::{Value, json};

/// A message to a server that is nobody's.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Question<'q> {
    /// Begins a session; bridged where the server has none.
    Initialize {
        /// The request's id.
        id: u64,
    },
    /// The session has begun.
    Initialized,
    /// A page of the list of tools.
    Tools {
        /// The request's id.
        id: u64,
        /// Which page, if not the first.
        cursor: Option<&'q str>,
    },
}

/// The newest revision with a handshake; servers answer with one that they know.
const REVISION: &str = "2025-11-25";

// === impl Question ===

impl Question<'_> {
    pub(super) fn text(&self) -> Vec<u8> {
        let message = match *self {
            Self::Initialize { id } => request(
                id,
                "initialize",
                &json!({
                    "protocolVersion": REVISION,
                    "capabilities": {},
                    "clientInfo": {"name": CLIENT_NAME, "version": env!("CARGO_PKG_VERSION")},
                }),
            ),
            Self::Initialized => json!({"jsonrpc": "2.0", "method": name::INITIALIZED}),
            Self::Tools { id, cursor: None } => request(id, "tools/list", &json!({})),
            Self::Tools { id, cursor: Some(cursor) } => {
                request(id, "tools/list", &json!({ "cursor": cursor }))
            }
        };
        message.to_string().into_bytes()
    }
}

fn request(id: u64, method: &str, params: &Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}
