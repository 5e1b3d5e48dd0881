//! Connections to one upstream: resolve, judge, connect, secure.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::egress::{Egress, Refused};
use super::error::DialError;

/// How long one address may take to answer, when there are others.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(5);
/// A name with more addresses is not tried any further.
const MAX_ADDRESSES: usize = 8;

/// Connects to one upstream, whatever it is asked for. Clones share everything.
#[derive(Clone, Debug)]
pub(super) struct Connector {
    pub(super) target: Arc<Target>,
}

/// Where an upstream is, and how it is spoken to.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) host: Host,
    pub(super) port: u16,
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) egress: Arc<Egress>,
    /// How long it may take until a request can be written.
    pub(super) timeout: Duration,
}

/// A connection to an upstream.
#[derive(Debug)]
pub(super) enum Stream {
    Plain(TcpStream),
    Secure(Box<TlsStream<TcpStream>>),
}

// === impl Connector ===

impl tower_service::Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = DialError;
    type Future = BoxFuture<'static, Result<TokioIo<Stream>, DialError>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), DialError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _always_the_same: Uri) -> Self::Future {
        let target = self.target.clone();
        Box::pin(async move { target.open().await.map(TokioIo::new) })
    }
}

// === impl Target ===

impl Target {
    /// A connection over which something can be said, in time.
    pub(super) async fn open(&self) -> Result<Stream, DialError> {
        match timeout(self.timeout, self.connect()).await {
            Ok(stream) => stream,
            Err(_elapsed) => {
                Err(DialError::Timeout { what: "accept a connection", after: self.timeout })
            }
        }
    }

    async fn connect(&self) -> Result<Stream, DialError> {
        let tcp = self.reach(&self.addresses().await?).await?;
        // A failure costs time, nothing else.
        _ = tcp.set_nodelay(true);
        let Some((config, name)) = &self.tls else { return Ok(Stream::Plain(tcp)) };
        let connector = TlsConnector::from(config.clone());
        match connector.connect(name.clone(), tcp).await {
            Ok(secure) => Ok(Stream::Secure(Box::new(secure))),
            Err(error) => Err(DialError::tls(&error)),
        }
    }

    /// The addresses that may be connected to, at least one.
    async fn addresses(&self) -> Result<Vec<SocketAddr>, DialError> {
        let host = self.host.to_string();
        let found: Vec<SocketAddr> = match &self.host {
            Host::Ipv4(address) => vec![(*address, self.port).into()],
            Host::Ipv6(address) => vec![(*address, self.port).into()],
            Host::Domain(name) => {
                let unresolved = |reason: String| DialError::Resolve { host: host.clone(), reason };
                let found = lookup_host((name.as_str(), self.port)).await;
                found.map_err(|error| unresolved(error.to_string()))?.take(MAX_ADDRESSES).collect()
            }
        };
        self.judge(host.trim_matches(['[', ']']), found)
    }

    fn judge(&self, host: &str, found: Vec<SocketAddr>) -> Result<Vec<SocketAddr>, DialError> {
        let mut refused: Option<Refused> = None;
        let mut fine = Vec::new();
        for address in found {
            let ip: IpAddr = address.ip();
            match self.egress.check(host, ip) {
                Ok(()) => fine.push(address),
                Err(why) => refused = refused.or(Some(why)),
            }
        }
        match refused {
            _ if !fine.is_empty() => Ok(fine),
            Some(why) => Err(why.into()),
            None => {
                let reason = "it has no address".to_owned();
                Err(DialError::Resolve { host: host.to_owned(), reason })
            }
        }
    }

    async fn reach(&self, addresses: &[SocketAddr]) -> Result<TcpStream, DialError> {
        let mut last = "it has no address".to_owned();
        for address in addresses {
            last = match timeout(ADDRESS_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => format!("{} ({address})", lowercase(&error)),
                Err(_elapsed) => format!("{address} does not answer"),
            };
        }
        Err(DialError::Connect { reason: last })
    }
}

/// "connection refused" instead of "Connection refused (os error 111)".
fn lowercase(error: &io::Error) -> String {
    let kind = error.kind().to_string();
    if kind.ends_with(" error") { error.to_string() } else { kind }
}

// === impl Stream ===

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Secure(stream) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
                Connected::new().negotiated_h2()
            }
            Self::Plain(_) | Self::Secure(_) => Connected::new(),
        }
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Secure(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Secure(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Secure(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
