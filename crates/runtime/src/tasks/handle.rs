//! Waiting for one task.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::task::{AbortHandle, JoinError, JoinHandle};

/// A spawned task: a future of its output. Dropping it leaves the task running.
#[derive(Debug)]
pub struct TaskHandle<T> {
    joined: JoinHandle<T>,
}

/// Why a task gave no output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TaskEnd {
    /// The task panicked; the log has its name.
    #[error("the task panicked")]
    Panicked,
    /// The task was aborted, or its runtime ended.
    #[error("the task was aborted")]
    Aborted,
}

// === impl TaskHandle ===

impl<T> TaskHandle<T> {
    pub(super) const fn new(joined: JoinHandle<T>) -> Self {
        Self { joined }
    }

    /// Ends the task where it waits.
    pub fn abort(&self) {
        self.joined.abort();
    }

    /// A handle that only aborts, and does not need the output's type.
    #[must_use]
    pub fn abort_handle(&self) -> AbortHandle {
        self.joined.abort_handle()
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.joined.is_finished()
    }
}

impl<T> Future for TaskHandle<T> {
    type Output = Result<T, TaskEnd>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.joined).poll(cx).map_err(TaskEnd::from)
    }
}

// === impl TaskEnd ===

impl From<JoinError> for TaskEnd {
    fn from(error: JoinError) -> Self {
        if error.is_panic() { Self::Panicked } else { Self::Aborted }
    }
}
