//! The two ends of a connection and the bytes between them.

use std::pin::Pin;
use std::task::{Context, Poll};

use api::Body;
use bytes::{Bytes, BytesMut};
use http_body::Body as _;
use mcp::framing::{LineError, LineReader};
use mcp::limits::MESSAGE_BYTES;

use crate::outbox::{Outbox, Room};
use crate::upstream::{FromServer, Upstream};

/// Client and server of one connection.
///
/// Neither holds the other up: a client that does not read stops the reading of its server, and a
/// server that does not read stops the reading of its client. What we answer ourselves has a little
/// room of its own, and when that is used up, its cause is not read either.
#[derive(Debug)]
pub(super) struct Io {
    body: Body,
    /// The client may write more.
    open: bool,
    lines: LineReader,
    pub(super) out: Outbox,
    pub(super) upstream: Option<Upstream>,
    /// Who was served first last time.
    client_first: bool,
}

/// What has happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Moved {
    /// Nothing here.
    Nothing,
    ClientWrote,
    /// It writes no more and still reads.
    ClientEnded,
    ClientGone,
    ServerWrote,
    ServerEnded,
}

// === impl Io ===

impl Io {
    /// `added` is what the lines may have more than messages of clients, on the way from there to here.
    pub(super) fn new(body: Body, out: Outbox, added: usize) -> Self {
        let lines = LineReader::new(MESSAGE_BYTES + added);
        Self { body, open: true, lines, out, upstream: None, client_first: false }
    }

    /// The next line that the client wrote.
    pub(super) fn next_client_line(&mut self) -> Option<Result<Bytes, LineError>> {
        let line = self.lines.next_line();
        let buffer = self.lines.buffer_mut();
        if line.is_none() && buffer.is_empty() {
            // An idle connection holds no buffer.
            *buffer = BytesMut::new();
        }
        line
    }

    /// Says if the client stopped within a line.
    pub(super) fn finish_client_lines(&mut self) -> Result<(), LineError> {
        self.lines.finish()
    }

    /// Moves bytes until something has happened.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Moved> {
        let room = self.out.poll(cx);
        if room == Room::Gone {
            return Poll::Ready(Moved::ClientGone);
        }
        // Taking turns: neither a loud server nor a loud client keeps the other waiting for ever.
        self.client_first = !self.client_first;
        if self.client_first {
            match self.poll_client(cx, room) {
                Poll::Pending => self.poll_server(cx, room),
                moved => moved,
            }
        } else {
            match self.poll_server(cx, room) {
                Poll::Pending => self.poll_client(cx, room),
                moved => moved,
            }
        }
    }

    fn poll_server(&mut self, cx: &mut Context<'_>, room: Room) -> Poll<Moved> {
        let Some(upstream) = &mut self.upstream else { return Poll::Pending };
        upstream.poll(cx, room == Room::Free).map(|event| match event {
            FromServer::Wrote => Moved::ServerWrote,
            FromServer::Ended => Moved::ServerEnded,
        })
    }

    fn poll_client(&mut self, cx: &mut Context<'_>, room: Room) -> Poll<Moved> {
        let server_has_room = self.upstream.as_ref().is_none_or(Upstream::has_room);
        if !self.open || !server_has_room || room == Room::None {
            return Poll::Pending;
        }
        Poll::Ready(match std::task::ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(bytes) => {
                    self.lines.push(&bytes);
                    Moved::ClientWrote
                }
                Err(_trailers) => Moved::Nothing,
            },
            Some(Err(_broken)) => Moved::ClientGone,
            None => {
                self.open = false;
                Moved::ClientEnded
            }
        })
    }
}
