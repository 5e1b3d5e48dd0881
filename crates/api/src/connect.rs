//! Reaching a service: TLS over TCP, or the auth service's local socket.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::client::TlsStream;

use crate::error::Error;
use crate::refusal::{self, Listening, Refusal};
use crate::sender::Sender;

/// How long reaching one address may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often a quiet connection is checked, and how long the answer may take: a peer that
/// vanished is noticed after both.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(10);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// The protocol that clients and services negotiate for the auth API.
pub const ALPN_AUTH: &[u8] = b"tessera-auth/1";
/// The name under which the auth service's certificate is checked, and by which a proxy knows
/// that a connection is meant for it.
pub const AUTH_SERVER_NAME: &str = "auth.tessera.internal";
/// The name under which a proxy's certificate is checked.
pub const PROXY_SERVER_NAME: &str = "proxy.tessera.internal";

/// Where a service is, and how its identity is checked.
#[derive(Clone)]
pub enum Endpoint {
    /// TLS to the first address that answers.
    Tls {
        /// `host:port` each.
        addresses: Vec<String>,
        /// The name that the certificate must bear.
        server_name: ServerName<'static>,
        /// Trust, own identity and protocols.
        config: Arc<rustls::ClientConfig>,
    },
    /// A Unix socket whose permissions say who may speak.
    Unix(PathBuf),
}

/// A connection to a service.
pub struct Opened {
    /// What is sent and received.
    pub stream: Box<dyn Stream>,
    /// Who answers, as TLS verified it; none at the local socket.
    pub peer: Option<pki::Identity>,
}

/// A byte stream to a service.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

// === impl Endpoint ===

impl Endpoint {
    /// The endpoint in words, for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Tls { addresses, .. } => addresses.join(", "),
            Self::Unix(path) => path.display().to_string(),
        }
    }

    /// Opens a connection. What the peer says when it ends it is told to `refusal`.
    ///
    /// # Errors
    /// No address answers, or the peer is not who it should be.
    pub async fn open(&self, refusal: &Refusal) -> Result<Opened, Error> {
        match self {
            Self::Unix(path) => match UnixStream::connect(path).await {
                Ok(stream) => Ok(Opened { stream: Box::new(stream), peer: None }),
                Err(error) => Err(Error::unavailable(format!(
                    "cannot reach the auth service at {}: {error}",
                    path.display()
                ))
                .hint("the auth service runs on this machine only while `tessera start` does")),
            },
            Self::Tls { addresses, server_name, config } => {
                let mut last = Error::unavailable("no address to connect to is known");
                let mut said = Refusal::default();
                for address in addresses {
                    // What one says is not another's word.
                    said = Refusal::default();
                    match open_tls(address, server_name.clone(), config.clone(), &said).await {
                        Ok(stream) => {
                            let peer = identity_of(&stream);
                            let stream = Box::new(Listening::new(stream, refusal.clone()));
                            return Ok(Opened { stream, peer });
                        }
                        Err(error) => last = error,
                    }
                }
                refusal.repeat(&said);
                Err(last)
            }
        }
    }

    /// Opens an HTTP/2 connection, which goes on for as long as somebody runs what comes beside its sender. What
    /// the peer says when it ends it is told to `refusal`.
    ///
    /// # Errors
    /// As [`Endpoint::open`], or the peer does not speak HTTP/2.
    pub async fn http2(
        &self,
        refusal: &Refusal,
    ) -> Result<(Sender, impl Future<Output = hyper::Result<()>> + Send + use<>), Error> {
        let io = TokioIo::new(self.open(refusal).await?.stream);
        let (requests, connection) = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(8 << 20)
            .handshake(io)
            .await
            .map_err(|error| {
                let address = self.describe();
                refusal.error(&address).unwrap_or_else(|| {
                    Error::unavailable(format!("{address} does not speak HTTP/2: {error}"))
                })
            })?;
        let (sender, running) = Sender::new(requests);
        let connection = async move {
            let outcome = connection.await;
            running.end();
            outcome
        };
        Ok((sender, connection))
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Endpoint({})", self.describe())
    }
}

impl fmt::Debug for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opened").field("peer", &self.peer).finish_non_exhaustive()
    }
}

/// What the peer's certificate says, which was verified when the connection was made.
fn identity_of(stream: &TlsStream<TcpStream>) -> Option<pki::Identity> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    pki::Certificate::from_der(certificate.clone().into_owned()).ok()?.unverified_identity().ok()
}

async fn open_tls(
    address: &str,
    server_name: ServerName<'static>,
    config: Arc<rustls::ClientConfig>,
    refusal: &Refusal,
) -> Result<TlsStream<TcpStream>, Error> {
    let attempt = async {
        let tcp = TcpStream::connect(address)
            .await
            .map_err(|error| Error::unavailable(format!("cannot reach {address}: {error}")))?;
        if let Err(error) = tcp.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off Nagle's algorithm");
        }
        tokio_rustls::TlsConnector::from(config).connect(server_name, tcp).await.map_err(|error| {
            refusal.note(&error);
            tls_error(address, &error)
        })
    };
    match tokio::time::timeout(CONNECT_TIMEOUT, attempt).await {
        Ok(outcome) => outcome,
        Err(_elapsed) => Err(Error::unavailable(format!(
            "{address} did not answer within {} seconds",
            CONNECT_TIMEOUT.as_secs()
        ))),
    }
}

fn tls_error(address: &str, error: &std::io::Error) -> Error {
    if let Some(reason) = pki::VerifyError::find(error) {
        let error = Error::new(
            crate::ErrorKind::Unauthenticated,
            format!("the certificate that {address} shows is not trusted: {reason}"),
        );
        return match reason {
            pki::VerifyError::UnknownAuthority | pki::VerifyError::PinMismatch { .. } => error.hint(
                "if the cluster's keys were changed since it was last known here, \
                 `tsh login --ca-pin=sha256:…` mends it; `tctl status` on the auth host prints the pin",
            ),
            _ => error,
        };
    }
    let rustls_error =
        error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()).cloned();
    match rustls_error {
        Some(rustls::Error::InvalidCertificate(reason)) => Error::new(
            crate::ErrorKind::Unauthenticated,
            format!("the certificate that {address} shows is not trusted: {reason}"),
        ),
        Some(rustls::Error::AlertReceived(alert)) => refusal::of_alert(address, alert),
        _ => Error::unavailable(format!("no TLS connection to {address}: {error}")),
    }
}
