//! What passes between a client and a server that both speak HTTP of the same era: no session of ours in
//! between, each message decided as it goes by.

use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;
use mcp::{Era, Id};
use parking_lot::Mutex;
use policy::AppAccess;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::visitor::Visitor;
use crate::agent::{Place, Shared};
use crate::authorize::Refusal;
use crate::end::End;
use crate::relay::Relay;
use crate::served::{Connection, Served, Target};

/// A session in which nothing happens, and to which nobody listens, ends.
const IDLE: Duration = Duration::from_hours(12);

/// One conversation: a session of the legacy era, a request of the modern one.
#[derive(Debug)]
pub(crate) struct Passage {
    pub(crate) shared: Arc<Shared>,
    pub(crate) target: Arc<Target>,
    /// Who it is, and the records. A session has its own.
    pub(crate) visitor: Arc<Visitor>,
    /// Guards what is open; held for one message.
    pub(crate) relay: Mutex<Relay>,
    pub(crate) era: Era,
    state: Mutex<State>,
    over: CancellationToken,
    /// Counted for as long as this lives.
    _connection: Connection,
    _place: Place,
}

#[derive(Debug)]
struct State {
    /// What the server calls the session, for no other ears.
    session: Option<HeaderValue>,
    used: Instant,
    /// How many requests are being answered.
    readers: usize,
    end: Option<End>,
}

/// Counts a request for as long as it is answered.
#[derive(Debug)]
pub(crate) struct Reading {
    passage: Arc<Passage>,
}

/// Requests whose answers somebody waits for. When nobody does any more, they are left.
#[derive(Debug)]
pub(crate) struct Due<'p> {
    passage: &'p Passage,
    ids: Vec<Id<'static>>,
}

// === impl Passage ===

impl Passage {
    pub(crate) fn new(
        shared: &Arc<Shared>,
        served: &Arc<Served>,
        target: Arc<Target>,
        visitor: Arc<Visitor>,
        era: Era,
    ) -> Arc<Self> {
        let tasks = visitor.tasks();
        let relay = match era {
            Era::Legacy => Relay::resumable(tasks),
            Era::Modern => Relay::new(tasks),
        };
        let state = State { session: None, used: Instant::now(), readers: 0, end: None };
        Arc::new(Self {
            shared: shared.clone(),
            target,
            visitor,
            relay: Mutex::new(relay),
            era,
            state: Mutex::new(state),
            over: CancellationToken::new(),
            _connection: served.connect(),
            _place: shared.take_place(),
        })
    }

    /// What the identity may do, by what is known now.
    pub(crate) fn access(&self) -> Result<AppAccess, Refusal> {
        self.visitor.access(&self.shared.authorizer)
    }

    /// The server named the session.
    pub(crate) fn name(&self, session: Option<HeaderValue>) {
        self.state.lock().session = session;
    }

    pub(crate) fn session(&self) -> Option<HeaderValue> {
        self.state.lock().session.clone()
    }

    /// The client does something.
    pub(crate) fn touch(&self) {
        self.state.lock().used = Instant::now();
    }

    /// Since when nobody uses it, if it is so.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        (state.readers == 0).then_some(state.used)
    }

    /// Why it is to end now, if it is.
    pub(crate) fn review(&self) -> Option<End> {
        if let Err(refusal) = self.access() {
            return Some(refusal.into());
        }
        if self.visitor.ends().is_some_and(|end| end <= self.shared.clock.now()) {
            return Some(End::expired());
        }
        let (used, idle_since) = (self.state.lock().used, self.idle_since());
        let quiet = used.elapsed();
        if self.visitor.idle_timeout().is_some_and(|timeout| quiet >= timeout) {
            return Some(End::idle());
        }
        idle_since.is_some_and(|since| since.elapsed() >= IDLE).then(End::client_done)
    }

    /// Ends it: streams end with the reason. Says whether it was not over before.
    pub(crate) fn close(&self, end: End) -> bool {
        let mut state = self.state.lock();
        let first = state.end.is_none();
        state.end.get_or_insert(end);
        drop(state);
        self.over.cancel();
        first
    }

    /// Waits until it must not go on, for whatever reason.
    pub(crate) async fn ended(self: Arc<Self>) -> End {
        let mut changes = self.shared.changes.clone();
        loop {
            if let Err(refusal) = self.access() {
                return refusal.into();
            }
            let ends = async {
                match self.visitor.ends() {
                    Some(end) => self.shared.clock.sleep_until(end).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = self.over.cancelled() => {
                    return self.state.lock().end.clone().unwrap_or_else(End::client_done);
                }
                () = self.shared.tasks.cancelled() => return End::draining(),
                () = ends => return End::expired(),
                changed = changes.changed() => if changed.is_err() {
                    return End::draining();
                },
            }
        }
    }

    /// Waits for the answers to these requests.
    pub(crate) fn due(&self, ids: &[Id<'static>]) -> Due<'_> {
        Due { passage: self, ids: ids.to_vec() }
    }

    /// A request is answered.
    pub(crate) fn reading(self: &Arc<Self>) -> Reading {
        self.state.lock().readers += 1;
        Reading { passage: self.clone() }
    }
}

// === impl Reading ===

impl Drop for Reading {
    fn drop(&mut self) {
        let mut state = self.passage.state.lock();
        state.readers -= 1;
        state.used = Instant::now();
    }
}

// === impl Due ===

impl Due<'_> {
    /// The beginning of the answer came.
    pub(crate) fn came(mut self) {
        self.ids.clear();
    }
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        if !self.ids.is_empty() {
            self.passage.relay.lock().leave(&self.ids);
        }
    }
}
