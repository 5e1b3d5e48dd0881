//! Small documents of other servers: fetched within a time, up to a size, and from nowhere else than
//! from where they were asked for.
//!
//! Redirections are not followed and proxies of the environment are not used. A connection is made for
//! one request and ends with it: providers are asked seldom.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, HeaderMap, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use pki::ServerTrust;
use rustls::ClientConfig;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use url::{Host, Url};

use crate::egress::Egress;

/// The largest document that is read. Key sets and metadata have some kilobytes.
pub const MAX_BODY: usize = 1 << 20;
/// How long a request may take, from the first look at the name to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long one address may take to answer, when there are others.
const ADDRESS_TIMEOUT: Duration = Duration::from_secs(4);
/// A name with more addresses is not tried any further.
const MAX_ADDRESSES: usize = 4;
/// Headers of an answer together.
const MAX_HEADERS: usize = 64 << 10;

/// Fetches documents.
#[derive(Clone, Debug)]
pub struct Fetcher {
    egress: Arc<Egress>,
    /// The only authorities that servers are believed by, in PEM; those of the machine if none are named.
    authorities: Option<Arc<str>>,
    /// Made when it is first needed: reading the machine's roots takes a while.
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// An answer.
pub struct Fetched {
    /// Its status; never a redirection.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, whole.
    pub body: Bytes,
}

/// Why there is no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum FetchError {
    /// The address cannot be asked.
    #[error("{url} cannot be asked: {reason}")]
    Address {
        /// Scheme, host and port.
        url: String,
        /// Why.
        reason: String,
    },
    /// Nobody answers, or not in the protocol.
    #[error("{url} does not answer: {reason}")]
    Connect {
        /// Scheme, host and port.
        url: String,
        /// Why.
        reason: String,
    },
    /// The answer leads elsewhere.
    #[error("{url} answers with a redirection, which is not followed")]
    Redirect {
        /// Scheme, host and port.
        url: String,
    },
    /// The answer is too large.
    #[error("the answer of {url} has more than {MAX_BODY} bytes")]
    TooLarge {
        /// Scheme, host and port.
        url: String,
    },
    /// The answer takes too long.
    #[error("{url} does not answer within {} seconds", TIMEOUT.as_secs())]
    Timeout {
        /// Scheme, host and port.
        url: String,
    },
}

// === impl Fetcher ===

impl Fetcher {
    /// One that keeps to these rules.
    #[must_use]
    pub fn new(egress: Egress) -> Self {
        Self { egress: Arc::new(egress), authorities: None, tls: Arc::default() }
    }

    /// One that keeps to these rules, and believes servers by these authorities, in PEM, and no others.
    #[must_use]
    pub fn trusting(egress: Egress, authorities: impl Into<Arc<str>>) -> Self {
        Self { authorities: Some(authorities.into()), ..Self::new(egress) }
    }

    /// Asks for a document.
    ///
    /// # Errors
    /// There is no answer, or none that is read.
    pub async fn get(&self, url: &Url, headers: HeaderMap) -> Result<Fetched, FetchError> {
        self.exchange(Method::GET, url, headers, Bytes::new()).await
    }

    /// Sends a form.
    ///
    /// # Errors
    /// There is no answer, or none that is read.
    pub async fn post_form(
        &self,
        url: &Url,
        mut headers: HeaderMap,
        form: String,
    ) -> Result<Fetched, FetchError> {
        let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
        headers.insert(CONTENT_TYPE, form_type);
        self.exchange(Method::POST, url, headers, form.into()).await
    }

    /// Sends a JSON document.
    ///
    /// # Errors
    /// There is no answer, or none that is read.
    pub async fn post_json(
        &self,
        url: &Url,
        mut headers: HeaderMap,
        document: String,
    ) -> Result<Fetched, FetchError> {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.exchange(Method::POST, url, headers, document.into()).await
    }

