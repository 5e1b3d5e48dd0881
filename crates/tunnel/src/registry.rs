//! The proxy's side: which agents can be reached now, and through what.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use api::{Body, Sender, Unanswered};
use http::{Request, Response};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use parking_lot::RwLock;
use runtime::Tasks;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::executor::TaskExecutor;
use crate::handler::Handler;
use crate::heads;
use crate::health::Health;
use crate::severable::Severable;

/// A peer that does not answer a ping within both is gone.
const KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEP_ALIVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Flow-control windows: one stream may fill a megabyte, all together eight.
const STREAM_WINDOW: u32 = 1 << 20;
const CONNECTION_WINDOW: u32 = 8 << 20;
/// How long an agent may still speak when its tunnel is over.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// One agent may hold so many tunnels to one proxy: the newest is used, older ones are draining. The oldest is cut
/// when another comes.
const MAX_LINKS_PER_HOST: usize = 8;

/// The agents that can be reached, by host id. Clones share it.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Inner>,
}

#[derive(Default)]
struct Inner {
    /// Protects the table only; never held across an await.
    links: RwLock<HashMap<String, Vec<Link>>>,
    next: AtomicU64,
}

struct Link {
    number: u64,
    way: Way,
    /// Tells the tunnel when this is out of the table.
    _listed: DropGuard,
}

#[derive(Clone)]
enum Way {
    Tunnel(Sender, Health),
    Local(Arc<dyn Handler>),
}

/// An agent is reachable for as long as this lives.
#[must_use]
pub struct Attachment {
    registry: Registry,
    host_id: String,
    number: u64,
}

/// A request could not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// The agent has no tunnel here, or gives no sign of life; the request comes back untouched.
    #[error("the agent has no tunnel to this proxy, or does not answer")]
    NotConnected(Box<Request<Body>>),
    /// The headers are longer than a tunnel takes; nothing was sent.
    #[error("the headers of the request are too long")]
    TooLong,
    /// The tunnel broke after the request was on its way: it may have been carried out.
    #[error("the tunnel to the agent broke")]
    Lost(#[source] Unanswered),
    /// The agent fell silent after the request was on its way: it may yet be carried out.
    #[error("the agent fell silent")]
    Silent,
}

/// Whether a request may be carried out twice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// It may: it only asks. An agent that falls silent meanwhile is not waited for.
    Harmless,
    /// It may not: it is waited for as long as there is a tunnel.
    Never,
}

// === impl Registry ===

