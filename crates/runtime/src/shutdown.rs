//! When the process is asked to end: SIGINT and SIGTERM, a failed critical task, or a call.
//!
//! The first request begins the orderly way out; a second signal says that the operator does not
//! want to wait. What to do about either is the binary's business.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::tasks::Tasks;

/// The two stages of ending a process. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Shutdown {
    requested: CancellationToken,
    forced: CancellationToken,
}

/// SIGHUP, which asks for the configuration to be read again.
#[derive(Debug)]
pub struct Reload {
    hangup: Signal,
}

// === impl Shutdown ===

impl Shutdown {
    /// A shutdown that only [`Shutdown::request`] and [`Shutdown::force`] begin.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// A shutdown that SIGINT and SIGTERM begin, and that the second of them forces.
    ///
    /// The handlers are in place when this returns. The default action of both signals is gone
    /// for the life of the process.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a signal handler.
    pub fn on_signals(tasks: &Tasks) -> io::Result<Self> {
        let shutdown = Self::new();
        let interrupt = signal(SignalKind::interrupt())?;
        let terminate = signal(SignalKind::terminate())?;
        let watched = shutdown.clone();
        // The listener must outlive the first cancellation to see the second signal, so it ends
        // only with the runtime and is not counted among the tasks that shutdown waits for.
        tasks.spawn_uncounted(watched.watch(interrupt, terminate));
        Ok(shutdown)
    }

    /// Asks the process to end.
    pub fn request(&self) {
        self.requested.cancel();
    }

    /// Asks the process to end without waiting for anything.
    pub fn force(&self) {
        self.requested.cancel();
        self.forced.cancel();
    }

    /// Whether the process was asked to end.
    #[must_use]
    pub fn is_requested(&self) -> bool {
        self.requested.is_cancelled()
    }

    /// Waits until the process is asked to end.
    pub async fn requested(&self) {
        self.requested.cancelled().await;
    }

    /// Waits until the process is asked to end at once.
    pub async fn forced(&self) {
        self.forced.cancelled().await;
    }

    async fn watch(self, mut interrupt: Signal, mut terminate: Signal) {
        loop {
            let name = tokio::select! {
                Some(()) = interrupt.recv() => "SIGINT",
                Some(()) = terminate.recv() => "SIGTERM",
                else => return,
            };
            if self.is_requested() {
                tracing::warn!(signal = name, "second signal, ending at once");
                self.force();
                return;
            }
            tracing::info!(signal = name, "signal received, shutting down");
            self.request();
        }
    }
}

// === impl Reload ===

impl Reload {
    /// Takes SIGHUP over; without this it ends the process.
    ///
    /// # Errors
    ///
    /// When the operating system refuses the signal handler.
    pub fn on_hangup() -> io::Result<Self> {
        Ok(Self { hangup: signal(SignalKind::hangup())? })
    }

    /// Waits for the next SIGHUP.
    pub async fn next(&mut self) {
        if self.hangup.recv().await.is_none() {
            std::future::pending::<()>().await;
        }
    }
}

#[cfg(test)]
mod tests;
