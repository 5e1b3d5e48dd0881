//! A cluster of nobody's: HTTP/2 on a local socket, where each request is handed to the test.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::{Body, Endpoint};
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::channel::{Channel, Sender};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use parking_lot::Mutex;
use pki::PrivateKey;
use runtime::{Clock, TaskScope, Tasks};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use super::fault::Fault;
use super::way::{Guide, Prover, Way};

/// How long a test waits for what must happen.
pub(crate) const SOON: Duration = Duration::from_secs(10);

/// The cluster.
#[derive(Debug)]
pub(crate) struct StandIn {
    pub(crate) tasks: Tasks,
    folder: tempfile::TempDir,
    running: Option<TaskScope>,
    requests: mpsc::Receiver<Exchange>,
    hand_over: mpsc::Sender<Exchange>,
    connections: Arc<AtomicUsize>,
}

/// A request that waits for the test's answer.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) request: Request<Incoming>,
    pub(crate) answer: oneshot::Sender<Response<Body>>,
}

/// A guide whom the test tells what to say.
#[derive(Clone, Debug)]
pub(crate) struct Told(Arc<Mutex<Result<Way, Fault>>>);

/// The far side of a body that the test writes.
pub(crate) type Writer = Sender<Bytes, api::BoxError>;

// === impl StandIn ===

impl StandIn {
    pub(crate) fn new() -> Self {
        let (hand_over, requests) = mpsc::channel(16);
        let mut cluster = Self {
            tasks: Tasks::new(),
            folder: tempfile::tempdir().unwrap(),
            running: None,
            requests,
            hand_over,
            connections: Arc::default(),
        };
        cluster.start();
        cluster
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("cluster.sock")
    }

    pub(crate) fn start(&mut self) {
        let listener = UnixListener::bind(self.path()).unwrap();
        let scope = self.tasks.scope();
        let (tasks, hand_over) = (scope.tasks().clone(), self.hand_over.clone());
        let connections = self.connections.clone();
        scope.tasks().spawn_until_cancelled("listener", async move {
            while let Ok((stream, _)) = listener.accept().await {
                connections.fetch_add(1, Ordering::Relaxed);
                let hand_over = hand_over.clone();
                let service = service_fn(move |request| {
                    let hand_over = hand_over.clone();
                    async move {
                        let (answer, answered) = oneshot::channel();
                        hand_over.send(Exchange { request, answer }).await.unwrap();
                        answered.await
                    }
                });
                let connection = http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service);
                tasks.spawn_until_cancelled("connection", async move {
                    _ = connection.await;
                });
            }
        });
        self.running = Some(scope);
    }

    /// Vanishes, with all its connections.
    pub(crate) fn stop(&mut self) {
        self.running = None;
        std::fs::remove_file(self.path()).unwrap();
    }

    /// A guide to it.
    pub(crate) fn guide(&self) -> Told {
        Told(Arc::new(Mutex::new(Ok(self.way(b"first")))))
    }

    /// The way there for whoever shows this certificate.
    pub(crate) fn way(&self, certificate: &[u8]) -> Way {
        Way {
            brought: api::Brought::default(),
            elsewhere: None,
            endpoint: Endpoint::Unix(self.path()),
            proxy: "cluster.test:3080".to_owned(),
            certificate: certificate.into(),
            path: "/mcp/apps/everything".to_owned(),
            prover: Prover {
                key: PrivateKey::generate().unwrap(),
                cluster: "cluster.test".to_owned(),
                app: "everything".to_owned(),
                clock: Clock::system(),
            },
        }
    }

    pub(crate) async fn next(&mut self) -> Exchange {
        let exchange = timeout(SOON, self.requests.recv()).await;
        exchange.expect("a request").expect("the cluster runs")
    }

    /// How many connections were opened.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Whether nobody asks for anything now.
    pub(crate) fn is_idle(&mut self) -> bool {
        self.requests.try_recv().is_err()
    }
}

// === impl Exchange ===

impl Exchange {
    /// Answers with a body that the test writes.
    pub(crate) fn stream(self, content_type: &str) -> (Incoming, Writer) {
        let (writer, body) = Channel::new(8);
        let response = Response::builder().header("content-type", content_type);
        self.answer.send(response.body(api::boxed(body)).unwrap()).unwrap();
        (self.request.into_body(), writer)
    }

    /// Answers at once.
    pub(crate) fn reply(self, status: u16, content_type: &str, body: &str) {
        let response = Response::builder().status(status).header("content-type", content_type);
        self.answer.send(response.body(api::full(body.to_owned())).unwrap()).unwrap();
    }
}

// === impl Told ===

impl Told {
    pub(crate) fn say(&self, way: Result<Way, Fault>) {
        *self.0.lock() = way;
    }
}

impl Guide for Told {
    fn way(&self) -> Result<Way, Fault> {
        self.0.lock().clone()
    }

    fn show_second_factor<'a>(
        &'a self,
        refused: &'a Way,
        fault: Fault,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        let shown = self.0.lock().as_ref().is_ok_and(|way| way.certificate != refused.certificate);
        Box::pin(std::future::ready(if shown { Ok(()) } else { Err(fault) }))
    }
}
