//! A stream that can be cut while somebody else holds it: hyper's client moves bytes in a task of its own, which
//! goes on for as long as anything is under way, even when the connection was dropped.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::oneshot;

/// The stream.
pub(crate) struct Severable<S> {
    stream: S,
    /// None when the stream is cut; it never is any more when the other half was dropped.
    cut: Option<oneshot::Receiver<()>>,
    is_safe: bool,
}

/// What cuts it.
pub(crate) struct Knife(oneshot::Sender<()>);

// === impl Knife ===

impl Knife {
    pub(crate) fn cut(self) {
        // Nobody is there any more when it has ended by itself.
        _ = self.0.send(());
    }
}

// === impl Severable ===

impl<S> Severable<S> {
    pub(crate) fn new(stream: S) -> (Self, Knife) {
        let (knife, cut) = oneshot::channel();
        (Self { stream, cut: Some(cut), is_safe: false }, Knife(knife))
    }

    fn look(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.is_safe {
            return Ok(());
        }
        match self.cut.as_mut().map(|cut| Pin::new(cut).poll(cx)) {
            Some(Poll::Pending) => return Ok(()),
            Some(Poll::Ready(Err(_dropped))) => {
                self.is_safe = true;
                return Ok(());
            }
            Some(Poll::Ready(Ok(()))) => self.cut = None,
            None => {}
        }
        Err(io::Error::new(io::ErrorKind::ConnectionAborted, "the tunnel was cut"))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Severable<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.look(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Severable<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.look(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.look(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.look(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
