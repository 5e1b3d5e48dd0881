//! One TLS connection: who is on the other end, and which protocol was agreed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use api::{Host, Prefixed};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::TRANSFER_ENCODING;
use http::{HeaderMap, HeaderValue, Request};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use pki::Service;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tunnel::TaskExecutor;

use crate::service::Shared;
use crate::strangers::Stay;
use crate::unread::Unread;
use crate::{clusters, ingress, web};

/// A server-side TLS stream of ours.
pub(crate) type TlsStream = tokio_rustls::server::TlsStream<Prefixed<TcpStream>>;

/// What the protocol is called when it is agreed on (RFC 9113, 3.1).
pub(crate) const ALPN_HTTP2: &[u8] = b"h2";
/// Requests that one connection may have under way.
const MAX_STREAMS: u32 = 1_000;
/// So many may be taken back before they were looked at by whom we know: `tsh proxy mcp` has all of a user's requests
/// on one connection. Strangers may no more than the library thinks fit.
const MAX_TAKEN_BACK: usize = 1_000;
/// Flow-control windows: one stream may fill a quarter of a megabyte, all together two.
const STREAM_WINDOW: u32 = 256 << 10;
const CONNECTION_WINDOW: u32 = 2 << 20;
/// How long an HTTP/1 client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that does not answer a ping within both is gone.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(20);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(10);
/// How long requests under way may take when a stranger's time is over.
const DRAIN: Duration = Duration::from_secs(10);
/// Headers of one request together.
const MAX_HEADERS: u32 = 64 << 10;

/// The other end of a connection.
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// The certificates that it showed and proved to hold the key of; the leaf first.
    pub(crate) chain: Vec<CertificateDer<'static>>,
    /// The same, as agents get them: written once, for many requests.
    pub(crate) evidence: HeaderValue,
    /// How long it may stay that has no certificate.
    stay: Option<Stay>,
}

// === impl Peer ===

impl Peer {
    pub(crate) fn new(address: SocketAddr, chain: Vec<CertificateDer<'static>>) -> Self {
        let encoded: Vec<String> = chain.iter().map(|der| STANDARD.encode(der)).collect();
        // Base64 and commas always make a header.
        let evidence = HeaderValue::try_from(encoded.join(","));
        let evidence = evidence.unwrap_or(HeaderValue::from_static(""));
        Self { address, chain, evidence, stay: None }
    }

    /// Whoever has shown who it is may stay until `end`.
    pub(crate) fn stay_until(&self, end: OffsetDateTime, now: OffsetDateTime) {
        if let (Some(stay), Ok(life)) = (&self.stay, Duration::try_from(end - now)) {
            stay.extend(life);
        }
    }
}

/// Serves a connection until it ends.
pub(crate) async fn serve(stream: Box<TlsStream>, address: SocketAddr, shared: Arc<Shared>) {
    let (_, session) = stream.get_ref();
    let chain: Vec<CertificateDer<'static>> = session
        .peer_certificates()
        .unwrap_or_default()
        .iter()
        .map(|certificate| certificate.clone().into_owned())
        .collect();
    let protocol = session.alpn_protocol();
    let is_tunnel = protocol == Some(tunnel::ALPN_TUNNEL);
    let is_cluster = protocol == Some(tunnel::ALPN_CLUSTER);
    let is_http2 = protocol == Some(ALPN_HTTP2);
    let mut peer = Peer::new(address, chain);
    if is_tunnel {
        serve_tunnel(stream, &peer, &shared).await;
        return;
    }
    if is_cluster {
        clusters::serve(stream, &peer, &shared).await;
        return;
    }
    // Who is known elsewhere is a stranger here: other clusters' services get as far as this.
    if shared.trust.verify(&peer.chain, shared.clock.now()).is_err() {
        peer.stay = shared.strangers.admit();
        if peer.stay.is_none() {
            tracing::warn!(peer = %address, "too many connections without an identity");
            return;
        }
    }
    serve_http(stream, is_http2, Arc::new(peer), shared).await;
}

/// Whether nobody can see the end of a request elsewhere.
fn is_plainly_framed(headers: &HeaderMap) -> bool {
    let codings: Vec<&[u8]> =
        headers.get_all(TRANSFER_ENCODING).iter().map(HeaderValue::as_bytes).collect();
    mcp::http::is_plainly_framed(&codings)
}