    async fn exchange(
        &self,
        method: Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Fetched, FetchError> {
        match timeout(TIMEOUT, self.exchange_at_leisure(method, url, headers, body)).await {
            Ok(outcome) => outcome,
            Err(_elapsed) => Err(FetchError::Timeout { url: origin(url) }),
        }
    }

    async fn exchange_at_leisure(
        &self,
        method: Method,
        url: &Url,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Fetched, FetchError> {
        let refused = |reason: String| FetchError::Address { url: origin(url), reason };
        let host = url.host().ok_or_else(|| refused("it names no host".to_owned()))?;
        let port =
            url.port_or_known_default().ok_or_else(|| refused("it has no port".to_owned()))?;
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_string(),
        };
        let value = HeaderValue::try_from(authority).map_err(|error| refused(error.to_string()))?;
        headers.insert(HOST, value);
        headers.entry(ACCEPT).or_insert(HeaderValue::from_static("application/json"));
        headers.insert(USER_AGENT, HeaderValue::from_static("tessera"));
        let target = match url.query() {
            Some(query) => format!("{}?{query}", url.path()),
            None => url.path().to_owned(),
        };
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = target.parse().map_err(|_error| refused("not a path".to_owned()))?;
        *request.headers_mut() = headers;

        let secure = match url.scheme() {
            "https" => true,
            "http" => false,
            _ => return Err(refused("it is neither https nor http".to_owned())),
        };
        let tcp = self.connect(url, &host, port, secure).await?;
        if !secure {
            return converse(url, tcp, request).await;
        }
        let config = self.tls().map_err(refused)?;
        let name = pki::tls::server_name(host.to_string().trim_matches(['[', ']']))
            .map_err(|error| refused(error.to_string()))?;
        let tls = tokio_rustls::TlsConnector::from(config).connect(name, tcp).await;
        let tls = tls
            .map_err(|error| FetchError::Connect { url: origin(url), reason: error.to_string() })?;
        converse(url, tls, request).await
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.tls.get() {
            return Ok(config.clone());
        }
        let trust = match &self.authorities {
            Some(authorities) => ServerTrust::Authorities(authorities.to_string()),
            None => ServerTrust::SystemRoots,
        };
        let config = pki::tls::client_config(trust, None, &[b"http/1.1"])
            .map_err(|error| error.to_string())?;
        Ok(self.tls.get_or_init(|| Arc::new(config)).clone())
    }

    async fn connect(
        &self,
        url: &Url,
        host: &Host<&str>,
        port: u16,
        secure: bool,
    ) -> Result<TcpStream, FetchError> {
        let found: Vec<SocketAddr> = match host {
            Host::Ipv4(address) => vec![(*address, port).into()],
            Host::Ipv6(address) => vec![(*address, port).into()],
            Host::Domain(name) => lookup_host((*name, port))
                .await
                .map_err(|error| FetchError::Connect {
                    url: origin(url),
                    reason: error.to_string(),
                })?
                .take(MAX_ADDRESSES)
                .collect(),
        };
        let mut why =
            FetchError::Connect { url: origin(url), reason: "it has no address".to_owned() };
        for address in found {
            if let Err(reason) = self.judge(&host.to_string(), address.ip(), secure) {
                why = FetchError::Address { url: origin(url), reason };
                continue;
            }
            let reason = match timeout(ADDRESS_TIMEOUT, TcpStream::connect(address)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => error.to_string(),
                Err(_elapsed) => format!("{address} does not answer"),
            };
            why = FetchError::Connect { url: origin(url), reason };
        }
        Err(why)
    }

    /// Whatever a name means, in the clear there is only this machine.
    fn judge(&self, host: &str, address: IpAddr, secure: bool) -> Result<(), String> {
        if !secure && !address.to_canonical().is_loopback() {
            return Err("http:// is for this machine's own addresses only".to_owned());
        }
        let host = host.trim_matches(['[', ']']);
        self.egress.check(host, address).map_err(|refused| refused.to_string())
    }
}

/// One request, one answer.
async fn converse<S>(
    url: &Url,
    stream: S,
    request: Request<Full<Bytes>>,
) -> Result<Fetched, FetchError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let lost =
        |error: hyper::Error| FetchError::Connect { url: origin(url), reason: error.to_string() };
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_buf_size(MAX_HEADERS)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(lost)?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(lost)?;
        let (head, body) = response.into_parts();
        if head.status.is_redirection() {
            return Err(FetchError::Redirect { url: origin(url) });
        }
        let body = Limited::new(body, MAX_BODY).collect().await.map_err(|error| {
            if error.is::<http_body_util::LengthLimitError>() {
                FetchError::TooLarge { url: origin(url) }
            } else {
                FetchError::Connect { url: origin(url), reason: error.to_string() }
            }
        })?;
        Ok(Fetched { status: head.status, headers: head.headers, body: body.to_bytes() })
    };
    let (mut exchange, mut connection) = (std::pin::pin!(exchange), std::pin::pin!(connection));
    tokio::select! {
        outcome = &mut exchange => outcome,
        // What has arrived is still to be read; what is wrong with the rest, reading tells.
        _ended = &mut connection => exchange.await,
    }
}

/// What of an address may be told: paths and queries may hold codes.
fn origin(url: &Url) -> String {
    url.origin().ascii_serialization()
}

// === impl Fetched ===

impl fmt::Debug for Fetched {
    /// Bodies hold tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("status", &self.status).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
