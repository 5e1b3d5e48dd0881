//! How a conversation in the legacy era began, so that it can begin once more on another connection
//! without the client noticing.

use bytes::Bytes;
use mcp::Id;
use serde_json::Value;

use crate::tsh::fault::{Cause, Fault};

/// What was said at the beginning. In the modern era nothing is.
#[derive(Debug, Default)]
pub(super) struct Handshake {
    state: State,
}

#[derive(Debug, Default)]
enum State {
    #[default]
    None,
    /// The client asked, and waits.
    Asked(Request),
    Done(Box<Replay>),
}

/// The client's `initialize`.
#[derive(Clone, Debug)]
struct Request {
    id: Id<'static>,
    line: Bytes,
}

/// As what a server presents itself. The rest of its answer may differ from one start to the next.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Server {
    name: Value,
    version: Value,
    revision: Value,
}

/// What is to be said again.
#[derive(Clone, Debug)]
pub(super) struct Replay {
    /// The client's `initialize`, a whole line.
    pub(super) initialize: Bytes,
    /// What follows once it was answered.
    pub(super) initialized: Option<Bytes>,
    id: Id<'static>,
    server: Server,
}

// === impl Handshake ===

impl Handshake {
    /// The client asks to begin.
    pub(super) fn asked(&mut self, id: Id<'static>, line: &[u8]) {
        self.state = State::Asked(Request { id, line: whole(line) });
    }

    /// An answer came, with a result or without.
    pub(super) fn answered(&mut self, id: &Id<'_>, line: &[u8], has_result: bool) {
        let State::Asked(request) = &self.state else { return };
        if request.id != *id {
            return;
        }
        self.state = match Server::read(line).filter(|_| has_result) {
            Some(server) => State::Done(Box::new(Replay {
                id: request.id.clone(),
                initialize: request.line.clone(),
                initialized: None,
                server,
            })),
            None => State::None,
        };
    }

    /// The client says that it has read the answer.
    pub(super) fn initialized(&mut self, line: &[u8]) {
        if let State::Done(replay) = &mut self.state {
            replay.initialized = Some(whole(line));
        }
    }

    /// What another connection has to hear first; nothing where nothing was agreed.
    pub(super) fn replay(&self) -> Option<Replay> {
        match &self.state {
            State::Done(replay) => Some(replay.as_ref().clone()),
            State::None | State::Asked(_) => None,
        }
    }
}

// === impl Replay ===

impl Replay {
    /// Whether this is the answer to the replayed request.
    pub(super) fn is_answer(&self, id: Option<&Id<'_>>) -> bool {
        id == Some(&self.id)
    }

    /// Whether the answer is one that the client could have got the first time.
    pub(super) fn check(&self, answer: &[u8]) -> Result<(), Fault> {
        let Some(server) = Server::read(answer) else {
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            let why = answer.pointer("/error/message").and_then(Value::as_str);
            return Err(Fault::new(
                Cause::Upstream,
                format!(
                    "the MCP server did not begin the session anew: {}",
                    why.unwrap_or("its answer says nothing of itself")
                ),
            ));
        };
        if server == self.server {
            return Ok(());
        }
        Err(Fault::new(
            Cause::ServerChanged,
            format!("the MCP server has changed: it was {}, and is {server} now", self.server),
        ))
    }
}

// === impl Server ===

impl Server {
    fn read(answer: &[u8]) -> Option<Self> {
        let answer: Value = serde_json::from_slice(answer).ok()?;
        let result = answer.get("result")?;
        let read = |pointer| result.pointer(pointer).cloned().unwrap_or_default();
        Some(Self {
            name: read("/serverInfo/name"),
            version: read("/serverInfo/version"),
            revision: read("/protocolVersion"),
        })
    }
}

impl std::fmt::Display for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {} (revision {})", self.name, self.version, self.revision)
    }
}

/// A line of its own, with its end; what it was a part of can go.
fn whole(line: &[u8]) -> Bytes {
    [line, b"\n"].concat().into()
}

#[cfg(test)]
mod tests;
