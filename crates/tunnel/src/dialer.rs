//! The agent's side: a tunnel to each proxy, kept up.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use api::{Endpoint, HostLocks};
use runtime::{Backoff, Tasks};
use tokio::sync::watch;

use crate::handler::Handler;
use crate::link::{Link, Unopened};

/// Delays between attempts to reach a proxy.
const RETRY_FIRST: Duration = Duration::from_millis(100);
const RETRY_MOST: Duration = Duration::from_secs(10);
/// A tunnel that was up for so long was a good one.
const LASTING: Duration = Duration::from_secs(1);

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
    /// Changes when tunnels are to be replaced, as the certificate or who is believed is another.
    renewals: watch::Receiver<u64>,
    locks: Option<HostLocks>,
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
        let (_never, renewals) = watch::channel(0);
        Self { tasks, handler, targets, renewals, locks: None, up: Up::default() }
    }

    /// Counts the tunnels that are up.
    #[must_use]
    pub fn up(&self) -> Up {
        self.up.clone()
    }

    /// The same, with every tunnel replaced whenever `renewals` changes: a new one is opened, and the
    /// old one ends when what is under way on it has.
    #[must_use]
    pub fn renewed_by(self, renewals: watch::Receiver<u64>) -> Self {
        Self { renewals, ..self }
    }

    /// The same, without a tunnel to a proxy that is locked: one that is up is cut.
    #[must_use]
    pub fn heeding(self, locks: HostLocks) -> Self {
        Self { locks: Some(locks), ..self }
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
        let kept = Kept {
            target,
            handler: self.handler.clone(),
            locks: self.locks.clone(),
            up: self.up.clone(),
            tasks: group.clone(),
        };
        group.spawn("tunnel.dialer", keep(kept, self.renewals.clone()));
        group
    }
}

/// A tunnel that is kept up: to whom, what is served there, and what it ends with.
struct Kept {
    target: Target,
    handler: Arc<dyn Handler>,
    locks: Option<HostLocks>,
    up: Up,
    tasks: Tasks,
}

/// Keeps one tunnel up until the group ends.
async fn keep(kept: Kept, mut renewals: watch::Receiver<u64>) {
    let Kept { target, handler, locks, up, tasks } = kept;
    let mut backoff = Backoff::new(RETRY_FIRST, RETRY_MOST);
    let mut current: Option<(Link, Counted)> = None;
    loop {
        // Before it is dialled: what is renewed meanwhile is newer than this.
        renewals.mark_unchanged();
        let opened = tokio::select! {
            () = tasks.cancelled() => return,
            opened = Link::open(&target.endpoint, handler.clone(), locks.clone(), &tasks) => opened,
        };
        let is_newest = opened.is_ok();
        match opened {
            Ok(next) => {
                tracing::info!(proxy = target.endpoint.describe(), "tunnel to the proxy is up");
                if let Some((old, _counted)) = current.replace((next, up.one())) {
                    old.drain();
                }
            }
            Err(error) => {
                tracing::warn!(proxy = target.endpoint.describe(), %error, "no tunnel to the proxy");
                // Who is not believed now is not to go on with what it was given when it was.
                if matches!(error, Unopened::Disbelieved(_))
                    && let Some((link, _)) = current.take()
                {
                    link.cut();
                }
            }
        }
        // One that could not be replaced goes on meanwhile.
        if let Some((link, _)) = current.as_mut().filter(|_| is_newest) {
            tokio::select! {
                () = tasks.cancelled() => return,
                () = link.ended() => {
                    // A proxy that takes tunnels and ends them at once, because this agent is
                    // locked for example, is not asked ten times a second.
                    if link.age() >= LASTING {
                        backoff.reset();
                    }
                    current = None;
                }
                () = renewed(&mut renewals) => {
                    backoff.reset();
                    continue;
                }
            }
        }
        tokio::select! {
            () = tasks.cancelled() => return,
            () = tokio::time::sleep(backoff.next_delay()) => {}
        }
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

/// Waits for a renewal. When nobody tells of any more there is none.
async fn renewed(renewals: &mut watch::Receiver<u64>) {
    if renewals.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
