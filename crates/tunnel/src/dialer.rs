//! The agent's side: a tunnel to each proxy, kept up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::{Body, Endpoint};
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use runtime::{Backoff, Tasks};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::executor::TaskExecutor;
use crate::handler::Handler;
use crate::{heads, health};

/// Delays between attempts to reach a proxy.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(10);
/// A tunnel that was up for so long was a good one.
const LASTING: Duration = Duration::from_secs(1);
/// A peer that does not answer a ping within both is gone.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Flow-control windows: one stream may fill a megabyte, all together eight.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// How many requests one proxy may have under way: each is one downstream connection.
const MAX_STREAMS: u32 = 20_000;

/// A proxy to keep a tunnel to.
#[derive(Clone, Debug)]
pub struct Target {
    /// What tells one proxy from another; a tunnel lives as long as its key is wanted.
    pub key: String,
    /// Where it is and how it is checked.
    pub endpoint: Endpoint,
}

/// Keeps tunnels to a changing set of proxies.
pub struct Dialer {
    tasks: Tasks,
    handler: Arc<dyn Handler>,
    targets: watch::Receiver<Vec<Target>>,
    up: Up,
}

/// How many tunnels of an agent are up. Clones count the same ones.
#[derive(Clone, Debug, Default)]
pub struct Up(Arc<AtomicUsize>);

/// One of them, for as long as this lives.
struct Counted(Up);

// === impl Dialer ===

impl Dialer {
    /// A dialer that serves `handler` to every target.
    #[must_use]
    pub fn new(
        tasks: Tasks,
        handler: Arc<dyn Handler>,
        targets: watch::Receiver<Vec<Target>>,
    ) -> Self {
        Self { tasks, handler, targets, up: Up::default() }
    }

    /// Counts the tunnels that are up.
    #[must_use]
    pub fn up(&self) -> Up {
        self.up.clone()
    }

    /// Follows the targets until shutdown.
    pub async fn run(mut self) {
        let mut tunnels: BTreeMap<String, Tasks> = BTreeMap::new();
        loop {
            let wanted = self.targets.borrow_and_update().clone();
            tunnels.retain(|key, group| {
                let keep = wanted.iter().any(|target| target.key == *key);
                if !keep {
                    group.cancel();
                }
                keep
            });
            for target in wanted {
                tunnels.entry(target.key.clone()).or_insert_with(|| self.keep_tunnel(target));
            }
            tokio::select! {
                () = self.tasks.cancelled() => return,
                changed = self.targets.changed() => if changed.is_err() {
                    self.tasks.cancelled().await;
                    return;
                },
            }
        }
    }

    /// Starts the task that keeps one tunnel up; cancelling the group ends it.
    fn keep_tunnel(&self, target: Target) -> Tasks {
        let group = self.tasks.child();
        let (tasks, handler, up) = (group.clone(), self.handler.clone(), self.up.clone());
        group.spawn("tunnel.dialer", async move {
            let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
            while !tasks.is_cancelled() {
                let began = Instant::now();
                match run_tunnel(&target, handler.clone(), &up, &tasks).await {
                    // A proxy that takes tunnels and ends them at once, because this agent is
                    // locked for example, is not asked ten times a second.
                    Ok(()) if began.elapsed() >= LASTING => backoff.reset(),
                    Ok(()) => {}
                    Err(error) => {
                        tracing::warn!(proxy = target.endpoint.describe(), %error, "no tunnel to the proxy");
                    }
                }
                tokio::select! {
                    () = tasks.cancelled() => return,
                    () = tokio::time::sleep(backoff.next_delay()) => {}
                }
            }
        });
        group
    }
}

// === impl Up ===

impl Up {
    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    fn one(&self) -> Counted {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(self.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl std::fmt::Debug for Dialer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dialer").finish_non_exhaustive()
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

/// Opens a tunnel and serves it until it ends; on shutdown it is drained.
async fn run_tunnel(
    target: &Target,
    handler: Arc<dyn Handler>,
    up: &Up,
    tasks: &Tasks,
) -> Result<(), api::Error> {
    let stream = tokio::select! {
        () = tasks.cancelled() => return Ok(()),
        stream = target.endpoint.open() => stream?,
    };
    tracing::info!(proxy = target.endpoint.describe(), "tunnel to the proxy is up");
    let _counted = up.one();
    let service = service_fn(move |request: Request<Incoming>| {
        let answer = match health::answer(&request) {
            Some(alive) => Box::pin(std::future::ready(alive)),
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
        .max_header_list_size(heads::REQUEST_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let outcome = tokio::select! {
        outcome = connection.as_mut() => outcome,
        () = tasks.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "tunnel broke");
    }
    Ok(())
}
