//! The apps that this agent serves, and what is observed of each.

mod target;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::{Mutex, RwLock};
use resource::app::Health;
use resource::{App, LastError, ServerState};
use runtime::Clock;
use time::OffsetDateTime;
use tokio::sync::Notify;

pub(crate) use self::target::{Speech, Target};
use crate::catalog::Wanted;
use crate::tools::Book;

/// The apps by name. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// Guards the table only; held for a look-up or a change.
    apps: RwLock<BTreeMap<String, Arc<Served>>>,
    /// Wakes whoever publishes what is observed.
    observed: Notify,
    /// Wakes whoever tells which tools servers offer.
    tools_seen: Arc<Notify>,
    /// Whether every registered app was looked at once.
    complete: AtomicBool,
    /// How often anything was registered.
    registered: AtomicU64,
}

/// One app.
#[derive(Debug)]
pub(crate) struct Served {
    table: Arc<Inner>,
    /// Tells it from another of its name, before or after it.
    number: u64,
    /// Guards what is observed; held for reading or changing it.
    state: Mutex<State>,
    connections: AtomicU64,
    /// The tools that its server was seen to offer.
    tools: Arc<Book>,
    /// Wakes whoever waits until it is known if the app can be served.
    settled: Notify,
}

#[derive(Clone, Debug)]
struct State {
    /// As it is registered.
    newest: Wanted,
    /// As it was registered when it could last be served, if that is not the newest.
    fallback: Option<Arc<App>>,
    /// What new connections get: one of the two.
    target: Arc<Target>,
    state: ServerState,
    /// Whether it is being found out if the newest can be served.
    checking: bool,
    since: OffsetDateTime,
    last_error: Option<LastError>,
    /// How the server was when it was last looked at.
    health: Option<Health>,
    /// Counts the observations, so that none is lost while another is published.
    observations: u64,
}

/// What is observed of an app at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Observed {
    /// The app as new connections get it.
    pub(crate) app: Arc<App>,
    pub(crate) state: ServerState,
    pub(crate) since: OffsetDateTime,
    pub(crate) connections: u64,
    pub(crate) last_error: Option<LastError>,
    pub(crate) health: Option<Health>,
    pub(crate) observations: u64,
    /// Of which registration that is.
    pub(crate) number: u64,
    /// The app as it is registered: its labels decide.
    pub(crate) newest: Arc<App>,
}

/// Counts a connection for as long as it lives.
#[derive(Debug)]
pub(crate) struct Connection {
    served: Arc<Served>,
}

// === impl Table ===

impl Table {
    pub(crate) fn new(clock: Clock) -> Self {
        let (observed, complete) = (Notify::new(), AtomicBool::new(false));
        let (apps, tools_seen) = (RwLock::default(), Arc::new(Notify::new()));
        let registered = AtomicU64::new(0);
        let inner = Inner { clock, apps, observed, tools_seen, complete, registered };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Arc<Served>> {
        self.inner.apps.read().get(name).cloned()
    }

    pub(crate) fn all(&self) -> Vec<(String, Arc<Served>)> {
        let apps = self.inner.apps.read();
        apps.iter().map(|(name, served)| (name.clone(), served.clone())).collect()
    }

    /// Begins to serve an app of which nothing is known yet.
    pub(crate) fn register(&self, wanted: Wanted) -> Arc<Served> {
        let name = wanted.app.name().to_owned();
        let tools = Arc::new(Book::new(self.inner.tools_seen.clone()));
        let state = State {
            target: Arc::new(Target::new(wanted.app.clone(), tools.clone())),
            newest: wanted,
            fallback: None,
            state: ServerState::Starting,
            checking: true,
            since: self.inner.clock.now(),
            last_error: None,
            health: None,
            observations: 0,
        };
        let served = Arc::new(Served {
            table: self.inner.clone(),
            number: self.inner.registered.fetch_add(1, Ordering::Relaxed),
            state: Mutex::new(state),
            connections: AtomicU64::new(0),
            tools,
            settled: Notify::new(),
        });
        self.inner.apps.write().insert(name, served.clone());
        served
    }

    pub(crate) fn unregister(&self, name: &str) {
        self.inner.apps.write().remove(name);
        self.inner.observed.notify_one();
    }

    /// Says that what is not here is not served.
    pub(crate) fn complete(&self) {
        if !self.inner.complete.swap(true, Ordering::Relaxed) {
            self.inner.observed.notify_one();
        }
    }

    /// Whether what is not here is not served, or perhaps not yet known of.
    pub(crate) fn is_complete(&self) -> bool {
        self.inner.complete.load(Ordering::Relaxed)
    }

    /// Waits until a server was seen to offer other tools than before.
    pub(crate) async fn tools_seen(&self) {
        self.inner.tools_seen.notified().await;
    }

    /// Waits until there is something new to publish.
    pub(crate) async fn observed(&self) {
        self.inner.observed.notified().await;
    }
}

// === impl Served ===

impl Served {
    /// The app was registered anew. What could be served last stays until this is known to be fine.
    pub(crate) fn update(&self, wanted: Wanted) {
        let mut state = self.state.lock();
        if state.state == ServerState::Serving {
            state.fallback = Some(state.newest.app.clone());
        }
        state.newest = wanted;
        state.checking = true;
    }

