//! HTTP servers inside the test, for faults that real ones do not have.

use std::net::SocketAddr;
use std::sync::Arc;

use api::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use parking_lot::Mutex;
use runtime::Tasks;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tunnel::TaskExecutor;

/// A server that answers as a test says.
pub(crate) struct HttpServer {
    pub(crate) address: SocketAddr,
    /// What it was asked.
    pub(crate) seen: Arc<Mutex<Vec<Seen>>>,
    /// How many connections there were.
    pub(crate) connections: Arc<Mutex<usize>>,
    /// How many there are now.
    pub(crate) open: Arc<Mutex<usize>>,
    tasks: Tasks,
}

/// A request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

type Answer = dyn Fn(Seen) -> BoxFuture<'static, Response<Body>> + Send + Sync;

// === impl HttpServer ===

impl HttpServer {
    /// A server that answers at once.
    pub(crate) async fn new(
        answer: impl Fn(&Seen) -> Response<Body> + Send + Sync + 'static,
    ) -> Self {
        let answer = Arc::new(move |seen: Seen| -> BoxFuture<'static, Response<Body>> {
            Box::pin(std::future::ready(answer(&seen)))
        });
        Self::with(answer, None).await
    }

    /// A server that takes its time.
    pub(crate) async fn slow<F>(answer: impl Fn(Seen) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::with(Arc::new(move |seen| Box::pin(answer(seen))), None).await
    }

    /// A server that answers `ok` over TLS.
    pub(crate) async fn secure(config: rustls::ServerConfig) -> Self {
        let answer = Arc::new(|_seen: Seen| -> BoxFuture<'static, Response<Body>> {
            Box::pin(std::future::ready(text(200, "text/plain", "ok")))
        });
        Self::with(answer, Some(Arc::new(config))).await
    }

    async fn with(answer: Arc<Answer>, tls: Option<Arc<rustls::ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (tasks, seen) = (Tasks::new(), Arc::<Mutex<Vec<Seen>>>::default());
        let connections = Arc::<Mutex<usize>>::default();
        let open = Arc::<Mutex<usize>>::default();
        let (inner, log, count) = (tasks.clone(), seen.clone(), connections.clone());
        let now = open.clone();
        tasks.spawn_until_cancelled("test.server", async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                *count.lock() += 1;
                *now.lock() += 1;
                let now = now.clone();
                let (answer, log, tls) = (answer.clone(), log.clone(), tls.clone());
                let executor = TaskExecutor::new(inner.clone(), "test.request");
                inner.spawn_until_cancelled("test.connection", async move {
                    match tls {
                        None => converse(tcp, answer, log, executor).await,
                        Some(config) => {
                            if let Ok(tls) =
                                tokio_rustls::TlsAcceptor::from(config).accept(tcp).await
                            {
                                converse(tls, answer, log, executor).await;
                            }
                        }
                    }
                    *now.lock() -= 1;
                });
            }
        });
        Self { address, seen, connections, open, tasks }
    }

    /// Everything that it was asked.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().clone()
    }
}

impl Drop for HttpServer {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

async fn converse<S>(
    stream: S,
    answer: Arc<Answer>,
    log: Arc<Mutex<Vec<Seen>>>,
    executor: TaskExecutor,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        let (answer, log) = (answer.clone(), log.clone());
        async move {
            let (parts, body) = request.into_parts();
            let body = body.collect().await?.to_bytes();
            let path = parts.uri.path_and_query().map_or_else(String::new, ToString::to_string);
            let seen = Seen { method: parts.method, path, headers: parts.headers, body };
            log.lock().push(seen.clone());
            Ok::<_, hyper::Error>(answer(seen).await)
        }
    });
    // Clients that are gone are what some tests are about.
    _ = auto::Builder::new(executor).serve_connection(TokioIo::new(stream), service).await;
}

/// An answer in one piece.
pub(crate) fn text(status: u16, kind: &str, body: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(api::full(body.into()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap();
    response.headers_mut().insert("content-type", kind.parse().unwrap());
    response
}
