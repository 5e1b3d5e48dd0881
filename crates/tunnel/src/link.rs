//! The agent's end of one tunnel.

use std::sync::Arc;
use std::time::Duration;

use api::{Body, Endpoint, Error, ErrorKind, HostLocks, Opened, Refusal};
use futures_util::FutureExt as _;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::{TaskHandle, Tasks};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::executor::TaskExecutor;
use crate::handler::Handler;
use crate::{heads, health};

/// A peer that does not answer a ping within both is gone.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Flow-control windows: one stream may fill a megabyte, all together eight.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// How many requests one proxy may have under way: each is one downstream connection.
const MAX_STREAMS: u32 = 20_000;
/// So many of them may be taken back before they were looked at: clients leave when they like, and one who takes back
/// many at once must not end the tunnel for all.
const MAX_TAKEN_BACK: usize = 20_000;
/// How long a proxy may take to say that it uses a tunnel, before that is taken for granted.
const GREETING: Duration = Duration::from_secs(5);

/// A tunnel that is up.
pub(crate) struct Link {
    began: Instant,
    wish: Arc<Wish>,
    serving: TaskHandle<()>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unopened {
    /// Who answers is not who it should be.
    #[error(transparent)]
    Disbelieved(Error),
    /// It cannot be reached, or does not want us.
    #[error(transparent)]
    Failed(Error),
}

/// What both ends of a link's task tell each other.
#[derive(Default)]
struct Wish {
    /// Nothing new is to come this way.
    drain: Notify,
    /// Nothing at all is.
    cut: Notify,
    /// The proxy says that it sends requests this way from now on.
    greeted: Notify,
}

// === impl Link ===

impl Link {
    /// Opens a tunnel and serves it as a task of `tasks`, which drains it when it ends. It is up when the
    /// proxy uses it.
    pub(crate) async fn open(
        endpoint: &Endpoint,
        handler: Arc<dyn Handler>,
        locks: Option<HostLocks>,
        tasks: &Tasks,
    ) -> Result<Self, Unopened> {
        let refusal = Refusal::default();
        let opened = endpoint.open(&refusal).await;
        let Opened { stream, peer } = opened.map_err(|error| match error.kind() {
            // What the proxy says of us is another matter.
            ErrorKind::Unauthenticated if refusal.error("").is_none() => {
                Unopened::Disbelieved(error)
            }
            _ => Unopened::Failed(error),
        })?;
        let mut locked = Box::pin(async move {
            match locks {
                Some(locks) => locks.until_shut_out(peer).await,
                None => std::future::pending().await,
            }
        });
        // Nothing is served before it is known that the proxy may ask.
        if let Some(()) = (&mut locked).now_or_never() {
            let name = endpoint.describe();
            let error = Error::denied(format!("the proxy at {name} is locked"));
            return Err(Unopened::Failed(error));
        }
        let proxy = endpoint.describe();
        let locked = async move {
            locked.await;
            tracing::warn!(proxy, "the proxy is locked: the tunnel to it ends");
        };
        let (began, wish) = (Instant::now(), Arc::new(Wish::default()));
        let serving =
            tasks.spawn("tunnel.link", serve(stream, handler, wish.clone(), locked, tasks.clone()));
        let mut link = Self { began, wish: wish.clone(), serving };
        tokio::select! {
            () = link.ended() => if let Some(error) = refusal.error(&endpoint.describe()) {
                return Err(Unopened::Failed(error));
            },
            // A proxy of an older version says nothing.
            _ = timeout(GREETING, wish.greeted.notified()) => {}
        }
        Ok(link)
    }

    /// Waits until it has ended, for whatever reason.
    pub(crate) async fn ended(&mut self) {
        // Polled again after its end it would panic; nobody does, and nobody could tell.
        if !self.serving.is_finished() {
            _ = (&mut self.serving).await;
        }
    }

    pub(crate) fn age(&self) -> Duration {
        self.began.elapsed()
    }

    /// Ends it, with all that is under way on it.
    pub(crate) fn cut(self) {
        self.wish.cut.notify_one();
    }

    /// Lets it end when what is under way on it has.
    pub(crate) fn drain(self) {
        self.wish.drain.notify_one();
    }
}

async fn serve(
    stream: Box<dyn api::Stream>,
    handler: Arc<dyn Handler>,
    wish: Arc<Wish>,
    locked: impl Future<Output = ()>,
    tasks: Tasks,
) {
    let heard = wish.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let taken_up = health::taken_up(&request);
        if taken_up.is_some() {
            heard.greeted.notify_one();
        }
        let answer = match taken_up.or_else(|| health::answer(&request)) {
            Some(answer) => Box::pin(std::future::ready(answer)),
            None => handler.call(request.map(api::boxed)),
        };
        async move { Ok::<_, std::convert::Infallible>(sendable(answer.await)) }
    });
    let executor = TaskExecutor::new(tasks.clone(), "tunnel.request");
    let connection = http2::Builder::new(executor)
        .timer(TokioTimer::new())
        .keep_alive_interval(KEEP_ALIVE_INTERVAL)
        .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_TAKEN_BACK)
        .max_header_list_size(heads::REQUEST_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let over = async {
        tokio::select! {
            () = tasks.cancelled() => {}
            () = wish.drain.notified() => {}
        }
    };
    let cut = async {
        tokio::select! {
            () = wish.cut.notified() => {}
            () = locked => {}
        }
    };
    let mut cut = std::pin::pin!(cut);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = cut.as_mut() => return,
        () = over => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                outcome = connection => outcome,
                () = cut => return,
            }
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "tunnel broke");
    }
}

/// The answer, or another in its place when its headers would end the tunnel.
fn sendable(answer: Response<Body>) -> Response<Body> {
    if heads::fit(answer.headers(), heads::ANSWER_BYTES) {
        return answer;
    }
    tracing::warn!(status = %answer.status(), "the headers of an answer are too long; it is not sent");
    let mut refusal = Response::new(api::empty());
    *refusal.status_mut() = StatusCode::BAD_GATEWAY;
    refusal
}