    /// The app as it is registered.
    pub(crate) fn newest(&self) -> Wanted {
        self.state.lock().newest.clone()
    }

    /// Tells whether the app can be served as it was registered in `app`.
    pub(crate) fn checked(&self, app: &Arc<App>, outcome: Result<(), String>) {
        let now = self.table.clock.now();
        let mut state = self.state.lock();
        if !Arc::ptr_eq(app, &state.newest.app) {
            return;
        }
        state.checking = false;
        let (next, error) = match outcome {
            Ok(()) => (ServerState::Serving, state.newest.shadow()),
            Err(message) if state.fallback.is_some() => (ServerState::Outdated, Some(message)),
            Err(message) => (ServerState::Failed, Some(message)),
        };
        if next == ServerState::Serving {
            state.fallback = None;
        }
        if state.state != next {
            state.since = now;
        }
        state.state = next;
        state.note(error, now);
        drop(state);
        self.settled.notify_waiters();
        self.table.observed.notify_one();
    }

    /// Waits until it is known if the app can be served as it is registered: what new connections get is what
    /// they keep getting.
    pub(crate) async fn settled(&self) {
        loop {
            let settled = self.settled.notified();
            if !self.state.lock().checking {
                return;
            }
            settled.await;
        }
    }

    /// The tools that the app's server was seen to offer.
    pub(crate) fn tools(&self) -> &Arc<Book> {
        &self.tools
    }

    /// A server that was started for a connection went wrong.
    pub(crate) fn failed(&self, message: String) {
        let now = self.table.clock.now();
        let mut state = self.state.lock();
        state.note(Some(message), now);
        drop(state);
        self.table.observed.notify_one();
    }

    /// The server was looked at. What is no news but for the time is told when the agent is heard of anyway.
    pub(crate) fn looked_at(&self, mut health: Health) {
        let mut state = self.state.lock();
        let before = state.health.take();
        let same = before
            .filter(|before| (before.status, &before.message) == (health.status, &health.message));
        if let Some(before) = &same {
            health.since = before.since;
        }
        state.health = Some(health);
        if same.is_none() {
            state.observations += 1;
            drop(state);
            self.table.observed.notify_one();
        }
    }

    /// The server is not looked at any more.
    pub(crate) fn not_looked_at(&self) {
        let before = self.state.lock().health.take();
        if before.is_some() {
            self.touch();
        }
    }

    /// Something is observed of the app that is kept elsewhere.
    pub(crate) fn touch(&self) {
        self.state.lock().observations += 1;
        self.table.observed.notify_one();
    }

    /// The app as new connections get it.
    pub(crate) fn launchable(&self) -> Arc<App> {
        let state = self.state.lock();
        state.fallback.as_ref().unwrap_or(&state.newest.app).clone()
    }

    /// The app as new connections get it, with what is known of its server.
    pub(crate) fn target(&self) -> Arc<Target> {
        let mut state = self.state.lock();
        let app = state.fallback.as_ref().unwrap_or(&state.newest.app);
        if !Arc::ptr_eq(app, &state.target.app) {
            // What is seen from here on is told again: the cluster may have forgotten what was told of an app
            // that was deleted and created anew.
            self.tools.begin_anew();
            state.target = Arc::new(Target::new(app.clone(), self.tools.clone()));
        }
        state.target.clone()
    }

    /// The app as it is registered, if it needs to be checked again and that is not being done.
    pub(crate) fn unchecked(&self) -> Option<Arc<App>> {
        let mut state = self.state.lock();
        let fine = state.state == ServerState::Serving && state.fallback.is_none();
        if fine || state.checking {
            return None;
        }
        state.checking = true;
        Some(state.newest.app.clone())
    }

    pub(crate) fn observe(&self) -> Observed {
        let state = self.state.lock();
        Observed {
            app: state.fallback.as_ref().unwrap_or(&state.newest.app).clone(),
            state: state.state,
            since: state.since,
            connections: self.connections.load(Ordering::Relaxed),
            last_error: state.last_error.clone(),
            health: state.health.clone(),
            observations: state.observations,
            number: self.number,
            newest: state.newest.app.clone(),
        }
    }

    pub(crate) fn connect(self: &Arc<Self>) -> Connection {
        self.connections.fetch_add(1, Ordering::Relaxed);
        Connection { served: self.clone() }
    }
}

// === impl State ===

impl State {
    fn note(&mut self, error: Option<String>, now: OffsetDateTime) {
        let same = self.last_error.as_ref().map(|error| &error.message) == error.as_ref();
        if !same {
            self.last_error = error.map(|message| LastError { message, time: Some(now) });
        }
        self.observations += 1;
    }
}

// === impl Wanted ===

impl Wanted {
    /// What to say of an app that hides another.
    fn shadow(&self) -> Option<String> {
        self.shadows.then(|| {
            format!(
                "an app {:?} is registered too; this agent serves the one of its configuration file",
                self.app.name()
            )
        })
    }
}

// === impl Connection ===

impl Drop for Connection {
    fn drop(&mut self) {
        self.served.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
