//! How the service is reached: HTTP/2 over TLS, or over the local socket.
//!
//! A connection is authenticated once, when it opens; each request is then checked against the
//! newest state. The router is made from the table of endpoints and knows no other.

pub(crate) mod answer;
mod call;
mod connection;
pub(crate) mod listener;
pub(crate) mod local;
mod origin;
mod router;

pub(crate) use self::call::Call;
pub(crate) use self::connection::Peer;
pub(crate) use self::router::router;
