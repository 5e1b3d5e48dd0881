//! A service's copy of the resources that it decides by: listed once, kept by a watch, listed again
//! now and then, and still there when the auth service is not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use resource::Kind;
use runtime::{Backoff, Tasks};
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, ErrorKind};
use crate::snapshot::Snapshot;
use crate::source::{Source, WatchEvent};

/// How often everything is listed again, should a change have been missed by a fault of ours.
const RELIST_INTERVAL: Duration = Duration::from_secs(600);
/// A source that says nothing for so long (bookmarks included) is taken for gone.
const SILENCE_LIMIT: Duration = Duration::from_secs(40);
/// Delays between attempts to reach the source.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(5);
/// At most so many waiting changes are applied before the result is published.
const BATCH: usize = 1024;
/// Why a watch is begun again that has ended by itself.
const ENDED: &str = "the watch ended";

/// A copy of some kinds of resources that follows its source. Clones share it.
#[derive(Clone, Debug)]
pub struct Replica {
    current: Arc<ArcSwap<Snapshot>>,
    published: watch::Receiver<Progress>,
}

/// How far a replica is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Whether everything was listed at least once.
    pub ready: bool,
    /// The generation of the newest snapshot.
    pub generation: u64,
    /// When the source was last heard of.
    pub heard: Option<Instant>,
}

struct Follower {
    source: Arc<dyn Source>,
    kinds: Vec<Kind>,
    current: Arc<ArcSwap<Snapshot>>,
    publish: watch::Sender<Progress>,
    /// Whether the source does not let us in, and that was said.
    shut_out: AtomicBool,
}

type Changes = BoxStream<'static, Result<WatchEvent, Error>>;

// === impl Replica ===

impl Replica {
    /// Starts to follow `source` for `kinds`, as a task of `tasks`.
    #[must_use]
    pub fn follow(tasks: &Tasks, source: Arc<dyn Source>, kinds: &[Kind]) -> Self {
        let current = Arc::new(ArcSwap::from_pointee(Snapshot::default()));
        let (publish, published) =
            watch::channel(Progress { ready: false, generation: 0, heard: None });
        let (kinds, shut_out) = (kinds.to_vec(), AtomicBool::new(false));
        let follower = Follower { source, kinds, current: current.clone(), publish, shut_out };
        tasks.spawn_until_cancelled("api.replica", follower.run());
        Self { current, published }
    }

    /// A replica that never changes, for tools that decide once.
    #[must_use]
    pub fn fixed(snapshot: Snapshot) -> Self {
        let generation = snapshot.generation;
        let (_publish, published) =
            watch::channel(Progress { ready: true, generation, heard: None });
        Self { current: Arc::new(ArcSwap::from_pointee(snapshot)), published }
    }

    /// The newest copy.
    #[must_use]
    pub fn snapshot(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }

    /// Tells of every new copy.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<Progress> {
        self.published.clone()
    }

    /// Whether everything was listed at least once.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.published.borrow().ready
    }

    /// Waits until everything was listed once.
    pub async fn ready(&self) {
        let mut changes = self.published.clone();
        // An error means that the follower ended with the process: nobody is waiting then.
        _ = changes.wait_for(|progress| progress.ready).await;
    }
}

// === impl Follower ===

