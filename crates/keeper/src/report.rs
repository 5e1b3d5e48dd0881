//! What the keeper says last: the end of the server, as the last line on the error stream.
//!
//! Every process that could write to the stream is dead by then, so the line cannot be forged.

use std::io::{self, Write};

use serde::{Deserialize, Serialize};

use crate::fault::Fault;

/// How a server ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// By itself.
    Exited {
        /// With this status.
        code: i32,
    },
    /// By a signal.
    Signalled {
        /// This one.
        signal: String,
    },
    /// It never began.
    NotStarted {
        /// Why.
        fault: Fault,
    },
    /// Nobody knows: the keeper was killed.
    Unknown,
}

#[derive(Serialize, Deserialize)]
struct Line {
    tessera_keeper: Outcome,
}

// === impl Outcome ===

impl Outcome {
    /// Writes the last line.
    ///
    /// # Errors
    /// Nobody reads.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let line = serde_json::to_vec(&Line { tessera_keeper: self.clone() })?;
        // The server may have stopped in the middle of a line.
        let mut framed = vec![b'\n'];
        framed.extend(line);
        framed.push(b'\n');
        out.write_all(&framed)
    }

    /// Splits the last line off what was written to the error stream.
    #[must_use]
    pub fn split(written: &[u8]) -> (&[u8], Option<Self>) {
        let end = written.strip_suffix(b"\n").unwrap_or(written);
        let start = end.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (before, line) = end.split_at(start);
        match serde_json::from_slice::<Line>(line) {
            Ok(line) => (before, Some(line.tessera_keeper)),
            Err(_not_the_keeper) => (written, None),
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exited { code: 0 } => f.write_str("the MCP server ended"),
            Self::Exited { code } => write!(f, "the MCP server ended with status {code}"),
            Self::Signalled { signal } => write!(f, "the MCP server was ended by {signal}"),
            Self::NotStarted { fault } => write!(f, "the MCP server could not be started: {fault}"),
            Self::Unknown => f.write_str("the MCP server was lost"),
        }
    }
}

#[cfg(test)]
mod tests;
