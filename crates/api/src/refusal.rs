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

use rustls::AlertDescription;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind};

/// Why a server ended a connection, if it said so. Clones are of the same connection.
#[derive(Clone, Debug, Default)]
pub struct Refusal(Arc<Said>);

#[derive(Debug, Default)]
struct Said {
    alert: OnceLock<AlertDescription>,
    told: Notify,
}

/// A connection may be known to be broken so long before what the server said of it has been read.
const LATE: Duration = Duration::from_millis(250);

/// A stream that keeps what the server says at its end.
pub(crate) struct Listening<S> {
    pub(crate) stream: S,
    pub(crate) refusal: Refusal,
}

// === impl Refusal ===

impl Refusal {
    /// What the server said, as an error; none if it said nothing.
    #[must_use]
    pub fn error(&self, address: &str) -> Option<Error> {
        self.0.alert.get().map(|alert| of_alert(address, *alert))
    }

    /// The same of a connection that has just broken: what the server said may still have to be read.
    pub async fn error_soon(&self, address: &str) -> Option<Error> {
        let told = self.0.told.notified();
        if self.0.alert.get().is_none() {
            _ = timeout(LATE, told).await;
        }
        self.error(address)
    }

    fn note(&self, error: &io::Error) {
        if let Some(rustls::Error::AlertReceived(alert)) =
            error.get_ref().and_then(|inner| inner.downcast_ref())
        {
            // Only the first says why.
            _ = self.0.alert.set(*alert);
            self.0.told.notify_waiters();
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

impl<S: AsyncRead + Unpin> Listening<S> {
    /// Nothing can be written any more: what the server said before may still be there to be read.
    fn listen(&mut self, cx: &mut Context<'_>) {
        let mut room = [0];
        let read = Pin::new(&mut self.stream).poll_read(cx, &mut ReadBuf::new(&mut room));
        if let Poll::Ready(Err(error)) = read {
            self.refusal.note(&error);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Listening<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
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
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        if let Poll::Ready(Err(_broken)) = &written {
            self.listen(cx);
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if let Poll::Ready(Err(_broken)) = &flushed {
            self.listen(cx);
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        if let Poll::Ready(Err(_broken)) = &written {
            self.listen(cx);
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
