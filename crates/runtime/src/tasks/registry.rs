//! The names of all running tasks of a tree of groups.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::task::AbortHandle;

use super::Group;

/// The running tasks by number.
#[derive(Debug, Default)]
pub(super) struct Registry {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: u64,
    running: HashMap<u64, Entry>,
}

/// One running task.
#[derive(Debug)]
pub(super) struct Entry {
    name: Cow<'static, str>,
    group: Arc<Group>,
    // None between registration and spawning, and for blocking work, which cannot be aborted.
    abort: Option<AbortHandle>,
}

// === impl Registry ===

impl Registry {
    pub(super) fn insert(&self, entry: Entry) -> u64 {
        let mut state = self.state.lock();
        state.last += 1;
        let id = state.last;
        state.running.insert(id, entry);
        id
    }

    /// Does nothing when the task has ended already.
    pub(super) fn set_abort(&self, id: u64, abort: AbortHandle) {
        if let Some(entry) = self.state.lock().running.get_mut(&id) {
            entry.abort = Some(abort);
        }
    }

    pub(super) fn remove(&self, id: u64) {
        // The entry may hold the last reference to its group: drop it outside the lock.
        let removed = self.state.lock().running.remove(&id);
        drop(removed);
    }

    pub(super) fn names_within(&self, group: &Group) -> Vec<String> {
        let state = self.state.lock();
        let mut names: Vec<_> = within(&state, group).map(|e| e.name.to_string()).collect();
        names.sort_unstable();
        names
    }

    pub(super) fn abort_within(&self, group: &Group) -> Vec<String> {
        let (mut names, aborts) = {
            let state = self.state.lock();
            let late = || within(&state, group);
            let names: Vec<_> = late().map(|e| e.name.to_string()).collect();
            let aborts: Vec<_> = late().filter_map(|e| e.abort.clone()).collect();
            (names, aborts)
        };
        // Aborting an idle task drops its future here, which removes it from this registry.
        for abort in aborts {
            abort.abort();
        }
        names.sort_unstable();
        names
    }
}

fn within<'a>(state: &'a State, group: &'a Group) -> impl Iterator<Item = &'a Entry> {
    state.running.values().filter(|e| e.group.is_within(group))
}

// === impl Entry ===

impl Entry {
    pub(super) fn new(name: Cow<'static, str>, group: &Arc<Group>) -> Self {
        Self { name, group: Arc::clone(group), abort: None }
    }
}
