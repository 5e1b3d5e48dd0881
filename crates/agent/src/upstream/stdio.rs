//! A server that is a process: lines on its input and output.

use std::future::Future;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use mcp::framing::{LineError, LineReader};
use mcp::limits::MESSAGE_BYTES;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::FromServer;
use super::backlog::{Author, Backlog};
use crate::end::Reason;
use crate::launch::{Ended, Process};

/// Read at once, on the stack: an idle connection holds no buffer.
const READ_BYTES: usize = 16 * 1024;

/// A process that is an MCP server.
#[derive(Debug)]
pub(crate) struct Stdio {
    app: String,
    process: Process,
    to_server: Backlog,
    from_server: LineReader,
    /// The client writes no more; the server learns it after what waits.
    input_ends: bool,
    /// The server reads no more, though it was written to.
    is_deaf: bool,
    /// Until when it must have said something.
    patience: Option<Patience>,
    /// How long it may leave unread what it is sent.
    read_timeout: Duration,
    /// Until when it must have read something.
    unread: Option<Pin<Box<Sleep>>>,
    over: Option<(Reason, String)>,
}

/// How long a server may be silent after its start.
#[derive(Debug)]
struct Patience {
    time: Duration,
    timer: Pin<Box<Sleep>>,
}

// === impl Stdio ===

impl Stdio {
    pub(crate) fn new(
        app: &str,
        process: Process,
        patience: Duration,
        read_timeout: Duration,
    ) -> Self {
        Self {
            app: app.to_owned(),
            process,
            to_server: Backlog::default(),
            from_server: LineReader::new(MESSAGE_BYTES),
            input_ends: false,
            is_deaf: false,
            patience: Some(Patience { time: patience, timer: Box::pin(sleep(patience)) }),
            read_timeout,
            unread: None,
            over: None,
        }
    }

    pub(super) fn app(&self) -> &str {
        &self.app
    }

    pub(super) fn write(&mut self, message: &[u8], from: Author) {
        if !self.is_deaf {
            self.to_server.push(message, from);
        }
    }

    pub(super) fn waiting(&self) -> usize {
        self.to_server.bytes().len()
    }

    pub(super) fn waiting_of_us(&self) -> usize {
        self.to_server.of_us()
    }

    pub(super) fn end_input(&mut self) {
        self.input_ends = true;
    }

    pub(super) fn next_line(&mut self) -> Option<Result<Bytes, LineError>> {
        let line = self.from_server.next_line();
        let buffer = self.from_server.buffer_mut();
        if line.is_none() && buffer.is_empty() {
            *buffer = BytesMut::new();
        }
        line
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, wanted: bool) -> Poll<FromServer> {
        self.poll_errors(cx);
        match self.poll_input(cx) {
            Poll::Ready(Err(_reads_no_more)) => {
                self.is_deaf = true;
                (self.to_server, self.unread) = (Backlog::default(), None);
            }
            Poll::Ready(Ok(())) => self.unread = None,
            Poll::Pending => {}
        }
        if self.poll_patience(cx).is_ready() || self.poll_unread(cx).is_ready() {
            return Poll::Ready(FromServer::Ended);
        }
        if !wanted {
            return Poll::Pending;
        }
        let lines = &mut self.from_server;
        match poll_read(&mut self.process.stdout, cx, |bytes| lines.push(bytes)) {
            Poll::Ready(Ok(0) | Err(_)) => Poll::Ready(FromServer::Ended),
            Poll::Ready(Ok(_)) => {
                self.patience = None;
                Poll::Ready(FromServer::Wrote)
            }
            // All that it wrote before was read: what it was sent since will not be answered.
            Poll::Pending if self.is_deaf => Poll::Ready(FromServer::Ended),
            Poll::Pending => Poll::Pending,
        }
    }

    /// Ready when the server has been silent for too long.
    fn poll_patience(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(Patience { time, timer }) = &mut self.patience else { return Poll::Pending };
        ready!(timer.as_mut().poll(cx));
        let seconds = time.as_secs();
        let words = format!(
            "the MCP server said nothing within {seconds} seconds of its start \
             (spec.mcp.start_timeout)"
        );
        self.over = Some((Reason::StartFailed, words));
        Poll::Ready(())
    }

    /// Ready when the server has left unread for too long what it was sent.
    fn poll_unread(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.to_server.bytes().is_empty() {
            return Poll::Pending;
        }
        let time = self.read_timeout;
        let timer = self.unread.get_or_insert_with(|| Box::pin(sleep(time)));
        ready!(timer.as_mut().poll(cx));
        let seconds = time.as_secs();
        let words = format!(
            "the MCP server has read nothing of what it is sent for {seconds} seconds \
             (app_service.limits.read_timeout)"
        );
        self.over = Some((Reason::ServerEnded, words));
        Poll::Ready(())
    }

    pub(super) fn over(&self) -> Option<(Reason, String)> {
        self.over.clone()
    }

    /// Writes what waits, then closes the input if it ends.
    fn poll_input(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.to_server.bytes().is_empty() {
            let Some(stdin) = &mut self.process.stdin else {
                return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
            };
            let written = ready!(Pin::new(stdin).poll_write(cx, self.to_server.bytes()))?;
            self.to_server.advance(written);
            // It reads: it has all its time again.
            self.unread = None;
        }
        if self.input_ends {
            self.process.stdin = None;
        }
        Poll::Ready(Ok(()))
    }

    /// Keeps the end of the error stream, whatever else is going on: a full one stops the server.
    fn poll_errors(&mut self, cx: &mut Context<'_>) {
        let process = &mut self.process;
        while let Some(stderr) = &mut process.stderr {
            let tail = &mut process.tail;
            match poll_read(stderr, cx, |bytes| tail.push(bytes, &self.app)) {
                Poll::Ready(Ok(0) | Err(_)) => process.stderr = None,
                Poll::Ready(Ok(_)) => {}
                Poll::Pending => return,
            }
        }
    }

    pub(super) fn end(self) -> impl Future<Output = Ended> + Send {
        self.process.end()
    }
}

/// Reads through a buffer on the stack; says how much.
fn poll_read<R: AsyncRead + Unpin>(
    reader: &mut R,
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut space = [const { MaybeUninit::uninit() }; READ_BYTES];
    let mut buffer = ReadBuf::uninit(&mut space);
    ready!(Pin::new(reader).poll_read(cx, &mut buffer))?;
    let read = buffer.filled();
    if !read.is_empty() {
        take(read);
    }
    Poll::Ready(Ok(read.len()))
}
