//! The agent with real processes: from a request that comes through a tunnel to the server and back.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]
#![expect(clippy::indexing_slicing, clippy::print_stderr, reason = "tests")]
#![expect(clippy::needless_pass_by_value, reason = "literals of JSON")]

mod certificates;
mod client;
mod cluster;
mod crowds;
mod eras;
#[expect(dead_code, reason = "the unit tests use all of it")]
#[path = "../../src/testing/http.rs"]
mod http_server;
mod labels;
mod launch;
mod legacy_http;
mod limits;
mod longest;
mod mirrors;
mod modern_http;
mod passing;
mod passing_modern;
mod processes;
mod proofs;
mod revoked;
mod session;
mod session_ends;
mod starting;
mod stream_ends;
mod unread;
mod updates;
mod visits;
mod web;
