//! Agents dial out; requests flow back.
//!
//! The agent opens a TLS connection to a proxy and is an HTTP/2 *server* on it; the proxy is the
//! client. Cancellation, flow control and draining are HTTP/2's own; there is no protocol of ours
//! in it. In one process the proxy calls the agent's [`Handler`] directly.

mod dialer;
mod executor;
mod handler;
mod heads;
mod health;
mod link;
mod registry;
mod severable;

pub use dialer::{Dialer, Target, Up};
pub use executor::TaskExecutor;
pub use handler::Handler;
pub use registry::{Attachment, Registry, Repeat, SendError};

/// The protocol that an agent negotiates for its tunnel.
pub const ALPN_TUNNEL: &[u8] = b"tessera-tunnel/1";
/// The protocol that a proxy negotiates for its tunnel to a proxy of another cluster, whose users come by it.
pub const ALPN_CLUSTER: &[u8] = b"tessera-cluster/1";

pub use api::stream_headers::{
    APP_NOT_SERVED, CLIENT_ADDRESS, END_MESSAGE, END_REASON, EVIDENCE, HELD_BY,
    NOT_SERVED_UNRECORDED, PROOF,
};