async fn serve_tunnel(stream: Box<TlsStream>, peer: &Peer, shared: &Shared) {
    let identity = match shared.trust.verify(&peer.chain, shared.clock.now()) {
        Ok(identity) => identity,
        Err(error) => {
            tracing::warn!(peer = %peer.address, %error, "refused a tunnel: no identity");
            return;
        }
    };
    let Some(service) = identity.as_service().filter(|_| identity.is_service(Service::App)) else {
        tracing::warn!(peer = %peer.address, "refused a tunnel: the identity is not an agent's");
        return;
    };
    let host = Host::of(service);
    // Checked before anything is sent there, and whenever something changes.
    if host.is_locked(&shared.replica.snapshot(), shared.clock.now()) {
        tracing::warn!(agent = service.host_id, "refused a tunnel: the agent is locked");
        return;
    }
    tracing::info!(agent = service.host_id, node = service.node_name, "agent connected");
    let tasks = shared.tasks.clone();
    // Until it is cut, it is heard what the agent says to those whom the same concerns.
    let over = async {
        tokio::select! {
            () = host.until_locked(&shared.replica, &shared.clock) => {
                tracing::warn!(agent = service.host_id, "the agent is locked: its tunnel ends");
            }
            () = until_disbelieved(peer, shared, identity.expires()) => tracing::warn!(
                agent = service.host_id,
                "the agent's certificate is by an authority that was replaced: its tunnel ends"
            ),
        }
    };
    let host_id = service.host_id.clone();
    let outcome = tokio::select! {
        () = shared.tasks.cancelled() => Ok(()),
        outcome = shared.registry.run_tunnel(host_id, stream, &tasks, over) => outcome,
    };
    match outcome {
        Ok(()) => tracing::info!(agent = service.host_id, "agent disconnected"),
        Err(error) => tracing::info!(agent = service.host_id, %error, "agent's tunnel broke"),
    }
}

/// Waits until what a peer showed is not believed any more. That it ends is another matter.
async fn until_disbelieved(peer: &Peer, shared: &Shared, expires: OffsetDateTime) {
    let mut changes = shared.trust_changes.clone();
    loop {
        changes.mark_unchanged();
        let at = shared.clock.now().min(expires);
        if shared.trust.verify(&peer.chain, at).is_err() {
            return;
        }
        if changes.changed().await.is_err() {
            // Authorities are not followed any more: the proxy ends.
            return std::future::pending().await;
        }
    }
}

async fn serve_http(stream: Box<TlsStream>, is_http2: bool, peer: Arc<Peer>, shared: Arc<Shared>) {
    let guest = peer.clone();
    let over = async {
        match &guest.stay {
            Some(stay) => stay.over().await,
            None => std::future::pending().await,
        }
    };
    let address = peer.address;
    let service = service_fn(|request: Request<Incoming>| {
        let (shared, peer) = (shared.clone(), peer.clone());
        // In a place of its own: a connection keeps as much as this is large, also while it only reads.
        Box::pin(async move {
            if !is_plainly_framed(request.headers()) {
                return Ok(ingress::not_framed());
            }
            let (request, unread) = Unread::of(request);
            let answer = if ingress::is_mcp(request.uri().path()) {
                ingress::answer(request, &peer, &shared).await
            } else {
                web::answer(request, &peer, &shared).await
            };
            // Over HTTP/2 the rest of one request is nothing to the next.
            let answer = if is_http2 { answer } else { unread.settle(answer).await };
            Ok::<_, std::convert::Infallible>(answer)
        })
    });
    let builder = auto::Builder::new(TaskExecutor::new(shared.tasks.clone(), "proxy.request"));
    // What was agreed on is spoken. To look for what comes would also cost each connection a larger buffer.
    let mut builder = if is_http2 { builder.http2_only() } else { builder.http1_only() };
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEADERS);
    if peer.stay.is_none() {
        builder.http2().max_pending_accept_reset_streams(MAX_TAKEN_BACK);
    }
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = shared.tasks.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
        () = over => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(peer = %address, %error, "connection broke");
    }
}
