//! MCP over HTTP: a server that costs next to nothing, and clients of it.

mod client;
mod server;

pub(crate) use self::client::{Client, Era, Target};
pub(crate) use self::server::{WORD, Web, main};