impl Follower {
    async fn run(self) {
        let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
        loop {
            let error = match self.list().await {
                Ok(cursor) => {
                    backoff.reset();
                    self.watch(cursor, &mut backoff).await
                }
                Err(error) => error,
            };
            if error.kind() == ErrorKind::Gone {
                continue;
            }
            self.report(&error, "cannot list resources; trying again");
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }

    /// Lists all kinds and publishes them together; returns where a watch continues.
    async fn list(&self) -> Result<String, Error> {
        let mut next = Snapshot::clone(&self.current.load());
        let mut cursor = None;
        for kind in &self.kinds {
            let listing = self.source.list(*kind).await?;
            // The earliest position: changes between the lists are seen twice rather than never.
            cursor.get_or_insert(listing.cursor);
            next.replace(*kind, &listing.items);
        }
        next.touched.missed(next.generation);
        let cursor = cursor.unwrap_or_default();
        next.cursor = cursor.as_str().into();
        self.publish(next);
        Ok(cursor)
    }

    /// Follows changes until it is time to list again, which the returned error says why.
    async fn watch(&self, mut cursor: String, backoff: &mut Backoff) -> Error {
        let relist = Instant::now() + RELIST_INTERVAL;
        loop {
            let error = match self.source.watch(self.kinds.clone(), cursor.clone()).await {
                Ok(stream) => self.drain(stream, &mut cursor, backoff, relist).await,
                Err(error) => error,
            };
            if error.kind() == ErrorKind::Gone {
                return error;
            }
            self.report(&error, "lost the watch; trying again");
            tokio::time::sleep(backoff.next_delay()).await;
        }
    }

    async fn drain(
        &self,
        mut stream: Changes,
        cursor: &mut String,
        backoff: &mut Backoff,
        relist: Instant,
    ) -> Error {
        loop {
            let deadline = relist.min(Instant::now() + SILENCE_LIMIT);
            let first = match timeout_at(deadline, stream.next()).await {
                Ok(Some(Ok(event))) => event,
                Ok(Some(Err(error))) => return error,
                Ok(None) => return Error::unavailable(ENDED),
                Err(_elapsed) if Instant::now() >= relist => {
                    return Error::new(ErrorKind::Gone, "time to list again");
                }
                Err(_elapsed) => return Error::unavailable("the source fell silent"),
            };
            backoff.reset();
            let mut next = Snapshot::clone(&self.current.load());
            let failure = apply_waiting(first, &mut stream, &mut next, cursor);
            next.cursor = cursor.as_str().into();
            self.publish(next);
            if let Some(error) = failure {
                return error;
            }
        }
    }

    /// An outage is reported by who notices it; that nobody will be let in until somebody mends it is said
    /// here, once.
    fn report(&self, error: &Error, what: &'static str) {
        let is_shut_out = error.kind() == ErrorKind::Unauthenticated;
        if is_shut_out && !self.shut_out.swap(true, Ordering::Relaxed) {
            tracing::error!(
                error = error.message(),
                "the auth service does not let this service in: if the cluster's keys were changed while \
                 it was off, it has to join again; delete identity.pem in its data directory, and give it \
                 a new token and pin"
            );
        } else {
            tracing::debug!(error = error.message(), "{what}");
        }
    }

    fn publish(&self, snapshot: Snapshot) {
        self.shut_out.store(false, Ordering::Relaxed);
        let generation = snapshot.generation;
        self.current.store(Arc::new(snapshot));
        self.publish.send_if_modified(|progress| {
            let changed = !progress.ready || progress.generation != generation;
            *progress = Progress { ready: true, generation, heard: Some(Instant::now()) };
            changed
        });
    }
}

/// Applies `first` and whatever else is already there.
fn apply_waiting(
    first: WatchEvent,
    stream: &mut Changes,
    next: &mut Snapshot,
    cursor: &mut String,
) -> Option<Error> {
    use futures_util::FutureExt;

    let mut waiting = Some(first);
    for _ in 0..BATCH {
        let event = match waiting.take() {
            Some(event) => event,
            None => match stream.next().now_or_never() {
                Some(Some(Ok(event))) => event,
                Some(Some(Err(error))) => return Some(error),
                // It must not be asked again.
                Some(None) => return Some(Error::unavailable(ENDED)),
                None => return None,
            },
        };
        next.apply(&event);
        let (WatchEvent::Put { cursor: at, .. }
        | WatchEvent::Delete { cursor: at, .. }
        | WatchEvent::Changed { cursor: at, .. }
        | WatchEvent::Bookmark { cursor: at }) = event;
        *cursor = at;
    }
    None
}

#[cfg(test)]
mod tests;
