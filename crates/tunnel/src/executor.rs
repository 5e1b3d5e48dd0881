//! Runs hyper's own tasks under ours, so that shutdown knows of them.

use std::future::Future;

use runtime::Tasks;

/// Spawns what an HTTP/2 connection needs to run on its side.
#[derive(Clone, Debug)]
pub struct TaskExecutor {
    tasks: Tasks,
    name: &'static str,
}

impl TaskExecutor {
    /// An executor whose tasks bear `name`.
    #[must_use]
    pub fn new(tasks: Tasks, name: &'static str) -> Self {
        Self { tasks, name }
    }
}

impl<F> hyper::rt::Executor<F> for TaskExecutor
where
    F: Future + Send + 'static,
    F::Output: Send,
{
    fn execute(&self, future: F) {
        self.tasks.spawn(self.name, async move {
            _ = future.await;
        });
    }
}
