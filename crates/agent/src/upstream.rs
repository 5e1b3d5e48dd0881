//! The MCP server of one connection: a process, or the built-in demo.
//!
//! This is the only way to a server, and it takes a permit for every message of a client's.

mod backlog;
mod bridged;
mod check;
mod demo;
mod open;
mod question;
mod remote;
mod stdio;

use std::task::{Context, Poll};

use bytes::Bytes;
use mcp::Id;
use mcp::framing::LineError;
use policy::Permit;

use self::backlog::Author;
use self::bridged::Bridged;
pub(crate) use self::check::check;
use self::demo::DemoUpstream;
pub(crate) use self::open::{By, Opening, open};
pub(crate) use self::question::Question;
pub(crate) use self::remote::Complaint;
use self::remote::Remote;
use self::stdio::Stdio;
use crate::end::Reason;
use crate::launch::{Ended, Outcome};

/// So much may wait for a slow server before its client is no longer read, and so much of our own answers before
/// the server is not read either.
pub(crate) const ROOM: usize = 256 * 1024;

/// An MCP server.
#[derive(Debug)]
pub(crate) enum Upstream {
    Stdio(Box<Stdio>),
    Demo(Box<DemoUpstream>),
    Remote(Box<Remote>),
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
        self.write(message, Author::Client);
    }

    /// Asks the server about itself. That takes no permit: a [`Question`] uses nothing, and is nobody's.
    pub(crate) fn ask(&mut self, question: &Question<'_>) {
        self.write(&question.text(), Author::Client);
    }

    fn app(&self) -> &str {
        match self {
            Self::Stdio(stdio) => stdio.app(),
            Self::Demo(demo) => demo.app(),
            Self::Remote(remote) => remote.app(),
            Self::Bridged(bridged) => bridged.app(),
        }
    }

    /// Whether the server may get a request once more, without the client's sending it again.
    pub(crate) fn sends_again(&self) -> bool {
        matches!(self, Self::Bridged(bridged) if bridged.sends_again())
    }

    /// Answers a request of the server's ourselves.
    pub(crate) fn answer(&mut self, answer: &[u8]) {
        self.write(answer, Author::Us);
    }

    fn write(&mut self, message: &[u8], from: Author) {
        match self {
            Self::Stdio(stdio) => stdio.write(message, from),
            Self::Demo(demo) => demo.write(message),
            Self::Remote(remote) => remote.write(message, from),
            Self::Bridged(bridged) => bridged.write(message, from),
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
            Self::Remote(remote) => remote.waiting(),
            Self::Bridged(bridged) => bridged.waiting(),
        }
    }

    /// What of that is from us.
    fn waiting_of_us(&self) -> usize {
        match self {
            Self::Stdio(stdio) => stdio.waiting_of_us(),
            Self::Demo(_) => 0,
            Self::Remote(remote) => remote.waiting_of_us(),
            Self::Bridged(bridged) => bridged.waiting_of_us(),
        }
    }

    /// Moves bytes; reads what the server writes only when `wanted`.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, wanted: bool) -> Poll<FromServer> {
        // What we answer in the place of the client piles up with what the server writes. What the client has
        // written does not: a server may have to get rid of what it says before it reads that.
        let wanted = wanted && self.waiting_of_us() < ROOM;
        match self {
            Self::Stdio(stdio) => stdio.poll(cx, wanted),
            Self::Demo(demo) => demo.poll(wanted),
            Self::Remote(remote) => remote.poll(cx, wanted),
            Self::Bridged(bridged) => bridged.poll(cx, wanted),
        }
    }

    /// The next line that the server wrote.
    pub(crate) fn next_line(&mut self) -> Option<Result<Bytes, LineError>> {
        match self {
            Self::Stdio(stdio) => stdio.next_line(),
            Self::Demo(demo) => demo.next_line().map(Ok),
            Self::Remote(remote) => remote.next_line(),
            Self::Bridged(bridged) => bridged.next_line(),
        }
    }

    /// The next line, and the request of ours on whose stream it came if there are such streams.
    fn next_line_on(&mut self) -> Option<(Option<Id<'static>>, Result<Bytes, LineError>)> {
        match self {
            Self::Remote(remote) => remote.next_line_on(),
            other => other.next_line().map(|line| (None, line)),
        }
    }

    /// The client writes no more.
    pub(crate) fn end_input(&mut self) {
        match self {
            Self::Stdio(stdio) => stdio.end_input(),
            Self::Demo(demo) => demo.end_input(),
            Self::Remote(remote) => remote.end_input(),
            Self::Bridged(bridged) => bridged.end_input(),
        }
    }

    /// Why it cannot go on, if that is not known by how a process ends.
    pub(crate) fn over(&self) -> Option<(Reason, String)> {
        match self {
            Self::Stdio(stdio) => stdio.over(),
            Self::Demo(_) => None,
            Self::Remote(remote) => remote.over(),
            Self::Bridged(bridged) => bridged.over(),
        }
    }

    /// The server has forgotten its session: the messages that it refused for that. Another session can
    /// be begun with it.
    fn lost(&mut self) -> Option<Vec<Bytes>> {
        match self {
            Self::Remote(remote) => remote.lost(),
            Self::Stdio(_) | Self::Demo(_) | Self::Bridged(_) => None,
        }
    }

    /// Whether the server could not even be asked, or did not accept who asked: that says nothing of it.
    fn is_unreachable(&self) -> bool {
        matches!(self, Self::Remote(remote) if remote.faults() > 0)
    }

    /// Ends the server and waits until nothing of it is left.
    pub(crate) async fn end(self) -> Ended {
        let well = Ended { outcome: Outcome::Exited { code: 0 }, last_words: None };
        match self {
            Self::Stdio(stdio) => stdio.end().await,
            Self::Bridged(bridged) => bridged.end().await,
            Self::Demo(_) => well,
            Self::Remote(remote) => {
                remote.end().await;
                well
            }
        }
    }
}
