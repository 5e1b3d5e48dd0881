//! One connection: who is at its other end, and how long it may last.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::Request;
use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use runtime::Tasks;
use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::caller::Caller;
use crate::core::Core;

/// Requests at once on one connection; a replica needs one, a proxy as many as it has visitors.
const MAX_STREAMS: u32 = 256;
/// Requests at once of somebody who has proved nothing: to join, or to ask whose service this is.
const MAX_STRANGER_STREAMS: u32 = 8;
/// How long a connection without an identity lasts. Places are few, and strangers many.
const STRANGER_LIFE: Duration = Duration::from_secs(60);
/// All headers of a request together. Ours are a path and a content type.
const MAX_HEADERS: u32 = 16 << 10;
/// How often a quiet connection is checked, and how long the answer may take.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long requests under way may take when the connection is to end.
const DRAIN: Duration = Duration::from_secs(5);

/// Who is at the other end of a connection. Made when it opens, from evidence alone.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Who it is.
    pub(crate) caller: Caller,
    /// The certificates that say so, the leaf first; none of who showed none.
    pub(crate) chain: Arc<[CertificateDer<'static>]>,
    /// Where the connection comes from; none for the local socket.
    pub(crate) address: Option<SocketAddr>,
    /// Ends with the connection.
    pub(crate) connection: CancellationToken,
}

/// Runs hyper's tasks for one connection under ours.
#[derive(Clone, Debug)]
struct Executor {
    tasks: Tasks,
}

// === impl Peer ===

impl Peer {
    /// Whether what the peer showed is still believed. That a certificate ends is another matter.
    pub(crate) fn is_believed(&self, core: &Core) -> bool {
        let now = core.clock.now();
        let at = self.caller.expires().map_or(now, |expires| now.min(expires));
        let believed = match &self.caller {
            Caller::ForeignAuth(_) => core.trust.verify_foreign(&self.chain, at),
            _ if self.chain.is_empty() => return true,
            _ => core.trust.verify(&self.chain, at),
        };
        believed.is_ok()
    }

    /// Waits until it is not.
    async fn until_disbelieved(&self, core: &Core) {
        let mut changes = core.authorities.changes();
        while self.is_believed(core) {
            if changes.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

// === impl Executor ===

impl<F> hyper::rt::Executor<F> for Executor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        drop(self.tasks.spawn("auth.request", async move {
            _ = future.await;
        }));
    }
}

/// Serves a connection until it ends, its evidence expires or is not believed any more, or the service
/// stops.
pub(super) async fn serve<I>(
    core: &Arc<Core>,
    router: axum::Router,
    io: I,
    peer: Peer,
    tasks: &Tasks,
) where
    I: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    // The requests of this connection end when it does.
    let scope = tasks.scope();
    let ended = peer.connection.clone();
    let is_stranger = matches!(peer.caller, Caller::Anonymous);
    let (streams, expires) = if is_stranger {
        (MAX_STRANGER_STREAMS, Some(core.clock.now() + STRANGER_LIFE))
    } else {
        (MAX_STREAMS, peer.caller.expires())
    };
    let guest = peer.clone();
    let service = TowerToHyperService::new(WithPeer { router, peer });
    let mut connection = std::pin::pin!(
        http2::Builder::new(Executor { tasks: scope.tasks().clone() })
            .timer(TokioTimer::new())
            .max_concurrent_streams(streams)
            .max_header_list_size(MAX_HEADERS)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .initial_stream_window_size(1 << 20)
            .initial_connection_window_size(8 << 20)
            .serve_connection(TokioIo::new(io), service)
    );
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = end_of(core, &guest, expires, tasks) => {
            // Streams without end learn it from the token; the peer learns it from GOAWAY, and
            // opens a new connection, with newer evidence if it has some.
            ended.cancel();
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(DRAIN, connection).await.unwrap_or(Ok(()))
        }
    };
    ended.cancel();
    if let Err(error) = outcome {
        tracing::debug!(%error, "a connection to the auth service broke");
    }
}

async fn end_of(core: &Core, peer: &Peer, expires: Option<OffsetDateTime>, tasks: &Tasks) {
    let expiry = async {
        match expires {
            Some(expires) => core.clock.sleep_until(expires).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = expiry => {}
        () = peer.until_disbelieved(core) => {}
        () = tasks.cancelled() => {}
    }
}

/// The router, with the connection's peer attached to each request.
#[derive(Clone)]
struct WithPeer {
    router: axum::Router,
    peer: Peer,
}

impl tower_service::Service<http::Request<hyper::body::Incoming>> for WithPeer {
    type Response = axum::response::Response;
    type Error = std::convert::Infallible;
    type Future = <axum::Router as tower_service::Service<Request>>::Future;

    fn poll_ready(
        &mut self,
        _context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<hyper::body::Incoming>) -> Self::Future {
        let mut request = request.map(axum::body::Body::new);
        request.extensions_mut().insert(self.peer.clone());
        self.router.clone().call(request)
    }
}
