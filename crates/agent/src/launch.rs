//! Starting stdio MCP servers, and ending them whole.
//!
//! The agent starts a *keeper*: this same binary, entered through [`main_keeper`]. The keeper adopts
//! whatever the server leaves behind and ends only when all of it has ended. It starts the server
//! through [`main_drop`], which gives up every right but those of the host user and then becomes the
//! server. Keeper and drop are single-threaded and have no runtime.
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
mod launcher;
mod proc;
mod process;
mod report;
mod tail;

use std::fmt;

pub use drop::main_drop;
pub use fault::Fault;
pub use keeper::main_keeper;
pub use launcher::Launcher;
pub use process::{Ended, Process};
pub use report::Outcome;

/// The argument that makes the binary a keeper.
pub const KEEPER: &str = "__keeper";
/// The argument that makes the binary drop its rights and become a server.
pub const DROP: &str = "__drop";

/// What to start, and as whom.
///
/// `Debug` hides the values of variables: keys for other services are usually passed there.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Program {
    /// The command: a path, or a name that is looked up in `PATH`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The host user to run as; the agent's own when absent.
    pub user: Option<String>,
    /// Variables to add to the clean environment.
    pub env: Vec<(String, String)>,
    /// The directory to work in; the user's home when absent.
    pub cwd: Option<String>,
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&String> = self.env.iter().map(|(name, _)| name).collect();
        f.debug_struct("Program")
            .field("command", &self.command)
            .field("args", &self.args)
            .field("user", &self.user)
            .field("env", &names)
            .field("cwd", &self.cwd)
            .finish()
    }
}
