//! What a client has for the server itself, where one session stands for many requests of the client's: what the
//! newest of them brought holds, so that a credential can be renewed.

use std::sync::Arc;

use api::Brought;
use parking_lot::Mutex;

/// What the newest request brought. Clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Newest {
    /// Guards it; held for a copy.
    brought: Arc<Mutex<Brought>>,
}

// === impl Newest ===

impl Newest {
    /// For a client that says once what it has.
    pub(crate) fn once(brought: Brought) -> Self {
        Self { brought: Arc::new(Mutex::new(brought)) }
    }

    /// For a client that says it with each request. What tells requests apart is left out: the server is asked in
    /// other requests than the client asks, and one of them must not be taken for another.
    pub(crate) fn each(brought: &Brought) -> Self {
        Self::once(brought.only_standing())
    }

    /// The client brings this with a request.
    pub(crate) fn brings(&self, brought: &Brought) {
        if !brought.is_empty() || !self.brought.lock().is_empty() {
            *self.brought.lock() = brought.only_standing();
        }
    }

    /// What is to be brought now.
    pub(crate) fn get(&self) -> Brought {
        self.brought.lock().clone()
    }
}
