//! Named tasks in groups: nothing runs that shutdown does not know by name.
//!
//! A [`Tasks`] is a group. Groups form a tree: cancelling one cancels those below it, and shutting
//! one down waits for their tasks too. A connection takes a [`TaskScope`], whose end is the end of
//! everything spawned for that connection.

mod handle;
mod registry;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

pub use self::handle::{TaskEnd, TaskHandle};
use self::registry::{Entry, Registry};

/// A group of tasks that is cancelled and awaited together. Clones are the same group.
#[derive(Clone, Debug)]
pub struct Tasks {
    group: Arc<Group>,
}

/// A group that is cancelled when it is dropped.
#[derive(Debug)]
pub struct TaskScope {
    tasks: Tasks,
}

/// What the groups of one tree share.
#[derive(Debug)]
struct Root {
    registry: Registry,
    cancel: CancellationToken,
    // The first critical task that ended while the process was not shutting down.
    failure: Mutex<Option<String>>,
}

#[derive(Debug)]
struct Group {
    root: Arc<Root>,
    parent: Option<Arc<Group>>,
    tracker: TaskTracker,
    cancel: CancellationToken,
}

/// Held by a running task; its drop is how the groups learn that the task ended, in whatever way.
struct Running {
    group: Arc<Group>,
    id: u64,
    name: Cow<'static, str>,
    critical: bool,
    _counted: Vec<TaskTrackerToken>,
}

// === impl Tasks ===

impl Tasks {
    /// The group at the root of a process.
    #[must_use]
    pub fn new() -> Self {
        let cancel = CancellationToken::new();
        let root = Root {
            registry: Registry::default(),
            cancel: cancel.clone(),
            failure: Mutex::new(None),
        };
        let group =
            Group { root: Arc::new(root), parent: None, tracker: TaskTracker::new(), cancel };
        Self { group: Arc::new(group) }
    }

    /// A group below this one: cancelled with this one, or by itself.
    #[must_use]
    pub fn child(&self) -> Self {
        let group = Group {
            root: Arc::clone(&self.group.root),
            parent: Some(Arc::clone(&self.group)),
            tracker: TaskTracker::new(),
            cancel: self.group.cancel.child_token(),
        };
        Self { group: Arc::new(group) }
    }

    /// A group below this one that is cancelled when the returned value is dropped.
    #[must_use]
    pub fn scope(&self) -> TaskScope {
        TaskScope { tasks: self.child() }
    }

    /// Runs `future` as a task of this group, to its end.
    ///
    /// The future should watch [`Tasks::cancelled`] and end in its own orderly way. A panic is
    /// logged with the task's name. Dropping the handle leaves the task running.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime, as every way of spawning does.
    pub fn spawn<F>(&self, name: impl Into<Cow<'static, str>>, future: F) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn_as(name.into(), false, future)
    }

