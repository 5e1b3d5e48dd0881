//! Agents dial out; requests flow back.
//!
//! The agent opens a TLS connection to a proxy and is an HTTP/2 *server* on it; the proxy is the
//! client. Cancellation, flow control and draining are HTTP/2's own; there is no protocol of ours
//! in it. In one process the proxy calls the agent's [`Handler`] directly.

mod dialer;
mod executor;
mod handler;
mod registry;

pub use dialer::{Dialer, Target};
pub use executor::TaskExecutor;
pub use handler::Handler;
pub use registry::{Attachment, Registry, SendError};

/// The protocol that an agent negotiates for its tunnel.
pub const ALPN_TUNNEL: &[u8] = b"tessera-tunnel/1";

/// Header: the certificates that a client proved to hold the key of, base64 DER, the leaf first,
/// separated by commas. The proxy sets it; the agent verifies it.
pub const EVIDENCE: &str = "tessera-evidence";
/// Header: the address of the client's connection to the proxy.
pub const CLIENT_ADDRESS: &str = "tessera-client-addr";
/// Header of an answer: the agent does not serve the app, and read nothing of the request.
pub const APP_NOT_SERVED: &str = "tessera-app-not-served";
/// Trailer: why a stream ended, one word.
pub const END_REASON: &str = "tessera-end";
/// Trailer: why a stream ended, a percent-encoded sentence for a person.
pub const END_MESSAGE: &str = "tessera-end-message";
