//! A client over HTTP/1.1, on one connection that is kept.

use std::sync::Arc;

use anyhow::{Context, ensure};
use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;

/// In which era a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Era {
    Modern,
    Legacy,
}

/// Where a server is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: String,
    pub(crate) path: String,
    /// As whom to come, and whom to trust; none for a server without TLS.
    pub(crate) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    sender: SendRequest<Full<Bytes>>,
    path: String,
    headers: HeaderMap,
    _connection: JoinSet<()>,
}

// === impl Client ===

impl Client {
    /// Connects; in the legacy era, begins a session.
    pub(crate) async fn connect(target: &Target, era: Era) -> anyhow::Result<Self> {
        let tcp = TcpStream::connect(&target.address).await?;
        tcp.set_nodelay(true)?;
        let mut running = JoinSet::new();
        let sender = match &target.tls {
            None => shake(tcp, &mut running).await?,
            Some((config, name)) => {
                let connector = TlsConnector::from(config.clone());
                shake(connector.connect(name.clone(), tcp).await?, &mut running).await?
            }
        };
        let (path, headers) = (target.path.clone(), HeaderMap::new());
        let mut client = Self { sender, path, headers, _connection: running };
        client.header(HOST.as_str(), &target.address)?;
        client.header(CONTENT_TYPE.as_str(), "application/json")?;
        client.header(ACCEPT.as_str(), "application/json, text/event-stream")?;
        match era {
            Era::Modern => client.header("mcp-protocol-version", "2026-07-28")?,
            Era::Legacy => client.begin().await?,
        }
        Ok(client)
    }

    fn header(&mut self, name: &str, value: &str) -> anyhow::Result<()> {
        self.headers.insert(HeaderName::try_from(name)?, HeaderValue::try_from(value)?);
        Ok(())
    }

    /// What every request says that is like the one to be made.
    pub(crate) fn speak_of(&mut self, method: &str, name: Option<&str>) -> anyhow::Result<()> {
        self.header("mcp-method", method)?;
        name.map_or(Ok(()), |name| self.header("mcp-name", name))
    }

    async fn begin(&mut self) -> anyhow::Result<()> {
        let hello = br#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"bench","version":"1"}}}"#;
        let response = self.send(Method::POST, Bytes::from_static(hello)).await?;
        let session = response.headers().get("mcp-session-id").cloned();
        let status = response.status();
        let said = response.into_body().collect().await?.to_bytes();
        ensure!(status.is_success(), "{status}: {}", String::from_utf8_lossy(&said));
        self.headers.insert("mcp-session-id", session.context("the server gave no session")?);
        self.header("mcp-protocol-version", "2025-06-18")?;
        let ready = br#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
        let response = self.send(Method::POST, Bytes::from_static(ready)).await?;
        ensure!(response.status() == StatusCode::ACCEPTED, "initialized: {}", response.status());
        drop(response.into_body().collect().await?);
        Ok(())
    }

    /// Opens the stream for what the server says of its own accord; it is open for as long as the client
    /// and what is returned.
    pub(crate) async fn listen(&mut self) -> anyhow::Result<Incoming> {
        let response = self.send(Method::GET, Bytes::new()).await?;
        ensure!(response.status() == StatusCode::OK, "GET: {}", response.status());
        Ok(response.into_body())
    }

    /// Sends a request and gives its answer.
    pub(crate) async fn call(&mut self, request: Vec<u8>) -> anyhow::Result<Bytes> {
        let response = self.send(Method::POST, request.into()).await?;
        let (status, body) = (response.status(), response.into_body());
        let answer = body.collect().await?.to_bytes();
        ensure!(status == StatusCode::OK, "{status}: {}", String::from_utf8_lossy(&answer));
        Ok(answer)
    }

    /// Whether the other end has closed the connection.
    pub(crate) fn has_ended(&self) -> bool {
        self.sender.is_closed()
    }

    async fn send(&mut self, method: Method, body: Bytes) -> anyhow::Result<Response<Incoming>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.path.parse()?;
        *request.headers_mut() = self.headers.clone();
        self.sender.ready().await?;
        Ok(self.sender.send_request(request).await?)
    }
}

async fn shake(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    running: &mut JoinSet<()>,
) -> anyhow::Result<SendRequest<Full<Bytes>>> {
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    running.spawn(async move {
        // How it ended, its requests tell.
        drop(connection.await);
    });
    Ok(sender)
}
