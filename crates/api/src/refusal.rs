//! What a server says when it does not accept a certificate.
//!
//! In TLS 1.3 a client is done before the server has looked at its certificate (RFC 8446 section 4.4): the
//! refusal is an alert in the place of the first answer. Whatever reads the stream only sees it break, so
//! the alert is kept here.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::BytesMut;
use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use crate::error::{Error, ErrorKind};

/// Why a server ended a connection, if it said so. Clones are of the same connection.
#[derive(Clone, Debug, Default)]
pub struct Refusal(Arc<OnceLock<AlertDescription>>);

/// A connection may be known to be broken so long before what the server said of it has been read,
const LATE: Duration = Duration::from_millis(250);
/// and so much may have been said before that.
const MOST: usize = 64 << 10;

/// A stream that keeps what the server says at its end.
pub(crate) struct Listening<S> {
    stream: S,
    refusal: Refusal,
    /// Why nothing can be written any more, and until when the server is listened to nevertheless.
    broken: Option<(io::Error, Pin<Box<Sleep>>)>,
    /// What it said meanwhile: the reader has yet to get it.
    heard: BytesMut,
}

// === impl Refusal ===

impl Refusal {
    /// What the server said, as an error; none if it said nothing.
    #[must_use]
    pub fn error(&self, address: &str) -> Option<Error> {
        self.0.get().map(|alert| of_alert(address, *alert))
    }

    /// Says the same as another.
    pub(crate) fn repeat(&self, other: &Self) {
        if let Some(alert) = other.0.get() {
            _ = self.0.set(*alert);
        }
    }

    pub(crate) fn note(&self, error: &io::Error) {
        if let Some(rustls::Error::AlertReceived(alert)) =
            error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            // Only the first says why.
            _ = self.0.set(*alert);
        }
    }
}

/// An alert in words.
pub(crate) fn of_alert(address: &str, alert: AlertDescription) -> Error {
    let refused = |why: &str| {
        Error::new(
            ErrorKind::Unauthenticated,
            format!("{address} does not accept the certificate: {why}"),
        )
    };
    match alert {
        AlertDescription::UnknownCA => refused(
            "none of the cluster's authorities issued it. The cluster's keys were changed after it was \
             issued, or it is another cluster's",
        )
        .hint("sign in again with `tsh login`; `tctl auth sign` makes an identity file anew"),
        AlertDescription::CertificateExpired => {
            refused("it has expired").hint("sign in again with `tsh login`")
        }
        alert => Error::new(
            ErrorKind::Unauthenticated,
            format!("{address} refused the connection (TLS alert {alert:?})"),
        )
        .hint("the credentials may have expired, or belong to another cluster"),
    }
}

// === impl Listening ===

impl<S> Listening<S> {
    pub(crate) fn new(stream: S, refusal: Refusal) -> Self {
        Self { stream, refusal, broken: None, heard: BytesMut::new() }
    }
}

impl<S: AsyncRead + Unpin> Listening<S> {
    /// Nothing can be written any more: what the server said before may still have to be read, and is waited for
    /// a moment. Gives the error of the write after that.
    fn listen<T>(&mut self, cx: &mut Context<'_>, error: Option<io::Error>) -> Poll<io::Result<T>> {
        if let Some(error) = error {
            self.broken = Some((error, Box::pin(sleep(LATE))));
        }
        let is_over = loop {
            if self.heard.len() >= MOST {
                break false;
            }
            let mut room = [0; 1024];
            let mut room = ReadBuf::new(&mut room);
            match Pin::new(&mut self.stream).poll_read(cx, &mut room) {
                Poll::Ready(Err(error)) => {
                    self.refusal.note(&error);
                    break true;
                }
                Poll::Ready(Ok(())) if room.filled().is_empty() => break true,
                Poll::Ready(Ok(())) => self.heard.extend_from_slice(room.filled()),
                Poll::Pending => break false,
            }
        };
        let Some((_, over)) = &mut self.broken else { return Poll::Pending };
        if !is_over && over.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        let error = self.broken.take().map(|(error, _)| error);
        Poll::Ready(Err(error.unwrap_or_else(|| io::ErrorKind::BrokenPipe.into())))
    }

    /// What comes of an attempt to write.
    fn told<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        match written {
            Poll::Ready(Err(error)) => self.listen(cx, Some(error)),
            written => written,
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.heard.is_empty() {
            let count = self.heard.len().min(buf.remaining());
            buf.put_slice(&self.heard.split_to(count));
            return Poll::Ready(Ok(()));
        }
        let read = Pin::new(&mut self.stream).poll_read(cx, buf);
        if let Poll::Ready(Err(error)) = &read {
            self.refusal.note(error);
        }
        read
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Listening<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return self.listen(cx, None);
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.told(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.broken.is_some() {
            return self.listen(cx, None);
        }
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.told(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.broken.is_some() {
            return self.listen(cx, None);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.told(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests;
