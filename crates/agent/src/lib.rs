//! The app service: serves registered MCP servers to identities that may use them.

pub mod launch;
