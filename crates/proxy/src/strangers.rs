//! Connections of those who have proved nothing: pages, sign-in, health. There are places for so
//! many of them, each for a while, so that whoever is known finds one.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
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
    until: Instant,
    _place: OwnedSemaphorePermit,
}

// === impl Strangers ===

impl Strangers {
    pub(crate) fn new() -> Self {
        Self { places: Arc::new(Semaphore::new(MAX_STRANGERS)) }
    }

    /// A place, if there is one.
    pub(crate) fn admit(&self) -> Option<Stay> {
        let place = self.places.clone().try_acquire_owned().ok()?;
        Some(Stay { until: Instant::now() + LIFE, _place: place })
    }
}

// === impl Stay ===

impl Stay {
    /// Waits until it is over.
    pub(crate) async fn over(&self) {
        tokio::time::sleep_until(self.until).await;
    }
}

#[cfg(test)]
mod tests;
