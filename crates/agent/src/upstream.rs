//! The MCP server of one connection: a process, or the built-in demo.
//!
//! This is the only way to a server, and it takes a permit for every message.

mod bridged;
mod demo;
mod stdio;

use std::task::{Context, Poll};

use bytes::Bytes;
use mcp::bridge::Known;
use mcp::framing::LineError;
use mcp::{Era, Revision};
use policy::Permit;
use resource::app::Protocol;
use resource::{App, Transport};

pub(crate) use self::bridged::Bridged;
pub(crate) use self::demo::{DemoUpstream, Visitor};
pub(crate) use self::stdio::Stdio;
use crate::agent::Shared;
use crate::dial::Dialler;
use crate::given;
use crate::launch::{Ended, Fault, Launcher, Outcome, Program};

/// So much may wait for a slow server before its client is no longer read.
pub(crate) const ROOM: usize = 256 * 1024;

/// An MCP server.
#[derive(Debug)]
pub(crate) enum Upstream {
    Stdio(Box<Stdio>),
    Demo(Box<DemoUpstream>),
    Bridged(Box<Bridged>),
}

/// What a server did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FromServer {
    /// It wrote; see [`Upstream::next_line`].
    Wrote,
    /// It writes no more, or reads no more.
    Ended,
}

// === impl Upstream ===

impl Upstream {
    /// Passes a client's message on. The permit, which is spent, says that it may.
    pub(crate) fn forward(&mut self, permit: Permit<'_>, message: &[u8]) {
        if permit.app() != self.app() {
            tracing::error!(
                app = self.app(),
                ?permit,
                "a permit for another app; nothing was sent"
            );
            return;
        }
        drop(permit);
        self.write(message);
    }

    fn app(&self) -> &str {
        match self {
            Self::Stdio(stdio) => stdio.app(),
            Self::Demo(demo) => demo.app(),
            Self::Bridged(bridged) => bridged.app(),
        }
    }

    /// Answers a request of the server's ourselves.
    pub(crate) fn answer(&mut self, answer: &[u8]) {
        self.write(answer);
    }

    fn write(&mut self, message: &[u8]) {
        match self {
            Self::Stdio(stdio) => stdio.write(message),
            Self::Demo(demo) => demo.write(message),
            Self::Bridged(bridged) => bridged.write(message),
        }
    }

    /// Whether a client's messages may still come.
    pub(crate) fn has_room(&self) -> bool {
        self.waiting() < ROOM
    }

    fn waiting(&self) -> usize {
        match self {
            Self::Stdio(stdio) => stdio.waiting(),
            Self::Demo(demo) => demo.waiting(),
            Self::Bridged(bridged) => bridged.waiting(),
        }
    }

    /// Moves bytes; reads what the server writes only when `wanted`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, wanted: bool) -> Poll<FromServer> {
        // What we answer in the place of the client piles up with what the server writes.
        let wanted = wanted && self.waiting() < 2 * ROOM;
        match self {
            Self::Stdio(stdio) => stdio.poll(cx, wanted),
            Self::Demo(demo) => demo.poll(wanted),
            Self::Bridged(bridged) => bridged.poll(cx, wanted),
        }
    }

    /// The next line that the server wrote.
    pub(crate) fn next_line(&mut self) -> Option<Result<Bytes, LineError>> {
        match self {
            Self::Stdio(stdio) => stdio.next_line(),
            Self::Demo(demo) => demo.next_line().map(Ok),
            Self::Bridged(bridged) => bridged.next_line(),
        }
    }

    /// The client writes no more.
    pub(crate) fn end_input(&mut self) {
        match self {
            Self::Stdio(stdio) => stdio.end_input(),
            Self::Demo(demo) => demo.end_input(),
            Self::Bridged(bridged) => bridged.end_input(),
        }
    }

    /// Ends the server and waits until nothing of it is left.
    pub(crate) async fn end(self) -> Ended {
        match self {
            Self::Stdio(stdio) => stdio.end().await,
            Self::Bridged(bridged) => bridged.end().await,
            Self::Demo(_) => Ended { outcome: Outcome::Exited { code: 0 }, last_words: None },
        }
    }
}

/// What an app says of the era of its server.
pub(crate) fn known_era(app: &App) -> Known {
    match app.spec.mcp.as_ref().and_then(|mcp| mcp.protocol) {
        None => Known::Unknown,
        Some(Protocol::Legacy) => Known::Pinned(Era::Legacy),
        Some(Protocol::Modern) => Known::Pinned(Era::Modern),
        Some(Protocol::Revision(date)) => {
            Revision::parse(date).map_or(Known::Unknown, |revision| Known::Pinned(revision.era()))
        }
    }
}

/// How to start an app's server. Blocks on files.
pub(crate) fn program(app: &App) -> Result<Program, String> {
    let stdio = app.spec.mcp.as_ref().filter(|_| app.transport() == Some(Transport::Stdio));
    let mcp = stdio.ok_or_else(|| not_served(app))?;
    let mut env = Vec::with_capacity(mcp.env.len());
    for (name, value) in &mcp.env {
        let cannot =
            |reason| format!("the variable {name:?} (spec.mcp.env) cannot be set: {reason}");
        env.push((name.clone(), given::find(value).map_err(cannot)?.expose().clone()));
    }
    let set = |text: &String| Some(text.clone()).filter(|text| !text.is_empty());
    Ok(Program {
        command: mcp.command.clone(),
        args: mcp.args.clone(),
        user: set(&mcp.run_as_host_user),
        env,
        cwd: set(&mcp.cwd),
    })
}

/// Whether an app can be served, as far as that can be told beforehand. Blocks.
pub(crate) fn check(app: &App, shared: &Shared) -> Result<(), String> {
    match app.transport() {
        _ if app.is_demo() => Ok(()),
        Some(Transport::StreamableHttp { .. } | Transport::Sse { .. }) => {
            Dialler::new(app, &shared.egress, &shared.tasks).map(drop)
        }
        Some(Transport::Stdio) | None => {
            Launcher::check(&program(app)?).map_err(|fault: Fault| fault.to_string())
        }
    }
}

/// What to say of an app whose transport is not spoken.
pub(crate) fn not_served(app: &App) -> String {
    let transport = app.transport().map_or_else(|| "none".to_owned(), |one| one.to_string());
    format!("this agent serves stdio servers with a command; the app's transport is {transport}")
}
