//! Whether what happens can be recorded at the moment.
//!
//! An agent whose disk is full refuses everything, which is right and helps nobody: where several agents
//! serve an app, another one may. So an agent that could not write a record says of new requests that it
//! does not serve them, before it has read anything of them, and tries again now and then.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit::sink::Recording;
use audit::{Event, Sink};
use tokio::time::Instant;

/// After so long one request is let in to find out.
const TRY_AGAIN: Duration = Duration::from_secs(2);

/// A sink that remembers whether it failed. Clones share what they remember.
#[derive(Clone, Debug)]
pub(crate) struct Witness {
    sink: Arc<dyn Sink>,
    memory: Arc<Memory>,
}

#[derive(Debug)]
struct Memory {
    begin: Instant,
    /// When a record could not be written, in milliseconds since `begin`; nothing when the last one could.
    failed: AtomicU64,
    /// How many could not.
    failures: AtomicU64,
}

/// No failure.
const NEVER: u64 = u64::MAX;

// === impl Witness ===

impl Witness {
    pub(crate) fn new(sink: Arc<dyn Sink>) -> Self {
        let memory = Memory {
            begin: Instant::now(),
            failed: AtomicU64::new(NEVER),
            failures: AtomicU64::new(0),
        };
        Self { sink, memory: Arc::new(memory) }
    }

    /// How many records could not be written.
    pub(crate) fn failures(&self) -> u64 {
        self.memory.failures.load(Ordering::Relaxed)
    }

    /// Whether a new request is worth being let in. Of those that come when it is time to find out, one is.
    pub(crate) fn is_able(&self) -> bool {
        let failed = self.memory.failed.load(Ordering::Relaxed);
        if failed == NEVER {
            return true;
        }
        let now = self.memory.now();
        let waited = Duration::from_millis(now.saturating_sub(failed));
        let memory = &self.memory.failed;
        waited >= TRY_AGAIN
            && memory.compare_exchange(failed, now, Ordering::Relaxed, Ordering::Relaxed).is_ok()
    }
}

impl Sink for Witness {
    fn append(&self, event: &Event) -> io::Result<()> {
        self.memory.note(self.sink.append(event))
    }

    fn record<'a>(&'a self, event: &'a Event) -> Recording<'a> {
        Box::pin(async move { self.memory.note(self.sink.record(event).await) })
    }
}

// === impl Memory ===

impl Memory {
    fn now(&self) -> u64 {
        u64::try_from(self.begin.elapsed().as_millis()).unwrap_or(NEVER - 1)
    }

    fn note(&self, outcome: io::Result<()>) -> io::Result<()> {
        let failed = if outcome.is_ok() { NEVER } else { self.now() };
        self.failures.fetch_add(u64::from(outcome.is_err()), Ordering::Relaxed);
        if self.failed.swap(failed, Ordering::Relaxed) == NEVER && failed != NEVER {
            tracing::error!("a record cannot be written; other agents are to serve what comes");
        }
        outcome
    }
}

#[cfg(test)]
mod tests;