impl Registry {
    /// Serves the proxy's end of an agent's tunnel until it ends. When it is `over` before, nothing new goes
    /// that way, what the agent says at last is still passed on, and then it is cut. One that is dropped goes
    /// on until what is under way on it has ended.
    ///
    /// # Errors
    /// The peer does not speak HTTP/2, or the connection broke.
    pub async fn run_tunnel<S>(
        &self,
        host_id: String,
        stream: S,
        tasks: &Tasks,
        over: impl Future<Output = ()>,
    ) -> hyper::Result<()>
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let executor = TaskExecutor::new(tasks.clone(), "tunnel.stream");
        let (stream, knife) = Severable::new(stream);
        let (requests, connection) = http2::Builder::new(executor)
            .timer(TokioTimer::new())
            .keep_alive_interval(KEEP_ALIVE_INTERVAL)
            .keep_alive_timeout(KEEP_ALIVE_TIMEOUT)
            .keep_alive_while_idle(true)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(heads::ANSWER_BYTES)
            .handshake(TokioIo::new(stream))
            .await?;
        let (sender, running) = Sender::new(requests);
        let health = Health::new(tasks);
        let displaced = CancellationToken::new();
        let way = Way::Tunnel(sender.clone(), health.clone());
        let attached = self.insert(host_id, way, displaced.clone());
        let mut connection = pin!(connection);
        // The agent learns that requests come this way, and that an older tunnel may end.
        let greeting = async {
            health.greet(sender).await;
            std::future::pending::<()>().await;
        };
        tokio::select! {
            // First: with nobody to send any more, hyper is done as well.
            biased;
            // There may be no more of them than the table has.
            () = displaced.cancelled() => {}
            outcome = connection.as_mut() => {
                running.end();
                return outcome;
            }
            () = over => drop(attached),
            () = greeting => {}
        }
        // hyper is done here as soon as nobody can send any more, whatever is under way in a task of its own: that
        // says nothing of the tunnel.
        let last_words = async {
            _ = connection.await;
            std::future::pending::<()>().await;
        };
        _ = timeout(LAST_WORDS, last_words).await;
        knife.cut();
        running.end();
        Ok(())
    }

    /// Makes an agent of this process reachable.
    pub fn attach(&self, host_id: String, handler: Arc<dyn Handler>) -> Attachment {
        self.insert(host_id, Way::Local(handler), CancellationToken::new())
    }

    /// Whether the agent can be reached.
    #[must_use]
    pub fn is_connected(&self, host_id: &str) -> bool {
        self.inner.links.read().contains_key(host_id)
    }

    /// How many tunnels there are.
    #[must_use]
    pub fn tunnels(&self) -> usize {
        let links = self.inner.links.read();
        links.values().flatten().filter(|link| matches!(link.way, Way::Tunnel(..))).count()
    }

    /// The agents that can be reached.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.inner.links.read().keys().cloned().collect()
    }

    /// Sends a request to an agent, by its newest tunnel that works.
    ///
    /// # Errors
    /// The headers are too long; no tunnel works, or it broke on the way; or the agent fell silent and `repeat` allows to ask another.
    pub async fn send(
        &self,
        host_id: &str,
        request: Request<Body>,
        repeat: Repeat,
    ) -> Result<Response<Body>, SendError> {
        if !heads::fit(request.headers(), heads::REQUEST_BYTES) {
            return Err(SendError::TooLong);
        }
        let mut request = request;
        for way in self.ways(host_id) {
            match way {
                Way::Local(handler) => return Ok(handler.call(request).await),
                Way::Tunnel(sender, health) if !health.is_good(&sender).await => {}
                Way::Tunnel(sender, health) => {
                    let sent = sender.send(request);
                    let outcome = match repeat {
                        Repeat::Never => sent.await,
                        Repeat::Harmless => tokio::select! {
                            biased;
                            outcome = sent => outcome,
                            () = health.silence(&sender) => return Err(SendError::Silent),
                        },
                    };
                    match outcome {
                        Ok(response) => {
                            health.heard();
                            return Ok(response.map(api::boxed));
                        }
                        Err(Unanswered::Unsent { request: unsent, .. }) => request = *unsent,
                        Err(error) => return Err(SendError::Lost(error)),
                    }
                }
            }
        }
        Err(SendError::NotConnected(Box::new(request)))
    }

    /// The ways to an agent, the newest first.
    fn ways(&self, host_id: &str) -> Vec<Way> {
        let links = self.inner.links.read();
        links.get(host_id).into_iter().flatten().rev().map(|link| link.way.clone()).collect()
    }

    fn insert(&self, host_id: String, way: Way, displaced: CancellationToken) -> Attachment {
        let number = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let mut links = self.inner.links.write();
        let of_host = links.entry(host_id.clone()).or_default();
        if of_host.len() >= MAX_LINKS_PER_HOST {
            of_host.remove(0);
        }
        of_host.push(Link { number, way, _listed: displaced.drop_guard() });
        Attachment { registry: self.clone(), host_id, number }
    }
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.inner.links.read().keys()).finish()
    }
}

// === impl Attachment ===

impl Drop for Attachment {
    fn drop(&mut self) {
        let mut links = self.registry.inner.links.write();
        if let Some(of_host) = links.get_mut(&self.host_id) {
            of_host.retain(|link| link.number != self.number);
            if of_host.is_empty() {
                links.remove(&self.host_id);
            }
        }
    }
}

impl fmt::Debug for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attachment").field("host_id", &self.host_id).finish_non_exhaustive()
    }
}
