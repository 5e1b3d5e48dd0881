//! What watches over one stdio MCP server.
//!
//! The agent starts a *keeper*, [`main_keeper`]: it adopts whatever the server leaves behind and ends
//! only when all of it has ended. It starts the server through [`main_drop`], the same binary once
//! more, which gives up every right but those of the host user and then becomes the server. Keeper
//! and drop are single-threaded and have no runtime.
//!
//! A keeper lives as long as its connection, so what it holds is paid once a connection: this crate
//! uses little, and the drop, which is gone once the server runs, does what needs much — the host's
//! accounts are looked up by libraries that are loaded for it.
//!
//! | who dies | what happens |
//! |---|---|
//! | the connection | stdin ends; a second later SIGTERM; two seconds later SIGKILL to every descendant |
//! | the server | SIGKILL to every descendant |
//! | the agent, however | the kernel signals the keeper, which does as for a connection |
//! | the keeper, by SIGKILL | the kernel kills the server; the agent adopts and kills what is left |
//!
//! Nothing of the server's is passed on a command line except what the app resource says in the
//! open: the environment travels as environment.

mod args;
mod drop;
mod fault;
mod host_user;
mod keeper;
pub mod proc;
mod report;

pub use args::{ENV_PREFIX, KeeperArgs};
pub use drop::{main_drop, search_path};
pub use fault::Fault;
pub use host_user::HostUser;
pub use keeper::main_keeper;
pub use report::Outcome;

/// What lists of processes call keepers.
pub const NAME: &str = "mcp-keeper";
/// The argument that makes a binary a keeper.
pub const KEEPER: &str = "__keeper";
/// The argument that makes a binary drop its rights and become a server.
pub const DROP: &str = "__drop";
/// The argument that makes a binary end at once, well: whether it can be executed here.
pub const PROBE: &str = "__probe";
