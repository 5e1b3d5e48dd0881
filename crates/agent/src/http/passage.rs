//! What passes between a client and a server that both speak HTTP of the same era: no session of ours in
//! between, each message decided as it goes by.

use std::sync::Arc;

use api::Brought;
use http::header::HeaderValue;
use mcp::{Era, Id};
use parking_lot::Mutex;
use policy::AppAccess;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::visitor::{Silence, Visitor};
use crate::agent::Shared;
use crate::authorize::Refusal;
use crate::end::End;
use crate::places::{NoPlace, Place};
use crate::relay::Relay;
use crate::served::{Connection, Served, Target};

/// So many requests of one server's we answer at a time, each in a request of our own.
const ANSWERS: usize = 64;

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
    /// Places for answers of ours that the server has not taken yet.
    pub(crate) answers: Arc<Semaphore>,
    /// Counted for as long as this lives.
    _connection: Connection,
    _place: Place,
}

#[derive(Debug)]
struct State {
    /// What the server calls the session, for no other ears.
    session: Option<HeaderValue>,
    /// What its client had for the server when it last asked something.
    brought: Brought,
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
    ) -> Result<Arc<Self>, NoPlace> {
        let place = shared.places.take(visitor.owner.user())?;
        let tasks = visitor.tasks();
        let relay = match era {
            Era::Legacy => Relay::resumable(tasks),
            Era::Modern => Relay::new(tasks),
        };
        let state = State {
            session: None,
            brought: Brought::default(),
            used: Instant::now(),
            readers: 0,
            end: None,
        };
        Ok(Arc::new(Self {
            shared: shared.clone(),
            target,
            visitor,
            relay: Mutex::new(relay),
            era,
            state: Mutex::new(state),
            over: CancellationToken::new(),
            answers: Arc::new(Semaphore::new(ANSWERS)),
            _connection: served.connect(),
            _place: place,
        }))
    }

    /// What the identity may do, by what is known now.
    pub(crate) fn access(&self) -> Result<AppAccess, Refusal> {
        self.visitor.access(&self.shared.authorizer)
    }

    /// The server named the session. The name is copied: it is a piece of all that was read with it, and would
    /// keep that for as long as the session lasts.
    pub(crate) fn name(&self, session: Option<&HeaderValue>) {
        let copy = |name: &HeaderValue| HeaderValue::from_bytes(name.as_bytes()).ok();
        self.state.lock().session = session.and_then(copy);
    }

    pub(crate) fn session(&self) -> Option<HeaderValue> {
        self.state.lock().session.clone()
    }

    /// What the client has for the server itself, for what is said in its place.
    pub(crate) fn brought(&self) -> Brought {
        self.state.lock().brought.clone()
    }

    /// The client asks something, and this is what it has for the server.
    pub(crate) fn brings(&self, brought: &Brought) {
        if !brought.is_empty() || !self.brought().is_empty() {
            self.state.lock().brought = brought.clone();
        }
    }

    /// The client does something.
    pub(crate) fn touch(&self) {
        self.visitor.touch();
        self.state.lock().used = Instant::now();
    }

    /// Since when nobody uses it, if it is so.
    pub(crate) fn idle_since(&self) -> Option<Instant> {
        let state = self.state.lock();
        (state.readers == 0).then_some(state.used)
    }

    /// Why it is to end now, if it is.
    pub(crate) fn review(&self) -> Option<End> {
        self.visitor.review(&self.shared).or_else(|| self.is_unused())
    }

    /// Why it is to end now, though nothing has changed but the time.
    pub(crate) fn is_late(&self) -> Option<End> {
        self.visitor.is_late(&self.shared).or_else(|| self.is_unused())
    }

    fn is_unused(&self) -> Option<End> {
        let idle = self.shared.limits.passing_session_idle_timeout;
        self.idle_since().is_some_and(|since| since.elapsed() >= idle).then(End::client_done)
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

    /// Waits until what `opener` has opened must not go on, for whatever reason: with another certificate than
    /// the session was begun with, it ends with either.
    pub(crate) async fn ended(self: Arc<Self>, opener: Arc<Visitor>) -> End {
        let another = async {
            if Arc::ptr_eq(&opener, &self.visitor) {
                return std::future::pending().await;
            }
            opener.barred(&self.shared, Silence::IsFine).await
        };
        tokio::select! {
            biased;
            () = self.over.cancelled() => {
                self.state.lock().end.clone().unwrap_or_else(End::client_done)
            }
            end = self.visitor.barred(&self.shared, Silence::Counts) => end,
            end = another => end,
        }
    }

    /// Records that something has ended before its time, if no session ends with it.
    pub(crate) async fn record_cut(&self, opener: &Visitor, end: &End) {
        let is_sessions = self.era == Era::Legacy && self.review().is_some();
        if is_sessions || end.is_success() {
            return;
        }
        if let Err(error) = opener.recorder.ended(end).await {
            tracing::error!(%error, "cannot record the end of a stream");
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
