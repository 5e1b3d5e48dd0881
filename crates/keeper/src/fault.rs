//! Why a server could not be started.

use std::ffi::OsStr;
use std::io;

use serde::{Deserialize, Serialize};

/// Why a server could not be started. Travels from the drop to the keeper, and from it to the agent, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Fault {
    /// `run_as_host_user` names nobody.
    #[error(
        "host user {user:?} (spec.mcp.run_as_host_user) does not exist on the agent's host; \
         create it there or name another one"
    )]
    NoSuchUser {
        /// The name.
        user: String,
    },
    /// `run_as_host_user` is another user, and only root can become one.
    #[error(
        "the agent runs as host user {own:?} and cannot become {user:?}; run the agent as root, \
         or set spec.mcp.run_as_host_user to {own:?}"
    )]
    NotRoot {
        /// Whom the server should run as.
        user: String,
        /// Whom the agent runs as.
        own: String,
    },
    /// The command does not exist.
    #[error(
        "command {command:?} (spec.mcp.command) was not found on the agent's host; \
         install it there or give its full path"
    )]
    CommandNotFound {
        /// The command.
        command: String,
    },
    /// The command exists and cannot be executed.
    #[error("command {command:?} (spec.mcp.command) cannot be executed: {reason}")]
    NotExecutable {
        /// The command.
        command: String,
        /// What the system says.
        reason: String,
    },
    /// The directory to work in cannot be entered.
    #[error(
        "the directory {directory:?} (spec.mcp.cwd) cannot be entered by the host user of the app: \
         {reason}"
    )]
    NoDirectory {
        /// The directory.
        directory: String,
        /// What the system says.
        reason: String,
    },
    /// A step on the way failed.
    #[error("the agent's host refused to {step}: {reason}")]
    Refused {
        /// What was tried.
        step: String,
        /// What the system says.
        reason: String,
    },
    /// The agent has as many servers as it may.
    #[error("the agent runs {limit} MCP servers already; try again later")]
    TooMany {
        /// The limit.
        limit: usize,
    },
}

// === impl Fault ===

impl Fault {
    /// A step that the system refused.
    pub fn refused(step: &str, error: impl std::fmt::Display) -> Self {
        Self::Refused { step: step.to_owned(), reason: error.to_string() }
    }

    pub(crate) fn of_directory(directory: &OsStr, error: &io::Error) -> Self {
        let directory = directory.to_string_lossy().into_owned();
        Self::NoDirectory { directory, reason: error.to_string() }
    }

    /// What a failed `exec` means.
    pub(crate) fn of_exec(command: &OsStr, error: &io::Error) -> Self {
        let command = command.to_string_lossy().into_owned();
        match error.kind() {
            io::ErrorKind::NotFound => Self::CommandNotFound { command },
            _ => Self::NotExecutable { command, reason: error.to_string() },
        }
    }
}
