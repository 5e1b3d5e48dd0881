//! Starting stdio MCP servers, and ending them whole.
//!
//! The agent starts a *keeper* for each, and the keeper the server: see [`keeper`] for what they do
//! and what happens when one of them dies. Here is the agent's side: what keepers are made of, the
//! thread that starts them, and what a running server is to a connection.

mod binary;
mod launcher;
mod process;
mod tail;

use std::fmt;

pub use binary::Binary;
pub use keeper::{DROP, Fault, KEEPER, Outcome, PROBE, main_drop, main_keeper};
pub use launcher::Launcher;
pub use process::{Ended, Process};

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