    /// Runs `future` as a task of this group, and drops it where it waits when the group is
    /// cancelled. The handle then gives `None`.
    pub fn spawn_until_cancelled<F>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: F,
    ) -> TaskHandle<Option<F::Output>>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let cancel = self.group.cancel.clone();
        self.spawn_as(name.into(), false, cancel.run_until_cancelled_owned(future))
    }

    /// Runs a task without which the process is of no use.
    ///
    /// When it returns or panics before its group is cancelled, the whole tree is cancelled and
    /// [`Tasks::failure`] names the task.
    pub fn spawn_critical<F>(
        &self,
        name: impl Into<Cow<'static, str>>,
        future: F,
    ) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        self.spawn_as(name.into(), true, future)
    }

    /// Runs `work` on a thread for blocking calls, counted in this group.
    ///
    /// Cancellation cannot interrupt it; shutdown waits for it and names it when it is late.
    pub fn spawn_blocking<T, W>(&self, name: impl Into<Cow<'static, str>>, work: W) -> TaskHandle<T>
    where
        T: Send + 'static,
        W: FnOnce() -> T + Send + 'static,
    {
        let running = self.register(name.into(), false);
        TaskHandle::new(tokio::task::spawn_blocking(move || {
            let _running = running;
            work()
        }))
    }

    /// Ends when the group is cancelled. Owned, so that it can move into the task.
    pub fn cancelled(&self) -> WaitForCancellationFutureOwned {
        self.group.cancel.clone().cancelled_owned()
    }

    /// Whether the group is cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.group.cancel.is_cancelled()
    }

    /// The token that cancels this group, for libraries that want one. Cancelling the token
    /// cancels the group.
    #[must_use]
    pub fn token(&self) -> CancellationToken {
        self.group.cancel.clone()
    }

    /// Cancels the group and those below it, and waits for nothing.
    pub fn cancel(&self) {
        self.group.cancel.cancel();
    }

    /// Cancels the group, waits up to `grace` for its tasks and for those below it, and aborts
    /// the rest, whose names it returns, sorted. Empty means that everything ended in time.
    pub async fn shutdown(&self, grace: Duration) -> Vec<String> {
        self.cancel();
        self.group.tracker.close();
        if tokio::time::timeout(grace, self.group.tracker.wait()).await.is_ok() {
            return Vec::new();
        }
        self.group.root.registry.abort_within(&self.group)
    }

    /// The names of the tasks that run in this group and below it, sorted.
    #[must_use]
    pub fn running(&self) -> Vec<String> {
        self.group.root.registry.names_within(&self.group)
    }

    /// The first critical task of the tree that ended before shutdown began, if one did.
    #[must_use]
    pub fn failure(&self) -> Option<String> {
        self.group.root.failure.lock().clone()
    }

    /// Runs a future that shutdown neither waits for nor names.
    pub(crate) fn spawn_uncounted<F>(&self, future: F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        // A tracker of its own: the group's must be able to become empty without this task.
        drop(TaskTracker::new().spawn(future));
    }

    fn spawn_as<F>(
        &self,
        name: Cow<'static, str>,
        critical: bool,
        future: F,
    ) -> TaskHandle<F::Output>
    where
        F: Future<Output: Send + 'static> + Send + 'static,
    {
        let running = self.register(name, critical);
        let id = running.id;
        let joined = self.group.tracker.spawn(async move {
            let _running = running;
            future.await
        });
        self.group.root.registry.set_abort(id, joined.abort_handle());
        TaskHandle::new(joined)
    }

    fn register(&self, name: Cow<'static, str>, critical: bool) -> Running {
        let id = self.group.root.registry.insert(Entry::new(name.clone(), &self.group));
        let mut counted = Vec::new();
        let mut group = Some(&self.group);
        while let Some(g) = group {
            counted.push(g.tracker.token());
            group = g.parent.as_ref();
        }
        Running { group: Arc::clone(&self.group), id, name, critical, _counted: counted }
    }
}

impl Default for Tasks {
    fn default() -> Self {
        Self::new()
    }
}

// === impl TaskScope ===

impl TaskScope {
    /// The group, to hand to what runs within the scope.
    #[must_use]
    pub const fn tasks(&self) -> &Tasks {
        &self.tasks
    }
}

impl std::ops::Deref for TaskScope {
    type Target = Tasks;

    fn deref(&self) -> &Tasks {
        &self.tasks
    }
}

impl Drop for TaskScope {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

// === impl Group ===

impl Group {
    /// Whether this group is `other` or below it.
    fn is_within(&self, other: &Self) -> bool {
        let mut group = self;
        loop {
            if std::ptr::eq(group, other) {
                return true;
            }
            match &group.parent {
                Some(parent) => group = parent,
                None => return false,
            }
        }
    }
}

// === impl Running ===

impl Drop for Running {
    fn drop(&mut self) {
        let root = &self.group.root;
        root.registry.remove(self.id);
        let panicked = std::thread::panicking();
        if panicked {
            tracing::error!(task = %self.name, "task panicked");
        }
        if self.critical && !self.group.cancel.is_cancelled() {
            tracing::error!(task = %self.name, panicked, "critical task ended, shutting down");
            root.failure.lock().get_or_insert_with(|| self.name.to_string());
            root.cancel.cancel();
        }
    }
}

#[cfg(test)]
mod tests;
