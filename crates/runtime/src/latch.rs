//! Latches that open once, and readiness made of them.
//!
//! A service is ready when it holds an identity and its first snapshot, not when a port is open;
//! each of those conditions is a [`Latch`], and [`Readiness`] names the ones still shut.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;

/// A gate that is shut until it is opened, once and for all. Clones are the same gate.
#[derive(Clone, Debug, Default)]
pub struct Latch {
    // A token is exactly a flag with waiters; "cancelled" reads as "open" here.
    opened: CancellationToken,
}

/// Named latches that must all be open before the process says that it is ready.
#[derive(Clone, Debug, Default)]
pub struct Readiness {
    // Guards the list of conditions only; the latches themselves need no lock.
    conditions: Arc<Mutex<Vec<(String, Latch)>>>,
}

// === impl Latch ===

impl Latch {
    /// A shut latch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens the latch and wakes who waits for it. Opening it again changes nothing.
    pub fn open(&self) {
        self.opened.cancel();
    }

    /// Whether the latch is open.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.opened.is_cancelled()
    }

    /// Waits until the latch is open.
    pub async fn opened(&self) {
        self.opened.cancelled().await;
    }
}

// === impl Readiness ===

impl Readiness {
    /// Readiness without conditions: ready at once.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a condition and gives the latch that fulfils it.
    #[must_use]
    pub fn condition(&self, name: impl Into<String>) -> Latch {
        let latch = Latch::new();
        self.conditions.lock().push((name.into(), latch.clone()));
        latch
    }

    /// Whether every condition is fulfilled.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.conditions.lock().iter().all(|(_, latch)| latch.is_open())
    }

    /// The names of the conditions that are not fulfilled, in the order they were added.
    #[must_use]
    pub fn waiting_for(&self) -> Vec<String> {
        let conditions = self.conditions.lock();
        conditions.iter().filter(|(_, l)| !l.is_open()).map(|(n, _)| n.clone()).collect()
    }

    /// Waits until every condition is fulfilled, those added meanwhile included.
    pub async fn ready(&self) {
        while let Some(latch) = self.first_shut() {
            latch.opened().await;
        }
    }

    fn first_shut(&self) -> Option<Latch> {
        let conditions = self.conditions.lock();
        conditions.iter().find(|(_, l)| !l.is_open()).map(|(_, l)| l.clone())
    }
}

#[cfg(test)]
mod tests;
