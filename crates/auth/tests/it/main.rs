//! The auth service as others see it: a real TLS listener, a real local socket, a store in memory
//! and a clock that moves when told.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test harness: what is not as expected ends the test"
)]

mod addresses;
mod app_rights;
mod app_tokens;
mod assertions;
mod audit;
mod bots;
mod cluster;
mod clusters;
mod confidences;
mod endpoints;
mod evidence;
mod headless;
mod heartbeats;
mod held;
mod in_cluster;
mod invites;
mod joining;
mod keys;
mod local;
mod matrix;
mod mfa;
mod oauth;
mod oidc;
mod pins;
mod renamed;
mod resources;
mod revocation;
mod rotation;
mod selections;
mod services;
mod session_mfa;
mod sign_in;
mod soft_key;
mod start;
mod strangers;
mod watch;
mod workloads;
