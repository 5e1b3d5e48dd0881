//! Connections of those who have proved nothing: pages, sign-in, health. There are places for so
//! many of them, each for a while, so that whoever is known finds one.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::Instant;

/// Places.
const MAX_STRANGERS: usize = 4096;
/// How long one is kept. Whoever wants more connects again.
const LIFE: Duration = Duration::from_secs(60);

/// The places.
#[derive(Clone)]
pub(crate) struct Strangers {
    places: Arc<Semaphore>,
}

/// A place, until dropped.
pub(crate) struct Stay {
    until: watch::Sender<Instant>,
    /// Guards the place, which is given back by who becomes known.
    place: Mutex<Option<OwnedSemaphorePermit>>,
}

// === impl Strangers ===

impl Strangers {
    pub(crate) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_STRANGERS)) }
    }

    /// A place, if there is one.
    pub(crate) fn admit(&self) -> Option<Stay> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        let until = watch::Sender::new(Instant::now() + LIFE);
        Some(Stay { until, place: Mutex::new(Some(place)) })
    }
}

// === impl Stay ===

impl Stay {
    /// Waits until it is over.
    pub(crate) async fn over(&self) {
        let mut until = self.until.subscribe();
        loop {
            let end = *until.borrow_and_update();
            tokio::select! {
                () = tokio::time::sleep_until(end) => return,
                // The sender is ours: it does not end before.
                _changed = until.changed() => {}
            }
        }
    }

    /// Whoever it is, is known for so much longer.
    pub(crate) fn extend(&self, life: Duration) {
        self.place.lock().take();
        let end = Instant::now() + life;
        self.until.send_if_modified(|until| {
            let later = end > *until;
            *until = end.max(*until);
            later
        });
    }
}

#[cfg(test)]
mod tests;
