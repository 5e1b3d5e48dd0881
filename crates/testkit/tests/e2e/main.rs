//! The end-to-end suite: real processes, servers and clients that nobody here wrote, and in between
//! the product's own binaries.
//!
//! `direct` runs each check without the product, so that a failure behind the gateway is the
//! gateway's. What `cargo xtask setup` installs and what `cargo build -p server -p cli --bins`
//! builds must be there: a test that misses something fails and says so.
#![expect(clippy::unwrap_used, clippy::panic, reason = "test helpers report by panicking")]

mod bridge;
mod checks;
mod client_conformance;
mod conformance;
mod direct;
mod fidelity;
mod gateway;
mod grid;
mod hostile;
mod strict;
