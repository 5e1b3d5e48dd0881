//! Whether the agent at the other end of a tunnel is there.
//!
//! A machine that lost its network says nothing, and the keep-alive of HTTP/2 is patient: ending a tunnel
//! ends every session in it. To send nothing more to an agent is cheap. So before a request goes down a
//! tunnel that was silent for a moment, the agent is asked for a sign of life; one that gives none is
//! passed over until it does. An idle tunnel costs nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use api::{Body, Sender};
use http::{Method, Request, Response, StatusCode};
use runtime::Tasks;
use tokio::time::{Instant, sleep, timeout};

/// Who was heard of so recently is there.
const FRESH: Duration = Duration::from_millis(500);
/// Who gives no sign of life for so long is passed over.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long an agent may take to answer that it knows of its tunnel.
const GREETING: Duration = Duration::from_secs(10);
/// Where an agent is told that its tunnel is in use. One of an older version has nothing there.
const IN_USE: &str = "/tunnel/in-use";
/// Where an agent is asked.
const PATH: &str = "/tunnel/alive";

/// What is known of one end.
#[derive(Clone, Debug)]
pub(crate) struct Health {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    tasks: Tasks,
    begin: Instant,
    /// When it was heard of last, in milliseconds since `begin`.
    heard: AtomicU64,
    /// Whether it was asked, and the answer is still waited for.
    silent: AtomicBool,
}

// === impl Health ===

impl Health {
    /// Of a tunnel that was just opened.
    pub(crate) fn new(tasks: &Tasks) -> Self {
        let (heard, silent) = (AtomicU64::new(0), AtomicBool::new(false));
        Self {
            inner: Arc::new(Inner { tasks: tasks.clone(), begin: Instant::now(), heard, silent }),
        }
    }

    /// The agent was heard of.
    pub(crate) fn heard(&self) {
        let now = u64::try_from(self.inner.begin.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.inner.heard.store(now, Ordering::Relaxed);
        self.inner.silent.store(false, Ordering::Relaxed);
    }

    /// Whether a request can be sent, as far as can be known.
    pub(crate) async fn is_good(&self, sender: &Sender) -> bool {
        if self.inner.silent.load(Ordering::Relaxed) {
            return false;
        }
        let heard = Duration::from_millis(self.inner.heard.load(Ordering::Relaxed));
        if self.inner.begin.elapsed().saturating_sub(heard) < FRESH {
            return true;
        }
        self.ask(sender.clone()).await
    }

    /// Waits until the agent gives no sign of life; looks again and again.
    pub(crate) async fn silence(&self, sender: &Sender) {
        loop {
            sleep(FRESH).await;
            if !self.is_good(sender).await {
                return;
            }
        }
    }

    /// Tells the agent that requests come this way from now on, whatever it says to that.
    pub(crate) async fn greet(&self, sender: Sender) {
        if let Ok(Ok(_known)) = timeout(GREETING, sender.send(to(IN_USE))).await {
            self.heard();
        }
    }

    async fn ask(&self, sender: Sender) -> bool {
        let question = to(PATH);
        let health = self.clone();
        let mut answer = Box::pin(async move {
            let answered = sender.send(question).await.is_ok();
            if answered {
                health.heard();
            }
            answered
        });
        if let Ok(answered) = timeout(PATIENCE, &mut answer).await {
            return answered;
        }
        if !self.inner.silent.swap(true, Ordering::Relaxed) {
            tracing::info!("an agent gives no sign of life and is passed over");
            let health = self.clone();
            let wait = async move {
                if !answer.await {
                    // It said no, or its end of the tunnel is gone. Whoever comes next asks again.
                    health.inner.silent.store(false, Ordering::Relaxed);
                }
            };
            self.inner.tasks.spawn_until_cancelled("tunnel.silent", wait);
        }
        false
    }
}

fn to(path: &'static str) -> Request<Body> {
    let mut request = Request::new(api::empty());
    *request.uri_mut() = http::Uri::from_static(path);
    request
}

/// The answer to who asks whether the agent is there.
pub(crate) fn answer<B>(request: &Request<B>) -> Option<Response<Body>> {
    (request.method() == Method::GET && request.uri().path() == PATH).then(nothing)
}

/// The answer to who says that a tunnel is in use.
pub(crate) fn taken_up<B>(request: &Request<B>) -> Option<Response<Body>> {
    (request.method() == Method::GET && request.uri().path() == IN_USE).then(nothing)
}

fn nothing() -> Response<Body> {
    let mut response = Response::new(api::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
