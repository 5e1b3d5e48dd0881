//! How agents tell that they are there, and what they serve.
//!
//! A record of an app is told once, and again when it is different. All records of a host live for as
//! long as the host is heard of: an agent of ten thousand apps renews them with one small request.

use std::time::Duration;

/// How often an agent is to be heard of.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(5);
/// The records of an agent that was not heard of for so long are gone.
pub const HEARTBEAT_LIFE: Duration = Duration::from_secs(25);
/// At most so many records, and names of apps that are gone, are told at a time.
pub const MAX_HEARTBEAT_ITEMS: usize = 256;
/// At most so many bytes.
pub const MAX_HEARTBEAT_BYTES: usize = 4 << 20;
