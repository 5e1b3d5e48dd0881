//! The task that turns expired items into `Delete` events.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::MissedTickBehavior;

use crate::{Backend, Error};

/// How often to sweep when nothing else is asked for: an expired lock or agent record is told to
/// watchers within a second.
pub const SWEEP_EVERY: Duration = Duration::from_millis(500);

/// Sweeps until the store is closed. Spawn it as a task of the service that owns the store; with
/// several over one store each may sweep.
pub async fn run_sweeper(backend: Arc<dyn Backend>, every: Duration) {
    let mut ticks = tokio::time::interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut failing = false;
    loop {
        ticks.tick().await;
        match backend.sweep().await {
            Ok(swept) => {
                if swept > 0 {
                    tracing::debug!(swept, "expired items deleted");
                }
                failing = false;
            }
            Err(Error::Closed) => return,
            // Said once for each time it begins to fail, not twice a second.
            Err(error) if !failing => {
                failing = true;
                tracing::warn!(%error, "expired items could not be deleted");
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests;
