//! The command-line tools: `tsh` for people who use MCP servers, `tctl` for those who administer a
//! cluster, `tbot` for programs.
//!
//! All of them speak to the cluster through `api` and know no other door. What they print for programs
//! goes to standard output, what they say to people about it to standard error.

pub mod address;
mod browser;
mod environment;
mod exit;
mod filter;
mod format;
mod labels;
mod printer;
pub mod profile;
mod run;
mod session;
mod table;
pub mod tbot;
pub mod tctl;
pub mod tsh;

pub use exit::{Refused, Usage, report};
pub use printer::Printer;
