//! The app service: serves registered MCP servers to identities that may use them.
//!
//! An [`Agent`] watches apps, publishes which of them it serves and how that goes, and answers what
//! proxies send down its tunnels. For every connection it verifies who is there, asks `policy`,
//! starts the server, passes messages with a permit each, filters what comes back, and records it.
//! It believes no proxy, keeps no state of its own, and stores nothing but records.

mod agent;
mod assertion;
mod authorize;
mod catalog;
mod census;
mod changes;
pub mod dial;
mod end;
mod evidence;
mod given;
mod handler;
mod health;
mod heartbeat;
mod http;
mod inventory;
mod labels;
pub mod launch;
mod limits;
mod newest;
mod outbox;
mod places;
mod proof;
mod reconcile;
mod record;
mod relay;
mod seal;
mod serve;
mod served;
mod session;
mod tally;
#[cfg(test)]
mod testing;
mod tools;
mod upstream;
mod witness;

pub use agent::{Agent, AgentConfig};
pub use census::{Census, Wanted};
pub use dial::egress::Egress;
pub use given::withhold_from_apps;
pub use limits::Limits;
