//! What this process tells whoever watches over it: `/metrics`, `/healthz` and `/readyz`, at an address of
//! their own, over HTTP without encryption and for anybody who reaches it. So nothing is told of users, tools
//! or what was said.

mod metrics;
mod system;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::Tasks;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use self::metrics::Metrics;
pub(crate) use self::metrics::Sources;

/// The most connections at a time; others wait.
const MAX_CONNECTIONS: usize = 32;
/// How long a connection may last, whatever happens on it: it is for one request.
const CONNECTION_TIME: Duration = Duration::from_secs(10);
/// How large the head of a request may be.
const MAX_HEAD: usize = 16 * 1024;
/// Pause after the operating system refused to accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The text format in which metrics are told.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What is told.
#[derive(Debug)]
pub(crate) struct Diagnostics {
    metrics: Metrics,
    /// Whether the services know what they decide by, and do not end yet.
    ready: AtomicBool,
}

// === impl Diagnostics ===

impl Diagnostics {
    pub(crate) fn new(sources: Sources) -> Arc<Self> {
        Arc::new(Self { metrics: Metrics::new(sources), ready: AtomicBool::new(false) })
    }

    pub(crate) fn set_ready(&self, ready: bool) {
        self.ready.store(ready, Ordering::Relaxed);
    }

    /// Answers until the group is cancelled.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, tasks: Tasks) {
        warn_if_open(listener.local_addr().ok());
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            // An error means that nobody gives permits any more, which does not happen.
            let Ok(place) = places.clone().acquire_owned().await else { return };
            let accepted = tokio::select! {
                () = tasks.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _peer)) => {
                    let diagnostics = self.clone();
                    tasks.spawn_until_cancelled("server.diag.connection", async move {
                        diagnostics.connection(stream).await;
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections for diagnostics");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        let service = service_fn(move |request: Request<Incoming>| {
            let answer = self.answer(request.method(), request.uri().path());
            async move { Ok::<_, Infallible>(answer) }
        });
        let serving = http1::Builder::new()
            .timer(TokioTimer::new())
            .keep_alive(false)
            .max_buf_size(MAX_HEAD)
            .serve_connection(TokioIo::new(stream), service);
        match timeout(CONNECTION_TIME, serving).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "a connection for diagnostics broke"),
            Err(_elapsed) => tracing::debug!("a connection for diagnostics took too long"),
        }
    }

    fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            let mut answer = text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match path {
            "/healthz" => text(StatusCode::OK, "ok\n"),
            "/readyz" if self.ready.load(Ordering::Relaxed) => text(StatusCode::OK, "ok\n"),
            "/readyz" => text(StatusCode::SERVICE_UNAVAILABLE, "not ready\n"),
            "/metrics" => match self.metrics.text() {
                Ok(metrics) => {
                    let mut answer = Response::new(Full::from(metrics));
                    let value = HeaderValue::from_static(OPEN_METRICS);
                    answer.headers_mut().insert(CONTENT_TYPE, value);
                    answer
                }
                Err(error) => {
                    tracing::error!(%error, "cannot tell metrics");
                    text(StatusCode::INTERNAL_SERVER_ERROR, "metrics cannot be told\n")
                }
            },
            _ => text(StatusCode::NOT_FOUND, "/metrics, /healthz and /readyz are here\n"),
        }
    }
}

fn text(status: StatusCode, words: &'static str) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(words));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer
}

fn warn_if_open(address: Option<SocketAddr>) {
    let Some(address) = address else { return };
    tracing::info!(%address, "diagnostics are told");
    if !address.ip().is_loopback() {
        tracing::warn!(%address, "diagnostics are told to whoever reaches this address, unencrypted");
    }
}

#[cfg(test)]
mod tests;
